"""The scripts of `examples/`, run as a user runs them."""

from __future__ import annotations

import io
import runpy
import sys
import warnings
from contextlib import chdir, redirect_stdout
from pathlib import Path
from unittest.mock import patch

EXAMPLES = Path(__file__).parents[2] / "examples"


def printed(name: str, folder: Path = EXAMPLES.parent) -> str:
    """What a script prints that is run in a folder: in this process, because a new one would load torch and the frameworks again."""
    out = io.StringIO()
    as_for_users = warnings.catch_warnings(action="default")  # not as errors, as in the tests
    with as_for_users, redirect_stdout(out), chdir(folder), patch.object(sys, "path", [str(EXAMPLES), *sys.path]):
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return out.getvalue()
