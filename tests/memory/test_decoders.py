"""A memory whose marker is a decoder: the candidates are one context to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from attngs import Marker, Memory
from attngs.marking.scorers.batch import score_batch
from attngs.testing import count_words
from attngs.testing.tiny import tiny_model, tiny_tokenizer
from attngs.types import ScoreRequest

NOTES = [f"Note {number}: the lamp of room {number} is broken again." for number in range(120)]
QUESTION = "What is broken in room 33?"


@pytest.mark.parametrize("beside", ["auto", None])
def test_attention_is_read_of_the_candidates_alone(tmp_path: Path, beside: str | None) -> None:
    """With the embedded encoder beside it, or by its attention alone, which finds candidates by their words."""
    marker = Marker.from_model(tiny_model("qwen2", max_position_embeddings=4096), tiny_tokenizer(), encoder=beside)  # type: ignore[arg-type]
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=marker, counter=count_words, room=1_200) as memory:
        memory.add(NOTES)
        result = memory.ask(QUESTION, target_tokens=24)
    sentences = result.marking.sentences
    assert 10 < len(sentences) < 90
    assert any("room 33" in sentence.text for sentence in sentences)
    assert 0 < result.compressed_tokens <= 24
    (alone,) = score_batch(marker.scorer, [ScoreRequest(query=QUESTION, sentences=sentences, namespace="ana")])
    assert not isinstance(alone, Exception)
    others = [i for i, sentence in enumerate(sentences) if "room 33" not in sentence.text]  # that one is named by its number, and gains
    order = sorted(others, key=alone.__getitem__)
    assert [result.marking.scores[i] for i in order] == sorted(result.marking.scores[i] for i in others)
