"""A PostgreSQL server of the tests' own, on a socket in a temporary folder, without passwords and without a port."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

DEBIANS = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version; it puts no other than clients' on the path."""
USER = "attngs"
QUICK = "-c fsync=off -c full_page_writes=off -c shared_buffers=16MB -c listen_addresses=''"
"""What is in it may be lost with the machine, and nothing reaches it through the network."""


class PostgresServer:
    """Runs inside a `with` block. Its databases begin empty, one for each call of `new_database`.

    Raises:
        LookupError: It cannot run on this machine; the message says why.
    """

    def __init__(self) -> None:
        self._programs = {name: _program(name) for name in ("initdb", "pg_ctl", "createdb")}
        self._account = _account()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket has to be short
        if self._account:
            shutil.chown(self.folder, self._account)
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={USER}", "--no-locale", "--encoding=UTF8", f"--pgdata={self._data}")
        options = f"{QUICK} -c unix_socket_directories='{self.folder}'"
        self._run("pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--log={self.folder / 'log'}", f"--options={options}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self._data}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The connection string of an empty database."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", f"--host={self.folder}", f"--username={USER}", name)
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program to its end. What it starts inherits no pipe of ours, which would stay open."""
        with tempfile.TemporaryFile() as said:
            command = [self._programs[program], *arguments]
            done = subprocess.run(command, user=self._account, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            if done.returncode:
                said.seek(0)
                raise RuntimeError(f"{program} failed: {said.read().decode(errors='replace')}")


def _program(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest version.

    Raises:
        LookupError: It is not installed.
    """
    versions = sorted(DEBIANS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    found = shutil.which(name) or next((str(path) for path in reversed(versions)), None)
    if found is None:
        raise LookupError(f"PostgreSQL's `{name}` is not installed; it is in Debian's package `postgresql`")
    return found


def _account() -> str | None:
    """Who runs it: PostgreSQL refuses root. `None` means that we do.

    Raises:
        LookupError: We are root, and there is nobody else.
    """
    if sys.platform == "win32" or os.geteuid():
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    found = next((name for name in ("postgres", "nobody") if name in known), None)
    if found is None:
        raise LookupError("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`")
    return found
