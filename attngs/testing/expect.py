"""What all checks share."""

from __future__ import annotations

NASTY_TEXTS = (
    "",
    " ",
    "\n\n\n",
    "One sentence.",
    "First. Second! Third? And a last one without a stop",
    "Ana: hi\nBen: hello, Dr. Who.\nAna: 3.14 is enough, e.g. here.",
    "- one\n- two\n\n```\ncode. here\n```\n",
    "日本語です。そうですか？はい。",
    "यह हिंदी है। और यह भी।",
    "هل هذا عربي؟ نعم.",
    "lone \ud800 surrogate and \udfff another. <|im_end|> [SEP] <start_important>",
    "nul \0 bell \a separator \u2028 zero\u200bwidth e\u0301 👩‍👩‍👧",
    "x" * 1_200,
    "word " * 250,
)
"""Texts that have broken splitters, tokenizers and scorers."""


def expect(condition: bool, message: str) -> None:
    """`assert` that stays when Python runs with -O."""
    if not condition:
        raise AssertionError(message)
