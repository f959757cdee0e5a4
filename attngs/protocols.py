"""The seams, on one screen. Anything with these shapes fits; nothing needs to inherit.

Each has a default in attngs, a fake in `attngs.testing`, and, where a wrong one would do quiet harm, a contract check there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from attngs.types import ChatReply, Document, Marking, Message, ScoreRequest, Selection, Sentence, Span, Unit, Warmth

Floats = NDArray[np.float64]
"""An array of floats; what is beside it says its shape."""


class SentenceSplitter(Protocol):
    """Cut a text into spans that tile it.

    The first starts at 0, each starts where the last ended, the last ends with the text.
    """

    def __call__(self, text: str, /) -> Sequence[Span]: ...


@runtime_checkable
class StructureReader(Protocol):
    """A splitter that also knows which earlier units each unit is read with."""

    def read(self, document: Document, /) -> Sequence[Unit]:
        """Units that tile the document's text."""
        ...


class Scorer(Protocol):
    """Give every sentence a finite number, higher = more important, in the order of the sentences."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> Sequence[float]: ...


@runtime_checkable
class BatchScorer(Scorer, Protocol):
    """A scorer that is faster with several requests at once. One that fails must not touch the others."""

    def score_batch(self, requests: Sequence[ScoreRequest]) -> Sequence[Sequence[float] | Exception]: ...


@runtime_checkable
class CalibratedScorer(Scorer, Protocol):
    """A scorer that also knows how probable it is that a sentence bears on the question."""

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> Sequence[float]:
        """One number from 0 to 1 for each score, comparable between questions and contexts.

        It may not rise where the score falls.
        """
        ...


@runtime_checkable
class Warmable(Protocol):
    """A scorer or feature reader that can read a context before the first question."""

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth: ...


@runtime_checkable
class Likeness(Protocol):
    """A scorer that can also say how alike texts are, whatever the question."""

    def likeness(self, texts: Sequence[str], namespace: str) -> Floats:
        """Cosines of each text with each `(S, S)`."""
        ...


@runtime_checkable
class Forgetful(Protocol):
    """A scorer, feature reader or counter that keeps something of what it reads, and can forget it.

    Whatever is made of others passes this on, so that nothing is left behind.
    """

    def forget(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything."""
        ...


class FeatureReader(Protocol):
    """Describe every sentence by numbers, for a probe to weigh.

    A name stands for the same number in every version that knows it.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """A matrix `(S, F)` for each request, one column a name, or its error."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """Count the tokens of many texts at once, each on its own."""

    @property
    def name(self) -> str: ...

    def count(self, texts: Sequence[str]) -> Sequence[int]: ...


class Selector(Protocol):
    """Choose sentences whose joined text has at most `target_tokens` tokens, labels included."""

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection: ...


@runtime_checkable
class Framing(Protocol):
    """A selector that shows documents in frames, such as labels, which count."""

    def whole(self, documents: Sequence[Document]) -> Sequence[tuple[str, str]]:
        """The text of each document as it is shown if all of it is kept, and what stands round it."""
        ...


@runtime_checkable
class FlooredSelector(Selector, Protocol):
    """A selector that may leave out what would fit, because it does not bear on the question."""

    @property
    def min_score(self) -> float | None:
        """The least probability of a sentence that is kept; `None` or 0 leave nothing out."""
        ...


@runtime_checkable
class ChatModel(Protocol):
    """A writer: messages in, reply out. Raises `ChatError` instead of returning an error as text."""

    def complete(self, messages: Sequence[Message]) -> ChatReply: ...


@runtime_checkable
class AsyncChatModel(Protocol):
    """A writer that can be awaited."""

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply: ...


class StreamingChatModel(ChatModel, Protocol):
    """A writer that hands on its words as they come."""

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        """Pieces of the reply; leaving the loop ends the request."""
        ...


@runtime_checkable
class Namespaced(Protocol):
    """A writer that keeps something of what it is asked, for each user apart."""

    def for_namespace(self, namespace: str) -> ChatModel | AsyncChatModel:
        """The same writer for one user's requests; cheap to make for each of them."""
        ...


class ResultCache(Protocol):
    """Keep results by namespace and key; many threads use it at once.

    The key names everything that a result depends on.
    """

    def get(self, namespace: str, key: bytes) -> bytes | None:
        """The bytes that were put; `None` if there are none, or they cannot be read now.

        Raises:
            AssetError: They are damaged.
        """
        ...

    def put(self, namespace: str, key: bytes, value: bytes) -> None:
        """Keep a result if there is room; a store that cannot be written to is no error."""
        ...

    def clear(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything, for good."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """A writer that knows how many tokens it can read, its reply included; `None`: unknown."""

    @property
    def context_window(self) -> int | None: ...


@runtime_checkable
class PromptTemplate(Protocol):
    """Turn marks into the messages that a writer gets. `GuidedPrompt` says what each part is for."""

    @property
    def name(self) -> str: ...

    @property
    def context(self) -> Literal["all", "marked"]: ...

    @property
    def cites(self) -> bool: ...

    @property
    def answer(self) -> str: ...

    def __call__(self, marking: Marking, *, target_tokens: int) -> Sequence[Message]: ...

    def again(self, messages: Sequence[Message], reply: str, *, tokens: int, target_tokens: int) -> Sequence[Message]: ...
