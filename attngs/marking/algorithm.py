"""The algorithm: attention of one row -> one score per sentence -> marks.

1. The marker reads `instruction + context + question` once. `A[l, h, t]` is the attention that one position, the last or the mean of the
   question's, pays to token `t` in layer `l` and head `h`: one row of a softmax over everything that was read. The literature calls it
   the probe row; `read_from` chooses the position.
2. Per sentence, `m[l, h, i]` is the sum of `A[l, h, t]` over the tokens of sentence `i`                         `attention.py`
3. Heads are averaged, or weighted: `m[l, i]`                                                                    `pool_heads`
4. Windows are put on one scale: attention thins out as more is read at once, so `m[l, h, i]` is multiplied by
   the number of tokens that its softmax ran over; 1 a token is what uniform attention would give                `lift`
   Layers are put on one scale: each is divided by its sum over the context                                      `normalise_layers`
5. Layers are averaged, and the mass of a sentence is divided by its tokens: the score `s_i`                     `token_density`
6. `i` is marked when `s_i >= alpha * max_j s_j`, or by another rule                                             `AlphaRule`, ...

Steps 2, 3, 5 and 6 are those of Attn-GS (arXiv 2602.07778) and of SelfElicit (arXiv 2502.08767); step 4 is ours and changes nothing when
the text fits one window and one layer is read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from attngs.errors import ConfigError, ModelError, check_whole
from attngs.protocols import Floats


def score_sentences(mass: Floats, tokens: Floats, head_weights: Floats | None = None) -> Floats:
    """Steps 3 to 5: lifted attention -> scores.

    Args:
        mass: Lifted attention per sentence `(L, H, S)`; see `lift`.
        tokens: Tokens of each sentence `(S,)`.
        head_weights: `(L, H)`; the mean over heads when not given.

    Returns:
        Scores `(S,)`, not negative, higher = more important. A sentence without tokens scores 0.
    """
    per_layer = pool_heads(mass, head_weights)  # (L, S)
    shares = normalise_layers(per_layer)  # (L, S)
    return token_density(shares.mean(axis=0), tokens)  # (S,)


def pool_heads(mass: Floats, head_weights: Floats | None = None) -> Floats:
    """`(L, H, S)` -> `(L, S)`: the mean over heads, or their weighted sum."""
    if head_weights is None:
        return np.asarray(mass.mean(axis=1))
    if head_weights.shape != mass.shape[:2]:
        raise ConfigError(f"`head_weights` has shape {head_weights.shape}; layers and heads read are {mass.shape[:2]}.")
    return np.asarray(np.einsum("lhs,lh->ls", mass, head_weights))


def lift(mass: Floats, read_tokens: int) -> Floats:
    """Attention as a multiple of uniform attention, any shape: so windows of different lengths compare."""
    return mass * read_tokens


def normalise_layers(per_layer: Floats) -> Floats:
    """`(L, S)` -> `(L, S)`: each layer sums to 1, so one that gives more to sinks counts no less."""
    total = per_layer.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(per_layer, total, out=np.zeros_like(per_layer), where=total > 0))


def token_density(shares: Floats, tokens: Floats) -> Floats:
    """`(S,)` mass -> `(S,)` mean per token: a long sentence is not important for being long."""
    return np.asarray(np.divide(shares, tokens, out=np.zeros_like(shares), where=tokens > 0))


class MarkRule(Protocol):
    """Scores -> which sentences are marked."""

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]: ...


@dataclass(frozen=True, slots=True)
class AlphaRule:
    """The paper's rule: mark what reaches `alpha` times the best score, or all if scores are equal."""

    alpha: float = 0.3

    def __post_init__(self) -> None:
        _check_share("alpha", self.alpha)

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]:
        best, worst = max(scores, default=0.0), min(scores, default=0.0)
        return tuple(best == worst or (score > 0 and score >= self.alpha * best) for score in scores)


@dataclass(frozen=True, slots=True)
class TopK:
    """Mark the `k` best; ties go to the earlier sentence."""

    k: int

    def __post_init__(self) -> None:
        check_whole("k", self.k)

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]:
        chosen = set(ranking(scores)[: self.k])
        return tuple(i in chosen for i in range(len(scores)))


@dataclass(frozen=True, slots=True)
class TopP:
    """Mark the best sentences until they hold the share `p` of the total score; negative ones hold none."""

    p: float

    def __post_init__(self) -> None:
        _check_share("p", self.p)

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]:
        needed = self.p * math.fsum(score for score in scores if score > 0)
        held, chosen = 0.0, set[int]()
        for i in ranking(scores):
            if held >= needed or scores[i] <= 0:
                break
            held += scores[i]
            chosen.add(i)
        return tuple(i in chosen for i in range(len(scores)))


@dataclass(frozen=True, slots=True)
class Percentile:
    """Mark what reaches the `q`-th percentile (0 to 100) of the scores."""

    q: float

    def __post_init__(self) -> None:
        if not 0 <= self.q <= 100:
            raise ConfigError(f"`q` must lie in 0 ... 100, got {self.q!r}.")

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]:
        if not scores:
            return ()
        threshold = float(np.percentile(np.asarray(scores, dtype=np.float64), self.q))
        return tuple(score >= threshold for score in scores)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Mark what reaches a fixed score; made for calibrated probabilities."""

    minimum: float = 0.5

    def __call__(self, scores: Sequence[float]) -> tuple[bool, ...]:
        return tuple(score >= self.minimum for score in scores)


def ranking(scores: Sequence[float]) -> list[int]:
    """Indices from the best to the worst score; of equal scores the earlier comes first."""
    return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)  # a stable sort, also in reverse


def check_finite(scores: Sequence[float], expected: int) -> tuple[float, ...]:
    """The scores as plain floats.

    Raises:
        ModelError: They are no numbers, their number is not `expected`, or one is not finite.
    """
    try:
        numbers = tuple(float(score) for score in scores)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the scorer returned a {type(scores).__name__} that holds no scores ({error}); it must return floats.") from error
    if len(numbers) != expected:
        raise ModelError(f"the scorer returned {len(numbers)} scores for {expected} sentences; it must return one for each, in order.")
    for i, number in enumerate(numbers):
        if not math.isfinite(number):
            raise ModelError(
                f"the score of sentence {i} is {number}. If the model runs in half precision, load it with `dtype=torch.float32`."
            )
    return numbers


def check_probabilities(probabilities: Sequence[float], expected: int) -> tuple[float, ...]:
    """The probabilities as plain floats.

    Raises:
        ModelError: As in `check_finite`, or one is not from 0 to 1.
    """
    numbers = check_finite(probabilities, expected)
    if odd := next((number for number in numbers if not 0 <= number <= 1), None):
        raise ModelError(f"the scorer returned the probability {odd}; probabilities are from 0 to 1.")
    return numbers


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"`{name}` must be above 0 and at most 1, got {value!r}.")
