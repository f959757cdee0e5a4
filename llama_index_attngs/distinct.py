"""Neighbouring chunks overlap, by 200 of 1024 tokens by default. What they share is kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attngs.protocols import FlooredSelector, Selector, TokenCounter
from attngs.types import Marking, Selection, Sentence, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctSelector:
    """Lets another selector choose among the sentences that no earlier text of the list holds.

    Args:
        inner: The selector that chooses.
        places: For each text, the id of the document that it was cut from and where in it; `None` if unknown.
    """

    inner: Selector
    places: Sequence[tuple[str, Span] | None]

    @property
    def min_score(self) -> float | None:
        """The floor of the selector that chooses."""
        return self.inner.min_score if isinstance(self.inner, FlooredSelector) else None

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
        first = [i for i, sentence in enumerate(marking.sentences) if not self._is_repeated(sentence)]
        distinct = Marking(
            query=marking.query,
            sentences=tuple(marking.sentences[i] for i in first),
            scores=tuple(marking.scores[i] for i in first),
            marked=tuple(marking.marked[i] for i in first),
            probabilities=marking.probabilities and tuple(marking.probabilities[i] for i in first),
        )
        selection = self.inner.select(distinct, target_tokens=target_tokens, counter=counter)
        kept = {first[i] for i in selection.kept}
        dropped = tuple(i for i in range(len(marking.sentences)) if i not in kept)
        return replace(selection, kept=tuple(sorted(kept)), dropped=dropped)

    def _is_repeated(self, sentence: Sentence) -> bool:
        """Whether earlier texts of the same document, taken together, cover the sentence."""
        place = self.places[sentence.position]
        if place is None:
            return False
        start = place[1].start + sentence.start
        end = start + len(sentence.text.rstrip())
        earlier = sorted(other[1] for other in self.places[: sentence.position] if other and other[0] == place[0])
        for span in earlier:
            if span.start <= start < span.end:
                start = span.end
        return start >= end
