"""What a writer sent -> the text that can be checked, or why there is none."""

from __future__ import annotations

import re
from typing import NamedTuple

from attngs.prompts import END, START
from attngs.types import ChatReply

_THOUGHT = re.compile(r"\A.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
"""Some chat templates open the thinking themselves, so that a reply has its end alone."""
_THINKING = re.compile(r"\A\s*<think(?:ing)?>", re.IGNORECASE)
_MARKERS = re.compile(f"{re.escape(START)}|{re.escape(END)}", re.IGNORECASE)
_FENCE = re.compile(r"\A\s*```[a-z]*\n(?P<body>.*)\n```\s*\Z", re.DOTALL)
_UNFINISHED = {
    "content_filter": "the writer's provider filtered the reply",
    "refusal": "the writer refused",
    "tool_calls": "the writer called a tool instead of answering",
}


class Reading(NamedTuple):
    """What is left of a reply."""

    text: str
    """Empty when there is nothing to use."""
    cut_off: bool = False
    """Whether it ends where the writer had to stop, so that its last sentence may be half a sentence."""
    problem: str | None = None
    """Why `text` is empty."""


def read_reply(reply: ChatReply, answer: str = "") -> Reading:
    """Take off what is not the shortened context: thinking, what stands before `answer`, markers, a code fence round all of it.

    Lone surrogates become U+FFFD, so that what is returned can be sent, stored and shown.
    """
    if problem := _UNFINISHED.get(reply.finish_reason or ""):
        return Reading("", problem=problem)
    text = _THOUGHT.sub("", reply.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if _THINKING.match(text):
        return Reading("", problem="the writer was still thinking when its reply ended")
    if answer:
        _, found, after = text.rpartition(answer)
        if not found:
            return Reading("", problem=f"the writer's reply did not get to its {answer!r}")
        text = after
    if fenced := _FENCE.match(text):
        text = fenced["body"]
    text = _MARKERS.sub("", text).strip()
    return Reading(text, reply.finish_reason not in ("stop", None), None if text else "the writer's reply was empty")
