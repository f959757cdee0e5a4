"""How text is put before a model: between tags, under labels and notes, passing for none of them.

The texts of a memory, a tool or a conversation were written by others. Layouts defuse what they lay out, so that the budget counts what
is shown; sources and spans keep the original characters. A writer's words are defused when they come back.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AnyMessage

from attngs.hosts.frames import FrameLayout, TurnLayout, defuse
from attngs.hosts.shortened import beginning, best_dropped, with_note
from attngs.protocols import TokenCounter
from attngs.result.result import CompressedContext
from attngs.text.defusing import defuse_tags

TAGS = MEMORY, EARLIER = "memory", "earlier_conversation"
"""The tags round a user's memory and round old messages."""

MEMORIES, RESULT, TURNS = FrameLayout(tags=TAGS, gives_way=False), FrameLayout(tags=TAGS, label=""), TurnLayout(tags=TAGS)


def between(tag: str, text: str) -> str:
    """The text between our tags of this name."""
    return f"<{tag}>\n{text}\n</{tag}>"


def without_frames(text: str) -> str:
    """The text with no tag of ours."""
    return defuse_tags(text, TAGS)


def put_before(message: AnyMessage, text: str) -> AnyMessage:
    """A copy of the message with a text before its own: templates refuse two messages of a user in a row."""
    content, before = message.content, before_words(text)
    blocks = f"{before}{content}" if isinstance(content, str) else [{"type": "text", "text": before}, *content]
    return message.model_copy(update={"content": blocks})


def before_words(text: str) -> str:
    """A text with the gap that parts it from the user's words."""
    return f"{text}\n\n"


def own_words(message: AnyMessage) -> AnyMessage:
    """A user's message in which no text passes for a frame of ours; the message itself where none does."""
    content = message.content
    safe = without_frames(content) if isinstance(content, str) else [_without_frames(block) for block in content]
    return message if safe == content else message.model_copy(update={"content": safe})


def _without_frames(block: str | dict[Any, Any]) -> str | dict[Any, Any]:
    if isinstance(block, str):
        return without_frames(block)
    return {**block, "text": without_frames(block["text"])} if isinstance(block.get("text"), str) else block


def text_to_show(result: CompressedContext, counter: TokenCounter) -> str:
    """The text of a compression that one of our layouts laid out, with a writer's words defused.

    Defusing can make a rewrite longer. One that no longer fits the budget gives way to the verbatim extract.
    """
    if result.method != "rewrite":
        return result.text
    text = defuse(result.text, TAGS)
    return text if counter.count([text])[0] <= result.target_tokens else result.selection.text


def text_in_place(result: CompressedContext, layout: FrameLayout, counter: TokenCounter, target_tokens: int) -> str:
    """What is shown instead of texts: never nothing, and a note says that it is short.

    Where no sentence fits, it is the beginning of the best one.

    Args:
        result: Of a compression into the tokens that are left beside the note.
        layout: Laid out the result.
        counter: Whose tokens count.
        target_tokens: The budget of text and note.
    """
    text = text_to_show(result, counter)
    if result.method == "passthrough":
        return text
    if not text.strip() and (best := best_dropped(result)):
        label, whole = layout.label.format(id=best.document_id), defuse(best.text, TAGS).lstrip()
        said = beginning(whole, result.target_tokens, counter, before=label)
        text = label + said if said else beginning(whole, result.target_tokens, counter)
    return with_note(text, original_tokens=result.original_tokens, target_tokens=target_tokens, counter=counter)
