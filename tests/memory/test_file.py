"""The file of a memory: what is acknowledged stays, what is deleted goes, and nothing is silently replaced."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from attngs import Document, Marker, Memory
from attngs.errors import AssetError, UnavailableError
from tests.memory.conftest import Opener

WORDS = """
from attngs import Document, Marker, Memory
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import count_words
memory = Memory.open({path!r}, namespace="ana", marker=Marker(LexicalScorer()), counter=count_words)
"""


def bytes_of(path: Path) -> bytes:
    """The file with what stands beside it."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


def test_only_its_owner_may_read_it(memory: Memory, path: Path) -> None:
    memory.add("x")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_process_that_is_killed_loses_nothing_that_it_was_told_is_kept(path: Path, opened: Opener) -> None:
    code = WORDS + "\nfor n in range(10_000): print(*memory.add([f'line {{n}} one', f'line {{n}} two']), flush=True)"
    with subprocess.Popen([sys.executable, "-c", code.format(path=str(path))], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(8)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    kept = list(opened().documents())
    assert [document.id for document in kept][: 2 * len(told)] == " ".join(told).split()
    assert len(kept) % 2 == 0  # a call is kept as a whole
    assert opened().ask("line 3", target_tokens=9).text


def test_no_byte_of_what_is_deleted_is_left(tmp_path: Path, default_marker: Marker) -> None:
    path, rng = tmp_path / "m.db", random.Random(5)
    memory = Memory.open(path, namespace="ana", marker=default_marker)
    names = [f"name{rng.getrandbits(60):x}" for _ in range(60)]
    ids = memory.add([Document(text=f"{name} lives here. " * rng.choice([1, 2, 9]), id=name, metadata={"of": name}) for name in names])
    gone = list[bytes]()
    for name in rng.sample(ids, 40):
        gone.append(name.encode())
        if rng.random() < 0.5:
            memory.update(name, Document(text="Nobody lives here.", metadata={}))
            gone.pop()
            gone.append(f"{name} lives".encode())
        else:
            memory.delete(name)
        (state,) = default_marker.scorer.states.states([f"{name} lives here. "], "ana")  # type: ignore[attr-defined]
        gone.append(state.numpy().tobytes()[:64])
        gone.append(state.float().sum(dim=0).half().numpy().tobytes()[:64])
    left = bytes_of(path)
    assert [each for each in gone if each in left] == []
    assert all(name.encode() in left for name in ids if name in memory)
    memory.clear()
    left = bytes_of(path)
    assert [name for name in names if name.encode() in left] == []


def test_the_room_of_what_is_deleted_is_given_back(memory: Memory, path: Path, opened: Opener) -> None:
    other = opened("ivo")
    other.add(Document(text="Ivo was here.", id="ivo"))
    ids = memory.add([Document(text=f"secret{number} is told", metadata={"more": "x" * 4_000_000}) for number in range(20)])
    before = path.stat().st_size
    memory.delete(ids[:16])
    assert path.stat().st_size < before / 2
    assert b"secret3 " not in bytes_of(path)
    assert [document.id for document in memory.documents()] == ids[16:]
    memory.clear()
    assert memory.add("new") == ["21"]
    assert other.get("ivo").text == "Ivo was here."
    assert other.ask("Who was here?", target_tokens=5).text == "Ivo was here."


def test_readers_do_not_wait_for_a_writer_and_a_second_writer_says_that_it_waited(memory: Memory, opened: Opener, path: Path) -> None:
    memory.add("Ana likes tea.")
    hasty = opened(timeout=0.1)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert hasty.ask("What does Ana like?", target_tokens=5).text == "Ana likes tea."
        with pytest.raises(
            UnavailableError, match=r"the memory `.*ana.db` cannot be used now: database is locked\. Make it writable and unlocked"
        ):
            hasty.add("Ivo likes milk.")
    finally:
        writer.close()
    hasty.add("Ivo likes milk.")
    assert len(memory) == 2


def test_many_threads_and_processes_write_and_ask(memory: Memory, path: Path) -> None:
    code = WORDS + "\nfor n in range(10): memory.add(f'process line {{n}}')"
    process = subprocess.Popen([sys.executable, "-c", code.format(path=str(path))])
    failures = list[BaseException]()

    def work(number: int) -> None:
        try:
            for step in range(5):
                memory.add(f"thread {number} line {step}")
                assert memory.ask("thread line", target_tokens=9).text
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.wait() == 0
    assert failures == []
    assert len(memory) == 30
    assert len({document.id for document in memory.documents()}) == 30


def test_a_deletion_that_another_program_holds_up_says_so(opened: Opener, path: Path) -> None:
    memory = opened(timeout=0.1)
    ids = memory.add(["Ana's PIN is 4711.", "Ivo likes milk."])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    try:
        with pytest.raises(
            UnavailableError, match=r"another program is reading the memory .* so deleted text may still be in the file beside it"
        ):
            memory.delete(ids[0])
    finally:
        reader.close()
    assert len(memory) == 1
    memory.clear()
    assert b"4711" not in bytes_of(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are POSIX")
def test_a_full_disk_is_an_error_and_everything_stays(memory: Memory, path: Path) -> None:
    memory.add("Ana likes tea.")
    code = (
        WORDS
        + """
import os, resource
from attngs.errors import UnavailableError
room = os.path.getsize({path!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    memory.add(Document(text="x", metadata={{"more": "y" * 400_000}}))
except UnavailableError as error:
    print(error)
"""
    )
    done = subprocess.run([sys.executable, "-c", code.format(path=str(path))], capture_output=True, text=True, check=False)
    assert "cannot be used now" in done.stdout, done.stderr
    assert [document.text for document in memory.documents()] == ["Ana likes tea."]
    memory.add("Ivo likes milk.")
    assert len(memory) == 2


def test_a_file_of_something_else_is_left_as_it_is(path: Path, opened: Opener) -> None:
    path.write_text("notes, not a memory\n" * 100)
    with pytest.raises(AssetError, match="is damaged or is not a memory: file is not a database"):
        opened()
    assert path.read_text() == "notes, not a memory\n" * 100
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(AssetError, match="is the database of another program"):
        opened()
    assert path.read_bytes() == before


@pytest.mark.parametrize(("version", "message"), [(7, "was written by a newer attngs"), (-1, "tables are not those of a memory")])
def test_a_file_of_another_version_is_refused(memory: Memory, path: Path, opened: Opener, version: int, message: str) -> None:
    memory.add("x")
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {version}")
    other.close()
    with pytest.raises(AssetError, match=message):
        opened()
    with pytest.raises(AssetError, match=message):
        memory.ask("x", target_tokens=5)


def test_a_damaged_page_is_an_error(memory: Memory, path: Path, opened: Opener) -> None:
    memory.add([f"line {number} " + "word " * 300 for number in range(100)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(3 * 4096, size - 4096, 4096):
            file.seek(at)
            file.write(b"\xff" * 64)
    with pytest.raises(AssetError, match="is damaged"):
        opened().ask("line 3", target_tokens=5)
