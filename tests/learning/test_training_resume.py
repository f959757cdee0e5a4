"""A run that is killed, interrupted or goes wrong loses nothing that was written, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from attngs import Marker, TrainingSettings, train
from attngs.cli.app import app
from attngs.errors import AssetError, ConfigError, ModelError
from attngs.learning.training.trainer import Stop
from benchmarks.preferences import generate, rows, save_model

DATA = list(generate(40, topics=3))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), "llama")


def command(base: Path, data: Path, out: Path, *more: str) -> list[str]:
    settings = ["--epochs", "8", "--batch-size", "8", "--rank", "4", "--patience", "100", "--objective", "answer"]
    return ["train", str(data), "--marker", str(base), "--out", str(out), *settings, *more]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_killed_run_goes_on_and_ends_where_it_would_have(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(rows(DATA))
    settings = TrainingSettings(epochs=8, batch_size=8, rank=4, alpha=8, patience=100)  # 32 steps
    whole = train(data, out=tmp_path / "whole", objective="answer", marker=base, settings=settings)

    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "attngs", *command(base, data, out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(out / "checkpoints" / "checkpoint-9" / "trainer_state.json")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(AssetError, match=r"is not finished; go on with `attngs train .* --resume`"):
        Marker.from_pretrained(out)
    with pytest.raises(ConfigError, match="a run that is not finished; use `resume`"):
        train(data, out=out, objective="answer", marker=base, settings=settings)

    def interrupt() -> None:
        wait_for(out / "checkpoints" / "checkpoint-18" / "trainer_state.json")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    stopped = CliRunner().invoke(app, command(base, data, out, "--resume"))
    thread.join()
    assert stopped.exit_code == 130, stopped.output
    assert "of 32. Continue with:" in stopped.stderr
    assert "--resume" in stopped.stderr

    resumed = train(data, out=out, objective="answer", marker=base, settings=settings, resume=True)
    assert resumed.steps == whole.steps == 32
    one, other = (load_file(folder / "adapter_model.safetensors") for folder in (whole.folder, resumed.folder))
    assert one.keys() == other.keys()
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4
    logs = [[json.loads(line) for line in (r.folder / "log.jsonl").read_text().splitlines()] for r in (whole, resumed)]
    steps = [[line["step"] for line in log if "loss" in line] for log in logs]
    assert steps[0] == steps[1] == list(range(1, 33))


@pytest.mark.parametrize("evaluations", [1, 100])  # met by the loss, or by the validation before
def test_a_loss_that_is_not_a_number_ends_the_run(base: Path, tmp_path: Path, evaluations: int) -> None:
    settings = TrainingSettings(learning_rate=1e30, warmup=0.0, max_gradient_norm=1e30, evaluations=evaluations)
    with pytest.raises(ModelError, match=r"is not a number in step \d+\. Start again with a lower `learning_rate`.*torch\.float32"):
        train(DATA, out=tmp_path / "out", objective="answer", marker=base, settings=settings)
    for path in (tmp_path / "out").rglob("*.safetensors"):
        assert all(torch.isfinite(weight).all() for weight in load_file(path).values())


def test_the_first_ctrl_c_waits_for_the_step_and_the_second_does_not() -> None:
    stop = Stop()
    with stop.listening():
        signal.raise_signal(signal.SIGINT)
        assert stop.wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
