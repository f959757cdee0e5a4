"""Chat turns as one document, so that a sentence is judged with what was said around it, and shown again with who said it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from attngs.selection import ExtractLayout
from attngs.types import Document, Sentence
from llama_index_attngs.messages import defuse
from llama_index_attngs.turns import Turn

BETWEEN = "\n\n"
"""A blank line: no sentence goes on in the next turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLayout(ExtractLayout):
    """A turn a line, each with who said it.

    The labels are in brackets because `user: ` would make whole turns the units of selection.
    """

    gap: str = " "
    document_gap: str = "\n"
    labels: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    """Where each turn begins in the document, its label included."""

    def render(self, sentences: Sequence[Sentence], kept: Iterable[int], *, labelled: bool) -> str:
        """The kept sentences by turn, in their order."""
        lines = list[str]()
        for turn, members in groupby(sorted(kept), key=lambda i: bisect_right(self.starts, sentences[i].start) - 1):
            said = [sentences[i] for i in members]
            text = said[0].text
            for before, after in pairwise(said):
                text = text + after.text if before.end == after.start else text.rstrip() + self.gap + after.text
            lines.append(("" if said[0].start == self.starts[turn] else self.labels[turn]) + text.strip())
        return self.document_gap.join(lines)


def transcript(turns: Sequence[Turn]) -> tuple[Document, TranscriptLayout]:
    """The document of these turns, harmless wherever it is put, and how it is shown."""
    labels = tuple(f"[{turn.role}] " for turn in turns)
    texts = [label + defuse(turn.text) for label, turn in zip(labels, turns, strict=True)]
    starts, at = list[int](), 0
    for text in texts:
        starts.append(at)
        at += len(text) + len(BETWEEN)
    return Document(text=BETWEEN.join(texts), id="conversation"), TranscriptLayout(labels=labels, starts=tuple(starts))
