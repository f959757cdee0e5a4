"""Answers: what a model was sent for a question, what it said, and a chat as questions with their replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from langchain_core.messages import AIMessage, BaseMessage
from memories import Change

from attngs import CompressedContext
from langchain_attngs import RunWatch


class Answer(RunWatch):
    """The answer to a question, and what the model was sent for it. A preview has only what the model would see of the memory."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question, self.text, self.seconds = question, "", 0.0
        self.changes: list[Change] = []
        """What the model's tools changed in the memory."""

    @property
    def memory(self) -> CompressedContext | None:
        """The compression that the model was shown."""
        return next(iter(self.named("AttnGSMiddleware.memory")), None)

    @property
    def keys(self) -> list[str]:
        """The memories that the model was shown, by their keys."""
        kept = self.memory.kept if self.memory else ()
        return list(dict.fromkeys(source.document_id for source in kept))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question in a chat, and what was replied."""

    place: int
    """How many messages there are up to the question, with it."""
    question: str
    replies: Sequence[AIMessage]

    @property
    def text(self) -> str:
        """The reply, without what tools were told."""
        return "\n\n".join(str(reply.text) for reply in self.replies if reply.text)


def exchanges(said: Sequence[BaseMessage]) -> list[Exchange]:
    """The messages of a chat by question."""
    starts = [place for place, message in enumerate(said) if message.type == "human"]
    parts = ((start, said[start:end]) for start, end in pairwise([*starts, len(said)]))
    return [Exchange(start + 1, str(part[0].text), [each for each in part if isinstance(each, AIMessage)]) for start, part in parts]
