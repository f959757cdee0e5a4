"""How kept sentences become one text: labels, gaps and the order of reading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from attngs.errors import ConfigError
from attngs.text.defusing import TURN, header, one_line, quote_lines
from attngs.types import Sentence, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractLayout:
    """How kept sentences become one text."""

    label: str = "[{id}]\n"
    """Stands before each document when the request has several; `""` for none."""
    gap: str = "\n"
    """Stands where sentences were left out."""
    document_gap: str = "\n\n"

    def __post_init__(self) -> None:
        try:
            self.label.format(id="")
        except (LookupError, ValueError) as error:
            raise ConfigError(f"`label` may hold only the field {{id}}, got {self.label!r}.") from error

    def render(self, sentences: Sequence[Sentence], kept: Iterable[int], *, labelled: bool) -> str:
        """The kept sentences in reading order, none of whose lines passes for a label."""
        parts = list[str]()
        for _, members in groupby(sorted(kept), key=lambda i: sentences[i].position):
            numbers = list(members)
            first = sentences[numbers[0]]
            before, after = self.frame(first, labelled=labelled)
            text = self.excerpt(first.document.text, [Span(sentences[i].start, sentences[i].end) for i in numbers])
            parts.append(before + self.defuse(text, labelled=labelled) + after)
        return self.document_gap.join(parts)

    def excerpt(self, text: str, spans: Sequence[Span]) -> str:
        """Spans of one document's text, in its order; neighbours keep the white space between them."""
        runs = list[Span]()
        for span in spans:
            if runs and runs[-1].end == span.start:
                runs[-1] = Span(runs[-1].start, span.end)
            else:
                runs.append(span)
        return self.gap.join(text[start:end].strip() for start, end in runs)

    def defuse(self, text: str, *, labelled: bool) -> str:
        """The kept text of one document, with no line that passes for a label where there are labels."""
        return quote_lines(text, self._posing) if labelled else text

    def frame(self, sentence: Sentence, *, labelled: bool) -> tuple[str, str]:
        """What stands before and after the kept text of the sentence's document; it counts."""
        return (self.label.format(id=one_line(sentence.document.id)) if labelled else ""), ""

    @property
    def _posing(self) -> re.Pattern[str]:
        """The start of a line that looks like a label, whatever the id."""
        before, _, after = self.label.strip().partition("{id}")
        if not before.strip():
            return TURN  # `{id}: ` is how turns are labelled, and would match most lines
        return header(before, after)
