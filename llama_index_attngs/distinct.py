"""Chunks overlap, by 200 of 1024 tokens unless told otherwise: what two of them share is kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attngs.protocols import Selector, TokenCounter
from attngs.types import Marking, Selection, Sentence, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctSelector:
    """Lets another selector choose among first copies: a sentence that stands in an earlier text of the list as well is dropped.

    Args:
        chosen_by: Chooses.
        places: By position: the document that a text was cut from and where; `None` where it is not known.
    """

    chosen_by: Selector
    places: Sequence[tuple[str, Span] | None]

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
        first = [i for i, sentence in enumerate(marking.sentences) if not self._seen(sentence)]
        distinct = Marking(
            query=marking.query,
            sentences=tuple(marking.sentences[i] for i in first),
            scores=tuple(marking.scores[i] for i in first),
            marked=tuple(marking.marked[i] for i in first),
        )
        selection = self.chosen_by.select(distinct, target_tokens=target_tokens, counter=counter)
        kept = {first[i] for i in selection.kept}
        dropped = tuple(i for i in range(len(marking.sentences)) if i not in kept)
        return replace(selection, kept=tuple(sorted(kept)), dropped=dropped)

    def _seen(self, sentence: Sentence) -> bool:
        """Whether earlier texts cover the sentence, each in part or whole."""
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
