"""Source code in any language that people indent.

A definition is a unit, or its line is the head of what is in it.

Indentation says the same as a parser, for every language and for code that is cut off; `ast` reads Python alone, refuses broken code, and
takes longer than the model takes to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attngs.text.parts import COMMENT
from attngs.text.structure.indentation import write_indented
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

_CODE = re.compile(
    r"""(?:(?:async\s+)?(?:def|class|function|func|fn|fun|interface|struct|enum|trait|impl|namespace|package|module|type)\s+[\w<*(&]
    | (?:import|from|using|use|require|\#include|\#define|\#!)\s*[\w.<"'{*(/:]+
    | (?:public|private|protected|static|final|export|const|let|var|val|pub|override|abstract)\s+\w
    | (?:return|yield|raise|throw|await|assert|break|continue|pass)\b
    | (?:if|elif|else|for|while|try|except|catch|finally|with|switch|case|do|unless|match)\b.{0,200}[:{(]$
    | @\w+ | //|/\*|\*/
    | [\w.\[\]"'*]+(?:,\s*\w+)*\s*(?::\s*[\w\[\], .|]+)?\s*(?:[-+*/|&%]|:)?=\s*\S
    | [\w.]+\(.{0,200}\)[;,:{]?$
    | [)\]}]+[;,)]*$ | [\w.\-/"' ]+[;{]$ )""",
    re.VERBOSE,
)
_DEFINITION = re.compile(
    r"(?:(?:async\s+)?def\s+\w+\(|class\s+\w+.{0,99}[:{(]$|import\s+[\w.{*]|from\s+[\w.]+\s+import\b|#include\b|package\s+[\w.]+;?$"
    r"|(?:export\s+|async\s+|pub\s+|static\s+|public\s+|private\s+)*(?:function|fn|func|fun|interface|struct|enum|impl|class)\s+[\w(]"
    r"|(?:const|let|var)\s+[\w{\[]+.{0,80}=|public\s+\w|using\s+[\w.]+;|#!|[\w.\-]+(?:\s[\w./\-]+)?\s*\{$)"
)
_CLOSER = re.compile(r"(?:[)\]}]|end\b|esac\b|fi\b|done\b|else\b.{0,9}$|\{$)")
_TITLE = re.compile(r"(?:\"\"\"|'''|//!?|#(?!!|include|define|if)|--|/\*).{3,100}$")
"""What a file says about itself in its first line."""
TITLE = -1
"""Its rank."""
_STAGE, _IS_STAGED = re.compile(r"FROM\s+\S"), re.compile(r"^FROM\s+\S", re.MULTILINE)  # of a Dockerfile
_DECORATOR = re.compile(r"@[\w.]+(?:\(.*\))?$|\[\w+(?:\(.*\))?\]$|#\[.*\]$")

_SUFFIXES = (
    ".py .pyi .js .jsx .mjs .ts .tsx .java .kt .kts .scala .c .h .cc .cpp .hpp .cs .go .rs .rb .php .swift .m .r .jl .lua .pl .sh .bash "
    ".zsh .sql .dart .ex .exs .hs .ml .vue .svelte .css .scss .gradle .groovy .tf .proto .mk makefile dockerfile containerfile"
)
_TYPES = (
    "text/x-python application/javascript text/javascript application/typescript text/x-java-source text/x-c text/x-script.python text/css"
)


def _recognises(head: str) -> bool:
    lines = lines_of(head)
    code = sum(_CODE.match(head, line.start, line.end) is not None for line in lines)
    definitions = sum(_DEFINITION.match(head, line.start, line.end) is not None for line in lines)
    return "```" not in head and len(lines) > 3 and definitions > 0 and any(line.indent for line in lines) and 2 * code >= len(lines)


def is_code(text: str, lines: Sequence[Line]) -> bool:
    """Whether most lines look like code."""
    return 2 * sum(_CODE.match(text, line.start, line.end) is not None for line in lines) > len(lines)


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    lines = lines_of(text)
    if _IS_STAGED.search(text):
        lines = [line if _STAGE.match(text, line.start) else line._replace(indent=line.indent + 1) for line in lines]
    joined = list(_joined(text, lines))
    if len(joined) > 2 and joined[1].gap and _TITLE.match(text, joined[0].start, joined[0].end):
        outline.open(joined.pop(0).end, "heading", TITLE)
    write_indented(outline, joined, 0, "code")
    return outline.structure("code")


def _joined(text: str, lines: Sequence[Line]) -> Iterator[Line]:
    """The lines, each with a bracket that closes on the next, and decorators with what they decorate."""
    current: Line | None = None
    for line in lines:
        if current is None:
            current = line
        elif _CLOSER.match(text, line.start, line.end) or (
            line.indent == current.indent
            and not line.gap
            and (_DECORATOR.match(text, current.start, current.end) or COMMENT.match(text, current.start, current.end))
        ):
            current = current._replace(end=line.end)
        else:
            yield current
            current = line
    if current:
        yield current


CODE = Reader("code", _recognises, _read, tuple(_SUFFIXES.split()), tuple(_TYPES.split()))
