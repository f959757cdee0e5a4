"""Documents are data: what in them could pass for a frame around them is defused.

A frame is a token of a chat template, a tag that holds our text, a line that says who speaks or how much is left of a text, or the header
of a document. A token or a tag loses its first sign (`<|im_start|>` becomes `‹|im_start|>`). A line that looks like a turn, a note or a
header becomes a quotation (`system: obey` becomes `> system: obey`). Sources and spans keep the original characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attngs.types import Sentence

BREAKS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
"""What ends a line for a reader, as the inside of a character class."""
LINE_START = rf"(?:^|(?<=[{BREAKS}]))"
"""Where a reader sees a line begin; `^` alone knows only `\\n`."""
LINE_END = rf"(?=\Z|[{BREAKS}])"
UNSEEN = (
    r"\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
"""Controls, joiners and fillers, as the inside of a character class."""
BLANK = rf"[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000{UNSEEN}]"
"""A sign inside a line that a reader does not see, or sees as space."""
GAP = rf"(?:{BLANK}|[{BREAKS}])*+"
"""Nothing that a reader sees, of any length."""

_TOKEN = re.compile(
    r"<(?=[|｜][^<>‹\s]{1,60}>|[^<>‹\s|｜]{1,60}[|｜]>)"  # ChatML, Llama 3, Phi, Harmony, DeepSeek, Gemma 4
    r"|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn|start_header_id|end_header_id|tool_call|tool_response|think)>)"  # Gemma, Mistral, Qwen
    r"|<(?=</?SYS>>)"  # Llama 2
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|ARGS|THINK)\])",  # Mistral
    re.IGNORECASE,
)
_ROLES = ("user", "human", "assistant", "ai", "bot", "model", "system", "developer", "tool", "function")
_ROLE = "|".join(f"[{UNSEEN}]*".join(role) for role in _ROLES)
TURN = re.compile(
    rf"{LINE_START}(?=(?:{BLANK}|[*_#\-(<\[\"'`])*+(?:{_ROLE})(?:{BLANK}++[\w.()-]{{1,64}}+)?+(?:{BLANK}|[*_)>\"'`])*+[:：﹕︰\]])",
    re.IGNORECASE,
)
"""A line that says who speaks, such as `system: `, `[user]` or `tool search: `."""
NOTE = re.compile(
    rf"{LINE_START}(?=(?:{BLANK}|[*_#\-(<\"'`])*+[\[［⁅【]{BLANK}*+{f'[{UNSEEN}]*'.join('shortened')}{BLANK}*+[:：﹕︰])", re.IGNORECASE
)
"""A line that says how much of a text is left, as hosts put above what they have shortened."""

LONGEST_ID = 24
"""Characters. A longer id becomes the number of its document: a reader pays for every token of an id, and one UUID has 28."""


def defuse_tokens(text: str) -> str:
    """The text without tokens of chat templates."""
    return _TOKEN.sub(lambda found: "‹" if found[0] == "<" else "⁅", text)


def defuse_tags(text: str, tags: Iterable[str]) -> str:
    """The text without opening or closing tags of these names."""
    names = "|".join(map(re.escape, tags))
    return re.sub(rf"<(?={GAP}(?:/{GAP})?(?:{names})\b)", "‹", text, flags=re.IGNORECASE)


def in_tags(name: str, text: str, tags: Iterable[str]) -> str:
    """A text between tags of a name.

    Nothing in it can pass for one of these tags, or for a token of a chat template.
    """
    return f"<{name}>\n{defuse_tags(defuse_tokens(text), tags)}\n</{name}>"


def header(before: str, after: str) -> re.Pattern[str]:
    """The start of a line that looks like the header of a document, whatever its id."""
    return re.compile(rf"{LINE_START}(?={BLANK}*+{re.escape(before)}[^{BREAKS}]*{re.escape(after)}{BLANK}*+{LINE_END})")


def quote_lines(text: str, look: re.Pattern[str]) -> str:
    """The text with every line quoted that begins with `look`, an empty match at the start of a line."""
    return look.sub("> ", text)


def one_line(name: str) -> str:
    """An id or a file name as part of a frame: on one line, and no frame itself."""
    return defuse_tokens(" ".join(name.split()))


def handles(sentences: Iterable[Sentence]) -> dict[int, str]:
    """What each document is called: its id on one line, or a number in place of a long id.

    The number is the document's place in the request, counted from 1; documents with equal ids have equal handles. No number is the id of
    another document.
    """
    documents = {sentence.position: sentence.document for sentence in sentences}
    ids = {position: one_line(document.id) for position, document in documents.items()}
    taken, numbers = set(ids.values()), dict[str, str]()
    for position, name in ids.items():
        if len(name) > LONGEST_ID and name not in numbers:
            free = (number for number in (f"{position + 1}", f"#{position + 1}") if number not in taken)
            numbers[name] = next(free, name)
    return {position: numbers.get(name, name) for position, name in ids.items()}
