"""A cluster on this machine: two workers, one of which is killed, and a run that is killed; each id is done once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

import ray
import ray.data
from pyarrow import parquet  # type: ignore[import-untyped]
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.errors import AssetError, ConfigError, InputError, ModelNotFoundError
from attngs.reading.progress import listening
from attngs.scale.endpoint import ray_endpoint
from attngs.scale.ray import ScaleReport, compress_rows
from attngs.scale.serving.settings import ServerSettings

# Ray's own settings warn about each other when they are made
pytestmark = pytest.mark.filterwarnings("ignore:`.*` is deprecated:DeprecationWarning")

ROWS = 40


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Its address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_worker_niceness", "0")  # otherwise workers wait for all other tests
        context = ray.init(address="local", include_dashboard=False, num_cpus=2, log_to_driver=False, configure_logging=False)
        try:
            yield context.address_info["address"]
        finally:
            ray.shutdown()


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [{"id": f"row {n}", "documents": ["It rained. " * 9, f"Rosa keeps {n} bees. She left."], "query": "Bees?"} for n in range(ROWS)]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n{broken\n")
    return path


def results_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by id; none may be there twice, and nothing half written beside them."""
    rows = parquet.read_table(folder).to_pylist()
    assert sorted(each.name for each in folder.iterdir() if each.suffix != ".parquet") == [".attngs.json", ".lock"]
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def check(folder: Path, questions: Path) -> None:
    """Every row is there, and every one is right."""
    found = results_of(folder)
    broken = next(name for name in found if name.startswith(str(questions)))
    assert found.pop(broken)["error"]["type"] == "InputError"
    assert set(found) == {f"row {number}" for number in range(ROWS)}
    for number in range(ROWS):
        row = found[f"row {number}"]
        assert row["error"] is None
        assert f"Rosa keeps {number} bees." in row["text"]
        assert row["tokens"] <= 14


def workers() -> list[psutil.Process]:
    return [each for each in psutil.Process().children(recursive=True) if " ".join(each.cmdline()).startswith("ray::MapWorker")]


@pytest.mark.usefixtures("cluster")
def test_a_worker_is_killed(questions: Path, tmp_path: Path) -> None:
    killed = list[int]()

    def kill_one(what: str, done: int, total: int) -> None:
        if not killed and done < total // 2:
            victim = workers()[-1]
            victim.kill()
            killed.append(victim.pid)

    with listening(kill_one):
        report = compress_rows(questions, tmp_path / "results", target_tokens=14, workers=2, rows_of_a_file=2)
    assert killed
    assert report == ScaleReport(rows=ROWS + 1, done_before=0, errors={"InputError": 1})
    check(tmp_path / "results", questions)
    again = CliRunner().invoke(app, ["scale", str(questions), "--out", str(tmp_path / "results"), "-t", "14"])
    assert again.stdout.endswith("results: 41 were done before, 0 are done now\n"), again.stderr
    with pytest.raises(ConfigError, match="holds results with `target_tokens` 14, not 15"):
        compress_rows(questions, tmp_path / "results", target_tokens=15)


def test_a_run_is_killed(cluster: str, questions: Path, tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        import ray
        from attngs.reading.progress import listening
        from attngs.scale.ray import compress_rows

        ray.init(address=sys.argv[1], log_to_driver=False)

        def die(what, done, total):
            if done >= 8:
                os.kill(os.getpid(), signal.SIGKILL)

        with listening(die):
            compress_rows(sys.argv[2], sys.argv[3], target_tokens=14, workers=2, rows_of_a_file=2)
    """
    results = tmp_path / "results"
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script), cluster, questions, results], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    done = {path: os.stat(path).st_mtime_ns for path in results.glob("*.parquet")}
    report = compress_rows(questions, results, target_tokens=14, workers=2)
    assert (report.rows, report.done_before) == (ROWS + 1, 2 * len(done))
    assert 8 <= report.done_before < ROWS
    check(results, questions)
    assert {path: os.stat(path).st_mtime_ns for path in done} == done


@pytest.mark.usefixtures("cluster")
def test_a_dataset_of_columns(tmp_path: Path) -> None:
    documents = [{"id": "diary", "text": "It rained. Rosa keeps bees. We slept.", "metadata": {"date": "2024-05-01"}}]
    rows = [{"id": n, "documents": documents, "query": "Bees?" if n else None, "target_tokens": 8 + n} for n in range(3)]
    path = tmp_path / "questions.parquet"
    ray.data.from_items(rows).write_parquet(str(path))
    report = compress_rows(path, tmp_path / "results")
    found = results_of(tmp_path / "results")
    assert report == ScaleReport(rows=3, done_before=0, errors={"InputError": 1})
    assert found["0"]["error"]["message"] == "`query` must be a str, got NoneType."
    assert found["1"]["tokens"] <= 9
    kept = [documents[0]["text"][each["start"] : each["end"]].strip() for each in found["1"]["kept"]]  # type: ignore[index]
    assert "Rosa keeps bees." in kept
    assert all(each in found["1"]["text"] for each in kept)


@pytest.mark.usefixtures("cluster")
def test_a_marker_that_cannot_be_loaded(questions: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no/such"):
        compress_rows(questions, tmp_path / "results", marker="no/such")
    assert not list((tmp_path / "results").glob("*.parquet"))


@pytest.mark.usefixtures("cluster")
def test_rows_that_cannot_be_told_apart(tmp_path: Path) -> None:
    for rows, message in [
        ([{"id": "a"}, {"id": "a"}, {"id": "b"}], r"1 ids are of several rows \('a'\)"),
        ([{"id": "a"}, {"id": None}], "1 of 2 rows have no `id`"),
        ([{"name": "a"}], "needs the columns `id`, `documents` and `query`, got 'name'"),
    ]:
        with pytest.raises(InputError, match=message):
            compress_rows(ray.data.from_items(rows), tmp_path / "results")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "`workers` must be a whole number of at least 1, got 0"),
        ({"cpus": 0}, "`cpus` must be a number above 0, got 0"),
        ({"gpus": float("nan")}, "`gpus` must be a number of at least 0, got nan"),
        ({"rows_of_a_file": 0}, "`rows_of_a_file`"),
        ({"target_tokens": 0}, "`target_tokens`"),
    ],
)
def test_settings_outside_their_range(questions: Path, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compress_rows(questions, tmp_path / "results", **settings)


def test_input_of_another_kind(tmp_path: Path) -> None:
    for rows in ("rows.csv", [], ["a.jsonl", "b.parquet"]):
        with pytest.raises(InputError, match=r"`rows` must be `\.jsonl` files"):
            compress_rows(rows, tmp_path / "results")
    with pytest.raises(InputError, match="there is no such file"):
        compress_rows(tmp_path / "gone.parquet", tmp_path / "results")


def test_a_folder_that_another_run_has(questions: Path, tmp_path: Path) -> None:
    from attngs.scale.folder import ResultFolder

    with ResultFolder(tmp_path / "results").writing({}), pytest.raises(AssetError, match="another run writes"):
        compress_rows(questions, tmp_path / "results")


@pytest.mark.usefixtures("cluster")
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")  # Ray Serve's own
def test_the_server_answers_from_a_cluster() -> None:
    from ray import serve

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        serve.run(ray_endpoint(ServerSettings(), cpus=0.5))
        request = {"documents": ["Ana is allergic to nuts. It rained."], "query": "What may Ana not eat?", "target_tokens": 64}
        reply = httpx.post(f"http://127.0.0.1:{port}/v1/compress", json=request, timeout=60)
    finally:
        serve.shutdown()
    assert reply.status_code == 200
    assert "nuts" in reply.json()["text"]


@pytest.mark.parametrize("settings", [{"replicas": 0}, {"cpus": -1}, {"gpus": float("inf")}])
def test_replicas_outside_their_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        ray_endpoint(ServerSettings(), **settings)
