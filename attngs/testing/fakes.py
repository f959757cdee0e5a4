"""Stand-ins for models and clients, whose every answer one can foresee."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from attngs.errors import ConfigError
from attngs.text.words import words
from attngs.types import ChatReply, Message, Sentence


class FakeChat:
    """A writer that answers from a list, the last reply again and again, and remembers what it was asked.

    Args:
        replies: Texts or whole replies to return, or exceptions to raise.
        context_window: Tokens that it pretends to read and write together; `None`: unknown.
    """

    def __init__(self, *replies: str | ChatReply | Exception, context_window: int | None = None) -> None:
        if not replies:
            raise ConfigError("`FakeChat` needs at least one reply.")
        self.context_window = context_window
        self._replies = replies
        self.calls: list[tuple[Message, ...]] = []

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        self.calls.append(tuple(messages))
        reply = self._replies[min(len(self.calls), len(self._replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, ChatReply) else ChatReply(text=reply, finish_reason="stop")

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        return self.complete(messages)


class FakeScorer:
    """Scores by what a sentence holds: 1 for each of the `important` strings in it."""

    def __init__(self, *important: str) -> None:
        self._important = important

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [float(sum(word in sentence.text for word in self._important)) for sentence in sentences]


class FakeEmbeddings:
    """Embeddings with the methods of LangChain; a vector counts words, each at a place of its own hash.

    Args:
        size: Numbers of a vector.

    Attributes:
        calls: The texts of each call, questions by themselves.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self.calls: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.calls.append([text])
        return self._vector(text)

    def _vector(self, text: str) -> list[float]:
        places = [zlib.crc32(word.encode()) % self._size for word in words(text)]
        return [float(places.count(place)) for place in range(self._size)]


class FakeCrossEncoder:
    """A cross-encoder with `predict`, as in sentence-transformers: the words that a pair has in common.

    Attributes:
        calls: The pairs of each call.
    """

    def __init__(self) -> None:
        self.calls: list[list[tuple[str, str]]] = []

    def predict(self, pairs: list[tuple[str, str]]) -> list[float]:
        self.calls.append(list(pairs))
        return [float(len({*words(question)} & {*words(text)})) for question, text in pairs]


def count_words(text: str) -> int:
    """A token counter that one can check by eye: words between white space."""
    return len(text.split())
