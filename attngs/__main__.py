"""`attngs` and `python -m attngs`: Ctrl-C ends both without a traceback, also while they load."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from attngs.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
