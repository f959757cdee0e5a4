"""The words of a context, indexed once and kept beside its states."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attngs.context_cache import ContextCache, Key, digest
from attngs.types import Sentence
from attngs.words import WordIndex, words

Bag = Callable[[str], list[str]]
"""The words of a text, as they are compared."""


def word_index(cache: ContextCache, sentences: Sequence[Sentence], namespace: str, bag: Bag = words, kind: bytes = b"words") -> WordIndex:
    """The index of the sentences' words.

    Args:
        cache: Where it is kept.
        sentences: The context.
        namespace: Of the cache.
        bag: Makes words of a text.
        kind: What tells this `bag` from another.
    """
    texts = [sentence.text for sentence in sentences]
    key = Key(namespace, digest(kind, *texts))
    (index,) = cache.remember([key], lambda missing: [WordIndex.of([bag(text) for text in texts])], size=lambda kept: kept.nbytes)
    return index
