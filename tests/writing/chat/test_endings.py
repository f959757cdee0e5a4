"""One vocabulary for why a reply ended."""

from __future__ import annotations

import pytest

from attngs.writing.chat.messages import in_our_words


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("END_TURN", "stop"),
        ("FinishReason.MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("Load.Shed", "Load.Shed"),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_what_others_call_it(theirs: object, ours: str | None) -> None:
    assert in_our_words(theirs) == ours
