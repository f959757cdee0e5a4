"""Many inputs of different lengths -> padded passes, bounded in tokens; what fails, fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from attngs.errors import ModelError, OutOfMemoryError
from attngs.reading.progress import track

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Outcome: TypeAlias = "Result | ModelError"

Forward: TypeAlias = "Callable[[list[int], bool], list[Outcome[Result]]]"
"""From the numbers of some inputs to their results or errors, in the same order. The flag asks to save memory at the price of time."""

WASTE = 1.25
"""The longest input of a batch is at most this many times as long as the shortest: padding costs as much time as tokens."""


def in_batches(
    lengths: Sequence[int],
    forward: Forward[Result],
    *,
    max_batch_tokens: int,
    kinds: Sequence[Hashable] | None = None,
) -> list[Outcome[Result]]:
    """Run every input, together with others of about its length.

    A batch that runs out of memory is split in two and tried once more, saving memory. One that fails in another way is run input by input.

    Args:
        lengths: Tokens of each input.
        forward: One pass.
        max_batch_tokens: Tokens of a batch, including padding; a longer input runs by itself.
        kinds: Only inputs of the same kind share a batch.
    """
    outcomes: dict[int, Outcome[Result]] = {}
    for batch in track(list(_batches(lengths, kinds or [0] * len(lengths), max_batch_tokens)), "reading"):
        outcomes |= zip(batch, _attempt(batch, forward), strict=True)
    return [outcomes[i] for i in range(len(lengths))]


def _batches(lengths: Sequence[int], kinds: Sequence[Hashable], max_batch_tokens: int) -> Iterator[list[int]]:
    """Batches of inputs in the order of their length, kind by kind."""
    numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    batch = list[int]()
    for i in sorted(range(len(lengths)), key=lambda i: (numbers[kinds[i]], lengths[i])):
        if batch and not (
            kinds[i] == kinds[batch[0]] and (len(batch) + 1) * lengths[i] <= max_batch_tokens and lengths[i] <= WASTE * lengths[batch[0]]
        ):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _attempt(batch: list[int], forward: Forward[Result]) -> list[Outcome[Result]]:
    try:
        return forward(batch, False)
    except OutOfMemoryError:
        logger.warning("a batch of %d inputs ran out of memory; it is split and tried once more", len(batch))
        half = (len(batch) + 1) // 2
        parts, spare = [batch[:half], batch[half:]], True
    except ModelError as error:
        if len(batch) == 1:
            return [error]
        parts, spare = [[i] for i in batch], False
    # not inside `except`: an error that is being handled keeps everything in memory that its pass held
    return [outcome for part in parts if part for outcome in _last_attempt(part, forward, spare=spare)]


def _last_attempt(batch: list[int], forward: Forward[Result], *, spare: bool) -> list[Outcome[Result]]:
    try:
        return forward(batch, spare)
    except ModelError as error:
        return [error for _ in batch]
