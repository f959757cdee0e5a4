"""Plain text: headings without marks, lists, articles, questions with answers.

And lines that break inside a sentence.

Text that shows none of these is cut as `Splitter` cuts it.
"""

from __future__ import annotations

from attngs.text.sentences import split_sentences
from attngs.text.structure.limits import cuts
from attngs.text.structure.lines import lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import write_prose
from attngs.text.structure.units import Reader, Structure
from attngs.types import Unit

NAME = "plain"


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    write_prose(outline, lines_of(text))
    found = outline.structure(NAME)
    return found if any(_shows_structure(text, unit) for unit in found.units) else _sentences(text)


def _shows_structure(text: str, unit: Unit) -> bool:
    return bool(unit.heads) or unit.kind != "sentence" or "\n" in text[unit.start : unit.end].strip()


def _sentences(text: str) -> Structure:
    """What `Splitter` finds, and longer units cut."""
    units = list[Unit]()
    for start, end in split_sentences(text):
        for cut in cuts(text, start, start + len(text[start:end].rstrip())):
            units.append(Unit(start, cut))
            start = cut
        units.append(Unit(start, end))
    return Structure(NAME, tuple(units))


PLAIN = Reader(NAME, lambda head: True, _read)
