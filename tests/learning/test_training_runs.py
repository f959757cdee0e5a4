"""Runs from end to end on small models of real architectures: attention moves to the evidence, and kills are survived."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from attngs import AttentionConfig, Marker, TrainingSettings, train
from attngs.cli.app import app
from attngs.errors import AssetError, ConfigError
from attngs.learning.labelled import LabelledExample, read_examples
from attngs.learning.training.run import TrainingResult
from attngs.reading.loading import load_model
from attngs.reading.lora import find_lora, merged, without_deprecations
from attngs.types import Document
from benchmarks.preferences import generate, recall, rows, save_model

QUERY = AttentionConfig(layers=(0.375,), read_from="query")
SHORT = TrainingSettings(epochs=2, batch_size=8, evaluations=4, learning_rate=1e-3, rank=4, alpha=8)
DATA = list(generate(40, topics=3))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), "llama")


@pytest.fixture(scope="module")
def run(base: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    settings = TrainingSettings(epochs=5, learning_rate=5e-3, batch_size=16, evaluations=2)
    out = tmp_path_factory.mktemp("out") / "marker"
    return train(list(generate(250, topics=3)), out=out, objective="evidence", marker=base, config=QUERY, settings=settings)


def test_training_moves_the_attention_to_the_evidence(base: Path, run: TrainingResult) -> None:
    unseen = list(generate(60, topics=3, seed=9))
    before = np.mean(recall(Marker.from_pretrained(base, config=QUERY), unseen, 0.10))
    after = np.mean(recall(Marker.from_pretrained(run.folder), unseen, 0.10))
    assert after > before + 0.2
    assert after > 3 / 11  # three times what chance finds: one of eleven sentences fits the budget
    assert run.improved
    assert run.after["recall"].mean > run.before["recall"].mean


def test_the_folder_says_what_it_holds(base: Path, run: TrainingResult) -> None:
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"adapter_model.safetensors", "adapter_config.json", "marker.json", "log.jsonl", "README.md"}
    record = json.loads((run.folder / "marker.json").read_text())
    assert (record["base"], record["objective"], record["settings"]["seed"]) == (str(base.resolve()), "evidence", 0)
    assert record["data"]["training"] == 200
    assert record["after"]["recall"]["mean"] == run.after["recall"].mean
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == sorted(line["step"] for line in log)
    assert min(line["loss"] for line in log if "loss" in line) < log[0]["loss"]
    card = (run.folder / "README.md").read_text()
    assert f"| evidence recall in 10 % of the tokens | {run.before['recall_at_10'].mean:.3f}" in card
    assert "do not use it" not in card


def test_loaded_in_part_or_whole_the_adapter_gives_what_peft_gives(base: Path, run: TrainingResult) -> None:
    example = DATA[0]
    with without_deprecations():
        unmerged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), run.folder).eval()
    cut = Marker.from_pretrained(run.folder)
    expected = Marker.from_model(unmerged.get_base_model(), cut.scorer._loaded.tokenizer, config=QUERY).mark(
        example.documents, example.query
    )
    assert cut.scorer._loaded.model.config.num_hidden_layers == 2  # layers that nobody reads stay on disk
    top = replace(QUERY, layers=(0.375, 1.0))
    whole = Marker.from_pretrained(base, adapter=run.folder, config=top)
    assert whole.scorer._loaded.model.config.num_hidden_layers == 4
    for marker in (cut, Marker.from_pretrained(base, adapter=run.folder)):
        assert marker.mark(example.documents, example.query).scores == pytest.approx(expected.scores, abs=1e-5)
    loaded = merged(load_model(base), find_lora(run.folder))
    head = Marker.from_model(loaded.model, loaded.tokenizer, config=QUERY)
    assert head.mark(example.documents, example.query).scores == pytest.approx(expected.scores, abs=1e-5)


def test_an_adapter_for_another_model_is_refused(run: TrainingResult, tmp_path: Path) -> None:
    for name, settings, reason in (
        ("layers", {"num_hidden_layers": 6}, "its `layers` is 4, that of this model 6"),
        ("width", {"hidden_size": 32}, "its `width` is 64"),
        ("weights", {"seed": 5}, "the weights are others"),
    ):
        other = save_model(tmp_path / name, "llama", **settings)
        with pytest.raises(ConfigError, match=f"was trained for `.*`, not for `.*{name}`.*{reason}"):
            Marker.from_pretrained(other, adapter=run.folder)
    with pytest.raises(ConfigError, match="its `model_type` is llama"):
        Marker.from_pretrained(save_model(tmp_path / "bert", "bert"), adapter=run.folder)
    with pytest.raises(AssetError, match=r"holds no `adapter_config\.json`"):
        Marker.from_pretrained(other, adapter=tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "adapter_config.json").write_bytes((run.folder / "adapter_config.json").read_bytes())
    (broken / "adapter_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(AssetError, match="cannot be read"):
        Marker.from_pretrained(broken)


@pytest.mark.parametrize("objective", ["answer", "perce"])
def test_answers_are_learned(base: Path, tmp_path: Path, objective: str) -> None:
    result = train(DATA, out=tmp_path / "out", objective=objective, marker=base, settings=replace(SHORT, learning_rate=1e-2))
    assert result.after["answer_loss"].mean < result.before["answer_loss"].mean
    assert "recall_at_10" in result.after  # evidence is known here, so the marker is judged by it
    unknown = [replace(example, evidence=()) for example in DATA]
    result = train(unknown, out=tmp_path / "unknown", objective=objective, marker=base, settings=replace(SHORT, epochs=1))
    assert set(result.after) == {"answer_loss"}


def test_contexts_too_short_for_the_budgets_are_judged_by_the_ranking(base: Path, tmp_path: Path) -> None:
    """A fifth of three sentences is less than one, so recall is 0 whatever is learned."""
    short = [LabelledExample(query=one.query, documents=(shortened(one),), evidence=((0, 0, 13),), group=one.group) for one in DATA]
    result = train(
        short, out=tmp_path / "out", objective="evidence", marker=base, config=QUERY, settings=replace(SHORT, learning_rate=1e-2)
    )
    assert result.after["recall"].mean == result.before["recall"].mean == 0
    assert result.after["average_precision"].mean > result.before["average_precision"].mean
    assert result.improved


def shortened(one: LabelledExample) -> Document:
    return Document(text=f"She knows it. {one.documents[0].text[:20]}. He left early.", id="a")


def test_an_encoder_learns_by_its_states(tmp_path: Path) -> None:
    encoder = save_model(tmp_path / "bert", "bert", num_hidden_layers=1, hidden_dropout_prob=0.0)
    settings = TrainingSettings(epochs=3, learning_rate=1e-2, batch_size=16, evaluations=2)
    result = train(list(generate(120, topics=3)), out=tmp_path / "out", objective="evidence", marker=encoder, settings=settings)
    assert result.after["recall"].mean > result.before["recall"].mean + 0.05
    example = DATA[0]
    scores = Marker.from_pretrained(tmp_path / "out").mark(example.documents, example.query).scores
    assert scores != Marker.from_pretrained(encoder).mark(example.documents, example.query).scores


def test_the_embedded_marker_takes_an_adapter(tmp_path: Path, default_marker: Marker) -> None:
    train(DATA[:16], out=tmp_path / "out", objective="evidence", settings=replace(SHORT, epochs=1, learning_rate=1e-3))
    marker = Marker.from_pretrained(tmp_path / "out")
    assert type(marker.scorer) is type(default_marker.scorer)
    scores = marker.mark(DATA[0].documents, DATA[0].query).scores
    assert Marker.from_pretrained("default", adapter=tmp_path / "out").mark(DATA[0].documents, DATA[0].query).scores == scores
    assert default_marker.mark(DATA[0].documents, DATA[0].query).scores != scores


def test_training_leaves_the_callers_chance_alone(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train(DATA[:16], out=tmp_path / "out", objective="evidence", marker=base, settings=replace(SHORT, epochs=1, evaluations=1))
    assert torch.equal(torch.rand(4), expected)


def test_the_command_line_trains_and_marks(base: Path, tmp_path: Path) -> None:
    data, memory, out = tmp_path / "data.jsonl", tmp_path / "memory.txt", tmp_path / "out"
    data.write_text(rows(DATA))
    memory.write_text(DATA[0].documents[0].text)
    assert [example.evidence for example in read_examples(data)] == [example.evidence for example in DATA]
    done = CliRunner().invoke(app, ["train", str(data), "--marker", str(base), "--out", str(out), "--epochs", "1", "--rank", "2"])
    assert done.exit_code == 0, done.output
    assert "recall_at_10" in done.stdout
    for marker in (["--marker", str(out)], ["--marker", str(base), "--adapter", str(out)]):
        marked = CliRunner().invoke(app, ["mark", str(memory), "-q", DATA[0].query, "-f", "json", *marker])
        assert marked.exit_code == 0, marked.output
        assert len(json.loads(marked.stdout)["sentences"]) == 11
    for given in (["train", str(data), "--out", str(tmp_path / "new")], ["fit", str(data), "--out", str(tmp_path / "new")]):
        refused = CliRunner().invoke(app, [*given, "--marker", str(out)])
        assert refused.exit_code == 1
        assert "holds what attngs wrote for a model, not a model. Name the model it was made for" in " ".join(refused.stderr.split())
    again = CliRunner().invoke(app, ["train", str(data), "--marker", str(base), "--out", str(out)])
    assert again.exit_code == 1
    assert "holds a finished run; use `resume` to go on, or `overwrite`" in " ".join(again.stderr.split())
