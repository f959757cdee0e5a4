from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from attngs.reading.loading import ModelSettings, load_model, wrap_model
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.text.sentences import Splitter
from benchmarks.decoder import __main__ as command
from benchmarks.decoder.chart import draw
from benchmarks.decoder.evaluate import ANSWERED, PROBE, RAW, TUNED
from benchmarks.decoder.measures import COLUMNS, FIRST, best_layer, default_layer, measure
from benchmarks.decoder.page import _verdict, write_page
from benchmarks.decoder.pretrain import IGNORED, Encoder, Recipe, collate, new_model
from benchmarks.decoder.readings import draw_questions, read_questions
from benchmarks.decoder.task import MONTHS, NAMES, USER, Memory, Question, Split, Wording, render, split_of, stream
from benchmarks.decoder.topics import TOPICS
from benchmarks.decoder.vocabulary import word_tokenizer
from benchmarks.machine import RESULTS, describe_machine


def users(split: Split, count: int, *, seed: int = 3, lines: tuple[int, int] = (2, 40)) -> list[tuple[Memory, list[Question]]]:
    return list(itertools.islice(stream(split, seed=seed, lines=lines, questions=6), count))


def told(memory: Memory, person: str, topic: str) -> list[str]:
    return [line.value for _, _, line in memory.lines if line.person == person and line.topic == topic]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_evidence_is_where_it_is_said_and_holds_the_newest_value(split: Split) -> None:
    changed = 0
    for memory, questions in users(split, 60):
        assert questions
        for question in questions:
            ((number, start, end),) = question.example.evidence
            text = question.example.documents[number].text[start:end]
            line = next(line for n, s, line in memory.lines if (n, s) == (number, start))
            assert line.text == text
            assert line.person is not None
            assert question.example.answer == line.value
            assert re.search(rf"\b{re.escape(line.value)}\b", text)
            values = told(memory, line.person, line.topic)
            assert values[-1] == line.value
            assert question.changed == (len(values) == 2)
            assert question.about_user == (line.person == USER)
            changed += question.changed
            assert len(set(values)) == len(values), "an older value is another one"
    assert changed > 20


def test_memories_are_as_long_as_wanted_and_cut_into_their_lines() -> None:
    for memory, _ in users("train", 40, lines=(15, 40)):
        lines = [line for _, _, line in memory.lines]
        assert 15 <= len(lines) <= 40
        for document, session in zip(memory.documents, memory.sessions, strict=True):
            assert [document.text[span.start : span.end].strip() for span in Splitter()(document.text)] == [line.text for line in session]


def test_dates_follow_each_other() -> None:
    for memory, _ in users("train", 30, lines=(15, 40)):
        months = [MONTHS.index(found[1]) for _, _, line in memory.lines if (found := re.match(r"In ([A-Z]\w+) ", line.text))]
        assert months == sorted(months)


def test_the_same_seed_gives_the_same_users_and_another_one_others() -> None:
    assert users("test", 5) == users("test", 5)
    assert users("test", 5) != users("test", 5, seed=4)


def test_what_is_unseen_stands_in_the_test_alone_and_the_decoder_is_trained_on_known_wordings() -> None:
    asked: dict[tuple[Split, Wording], set[str]] = {}
    splits: tuple[Split, ...] = ("train", "labelled", "validation", "test")
    for split in splits:
        drawn = users(split, 150)
        assert all(memory.split == split for memory, _ in drawn)
        for _, questions in drawn:
            for question in questions:
                asked.setdefault((split, question.wording), set()).add(question.example.query)
    assert {split for split, wording in asked if wording == "unseen"} == {"test"}
    assert {split for split, wording in asked if wording == "labelled"} == {"labelled", "validation", "test"}
    unseen = asked["test", "unseen"]
    assert len(unseen) > 30
    assert not any(unseen & queries for key, queries in asked.items() if key != ("test", "unseen"))
    plain = {render(ask, person) for topic in TOPICS.values() for ask in topic.asks for person in (USER, *NAMES)}
    assert asked["train", "known"] <= plain
    assert not (unseen | asked["labelled", "labelled"]) & plain


def test_a_profile_is_in_one_split() -> None:
    profiles = itertools.islice(itertools.product(*(topic.values for topic in TOPICS.values())), 3_000)
    counts = dict.fromkeys(("train", "validation", "test"), 0)
    for profile in profiles:
        counts[split_of(profile)] += 1
    assert counts["train"] > 2_000
    assert min(counts["validation"], counts["test"]) > 150


def test_held_out_wordings_use_known_words() -> None:
    known = {
        word
        for topic in TOPICS.values()
        for template in (*topic.says, *topic.changes, *topic.asks)
        for person in (USER, "Mia")
        for word in re.findall(r"\w+", render(template, person, "V").lower())
    } | {"makes"}  # small talk has it
    for name, topic in TOPICS.items():
        for template in topic.held_out:
            for person in (USER, "Mia"):
                assert not set(re.findall(r"\w+", render(template, person).lower())) - known - {"mia"}, (name, template)


def test_templates_are_read_in_both_persons() -> None:
    assert render("[I live|P lives] in V.", USER, "Rome") == "I live in Rome."
    assert render("[My|P's] home is in V.", "Mia", "Rome", "May") == "In May Mia's home is in Rome."
    assert render("[My|P's] home is in V.", USER, "Rome", "May") == "In May my home is in Rome."


def test_every_word_of_the_task_is_in_the_vocabulary() -> None:
    tokenizer = word_tokenizer()
    for memory, questions in (*users("train", 40), *users("test", 40)):
        for text in (*(document.text for document in memory.documents), *(question.example.query for question in questions)):
            assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"], text
    assert len(tokenizer) < 600


def test_a_branch_reads_what_it_would_read_alone() -> None:
    """Loss and later marking see the same prompt: logits of a packed question equal those of the question alone."""
    tokenizer = word_tokenizer()
    encoder, (memory, questions) = Encoder(tokenizer), users("train", 1, lines=(8, 8))[0]
    model = new_model(Recipe(layers=2, heads=2, width=32), len(tokenizer)).eval()
    packed = encoder.encode(memory, questions)
    inputs = collate([packed, encoder.encode(memory, questions[:1])])

    def logits(row: int) -> torch.Tensor:
        names = ("input_ids", "position_ids", "attention_mask")
        with torch.no_grad():
            return model(**{name: inputs[name][row : row + 1] for name in names}).logits[0]  # type: ignore[no-any-return]

    together = logits(0)
    for number, question in enumerate(questions, start=1):
        alone = encoder.encode(memory, [question])
        with torch.no_grad():
            plain = model(input_ids=alone.ids[None]).logits[0]
        torch.testing.assert_close(together[: len(packed.ids)][packed.branch == number], plain[alone.branch == 1], atol=1e-4, rtol=1e-4)
        assert torch.equal(packed.targets[packed.branch == number], alone.targets[alone.branch == 1])
        wanted = alone.targets[alone.targets != IGNORED]
        assert tokenizer.decode(wanted[:-1]) == (question.example.answer or "").lower()


def test_a_saved_decoder_reads_the_same_words(tmp_path: Path) -> None:
    """transformers may take another tokenizer than was saved, by the family of the model; it does so for Qwen2."""
    tokenizer, recipe = word_tokenizer(), Recipe(layers=2, heads=2, width=32)
    model = new_model(recipe, len(tokenizer)).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_model(tmp_path, ModelSettings(device="cpu"))
    text = "<s>Read what is known, then answer. Mia's home is in New York."
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert torch.equal(ids, loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"])
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_heads_of_the_lower_half_begin_by_looking_at_near_words() -> None:
    model = new_model(Recipe(), 300).eval()
    with torch.no_grad():
        attentions = model(input_ids=torch.randint(4, 300, (4, 120)), output_attentions=True).attentions
    near = [float(attention[:, :, -1, -10:].sum(-1).mean()) for attention in attentions]
    assert min(near[:2]) > 0.3
    assert max(near[2:]) < 0.15, "the upper half begins with attention that is as good as uniform"


def test_layers_and_measures() -> None:
    questions = draw_questions("test", users=3, seed=0, lines=(8, 12))
    readings = read_questions(wrap_model(tiny_model("qwen3"), tiny_tokenizer()), questions, "test")
    assert {reading.mass.shape[:2] for reading in readings} == {(4, 4)}
    assert 0 <= best_layer(readings) < 4
    assert default_layer(16) == 6
    perfect = measure(readings, lambda reading: reading.units.labels.astype(float))
    worst = measure(readings, lambda reading: -reading.units.labels.astype(float))
    assert perfect.estimates()[FIRST].mean == 1
    assert worst.estimates()[FIRST].mean == 0
    assert perfect.minus(worst)["20%"].mean > 0
    assert set(perfect.values) == set(COLUMNS)
    half = perfect.where([i % 2 == 0 for i in range(len(readings))])
    assert len(half.users) == (len(readings) + 1) // 2


# peft asks models for something that transformers renamed
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
def test_the_whole_run_on_a_tiny_decoder(tmp_path: Path) -> None:
    arguments = ["--quick", "--device", "cpu", "--out", str(tmp_path)]
    results = command.run(command.parse_arguments(arguments), Console(quiet=True))
    assert set(results["layers"]) == {"raw", "untrained", ANSWERED, TUNED}
    assert {RAW, PROBE, TUNED, "BM25", "random", "recency"} <= set(results["methods"])
    assert 0 <= results["methods"][PROBE][FIRST].mean <= 1
    told = json.loads(json.dumps({"machine": describe_machine(), "command": "python -m benchmarks.decoder --quick"} | results))
    page = write_page(told, tmp_path / "decoder.md").read_text("utf-8")
    for part in ("What the decoder answers", "Each better than", "Evidence found", TUNED, "Differences", "by layer", "![recall"):
        assert part in page
    assert "<svg" in draw(told, tmp_path / "decoder.svg").read_text("utf-8")


def test_any_folder_can_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results = tmp_path / "tiny", tmp_path / "results"
    tiny_model("llama", max_position_embeddings=4_096).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    monkeypatch.setattr(command, "QUICK_SIZES", command.Sizes(labelled=12, validation=2, test=3, lines=(6, 8), folds=3))
    command.main(["--marker", str(folder), "--quick", "--device", "cpu", "--out", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    assert "raw, best layer" in shown
    assert "fine-tuned" not in shown
    assert not results.exists()


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["--users", "1"], ["--train"], ["--lines", "9", "8"], ["--lines", "2", "8"]])
def test_wrong_arguments_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse_arguments(wrong)


def test_a_claim_can_fail() -> None:
    verdicts = [_verdict(interval) for interval in ((0.1, 0.05, 0.2), (0.1, -0.1, 0.3), (-0.1, -0.2, -0.05))]
    assert verdicts == ["holds", "cannot be told: the interval holds 0", "refuted"]


@pytest.mark.parametrize("name", ["decoder", "decoder-24-40"])
def test_the_committed_page_and_pictures_are_those_of_the_numbers(name: str, tmp_path: Path) -> None:
    results = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    assert write_page(results, tmp_path / f"{name}.md").read_text("utf-8") == (RESULTS / f"{name}.md").read_text("utf-8")
    if name == "decoder":
        assert (RESULTS / "decoder.svg").read_bytes() == (RESULTS.parents[1] / "docs" / "img" / "decoder.svg").read_bytes()
