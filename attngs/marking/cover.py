"""The order in which a budget is offered units: in chats, users first, and something of each message.

What surrounds a good sentence scores well too. So in a chat whose messages are documents, a few long messages, most of them an assistant's
advice, would fill a budget, while a question about several sessions needs something of each. There, a unit of anybody but the user ranks
two standard deviations lower, and the second unit of a message waits until twice its rank, the third until three times its rank. Documents
without a `role` keep the order of their scores: in passages and notes, spreading cost up to .08 of the evidence.

Both rules were chosen on chats 1 to 3 of `benchmarks/beam`, each time without the chat that they were judged on. Each helps without the
other. To spread over sessions or days as well, or to count shared words more, lost elsewhere what it gained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.marking.algorithm import ranking
from attngs.marking.scales import standardised
from attngs.protocols import Floats
from attngs.types import Sentence

USERS = frozenset({"user", "human"})
"""What the metadata's `role` of a user's message is."""
OTHERS = 2.0
"""What a unit of anybody else ranks lower, in standard deviations of the context's scores."""


def covering_order(sentences: Sequence[Sentence], scores: Sequence[float]) -> list[int]:
    """Indices of the units, in the order in which they are offered; of equals the earlier comes first.

    Args:
        sentences: The units.
        scores: Theirs `(S,)`.
    """
    if not sentences or not all("role" in sentence.document.metadata for sentence in sentences):
        return ranking(scores)
    others = np.array([str(sentence.document.metadata["role"]) not in USERS for sentence in sentences])
    messages = np.array([sentence.position for sentence in sentences], dtype=np.int64)
    return [int(i) for i in spread(standardised(np.asarray(scores, dtype=np.float64)), others, messages)]


def spread(scores: Floats, others: NDArray[np.bool_], messages: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of a chat's units `(S,)`.

    Args:
        scores: z-scores of the units `(S,)`.
        others: Whether anybody but the user says each `(S,)`.
        messages: The number of the message that each stands in `(S,)`.
    """
    order = np.argsort(OTHERS * others - scores, kind="stable")  # (S,)
    waits = np.arange(1, len(order) + 1) * (1 + _ranks_in_groups(messages[order]))
    return order[np.argsort(waits, kind="stable")]


def _ranks_in_groups(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many entries before each one belong to the same group `(S,)`."""
    together = np.argsort(groups, kind="stable")
    _, first, sizes = np.unique(groups[together], return_index=True, return_counts=True)
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[together] = np.arange(len(groups)) - np.repeat(first, sizes)
    return ranks
