"""Chat messages -> turns -> documents, and how they are shown.

Nothing that was said passes for a frame round it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from attngs.marking.followups import as_question
from attngs.selection.layout import ExtractLayout
from attngs.text.defusing import BLANK, GAP, LINE_START, NOTE, TURN, UNSEEN, defuse_tags, defuse_tokens, one_line, quote_lines
from attngs.text.documents import clean_text
from attngs.types import Document, Message, Question, Sentence
from llama_index_attngs.turns import Turn

_MEDIA = {"image": "an image", "audio": "a recording", "video": "a video", "document": "a document"}
_TAG = re.compile(rf"<(?={GAP}/|[{UNSEEN}]*[^\W\d])")
_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_MESSAGE = re.compile(rf'{LINE_START}(?={BLANK}*+\{{\s*")')
"""The start of a line that is a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLayout(ExtractLayout):
    """Shows each turn after a label that says who spoke.

    Nothing that was said passes for a label, a turn or a frame.
    """

    label: str = "[{id}] "
    gap: str = " "
    document_gap: str = "\n"

    def labels_of(self, sentences: Iterable[Sentence]) -> dict[int, str]:
        """The speaker of each turn, even if there is only one turn."""
        speakers = {sentence.position: sentence.document.id for sentence in sentences}
        return {position: self.label.format(id=speaker) for position, speaker in speakers.items()}

    def defuse(self, text: str, *, labels: Mapping[int, str]) -> str:
        """The kept text of one turn, defused."""
        return defuse(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLayout(ExtractLayout):
    """Shows text whose turns are unknown.

    No sentence that moves to the start of a line becomes a turn there.
    """

    label: str = ""

    def defuse(self, text: str, *, labels: Mapping[int, str]) -> str:
        """The kept text, with lines quoted that look like turns or notes."""
        return _quote_turns(text)


def as_turns(messages: Sequence[ChatMessage]) -> list[Turn]:
    """The turns of the messages; calls of tools and media are named, and empty messages left out."""
    turns = [Turn(MessageRole(message.role).value, "\n".join(_parts(message)).strip()) for message in messages]
    return [turn for turn in turns if turn.text]


def as_documents(turns: Sequence[Turn]) -> list[Document]:
    """A document for each turn, named after its speaker; its `role` tells the marker that this is a chat."""
    return [Document(text=turn.text, id=turn.role, metadata={"role": turn.role}) for turn in turns]


def question(messages: Sequence[ChatMessage] | None) -> Question:
    """The user's last message as a question.

    A follow-up, such as "and his sister?", has what was said before it as its background. The text is empty if the user said nothing.
    """
    return as_question([Message(MessageRole(message.role).value, message.content or "") for message in messages or ()])


def defuse(text: str) -> str:
    """Text that stays text wherever LlamaIndex puts it.

    Memories stand between tags, one turn a line, so tags lose their `<` and lines that look like turns become quotations. Some chat
    engines make the history part of a template and fill it in again: `{context_str}` in a memory would become the documents of the day,
    so its braces move apart. No request can hold a lone surrogate.
    """
    return quote_messages(_quote_turns(_FIELD.sub(r"{ \1 }", _TAG.sub("‹", defuse_tokens(clean_text(text))))))


def quote_messages(text: str) -> str:
    """The text without what LlamaIndex's rich templates may read out of it: messages and media.

    Some versions of `banks`, which renders them, take every line that is a message in JSON for one, with whatever role it names. Media
    stand in tags.
    """
    return quote_lines(defuse_tags(text, ("content_block",)), _MESSAGE)


def field(value: object, name: str) -> Any:
    """The field of that name, or `None`."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _quote_turns(text: str) -> str:
    """The text, with lines quoted that look like turns, or like our note that something was shortened."""
    return quote_lines(quote_lines(text, TURN), NOTE)


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
    """A call on one line, so that the answer of the tool keeps its question."""
    return f"(called the tool {one_line(str(name))} with {one_line(str(arguments))})"
