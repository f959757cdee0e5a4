"""A question can name who speaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from attngs import Marker
from attngs.marking.speakers import SpeakerIndex, lift_by_speakers
from attngs.reading.context_cache import ContextCache
from attngs.types import Document, ScoreRequest, Sentence

LINES = "Nora Berg: who mends the mast?\nOlaf: it is rotten\nNora Berg: ask Tarek\nTarek: in June, for 90\nOlaf: fine\n"
ABOVE = "[6:20 PM] Berg, Nora\nwho mends the mast\n[6:21 PM] Tarek\nin June, for 90\n[6:22 PM] Berg, Nora\nok\n"
MAILS = "From: Nora Berg\nSubject: Mast\n\nWho mends it?\n\nFrom: Tarek Aziz\nTo: Nora\n\nIn June, for 90.\n"


def sentences(text: str) -> Sequence[Sentence]:
    return Marker.default().split([Document(text=text)])


@pytest.mark.parametrize("text", [LINES, ABOVE, MAILS], ids=["label", "line above", "mail"])
def test_the_units_of_the_speaker_gain(text: str) -> None:
    units = sentences(text)
    asked = {units[i].text.strip() for i in SpeakerIndex.of(units).asked_for("What did Tarek say about the mast?")}
    assert any("for 90" in unit for unit in asked)
    assert not any("mends" in unit for unit in asked)


@pytest.mark.parametrize("query", ["Who mends the mast?", "What do Nora and Tarek agree on?", "What did Ines say?", "When in June?"])
def test_nobody_or_several_named_changes_nothing(query: str) -> None:
    assert SpeakerIndex.of(sentences(LINES)).asked_for(query) == ()


def test_text_without_speakers_is_not_looked_at() -> None:
    request = ScoreRequest(query="What did Tarek say?", sentences=sentences("Tarek mends it. Nora waits."))
    assert lift_by_speakers(request, (0.1, 0.9), ContextCache()) == (0.1, 0.9)


def test_a_long_meeting_is_not_looked_at() -> None:
    short, long = sentences(LINES), sentences(LINES * 50)
    for units, changes in ((short, True), (long, False)):
        scores = tuple(np.linspace(0.0, 1.0, len(units)).tolist())
        request = ScoreRequest(query="What did Tarek say about the mast?", sentences=units)
        assert (lift_by_speakers(request, scores, ContextCache()) != scores) == changes


def test_the_default_marker_prefers_what_the_named_speaker_said() -> None:
    text = "<plover> the cellar is under water again\n<wigeon> no idea\n<smew> open both hatches\n<plover> it smells too\n<wigeon> ok\n"
    marking = Marker.default().mark(text, "What does smew want to do about the cellar?")
    best = max(range(len(marking.scores)), key=marking.scores.__getitem__)
    assert "hatches" in marking.sentences[best].text
    others = lift_by_speakers(ScoreRequest(query="And wigeon?", sentences=marking.sentences), marking.scores, ContextCache())
    assert [new > old for new, old in zip(others, marking.scores, strict=True)][1::3] == [True, True]
