"""What a writer is shown, cut into parts that fit its window.

A passage knows the sentences of the context that it is made of, however often it was rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attngs.protocols import PromptTemplate, TokenCounter
from attngs.types import Document, Marking, Sentence
from attngs.writing.statements import RewriteStatement

MARGIN = 0.75
"""Share of the writer's window that is used: tokens are counted by the reader's counter, and the writer's may give more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence, as it is in the context or as a writer wrote it."""

    sentence: Sentence
    score: float
    marked: bool
    sources: tuple[int, ...]
    """Sentences of the marking."""


def original(marking: Marking, numbers: Sequence[int]) -> list[Passage]:
    """Sentences as they are in the context."""
    return [
        Passage(sentence=marking.sentences[i], score=marking.scores[i], marked=marking.marked[i], sources=(i,))
        for i in numbers
        if marking.sentences[i].text.strip()
    ]


def rewritten(statements: Sequence[RewriteStatement], marking: Marking) -> list[Passage]:
    """A writer's sentences, each in the document of its closest source and with its best source's score."""
    passages = []
    for statement in statements:
        if not statement.text.strip() or not statement.sources:
            continue
        source = marking.sentences[statement.sources[0]]
        text = statement.text.rstrip() + " "
        passages.append(
            Passage(
                sentence=Sentence(
                    document=Document(text=text, id=source.document.id, metadata=source.document.metadata),
                    position=source.position,
                    start=0,
                    end=len(text),
                ),
                score=max(marking.scores[i] for i in statement.sources),
                marked=any(marking.marked[i] for i in statement.sources),
                sources=statement.sources,
            )
        )
    return passages


def as_marking(passages: Sequence[Passage], query: str) -> Marking:
    """Passages as a template takes them."""
    return Marking(
        query=query,
        sentences=tuple(passage.sentence for passage in passages),
        scores=tuple(passage.score for passage in passages),
        marked=tuple(passage.marked for passage in passages),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much a writer can read at once."""

    template: PromptTemplate
    counter: TokenCounter
    tokens: int | None
    """`None`: unknown, and everything goes in one piece."""

    def parts(self, passages: Sequence[Passage], query: str, target_tokens: int) -> list[list[Passage]] | None:
        """Runs of passages that fit the window with all the rest; `None` if one alone does not."""
        if self.tokens is None or not passages:
            return [list(passages)]
        bare = self._tokens([], query, target_tokens)
        room = int(MARGIN * self.tokens) - target_tokens - bare
        costs = [self._tokens([passage], query, target_tokens) - bare for passage in passages]
        if max(costs) > room:
            return None
        parts: list[list[Passage]] = [[]]
        spent = 0
        for passage, cost in zip(passages, costs, strict=True):
            if spent + cost > room:
                parts.append([])
                spent = 0
            parts[-1].append(passage)
            spent += cost  # each with its own label and markers, so the sum is at least the cost of the whole
        return parts

    def _tokens(self, passages: Sequence[Passage], query: str, target_tokens: int) -> int:
        messages = self.template(as_marking(passages, query), target_tokens=target_tokens)
        return sum(self.counter.count([message.content for message in messages]))
