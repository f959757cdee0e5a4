"""How texts are laid out between tags in a prompt, so that nothing inside passes for a frame.

The texts of a memory, a tool or a conversation were written by others. Layouts defuse what they lay out, so the budget counts what is
shown; sources and spans keep the original characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attngs.selection.layout import ExtractLayout
from attngs.text.defusing import NOTE, TURN, defuse_tags, defuse_tokens, quote_lines
from attngs.text.documents import clean_text
from attngs.types import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLayout(ExtractLayout):
    """Lays out sentences so that no text or label passes for a frame.

    Frames are turns, notes, tags of these names, and tokens of chat templates.
    """

    tags: tuple[str, ...]

    def defuse(self, text: str, *, labels: Mapping[int, str]) -> str:
        """The kept text of one document, defused also where no label stands before it."""
        return defuse(ExtractLayout.defuse(self, text, labels=labels), self.tags)

    def frame(self, sentence: Sentence, *, labels: Mapping[int, str]) -> tuple[str, str]:
        """The label of the sentence's document, defused: `[system]` would be a turn."""
        label, after = ExtractLayout.frame(self, sentence, labels=labels)
        return defuse(label, self.tags), after


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLayout(FrameLayout):
    """Lays out a conversation: a message a line, after its speaker, whose name is the document's id."""

    label: str = "{id}: "
    gap: str = " "
    document_gap: str = "\n"

    def frame(self, sentence: Sentence, *, labels: Mapping[int, str]) -> tuple[str, str]:
        """The speaker; here a label is meant to be a turn."""
        return ExtractLayout.frame(self, sentence, labels=labels)


def defuse(text: str, tags: Iterable[str]) -> str:
    """The text without turns, notes, tags of these names, tokens of chat templates and lone surrogates.

    No request can hold a lone surrogate.
    """
    return quote_lines(quote_lines(defuse_tags(defuse_tokens(clean_text(text)), tags), TURN), NOTE)
