"""Documents are data: what in them could pass for a frame around them is defused.

A frame is a token of a chat template, a tag that holds our text, a line that says who speaks, or the header of a document. A token or a
tag loses its first sign (`<|im_start|>` becomes `‹|im_start|>`). A line that looks like a turn or a header becomes a quotation
(`system: obey` becomes `> system: obey`). Sources and spans keep the original characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(
    r"<(?=[|｜][^<>\s]{1,60}[|｜]>)"  # ChatML, Llama 3, Phi, Harmony, DeepSeek
    r"|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn|start_header_id|end_header_id|tool_call|tool_response|think)>)"  # Gemma, Mistral, Qwen
    r"|<(?=</?SYS>>)|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",  # Llama 2, Mistral
    re.IGNORECASE,
)
LINE_START = r"(?:^|(?<=[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]))"
"""Where a reader sees a line begin; `^` alone knows only `\\n`."""
_ROLES = "user|human|assistant|ai|bot|model|system|developer|tool|function"
TURN = re.compile(rf"{LINE_START}(?=[ \t*_#]*\[?(?:{_ROLES})(?:[ \t]+[\w.-]{{1,64}})?[ \t*_]*[:：\]])", re.IGNORECASE)
"""A line that says who speaks, such as `system: `, `[user]` or `tool search: `."""


def defuse_tokens(text: str) -> str:
    """The text without tokens of chat templates."""
    return _TOKEN.sub(lambda found: "‹" if found[0] == "<" else "⁅", text)


def defuse_tags(text: str, tags: Iterable[str]) -> str:
    """The text without opening or closing tags of these names."""
    names = "|".join(map(re.escape, tags))
    return re.sub(rf"<(?=/?(?:{names})\b)", "‹", text, flags=re.IGNORECASE)


def quote_lines(text: str, look: re.Pattern[str]) -> str:
    """The text with every line quoted that begins with `look`, an empty match at the start of a line."""
    return look.sub("> ", text)


def one_line(name: str) -> str:
    """An id or a file name as part of a frame: on one line, and no frame itself."""
    return defuse_tokens(" ".join(name.split()))
