"""How kept sentences become one text: labels, gaps and the order of reading.

A label on a line of its own says where the text below it is from. It is short, it stands once above documents with equal labels that follow
each other, and it gives way where everything fits without it. A label inside a line, such as `{id}: `, says who speaks, so it stands before
each document as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from attngs.errors import ConfigError
from attngs.text.defusing import TURN, handles, header, one_line, quote_lines
from attngs.types import Document, Sentence

INDENTED = frozenset({"code", "comment", "field", "key"})
"""Kinds of units whose indentation is kept."""
ELISION = " … "
"""Stands where a part of a unit was left out between others on the same line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractLayout:
    """How kept sentences become one text.

    Raises:
        ConfigError: `label` has a field other than `{id}`.
    """

    label: str = "[{id}]\n"
    """Stands before each document when the request has several; `""` for none. On a line of its own it has the document's handle
    (`attngs.text.defusing`), otherwise its id."""
    gap: str = "\n"
    """Stands where sentences were left out; a line break where one was left out too."""
    document_gap: str = "\n\n"
    gives_way: bool = True
    """Whether labels on lines of their own give way where everything fits without them. Days of memories do not: they are asked for."""

    def __post_init__(self) -> None:
        try:
            self.label.format(id="")
        except (LookupError, ValueError) as error:
            raise ConfigError(f"`label` may hold only the field {{id}}, got {self.label!r}.") from error

    @property
    def has_own_line(self) -> bool:
        """Whether a label stands on a line of its own."""
        return self.label.endswith("\n")

    def labels_of(self, sentences: Iterable[Sentence]) -> dict[int, str]:
        """The label of each document, by its position; empty where no labels are shown."""
        documents = {sentence.position: sentence for sentence in sentences}
        names = handles(documents.values()) if self.has_own_line else {i: one_line(s.document.id) for i, s in documents.items()}
        return {position: self.label.format(id=name) for position, name in names.items()} if self.label and len(names) > 1 else {}

    def render(self, sentences: Sequence[Sentence], kept: Iterable[int], *, labels: Mapping[int, str]) -> str:
        """The kept sentences in reading order, none of whose lines passes for a label.

        Args:
            sentences: All sentences of the request.
            kept: Which of them are shown.
            labels: As `labels_of` has them; empty for a text without labels.
        """
        parts, above = list[str](), ""
        for _, members in groupby(sorted(kept), key=lambda i: sentences[i].position):
            numbers = list(members)
            first = sentences[numbers[0]]
            before, after = self.frame(first, labels=labels)
            text = "".join(self._excerpt([sentences[i] for i in numbers]))
            parts.append(self._unless_above(before, above, labels) + self.defuse(text, labels=labels) + after)
            above = before
        return self.document_gap.join(parts)

    def whole(self, documents: Sequence[Document]) -> list[tuple[str, str]]:
        """The text of each document as a reader is shown all of it, and what stands round it."""
        units = [Sentence(document=d, position=i, start=0, end=len(d.text)) for i, d in enumerate(documents) if d.text]
        labels, shown, above = self.labels_of(units), list[tuple[str, str]](), ""
        for number, unit in enumerate(units):
            before, after = self.frame(unit, labels=labels)
            frame = self._unless_above(before, above, labels) + after + (self.document_gap if number else "")
            shown.append((self.defuse(unit.text, labels=labels), frame))
            above = before
        return shown

    def defuse(self, text: str, *, labels: Mapping[int, str]) -> str:
        """The kept text of one document, with no line that passes for a label where there are labels."""
        return quote_lines(text, self._posing) if labels else text

    def frame(self, sentence: Sentence, *, labels: Mapping[int, str]) -> tuple[str, str]:
        """What stands before and after the kept text of the sentence's document; it counts."""
        return labels.get(sentence.position, ""), ""

    def _unless_above(self, before: str, above: str, labels: Mapping[int, str]) -> str:
        """What stands before a document, unless the same label stands above it already."""
        return "" if labels and self.has_own_line and before == above else before

    def _excerpt(self, kept: Sequence[Sentence]) -> Iterator[str]:
        """Sentences of one document, in its order; neighbours keep the white space between them."""
        first = kept[0]
        for last, following in zip(kept, (*kept[1:], None), strict=True):
            if following is None or following.start != last.end:
                yield _indentation(first) + first.document.text[first.start : last.end].strip()
                if following is not None:
                    yield self._gap_between(last, following)
                    first = following

    def _gap_between(self, last: Sentence, following: Sentence) -> str:
        """What stands for the sentences left out between two.

        It is never a space in place of a line break, because rows and code need that.
        """
        left_out = last.text[len(last.text.rstrip()) :] + last.document.text[last.end : following.start]
        if _on_one_line(last, following):
            return ELISION
        return "\n" if "\n" in left_out and "\n" not in self.gap else self.gap

    @property
    def _posing(self) -> re.Pattern[str]:
        """The start of a line that looks like a label, whatever the id."""
        before, _, after = self.label.strip().partition("{id}")
        if not before.strip():
            return TURN  # `{id}: ` is how turns are labelled, and would match most lines
        return header(before, after)


def _indentation(sentence: Sentence) -> str:
    """The white space before the first line of code or YAML, which says how deep it lies."""
    text, start = sentence.document.text, sentence.start
    if sentence.kind not in INDENTED:
        return ""
    while text[start : start + 1].isspace():
        start += 1
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    return text[line_start:start] if text[line_start:start].isspace() else ""


def _on_one_line(sentence: Sentence, following: Sentence) -> bool:
    """Whether two sentences are parts of one unit and stand on the same line."""
    if sentence.part_of is None or sentence.part_of != following.part_of:
        return False
    return "\n" not in sentence.document.text[sentence.end - 1 : following.start]
