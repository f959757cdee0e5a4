"""Kept in memory or in a file: bounded, apart for each user, whole whatever happens, and gone when it is cleared."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attngs.errors import AssetError, ConfigError
from attngs.protocols import ResultCache
from attngs.writing.chat.replies import MemoryResults, SqliteResults

Make = Callable[[int], ResultCache]
KINDS = ("memory", "sqlite")
CONTENTS = "SELECT owner, key, value FROM results"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, path: Path) -> Make:
    def build(max_bytes: int) -> ResultCache:
        return MemoryResults(max_bytes=max_bytes) if request.param == "memory" else SqliteResults(path, max_bytes=max_bytes)

    return build


def files(path: Path) -> bytes:
    """All that is on the disk."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.is_file())


def rows(path: Path) -> list[tuple[bytes, ...]]:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute(CONTENTS).fetchall()
        assert connection.execute("SELECT bytes FROM kept").fetchone()[0] == sum(len(key) + len(value) for _, key, value in found)
        return found
    finally:
        connection.close()


def run(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def done(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    return output


# the promises of both


def test_the_least_recently_used_goes_first(make: Make) -> None:
    results = make(15)
    results.put("", b"a", b"AAAA")
    results.put("", b"b", b"BBBB")
    results.put("", b"c", b"CCCC")
    assert results.get("", b"a") == b"AAAA"
    results.put("", b"d", b"DDDD")
    assert [results.get("", key) for key in (b"a", b"b", b"c", b"d")] == [b"AAAA", None, b"CCCC", b"DDDD"]
    results.put("", b"e", b"E" * 9)
    assert [results.get("", key) for key in (b"a", b"c", b"d", b"e")] == [None, None, b"DDDD", b"E" * 9]


def test_replaced_empty_and_too_large(make: Make) -> None:
    results = make(10)
    results.put("", b"key", b"1234567")
    results.put("", b"key", b"7654321")
    assert results.get("", b"key") == b"7654321"
    results.put("", b"", b"")
    assert results.get("", b"") == b""
    results.put("", b"big", b"12345678")
    assert [results.get("", key) for key in (b"big", b"key", b"")] == [None, b"7654321", b""]
    results.put("", b"key", b"too large now")
    assert results.get("", b"key") is None


def test_nothing_is_kept_in_no_bytes(make: Make) -> None:
    results = make(0)
    results.put("", b"k", b"v")
    assert results.get("", b"k") is None


def test_a_namespace_is_forgotten_alone(make: Make) -> None:
    results = make(100)
    for namespace in ("ana", "ben", ""):
        results.put(namespace, b"k", namespace.encode())
    results.clear("ana")
    assert [results.get(namespace, b"k") for namespace in ("ana", "ben", "")] == [None, b"ben", b""]
    results.clear("")
    assert [results.get(namespace, b"k") for namespace in ("ana", "ben", "")] == [None, b"ben", None]
    results.clear()
    assert results.get("ben", b"k") is None


NAMESPACES = st.sampled_from(["", "ana", "ben", "an", "a\0", "lone \ud800", "日本"])
KEYS = st.sampled_from([b"", b"k", b"kk", b"\0"])
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMESPACES, KEYS, st.binary(max_size=30)),
    st.tuples(st.just("get"), NAMESPACES, KEYS),
    st.tuples(st.just("clear"), st.none() | NAMESPACES),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=40), bound=st.integers(0, 120))
@pytest.mark.parametrize("kind", KINDS)
def test_everyone_gets_what_was_put_under_their_own_name(kind: str, steps: list[tuple[object, ...]], bound: int) -> None:
    """Against a model in ten lines."""
    model: OrderedDict[tuple[object, object], bytes] = OrderedDict()
    with tempfile.TemporaryDirectory() as folder:
        results = SqliteResults(Path(folder, "r"), max_bytes=bound) if kind == "sqlite" else MemoryResults(max_bytes=bound)
        for step in steps:
            match step:
                case ("put", str(namespace), bytes(key), bytes(value)):
                    results.put(namespace, key, value)
                    model.pop((namespace, key), None)
                    if len(key) + len(value) <= bound:
                        model[namespace, key] = value
                    while sum(len(key) + len(value) for (_, key), value in model.items()) > bound:  # type: ignore[arg-type]
                        model.popitem(last=False)
                case ("get", str(namespace), bytes(key)):
                    assert results.get(namespace, key) == model.get((namespace, key))
                    if (namespace, key) in model:
                        model.move_to_end((namespace, key))
                case ("clear", namespace):
                    results.clear(namespace)  # type: ignore[arg-type]
                    for name in [name for name in model if namespace in (None, name[0])]:
                        del model[name]


@pytest.mark.parametrize("kind", [MemoryResults, lambda **settings: SqliteResults("unused", **settings)])
@pytest.mark.parametrize("max_bytes", [-1, 1.5, True, None, 2**63])
def test_a_bound_must_be_a_number(kind: Callable[..., object], max_bytes: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="`max_bytes` must be a whole number"):
        kind(max_bytes=max_bytes)
    assert list(tmp_path.iterdir()) == []


def test_threads_lose_nothing(make: Make) -> None:
    results = make(10**6)

    def work(worker: int) -> bool:
        for i in range(20):
            results.put(f"user {worker}", str(i).encode(), b"%d %d" % (worker, i))
        return all(results.get(f"user {worker}", str(i).encode()) == b"%d %d" % (worker, i) for i in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


# the file


def test_a_file_is_found_again_and_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    previous = os.umask(0)
    try:
        results = SqliteResults("deep/er/:memory:")
        results.put("ana", b"k", b"v")
        found = sorted(Path("deep/er").iterdir())
        assert [file.name for file in found] == [":memory:"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in found} == {0o600}
    finally:
        os.umask(previous)
    monkeypatch.chdir("/")
    assert results.get("ana", b"k") == b"v"
    assert SqliteResults(tmp_path / "deep/er/:memory:").get("ana", b"k") == b"v"


def test_a_link_without_a_file_gets_a_private_one(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    SqliteResults(link)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600


def test_an_empty_file_is_taken_and_keeps_its_permissions(path: Path) -> None:
    path.touch(mode=0o640)
    mode = path.stat().st_mode
    results = SqliteResults(path)
    results.put("", b"k", b"v")
    assert (results.get("", b"k"), path.stat().st_mode) == (b"v", mode)


def test_nobody_is_named_and_nothing_pickled(path: Path) -> None:
    results = SqliteResults(path)
    results.put("ana@example.org", b"k", b"plain")
    assert b"ana@example.org" not in files(path)
    assert b"plain" in files(path)


@pytest.mark.parametrize("everything", [False, True])
def test_cleared_text_is_nowhere_on_the_disk(path: Path, everything: bool) -> None:
    """Also not in the log, in free pages, or in what splitting a page has left behind."""
    results, other = SqliteResults(path), SqliteResults(path)
    for i in range(60):  # both users on the same pages, in sizes that split them and that overflow them
        results.put("ana", b"%d" % i, b"ANASECRET %d " % i * (1 + 37 * i % 600))
        other.put("ben", b"%d" % i, b"BENSECRET %d " % i * (1 + 53 * i % 90))
        if i % 3 == 0:
            results.put("ana", b"%d" % (i // 2), b"ANASECRET again")
            assert results.get("ana", b"%d" % (i // 3))
    assert b"ANASECRET" in files(path)
    results.clear(None if everything else "ana")
    assert b"ANASECRET" not in files(path)
    assert (b"BENSECRET" in files(path)) is not everything
    kept = [other.get("ben", b"%d" % i) for i in range(60)]
    assert kept == [None if everything else b"BENSECRET %d " % i * (1 + 53 * i % 90) for i in range(60)]
    assert len(rows(path)) == (0 if everything else 60)


def test_what_is_replaced_or_let_go_is_overwritten(path: Path) -> None:
    results = SqliteResults(path, max_bytes=20_000)
    results.put("ana", b"a", b"FIRST " * 2000)
    results.put("ana", b"a", b"SECOND " * 2000)
    results.put("ana", b"b", b"THIRD " * 2000)
    assert [word in files(path) for word in (b"FIRST", b"SECOND", b"THIRD")] == [False, False, True]


def test_clearing_says_when_it_could_not(path: Path) -> None:
    results = SqliteResults(path, timeout=0.05)
    results.put("ana", b"k", b"secret")
    reader = sqlite3.connect(path, isolation_level=None)
    for kind in ("DEFERRED", "IMMEDIATE"):
        reader.execute(f"BEGIN {kind}")
        assert reader.execute(CONTENTS).fetchall()
        with pytest.raises(AssetError, match="cannot be used now: database is locked"):
            results.clear("ana")
        reader.execute("COMMIT")
    reader.close()
    results.clear("ana")
    assert b"secret" not in files(path)


# what is not usable


def foreign_text(path: Path) -> None:
    path.write_text("Dear diary, " * 900)


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


def foreign_name(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 7")
    connection.close()


def newer(path: Path) -> None:
    SqliteResults(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def other_tables(path: Path) -> None:
    SqliteResults(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TRIGGER more AFTER INSERT ON results BEGIN DELETE FROM results; END")
    connection.close()


def cut_off(path: Path) -> None:
    results = SqliteResults(path)
    results.put("", b"k", b"v" * 20_000)
    os.truncate(path, 5_000)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (foreign_text, "is damaged or is not a result cache: file is not a database. Pass another path"),
        (foreign_database, "is the database of another program. Pass another path"),
        (foreign_name, "is the database of another program. Pass another path"),
        (newer, r"was written by a newer attngs \(format 2, not 1\). Update attngs"),
        (other_tables, "is damaged or is not a result cache: its tables"),
        (cut_off, "is damaged or is not a result cache: database disk image is malformed"),
        (Path.mkdir, "cannot be used now: unable to open database file"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(path)
    before = files(path)
    with pytest.raises(AssetError, match=message) as error:
        SqliteResults(path)
    assert str(path) in str(error.value)
    assert files(path) == before


def test_a_place_where_nothing_can_be_made(path: Path) -> None:
    path.write_text("a file, no folder")
    with pytest.raises(AssetError, match=r"cannot be used now: .* pass another path"):
        SqliteResults(path / "results")


def test_damage_is_an_error_or_a_miss_but_never_another_value(path: Path) -> None:
    results = SqliteResults(path)
    values = {b"%d" % i: b"value %d " % i * 9 * i for i in range(6)}  # few, for each read of an older one is a write too
    for key, value in values.items():
        results.put("ana", key, value)
    whole = path.read_bytes()
    seen = set[str]()
    for position in range(16, len(whole), 101):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            spoilt = SqliteResults(path)
        except AssetError:
            seen.add("refused")
            continue
        for key in (b"2", b"5"):
            try:
                found = spoilt.get("ana", key)
            except AssetError:
                seen.add("damaged")
            else:
                assert found in (None, values[key])
                seen.add("missed" if found is None else "found")
    assert seen == {"refused", "damaged", "missed", "found"}


def test_a_locked_file_costs_a_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = SqliteResults(path, timeout=0.02)
    results.put("ana", b"j", b"J")
    results.put("ana", b"k", b"her text")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.DEBUG):
        results.put("ana", b"l", b"her other text")
        assert results.get("ana", b"k") == b"her text"
        assert results.get("ana", b"l") is None
        assert results.get("ana", b"j") == b"J"  # it is not the latest, and cannot become it
    assert [(record.levelname, record.name) for record in caplog.records] == [("WARNING", "attngs.writing.chat.replies")] * 2
    assert f"`{path}` cannot be used now: database is locked" in caplog.text
    assert "her" not in caplog.text.replace("other", "")
    other.execute("ROLLBACK")
    other.close()
    results.put("ana", b"l", b"again")
    assert results.get("ana", b"l") == b"again"


FULL_DISK = """
import logging, resource, sys
from attngs.writing.chat.replies import SqliteResults
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
results = SqliteResults(sys.argv[1])
results.put("ana", b"small", b"s")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
results.put("ana", b"large", b"l" * 400_000)
print(results.get("ana", b"large"), results.get("ana", b"small"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
results.put("ana", b"large", b"l" * 400_000)
print(len(results.get("ana", b"large")))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes")
def test_a_full_disk_costs_a_warning(path: Path) -> None:
    warning, *values = done(run(FULL_DISK, str(path))).splitlines()
    assert warning.startswith(f"WARNING the result cache `{path}` cannot be used now: ")
    assert values == ["None b's'", "400000"]
    assert len(rows(path)) == 2


READ_ONLY = "import sys; from attngs.writing.chat.replies import SqliteResults; SqliteResults(sys.argv[1])"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AssetError, match="cannot be used now"):
        SqliteResults(tmp_path / "r")


# several processes

WRITER = """
import sys
from attngs.writing.chat.replies import SqliteResults
path, worker, entries, size, bound = sys.argv[1], *map(int, sys.argv[2:])
results = SqliteResults(path, max_bytes=bound, timeout=60)
for i in range(entries):
    results.put(f"user {worker}", b"%d" % i, b"%d %d " % (worker, i) * size)
    found = results.get(f"user {worker}", b"%d" % (i // 2))
    assert found in (None, b"%d %d " % (worker, i // 2) * size), found
"""


def test_processes_lose_nothing(path: Path) -> None:
    """They also meet at the making of the file."""
    writers = [run(WRITER, str(path), str(worker), "40", "20", str(10**7)) for worker in range(4)]
    for writer in writers:
        done(writer)
    results = SqliteResults(path)
    for worker in range(4):
        assert all(results.get(f"user {worker}", b"%d" % i) == b"%d %d " % (worker, i) * 20 for i in range(40))
    assert len(rows(path)) == 160


def test_processes_never_exceed_the_bound(path: Path) -> None:
    bound = 5_000
    SqliteResults(path)
    writers = [run(WRITER, str(path), str(worker), "60", "40", str(bound)) for worker in range(3)]
    reader = sqlite3.connect(path, timeout=60)
    sizes = list[int]()
    while any(writer.poll() is None for writer in writers):
        sizes += [row[0] or 0 for row in reader.execute("SELECT sum(length(key) + length(value)) FROM results")]
    reader.close()
    for writer in writers:
        done(writer)
    assert bound - 500 < max(sizes) <= bound


ENDLESS = """
import itertools, sys
from attngs.writing.chat.replies import SqliteResults
results = SqliteResults(sys.argv[1], max_bytes=200_000, timeout=60)
for i in itertools.count():
    results.put("ana", b"%d" % (i % 500), b"%d " % (i % 500) * (i % 900))
    if i == 50: print("begun", flush=True)
    if i % 100 == 99: results.clear("ben")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_a_process_that_is_killed_leaves_a_whole_file(path: Path) -> None:
    for pause in (0.0, 0.01, 0.03, 0.07):
        writer = run(ENDLESS, str(path))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        threading.Event().wait(pause)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert all(set(value.split()) == {key} for _, key, value in rows(path) if value)
        results = SqliteResults(path)
        results.put("ben", b"v", b"v")
        assert results.get("ben", b"v") == b"v"


FORKS = """
import os, sys, threading
from attngs.writing.chat.replies import SqliteResults
path = sys.argv[1]
results, ended = SqliteResults(path, timeout=60), threading.Event()
results.put("parent", b"first", b"1")

def busy():
    while not ended.is_set():
        results.put("parent", b"busy", b"b" * 3000)

thread = threading.Thread(target=busy)
thread.start()
children = []
for child in range(3):
    if (number := os.fork()) == 0:
        ok = results.get("parent", b"first") == b"1"
        for i in range(10):
            results.put(f"child {child}", b"%d" % i, b"%d %d" % (child, i))
        os._exit(0 if ok else 1)
    children.append(number)
statuses = [os.waitpid(number, 0)[1] for number in children]
ended.set()
thread.join()
found = all(results.get(f"child {child}", b"%d" % i) == b"%d %d" % (child, i) for child in range(3) for i in range(10))
print(statuses, found)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_while_another_thread_writes(path: Path) -> None:
    assert done(run(FORKS, str(path))) == "[0, 0, 0] True\n"
    assert len(rows(path)) == 32
