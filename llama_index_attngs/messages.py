"""Chat messages -> turns of text, and text -> what a chat engine cannot mistake for its own template."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from attngs.selection import ExtractLayout
from attngs.text.documents import as_query
from attngs.types import Document, Sentence
from llama_index_attngs.turns import Turn

BETWEEN = "\n\n"
"""A blank line: no sentence goes on in the next turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLayout(ExtractLayout):
    """A turn a line, each with who said it.

    The labels are in brackets because `user: ` would make whole turns the units of selection.
    """

    gap: str = " "
    document_gap: str = "\n"
    labels: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    """Where each turn begins in the document, its label included."""

    def render(self, sentences: Sequence[Sentence], kept: Iterable[int], *, labelled: bool) -> str:
        """The kept sentences by turn, in their order."""
        lines = list[str]()
        for turn, members in groupby(sorted(kept), key=lambda i: bisect_right(self.starts, sentences[i].start) - 1):
            said = [sentences[i] for i in members]
            text = said[0].text
            for before, after in pairwise(said):
                text = text + after.text if before.end == after.start else text.rstrip() + self.gap + after.text
            lines.append(("" if said[0].start == self.starts[turn] else self.labels[turn]) + text.strip())
        return self.document_gap.join(lines)


def transcript(turns: Sequence[Turn]) -> tuple[Document, TranscriptLayout]:
    """The document of these turns, harmless wherever it is put, and how it is shown."""
    labels = tuple(f"[{turn.role}] " for turn in turns)
    texts = [label + defuse(turn.text) for label, turn in zip(labels, turns, strict=True)]
    starts, at = list[int](), 0
    for text in texts:
        starts.append(at)
        at += len(text) + len(BETWEEN)
    return Document(text=BETWEEN.join(texts), id="conversation"), TranscriptLayout(labels=labels, starts=tuple(starts))


def field(value: object, name: str) -> Any:
    """The field of that name, or `None`."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


_MEDIA = {"image": "an image", "audio": "a recording", "video": "a video", "document": "a document"}
_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_FRAME = re.compile(r"<(?=/?\w+>)")
_LABEL = re.compile(rf"^(\s*)\[(?=(?:{'|'.join(role.value for role in MessageRole)})\])", re.MULTILINE)


def as_turns(messages: Sequence[ChatMessage]) -> list[Turn]:
    """What was said, with calls of tools and media named, so that a tool's answer keeps its question. Empty messages are left out."""
    turns = [Turn(MessageRole(message.role).value, "\n".join(_parts(message)).strip()) for message in messages]
    return [turn for turn in turns if turn.text]


def question(messages: Sequence[ChatMessage] | None) -> str:
    """The last thing that the user said, as a question; empty when nothing was."""
    asked = (as_query(message.content or "") for message in reversed(messages or ()) if message.role == MessageRole.USER)
    return next((text for text in asked if text), "")


def defuse(text: str) -> str:
    """Text that stays text wherever a chat engine puts it.

    Some engines make the history part of a template and fill it in again: `{context_str}` in a memory would be replaced by the documents
    of the day, so its braces are moved apart. A tag would end the frame round the memory, and a label at the start of a line would give
    somebody else the word, so their brackets are replaced.
    """
    return _LABEL.sub(r"\1‹", _FRAME.sub("‹", _FIELD.sub(r"{ \1 }", text)))


def _parts(message: ChatMessage) -> Iterator[str]:
    called = False
    for block in message.blocks:
        kind = block.block_type
        if kind == "text":
            yield field(block, "text")
        elif kind == "tool_call":  # older versions have no such blocks
            called = True
            yield _call(field(block, "tool_name"), field(block, "tool_kwargs"))
        elif kind in _MEDIA:
            yield f"({_MEDIA[kind]})"
    calls = message.additional_kwargs.get("tool_calls")
    for call in calls if isinstance(calls, Sequence) and not called else ():
        yield _call(field(field(call, "function"), "name"), field(field(call, "function"), "arguments"))


def _call(name: object, arguments: object) -> str:
    return f"(called the tool {name} with {arguments})"
