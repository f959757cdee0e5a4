"""The SQLite files of our own: private, recognised, shared by threads and forks, and without a byte of what was deleted."""

from __future__ import annotations

import copy
import os
import pickle
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from attngs.errors import AssetError, UnavailableError
from attngs.text.storage import SqliteFile, rewrite

SCHEMA = (
    "CREATE TABLE notes (owner TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (owner, text))",
    "INSERT INTO notes VALUES ('', 'first')",
)


def notes(path: Path, *, version: int = 1, application: int = 77, timeout: float = 0.05) -> SqliteFile:
    return SqliteFile(path, application=application, version=version, schema=SCHEMA, what="notebook", timeout=timeout)


def texts(file: SqliteFile) -> list[str]:
    with file.read() as connection:
        return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


def add(file: SqliteFile, text: str) -> None:
    with file.write() as connection:
        connection.execute("INSERT INTO notes VALUES ('ana', ?)", (text,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda file: pickle.loads(pickle.dumps(file))])
def test_the_first_use_makes_the_file_and_copies_share_it(path: Path, again: Callable[[SqliteFile], SqliteFile]) -> None:
    file = notes(path)
    assert not path.exists()
    assert texts(file) == ["first"]
    add(again(file), "second")
    assert texts(file) == ["first", "second"]


def test_files_beside_it_are_private_too(path: Path) -> None:
    previous = os.umask(0)
    try:
        with notes(path).write() as connection:
            connection.execute("INSERT INTO notes VALUES ('ana', 'x')")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(previous)
    assert modes == {"notes": 0o600, "notes-journal": 0o600}


def test_all_of_a_write_happens_or_nothing(path: Path) -> None:
    file = notes(path)

    def fail() -> None:
        with file.write() as connection:
            connection.execute("DELETE FROM notes")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert texts(file) == ["first"]


def test_reading_needs_no_lock_for_writing(path: Path) -> None:
    file = notes(path)
    add(file, "second")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert texts(file) == ["first", "second"]
        with pytest.raises(UnavailableError, match=r"the notebook `.*notes` cannot be used now: database is locked\. Make it"):
            add(file, "third")


READ_ONLY = """
import os, sys
from attngs.errors import UnavailableError
from attngs.text.storage import SqliteFile
os.setuid(65534)
file = SqliteFile(sys.argv[1], application=0, version=1, schema=("CREATE TABLE notes (text)",), what="notebook", timeout=0)
with file.read() as connection:
    print(connection.execute("SELECT count(*) FROM notes").fetchone())
try:
    with file.write() as connection:
        connection.execute("INSERT INTO notes VALUES (1)")
except UnavailableError as error:
    print(str(error).partition("now: ")[2])
"""


@pytest.mark.skipif(not hasattr(os, "setuid") or os.geteuid() != 0, reason="needs a user who may not write")
def test_a_read_only_file_is_read(path: Path) -> None:
    for folder in (path.parent, *path.parent.parents[:-2]):
        folder.chmod(0o755)
    with SqliteFile(path, application=0, version=1, schema=("CREATE TABLE notes (text)",), what="notebook", timeout=0).read():
        pass
    path.chmod(0o444)
    done = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "(0,)",
        "attempt to write a readonly database. Make it writable and unlocked, or pass another path.",
    ]


def test_what_is_not_ours_is_refused_and_left_alone(path: Path) -> None:
    add(notes(path), "mine")
    before = path.read_bytes()
    for other, message in (
        (notes(path, application=78), "the notebook `.*` is the database of another program"),
        (notes(path, version=0), r"was written by a newer attngs \(format 1, not 0\)"),
        (notes(path, version=2), r"was written by an older attngs \(format 1, not 2\)"),
    ):
        for use in (other.read, other.write):
            with pytest.raises(AssetError, match=message), use():
                pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("seed", [3, 4, 6])
def test_deleted_text_is_not_even_in_copies_that_sqlite_made(path: Path, seed: int) -> None:
    """Merging two pages leaves copies of their rows behind, which `secure_delete` does not overwrite."""
    chance = random.Random(seed)
    file = notes(path)
    with file.write() as connection:
        for _ in range(1_500):
            owner = chance.choice(["ana", "ben"])
            text = f"{chance.randrange(10**6)} {owner.upper()}SECRET" + "x" * chance.randrange(200)
            connection.execute("INSERT INTO notes VALUES (?, ?)", (owner, text))
            connection.execute("DELETE FROM notes WHERE rowid = ?", (chance.randrange(1_500),))
    with file.write() as connection:
        connection.execute("DELETE FROM notes WHERE owner = 'ana'")
    assert b"ANASECRET" in path.read_bytes(), "these files have such copies"
    file.rewrite()
    assert [b"ANASECRET" in each.read_bytes() for each in path.parent.iterdir()] == [False]
    assert b"BENSECRET" in path.read_bytes()


def test_bytes_that_another_program_still_reads_are_told_of(path: Path) -> None:
    add(notes(path), "SECRET")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        with notes(path).write() as connection:
            connection.execute("DELETE FROM notes")
        other.execute("BEGIN")
        other.execute("SELECT * FROM notes").fetchall()
        with pytest.raises(AssetError, match="another program is reading the diary"):
            rewrite(path, what="diary", timeout=0.05)
        other.execute("COMMIT")
        rewrite(path, what="diary", timeout=0.05)
        assert not any(b"SECRET" in file.read_bytes() for file in path.parent.iterdir())


FORK = """
import os, sys, threading, time
from attngs.text.storage import SqliteFile
file = SqliteFile(sys.argv[1], application=0, version=1, schema=("CREATE TABLE notes (text)",), what="notebook", timeout=9)
entered, order = threading.Event(), []

def use():
    with file.write() as connection:
        entered.set()
        time.sleep(0.2)
        order.append("used")

thread = threading.Thread(target=use)
thread.start()
entered.wait()
child = os.fork()
order.append("forked")
with file.write() as connection:
    connection.execute("INSERT INTO notes VALUES ('x')")
if not child:
    os._exit(order != ["used", "forked"])
print(os.waitpid(child, 0)[1], order)
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_no_file_is_open_while_a_process_forks(path: Path) -> None:
    """Else the child would believe in locks that it does not have."""
    done = subprocess.run([sys.executable, "-c", FORK, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0 ['used', 'forked']\n", done.stderr
