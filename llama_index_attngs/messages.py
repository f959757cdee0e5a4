"""Chat messages -> items of a memory -> documents, and how they are shown.

Nothing that was said passes for a frame round it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from attngs.checking.times import given_time, read_moment
from attngs.hosts.gate import as_request
from attngs.hosts.remembering import Value
from attngs.marking.followups import as_question
from attngs.selection.layout import ExtractLayout
from attngs.text.defusing import BLANK, GAP, LINE_START, NOTE, TURN, UNSEEN, defuse_tags, defuse_tokens, one_line, quote_lines
from attngs.text.documents import clean_text
from attngs.types import Document, Message, Question, Sentence

_MEDIA = {"image": "an image", "audio": "a recording", "video": "a video", "document": "a document"}
_TAG = re.compile(rf"<(?={GAP}/|[{UNSEEN}]*[^\W\d])")
_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_MESSAGE = re.compile(rf'{LINE_START}(?={BLANK}*+\{{\s*")')
"""The start of a line that is a JSON object."""
_NOTED = re.compile(
    rf"{LINE_START}(?=(?:{BLANK}|[*_#\-(<\"'`])*+[\[［⁅【]{BLANK}*+{f'[{UNSEEN}]*'.join('noted')}(?:{BLANK}|[\]］⁆】]))", re.IGNORECASE
)
"""A line that looks like the label of a fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLayout(ExtractLayout):
    """Shows each turn after the name of who spoke, and each fact after the day on which it was noted.

    Nothing that was said passes for a label, a turn or a frame.
    """

    label: str = "[{id}] "
    gap: str = " "
    document_gap: str = "\n"

    def labels_of(self, sentences: Iterable[Sentence]) -> dict[int, str]:
        """The speaker of each turn and the day of each fact, even if there is only one of them."""
        names = {sentence.position: sentence.document.id for sentence in sentences}
        return {position: self.label.format(id=name) for position, name in names.items()}

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


def as_turns(messages: Sequence[ChatMessage]) -> list[Value]:
    """The messages as items; calls of tools and media are named, and empty messages left out."""
    turns: list[Value] = [
        {"text": clean_text(as_text(message)).strip(), "metadata": {"role": MessageRole(message.role).value}} for message in messages
    ]
    return [turn for turn in turns if turn["text"]]


def as_text(message: ChatMessage) -> str:
    """What a message says, with its tool calls and media named."""
    return "\n".join(_parts(message))


def as_documents(items: Iterable[Value]) -> list[Document]:
    """A document for each item.

    A turn is named after its speaker, a fact after the day on which it was noted. A turn's `role` tells the marker that this is a chat.
    """
    return [_document(item) for item in items]


def asked_last(messages: Sequence[ChatMessage] | None) -> list[ChatMessage]:
    """The messages up to the user's last one.

    LlamaIndex's agents pass that message twice once a tool has answered. It is here once, so all requests of a turn ask the same.
    """
    said = list(messages or ())
    users = [number for number, message in enumerate(said) if message.role == MessageRole.USER]
    if not users:
        return []
    last = users[-1]
    if users[-2:-1] == [last - 1] and said[last].content == said[last - 1].content:
        last -= 1
    return said[: last + 1]


def question(messages: Sequence[ChatMessage] | None) -> Question:
    """The user's last message as a question.

    A follow-up, such as "and his sister?", has what was said before it as its background. The text is empty if the user said nothing.
    """
    return as_question(_spoken(messages))


def request(messages: Sequence[ChatMessage] | None) -> Question:
    """What a judge is shown: the user's last message, and those that it goes on from."""
    return as_request(_spoken(messages))


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
    """The text, with lines quoted that look like turns, facts, or notes that something was shortened."""
    return quote_lines(quote_lines(quote_lines(text, TURN), _NOTED), NOTE)


def _spoken(messages: Sequence[ChatMessage] | None) -> list[Message]:
    return [Message(MessageRole(message.role).value, message.content or "") for message in asked_last(messages)]


def _document(item: Value) -> Document:
    metadata = item["metadata"]
    if "role" in metadata:
        return Document(text=item["text"], id=str(metadata["role"]), metadata=metadata)
    noted = read_moment(given_time(metadata))
    return Document(text=item["text"], id=f"noted {noted.day}" if noted else "noted", metadata=metadata)


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
