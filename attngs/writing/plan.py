"""Is it worth it? What a compression would cost and save, known before the writer is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median

from attngs.errors import ConfigError
from attngs.types import Marking, Message, Selection

LOW = 1.15
"""Below this `standout` no sentence stands out."""

LEAST = 8
"""Sentences that are needed to tell whether one stands out."""


def standout(scores: Sequence[float]) -> float:
    """How far the best sentence stands out; 1 is chance, infinite where there is nothing to compare with.

    Args:
        scores: Of the sentences `(S,)`.
    """
    if len(scores) < LEAST:
        return math.inf
    middle = median(scores)
    spread = 1.4826 * median(abs(score - middle) for score in scores)
    lead = max(scores) - middle
    if lead <= 0:
        return 0.0
    return lead / spread / math.sqrt(2 * math.log(len(scores))) if spread > 0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What your models cost per million tokens, in one currency; leave out what you do not know.

    Args:
        reader_price: Of input to the model that reads the context.
        cached_reader_price: Of input that the reader's provider has seen before, at the beginning of a request; `reader_price` when not
            given.
        writer_input_price: Of input to the writer.
        writer_output_price: Of the writer's output.

    Raises:
        ConfigError: A price is negative or infinite, or the cached one is above the reader's.
    """

    reader_price: float = 0.0
    cached_reader_price: float | None = None
    writer_input_price: float = 0.0
    writer_output_price: float = 0.0

    @property
    def cached_price(self) -> float:
        """Of what the reader's provider has seen before."""
        return self.reader_price if self.cached_reader_price is None else self.cached_reader_price

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if name == "cached_reader_price" and value is None:
                continue
            if not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ConfigError(f"`{name}` must be a number of at least 0, and finite, got {value!r}.")
        if self.cached_price > self.reader_price:
            raise ConfigError(f"`cached_reader_price` must be at most `reader_price`, {self.reader_price}, got {self.cached_reader_price}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A dry run: everything that is known before the writer is asked."""

    marking: Marking
    selection: Selection
    """The verbatim extract."""
    conversations: tuple[tuple[Message, ...], ...]
    """What the writer would be sent first; several where the context is larger than its window, none without a writer."""
    original_tokens: int
    target_tokens: int
    passthrough: bool
    """Everything fits: no model runs, and nothing is compressed."""
    standout: float
    """How far the best sentence stands out from the rest; 1 is chance (`attngs.writing.plan`)."""
    writer_input_tokens: int
    """In the reader's tokens; the writer's own may differ by a fifth."""
    writer_output_tokens: int
    """At most, if no reply has to be asked for again."""
    rates: Rates = Rates()
    milliseconds: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def low_confidence(self) -> bool:
        """No sentence stands out: the context may hold no answer, or all of it matters."""
        return self.standout < LOW

    @property
    def compressed_tokens(self) -> int:
        """What the reader would get: the extract's tokens, or at most the budget of a rewrite."""
        return min(self.target_tokens, self.writer_output_tokens) if self.conversations else self.selection.tokens

    @property
    def compression_ratio(self) -> float:
        """`original_tokens / compressed_tokens`."""
        return ratio(self.original_tokens, self.compressed_tokens)

    @property
    def writer_cost(self) -> float:
        """The price of asking the writer once."""
        return (self.writer_input_tokens * self.rates.writer_input_price + self.writer_output_tokens * self.rates.writer_output_price) / 1e6

    @property
    def saving(self) -> float:
        """What a first read of the short context saves, compared with a first read of the whole."""
        return (self.original_tokens - self.compressed_tokens) * self.rates.reader_price / 1e6

    @property
    def saving_again(self) -> float:
        """What a further read of the same short context saves, when a provider's cache has both."""
        return (self.original_tokens - self.compressed_tokens) * self.rates.cached_price / 1e6

    @property
    def saving_on_a_new_question(self) -> float:
        """What is saved when a provider's cache has the whole context from an earlier question.

        The short context is another one for each question, so it is billed in full. Below 0, the whole costs less.
        """
        return (self.original_tokens * self.rates.cached_price - self.compressed_tokens * self.rates.reader_price) / 1e6

    @property
    def break_even_reads(self) -> float:
        """Reads of the short context that pay for the writer: 0 without a writer's price, infinite for never.

        From the second one on, a read saves only `saving_again`.
        """
        if not self.writer_cost:
            return 0.0
        if self.writer_cost <= self.saving:
            return self.writer_cost / self.saving
        return 1 + (self.writer_cost - self.saving) / self.saving_again if self.saving > 0 and self.saving_again > 0 else math.inf

    @property
    def advice(self) -> str:
        """One sentence for people."""
        if self.passthrough:
            return "The context fits the budget: hand it on as it is."
        if self.break_even_reads > 1:
            times = f"after {math.ceil(self.break_even_reads)} reads" if self.break_even_reads != math.inf else "never"
            return f"The writer costs more than a read saves: it pays {times}; the verbatim extract pays at once."
        if self.low_confidence:
            return (
                "No sentence stands out: the context may not hold the answer, or all of it matters. Check before you rely on a part of it."
            )
        if self.saving_on_a_new_question < 0:
            return (
                "If you ask about the same context again and again, hand it on whole: your provider's cache makes that cheaper than a "
                "short context that is new each time."
            )
        return f"Compression makes the context {self.compression_ratio:.1f} times shorter."


def ratio(original_tokens: int, compressed_tokens: int) -> float:
    """`original_tokens / compressed_tokens`: 4.0 means four times smaller; infinite if nothing is left."""
    if compressed_tokens:
        return original_tokens / compressed_tokens
    return math.inf if original_tokens else 1.0
