"""The benchmark of reused keys and values: the evicted past is exact, the marker's chunks stay, and the page has every method."""

from __future__ import annotations

import json
import lzma
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from attngs.testing import FakeScorer, tiny_model, tiny_tokenizer
from benchmarks.reuse.data import LEAD, load
from benchmarks.reuse.measure import (
    CLOSED,
    EXTRACT,
    FULL,
    MARKED,
    NOTHING,
    RANDOM,
    SHARES,
    Writer,
    choose,
    closed_up,
    costs,
    extract,
    key,
    losses,
    only,
)
from benchmarks.reuse.page import tables, write_page

TEXT = "Tom bought a red kite. It rained on Sunday. The kite hangs in the hall. Ines plays chess. She lost to Tom. " * 4


def writer(kind: str) -> Writer:
    return Writer(tiny_model(kind, max_position_embeddings=4_096), tiny_tokenizer())


def ids(length: int) -> torch.Tensor:
    return torch.randint(10, 200, (length,), generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral"])
def test_with_all_tokens_kept_the_logits_are_those_of_the_full_context(kind: str) -> None:
    subject, tokens = writer(kind), ids(700)
    past = only(subject.read(tokens[:650]), torch.ones(650, dtype=torch.bool))
    with torch.inference_mode():
        expected = subject.model(input_ids=tokens[None]).logits[0, 650:]
    assert torch.allclose(subject.logits(tokens[650:], past, 650), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_what_is_evicted_is_hidden_from_the_question_alone(kind: str) -> None:
    subject, tokens = writer(kind), ids(340)
    kept = torch.rand(300, generator=torch.Generator().manual_seed(1)) < 0.3
    seen = torch.ones(340, 340, dtype=torch.bool).tril()
    seen[300:, :300] &= kept  # the context was read as a whole
    mask = torch.zeros(340, 340).masked_fill(~seen, torch.finfo(torch.float32).min)
    with torch.inference_mode():
        expected = subject.model(input_ids=tokens[None], attention_mask=mask[None, None]).logits[0, 300:]
    assert torch.allclose(subject.logits(tokens[300:], only(subject.read(tokens[:300]), kept), 300), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_keys_that_close_up_are_those_of_their_new_positions(kind: str) -> None:
    subject, tokens = writer(kind), ids(40)
    apart, together, shifted = DynamicCache(), DynamicCache(), torch.arange(40) > 9
    subject.logits(tokens[10:], apart, 10)
    subject.logits(tokens[10:], together, 0)
    moved = closed_up(subject.model, apart, shifted)
    for layer, expected in zip(moved.layers, together.layers, strict=True):
        assert isinstance(layer, DynamicLayer)
        assert isinstance(expected, DynamicLayer)
        assert layer.keys is not None
        assert expected.keys is not None
        assert torch.allclose(layer.keys, expected.keys, atol=1e-3)


def test_writing_leaves_the_markers_chunks_alone() -> None:
    subject, tokens = writer("llama"), ids(320)
    chunks = subject.read(tokens[:300])
    before = [packed.data.clone() for chunk in chunks for packed in (*chunk.keys, *chunk.values)]
    past = only(chunks, torch.ones(300, dtype=torch.bool))
    subject.greedy(tokens[300:], past, 300, 5)
    with torch.inference_mode():
        for layer in past.layers:
            assert isinstance(layer, DynamicLayer)
            assert layer.keys is not None
            assert layer.values is not None
            layer.keys.zero_()
            layer.values.zero_()
    assert all(map(torch.equal, before, [packed.data for chunk in chunks for packed in (*chunk.keys, *chunk.values)]))


def test_a_reply_without_a_past_and_behind_one_has_the_same_loss() -> None:
    subject, tokens = writer("llama"), ids(300)
    answer = ids(7)
    behind = subject.nll(tokens[250:], answer, only(subject.read(tokens[:250]), torch.ones(250, dtype=torch.bool)), 250)
    assert behind == pytest.approx(subject.nll(tokens, answer, DynamicCache(), 0), abs=1e-4)


def test_the_best_sentences_that_fit_are_chosen() -> None:
    assert choose([0.1, 0.9, 0.8, 0.7], [5, 6, 9, 4], 10) == {1, 3}


def test_a_context_is_cut_round_its_evidence(tmp_path: Path) -> None:
    text = "".join(f"Fact {number} is here. " for number in range(200))
    at = text.index("Fact 120 ")
    evidence = [{"doc_id": "d", "start": at, "end": at + 17}]
    document = {"id": "d", "text": text}
    row = {"id": "q", "task": "qa", "query": "Which?", "documents": [document], "evidence": evidence, "answer": "120", "meta": {}}
    with lzma.open(tmp_path / "some.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(one)}\n" for one in (row, row | {"task": "mc_evidence"}, row | {"meta": {"lang": "zh"}}))
    [question] = load(tmp_path, "some", 9, 100, lambda part: len(part.split()))
    numbers = [int(sentence.text.split()[1]) for sentence in question.sentences]
    assert numbers == list(range(120 - int(LEAD * 100 / 4), 120 - int(LEAD * 100 / 4) + 25))


@pytest.mark.parametrize("answer", ["the hall", ""])
def test_every_method_is_measured_and_shown(answer: str, tmp_path: Path) -> None:
    with lzma.open(tmp_path / "some.jsonl.xz", "wt", encoding="utf-8") as lines:
        document = {"id": "d", "text": TEXT}
        row = {
            "id": "q",
            "task": "qa",
            "query": "Where is the kite?",
            "documents": [document],
            "evidence": [],
            "answer": answer,
            "meta": {},
        }
        lines.write(json.dumps(row))
    [question] = load(tmp_path, "some", 1, 400, len)
    subject = writer("llama")
    found = losses(subject, FakeScorer("kite"), question, 0)
    methods = {key(m, s, by) for m in (EXTRACT, MARKED, CLOSED) for s in SHARES for by in ("attention", "embedded")}
    assert set(found) == {NOTHING, FULL, *methods, *(key(RANDOM, share) for share in SHARES)}
    assert all(value > 0 for value in found.values())
    timed = [asdict(cost) for cost in costs(subject, 300, asked=8, rounds=1)]
    machine = {"date": "today", "code": "abc", "cpu": "some", "load_average_at_start": [1.0]}
    results = {"model": "tiny", "room": 400, "layers": 4, "marking_layers": 2, "costs": timed, "machine": machine}
    rows = [{"set": "some", "question": "q", "cluster": "c", "nll": found}]
    page = write_page(results, rows, tmp_path).read_text(encoding="utf-8")
    assert [table.title in page for table in tables(results, rows)] == [True, True, True]


def test_an_extract_has_the_kept_sentences_only(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "some.jsonl.xz", "wt", encoding="utf-8") as lines:
        documents = [{"id": "a", "text": "One. Two. Three."}, {"id": "b", "text": "Four. Five."}]
        row = {"id": "q", "task": "qa", "query": "Which?", "documents": documents, "evidence": [], "answer": "x", "meta": {}}
        lines.write(json.dumps(row))
    [question] = load(tmp_path, "some", 1, 400, len)
    assert [sentence.text for sentence in extract(question.sentences, {0, 2, 3})] == ["One. Three.", "Four. "]
