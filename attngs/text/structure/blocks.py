"""Blocks of another format inside running text: what a fence holds, and what was pasted.

Only clear cases count: a fence may name its format, a pasted block must be a paragraph that its reader recognises as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.console import CONSOLE
from attngs.text.structure.csv_text import TABLE
from attngs.text.structure.html_text import HTML
from attngs.text.structure.json_text import JSON, JSON_LINES
from attngs.text.structure.lines import Line
from attngs.text.structure.logs import LOG
from attngs.text.structure.source_code import CODE, is_code
from attngs.text.structure.subtitles import SUBTITLES
from attngs.text.structure.units import Reader, Structure
from attngs.text.structure.yaml_text import INI, YAML

_FENCED: tuple[Reader, ...] = (JSON_LINES, JSON, SUBTITLES, HTML, LOG, CONSOLE, YAML, INI, TABLE, CODE)
_PASTED: tuple[Reader, ...] = (JSON_LINES, JSON, LOG, CONSOLE, TABLE)
_INDENTED: tuple[Reader, ...] = (YAML, INI)
CODE_INDENT = 4
"""Columns by which a block of code is indented in Markdown and in plain text."""

_HINT = re.compile(
    r"""[\[{(<]?\d|[\[{]\s*["\[{}\]]|[\[{]$|(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)|[A-Z][a-z]{2}\s[\d\s]\d\s|Traceback
    | [^,;\t|\n]{0,60}[,;\t|]\S?[^,;\t|\n]{0,60}[,;\t|] | \S{1,200}:\d+""",
    re.VERBOSE,
)


def may_be_pasted(text: str, line: Line) -> bool:
    """Whether a paragraph that begins with this line is worth a closer look."""
    return line.indent >= CODE_INDENT or _HINT.match(text, line.start, line.end) is not None


def read_pasted(text: str, lines: Sequence[Line]) -> Structure | None:
    """The structure of a paragraph of data, a log, output or indented code; `None` for prose."""
    block = text[lines[0].start : lines[-1].end]
    indented = len(lines) > 1 and all(line.indent >= CODE_INDENT for line in lines)
    found = _first(block, (*_PASTED, *_INDENTED) if indented else _PASTED)
    return CODE.read(block) if found is None and indented and is_code(text, lines) else found


def read_fence(text: str, start: int, end: int, language: str) -> Structure | None:
    """The structure of what a fence holds, by the language that it names, or else by what it looks like."""
    block = text[start:end]
    named = [reader for reader in _FENCED if language and (f".{language}" in reader.suffixes or language == reader.name)]
    for reader in named:
        if found := reader.read(block):
            return found
    return None if language else _first(block, _FENCED)


def _first(block: str, readers: Sequence[Reader]) -> Structure | None:
    recognising = (reader for reader in readers if reader.recognises(block))
    return next((found for reader in recognising if (found := reader.read(block))), None)
