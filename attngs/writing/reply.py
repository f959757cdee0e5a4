"""The answer in a writer's reply, without the thinking, tokens and wrapping round it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from attngs.text.documents import clean_text
from attngs.types import ChatReply
from attngs.writing.prompts import MARKERS

_NAMES = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|inner_monologue)"
_TAG = rf"(?:<|\[|◁)%s{_NAMES}(?:>|\]|▷)|<\|%s_thinking\|>"
_OPENED, _CLOSED = _TAG % ("", "start"), _TAG % ("/", "end")
_THOUGHT = re.compile(rf"(?:{_OPENED}).*?(?:{_CLOSED})", re.DOTALL | re.IGNORECASE)
_REST_OF_THOUGHT = re.compile(rf"\A.*(?:{_CLOSED})", re.DOTALL | re.IGNORECASE)
"""Some chat templates open the thinking themselves, so a reply may hold only the end tag."""
_UNFINISHED_THOUGHT = re.compile(rf"(?:\A|\n)\s*(?:{_OPENED})", re.IGNORECASE)

_CHANNEL = re.compile(r"<\|channel\|?>\s*(\w+)|<channel\|>")
"""Opens a channel in the reply of gpt-oss, or, the second, ends Gemma's thoughts."""
_CHANNEL_HEAD = re.compile(r"\A[^<\n]*(?:<\|constrain\|>[^<\n]*)?<\|message\|>")
_LOST_CHANNELS = re.compile(r"\Aanalysis(?=[^\s\w]|[A-Z]).*assistantfinal", re.DOTALL)
"""The same, where whoever decoded it left out the tokens."""
_TOKENS = re.compile(r"<[|｜][^<>\s]{1,40}[|｜]>|<(?:start|end)_of_turn>|</?s>")

_MARKERS = re.compile("|".join(f"<{name}>" for name in MARKERS), re.IGNORECASE)
_FENCE = re.compile(r"\A\s*(?:[^\n`]{1,200}[:：]\s*\n\s*)?```\w*\n(?P<body>.*)\n\s*```\s*\Z", re.DOTALL)
_ELEMENT = re.compile(r"\A\s*<(?P<name>[a-z][a-z_-]{1,40})>(?P<body>.*)</(?P=name)>\s*\Z", re.DOTALL | re.IGNORECASE)
_FIELDS = ("shortened_context", "context", "answer", "final", "final_answer", "output", "result", "response", "summary", "text", "content")
"""Fields of a JSON reply that hold the answer; the first one counts."""

_ANNOUNCED = re.compile(
    r"\A\s*(?:the context is that\s+|[*_#>\s]*(?:(?:here(?:'s| is)|this is|the)\s+)*(?:your |my |an? )?"
    r"(?:(?:shortened|short|condensed|compressed|concise|rewritten|final)\s+(?:context|summary|version|text|memory|answer)"
    r"(?:\s+is)?[*_]*\s*(?:[:：][*_]*|\n)|answer[*_]*[:：][*_]*)\s*)",
    re.IGNORECASE,
)
"""What announces the answer: "Shortened context:", "## Shortened context", "Answer:", "The context is that"."""
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*)(?=\S)([^*\n]+?)(?<=\S)\1(?![\w*])")
_HEADING = re.compile(r"^#{1,6} +(?=\S)", re.MULTILINE)
_TAGS = re.compile(r"^[ \t]*(?:</?[a-z][\w .-]{0,40}>[ \t]*)+(?:\n|\Z)", re.MULTILINE | re.IGNORECASE)
"""A line of nothing but tags, such as `<user>` before what a user says."""
_NUMBERED = re.compile(r"^[ \t]*(\d{1,2})[.)] +(?=\S)", re.MULTILINE)

_UNFINISHED = {
    "content_filter": "the writer's provider filtered the reply",
    "refusal": "the writer refused",
    "tool_calls": "the writer called a tool instead of answering",
}
_STILL_THINKING = "the writer was still thinking when its reply ended"


class ReplyText(NamedTuple):
    """The shortened context that was found in a reply."""

    text: str
    """Empty when there is nothing to use."""
    cut_off: bool = False
    """Whether the writer had to stop, so that the last sentence may be half a sentence."""
    problem: str | None = None
    """Why `text` is empty."""


def read_reply(reply: ChatReply, answer: str = "") -> ReplyText:
    """The shortened context in a reply.

    Without thinking in any model's notation, channels, tokens of a chat template, our markers, a code fence, a tag or a JSON object round
    all of it, lines of tags, an announcement, Markdown's emphasis and headings, the numbers of a list, and all before `answer`. Lone
    surrogates become U+FFFD, so that the text can be sent, stored and shown.

    Args:
        reply: The writer's.
        answer: The template's: what stands before the shortened context; `""` for nothing.
    """
    if problem := _UNFINISHED.get(reply.finish_reason or ""):
        return ReplyText("", problem=problem)
    text = _without_thinking(clean_text(reply.text))
    if text is None:
        return ReplyText("", problem=_STILL_THINKING)
    if answer:
        _, found, after = text.rpartition(answer)
        if not found:
            return ReplyText("", problem=f"the writer's reply did not get to its {answer!r}")
        text = after
    cut_off = reply.finish_reason not in ("stop", None)
    text = _plain(_MARKERS.sub("", _unwrapped(_ANNOUNCED.sub("", text), cut_off=cut_off))).strip()
    return ReplyText(text, cut_off, None if text else "the writer's reply was empty")


def _without_thinking(text: str) -> str | None:
    """What was written after thinking; `None` if the writer never got there."""
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        if last[1] not in (None, "final"):
            return None
        text = _CHANNEL_HEAD.sub("", text[last.end() :])
    text = _REST_OF_THOUGHT.sub("", _THOUGHT.sub("", _LOST_CHANNELS.sub("", text)))
    return None if _UNFINISHED_THOUGHT.match(text) else _TOKENS.sub("", text)


def _plain(text: str) -> str:
    """The words of an answer without an announcement and without Markdown that says nothing."""
    text = _EMPHASIS.sub(r"\2", _HEADING.sub("", _TAGS.sub("", _ANNOUNCED.sub("", text))))
    numbers = [int(match[1]) for match in _NUMBERED.finditer(text)]
    return _NUMBERED.sub("- ", text) if len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1)) else text


def _unwrapped(text: str, *, cut_off: bool) -> str:
    """The answer without what stands round all of it, however deep."""
    for _ in range(4):  # a tag round a fence round JSON
        wrapped = _FENCE.match(text) or _ELEMENT.match(text)
        inner = wrapped["body"] if wrapped else _in_json(text, cut_off=cut_off)
        if inner is None:
            return text
        text = inner
    return text


def _in_json(text: str, *, cut_off: bool) -> str | None:
    """The answer in a reply that is JSON; a reply that was cut off lacks the end of its JSON."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    for end in ("", '"}', '"]}', '"]') if cut_off else ("",):
        try:
            return _answer_in(json.loads(text + end))
        except (ValueError, RecursionError):
            continue
    return None


def _answer_in(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    if not isinstance(value, Mapping):
        return None
    if (field := next((field for field in _FIELDS if field in value), None)) is not None:
        return _answer_in(value[field])
    only = _answer_in(next(iter(value.values()))) if len(value) == 1 else None
    return only if only and only.count(" ") > 2 else None  # `{"allergy": "walnuts"}` needs its field's name
