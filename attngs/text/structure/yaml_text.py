"""YAML and its relatives: what is indented deeper is read with the keys above it.

A short entry of a list is one record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.indentation import write_indented
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

_DASH = re.compile(r"-(?:\s+|$)")
_KEY = re.compile(r"""(?:-\s+)*(?:"[^"\n]{1,80}"|'[^'\n]{1,80}'|[A-Za-z_$<][\w.\-/$<]{0,80}):(?:\s|$)""")
_INI_SECTION = re.compile(r"\[\[?[\w.\-\" ]{1,80}\]\]?$")
_INI_KEY = re.compile(r"[A-Za-z_][\w.\-]{0,80}\s?=\s?\S")


def _recognises(head: str) -> bool:
    lines = lines_of(head)
    known = sum(_is_entry(head, line) for line in lines)
    keys = sum(_KEY.match(head, line.start, line.end) is not None for line in lines)
    nested = any(line.indent for line in lines) or any(_DASH.match(head, line.start) for line in lines)
    opened = any(head[line.end - 1] == ":" for line in lines) or head.startswith("---")
    return len(lines) > 2 and nested and opened and 10 * known >= 9 * len(lines) and 2 * keys >= len(lines)


def _is_entry(text: str, line: Line) -> bool:
    return (
        text[line.start] in "#"
        or text[line.start : line.end] in {"---", "..."}
        or bool(_KEY.match(text, line.start, line.end) or _DASH.match(text, line.start, line.end) or line.indent > 1)
    )


def _read(text: str) -> Structure | None:
    lines = [_with_depth(text, line) for line in lines_of(text)]
    outline = Outline(text)
    write_indented(outline, lines, 0, "field", lambda part: _is_record(text, part))
    return outline.structure("yaml")


def _with_depth(text: str, line: Line) -> Line:
    """An entry of a list may stand at the same indentation as the key whose list it is in.

    And yet lies deeper.
    """
    return line._replace(indent=2 * line.indent + (_DASH.match(text, line.start, line.end) is not None))


def _is_record(text: str, lines: Sequence[Line]) -> bool:
    """An entry of a list with its fields, or a key with plain values."""
    if _DASH.match(text, lines[0].start):
        return True
    return all(line.indent == lines[1].indent and text[line.end - 1] != ":" for line in lines[1:]) and not any(
        _DASH.match(text, line.start) and _KEY.match(text, line.start) for line in lines[1:]
    )


def _recognises_ini(head: str) -> bool:
    lines = [line for line in lines_of(head) if head[line.start] not in "#;"]
    sections = sum(_INI_SECTION.match(head, line.start, line.end) is not None for line in lines)
    keys = sum(_INI_KEY.match(head, line.start, line.end) is not None for line in lines)
    return sections > 0 and keys > 0 and 10 * (sections + keys) >= 8 * len(lines)


def _read_ini(text: str) -> Structure | None:
    outline = Outline(text)
    for line in lines_of(text):
        if _INI_SECTION.match(text, line.start, line.end):
            outline.open(line.end, "key", 0)
        else:
            outline.add(line.end, "field")
    return outline.structure("ini")


YAML = Reader("yaml", _recognises, _read, (".yaml", ".yml"), ("application/yaml", "application/x-yaml", "text/yaml"))
INI = Reader("ini", _recognises_ini, _read_ini, (".ini", ".toml", ".cfg", ".conf"), ("application/toml",))
