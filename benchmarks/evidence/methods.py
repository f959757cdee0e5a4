"""The methods that are compared, as a table: a row more is a method more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from attngs.learning.metrics import Place
from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.differential import DifferentialScorer
from attngs.marking.scorers.fusion import FusedScorer, RankFusionScorer
from attngs.marking.scorers.late_attention import LateAttentionScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.simple import LeadScorer, RandomScorer, RecencyScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.protocols import Scorer, TokenCounter
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import load_embedded
from attngs.reading.loading import LoadedModel
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import TokenizerCounter
from attngs.types import Document
from benchmarks.evidence.rivals import LlmSlim, RagCompress, missing

OURS, BM25, COSINE = "attngs", "BM25", "MiniLM cosine"
BEST = (BM25, COSINE)
"""The cheap methods; the better of them on a set is what ours is held against."""

CACHE_BYTES = 3 * 2**29
"""For states: more than the longest run of rows that share documents needs."""
SAME = ("Are these the same weights?", "Tea without sugar, please.")


@runtime_checkable
class Extractor(Protocol):
    """A method that chooses text by itself instead of scoring units."""

    def extract(self, query: str, documents: Sequence[Document], target_tokens: int) -> Sequence[Place]: ...


class Everything:
    """The whole context, whatever the budget."""

    def extract(self, query: str, documents: Sequence[Document], target_tokens: int) -> list[Place]:
        return [(number, 0, len(document.text)) for number, document in enumerate(documents)]


class Bench:
    """The models that methods share, each loaded once, on first use.

    Args:
        marker: A model on the hub or a folder, to be measured too.
        probe: A fitted probe, of `marker` or else of the embedded marker.
        adapter: A trained adapter, the same way.
    """

    def __init__(self, marker: str | None = None, probe: Path | None = None, adapter: Path | None = None) -> None:
        self.marker, self.probe, self.adapter = marker, probe, adapter

    @cached_property
    def default(self) -> Marker:
        return Marker.default(cache_bytes=CACHE_BYTES)

    @cached_property
    def _mini(self) -> LoadedModel:
        return load_embedded()

    @cached_property
    def counter(self) -> TokenCounter:
        """The tokens of every budget."""
        return TokenizerCounter(self._mini.tokenizer, self._mini.name)

    @cached_property
    def states(self) -> SentenceStates:
        """MiniLM's as published: those of the default marker where they are the same, so that each sentence is read once."""
        own = SentenceStates(self._mini, cache=ContextCache(CACHE_BYTES))
        found = getattr(self.default.scorer, "states", None)
        if isinstance(found, SentenceStates) and all(map(torch.equal, found.states(SAME), own.states(SAME))):
            return found
        return own

    @cached_property
    def lexical(self) -> LexicalScorer:
        return LexicalScorer()

    @cached_property
    def attention(self) -> Scorer:
        """Of `--marker`, by itself."""
        assert self.marker is not None
        return Marker.from_pretrained(self.marker, config=AttentionConfig()).scorer

    def load(self, **parts: Path | None) -> Marker:
        """The marker that was asked for, or the embedded one, with a probe or an adapter."""
        settings: dict[str, Any] = {name: path for name, path in parts.items() if path is not None}
        if self.marker is not None:
            return Marker.from_pretrained(self.marker, **settings)
        if "adapter" in settings:
            return Marker.from_pretrained(settings["adapter"])  # which names its base
        return Marker.default(**settings)


Family = Literal["bound", "simple", "rival", "ours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method."""

    name: str
    family: Family
    make: Callable[[Bench], Scorer | Extractor]
    note: str
    why_not: Callable[[Bench], str | None] = lambda bench: None
    """The reason to leave it out."""
    asked: bool = False
    """Whether it is there only when the command line names a model, probe or adapter; else it is not even mentioned."""


def _needs(option: str) -> Callable[[Bench], str | None]:
    return lambda bench: None if getattr(bench, option) else f"no --{option}"


def _ragcompress_reason(bench: Bench) -> str | None:
    if bench.marker is None:
        return "its AttentionScorer needs a decoder (--marker), its default a cross-encoder from the hub"
    return missing("ragcompress") or (None if isinstance(bench.attention, AttentionScorer) else "--marker is no decoder")


METHODS = (
    Method(name="full", family="bound", make=lambda b: Everything(), note="everything, over any budget"),
    Method(name="random", family="simple", make=lambda b: RandomScorer(), note="seeded by the question"),
    Method(name="recency", family="simple", make=lambda b: RecencyScorer(), note="the end first"),
    Method(name="lead", family="simple", make=lambda b: LeadScorer(), note="the first sentence of each document, then the second, ..."),
    Method(name=BM25, family="simple", make=lambda b: b.lexical, note="ours, Lucene's idf, k1 1.2, b 0.75"),
    Method(
        name=COSINE,
        family="simple",
        make=lambda b: CosineScorer(b.states),
        note="all-MiniLM-L6-v2; what LangChain's EmbeddingsFilter and LlamaIndex's SentenceEmbeddingOptimizer do",
    ),
    Method(
        name="RRF of both",
        family="simple",
        make=lambda b: RankFusionScorer((b.lexical, 1.0), (CosineScorer(b.states), 1.0)),
        note="reciprocal rank fusion of BM25 and MiniLM cosine, k 60",
    ),
    Method(
        name="llmslim",
        family="rival",
        make=lambda b: LlmSlim(b.counter),
        note="0.11.2, fit_text: its own units and choice; the same for all units",
        why_not=lambda b: missing("llmslim"),
    ),
    Method(
        name="ragcompress",
        family="rival",
        make=lambda b: RagCompress(str(b.marker)),
        note="0.1.0, AttentionScorer on the weights of --marker, at most 4,096 tokens; its default cross-encoder cannot be had offline",
        why_not=_ragcompress_reason,
    ),
    Method(
        name="late attention",
        family="ours",
        make=lambda b: LateAttentionScorer(b.states),
        note="the question's tokens attend to MiniLM's cached states",
    ),
    Method(
        name="late attention + BM25",
        family="ours",
        make=lambda b: FusedScorer((LateAttentionScorer(b.states), 1.0), (b.lexical, 1.0)),
        note="sum of z-scores",
    ),
    Method(
        name="zero-shot fusion",
        family="ours",
        make=lambda b: FusedScorer((LateAttentionScorer(b.states), 1.0), (CosineScorer(b.states), 1.0), (b.lexical, 0.5)),
        note="z(late attention) + z(cosine) + 0.5 z(BM25): nothing trained, in every language",
    ),
    Method(name=OURS, family="ours", make=lambda b: b.default.scorer, note="Marker.default(), as shipped"),
    Method(
        name="marker",
        family="ours",
        make=lambda b: b.load().scorer,
        note="--marker as `Marker.from_pretrained` reads it",
        why_not=_needs("marker"),
        asked=True,
    ),
    Method(
        name="marker: attention",
        family="ours",
        make=lambda b: b.attention,
        note="of its question tokens, in the middle to upper layers",
        why_not=_needs("marker"),
        asked=True,
    ),
    Method(
        name="marker: differential",
        family="ours",
        make=lambda b: DifferentialScorer(b.attention),
        note="as a multiple of the attention to a neutral question",
        why_not=_needs("marker"),
        asked=True,
    ),
    Method(
        name="marker: attention + BM25",
        family="ours",
        make=lambda b: FusedScorer((b.attention, 1.0), (b.lexical, 1.0)),
        note="sum of z-scores",
        why_not=_needs("marker"),
        asked=True,
    ),
    Method(
        name="probe",
        family="ours",
        make=lambda b: b.load(probe=b.probe).scorer,
        note="--probe, on --marker or else the embedded marker",
        why_not=_needs("probe"),
        asked=True,
    ),
    Method(
        name="adapter",
        family="ours",
        make=lambda b: b.load(adapter=b.adapter).scorer,
        note="--adapter, on --marker or else the model that it names",
        why_not=_needs("adapter"),
        asked=True,
    ),
)
NAMES = tuple(method.name for method in METHODS)
FAMILIES = {method.name: method.family for method in METHODS} | {"oracle": "bound"}


def choose(bench: Bench, wanted: Sequence[str] | None) -> tuple[dict[str, Scorer | Extractor], dict[str, str]]:
    """The methods that can run, and those that cannot, with the reason. BM25, cosine and ours are always there: all are held against them.

    Args:
        bench: The models.
        wanted: Names; all when not given.
    """
    names = set(wanted) | {OURS, *BEST} if wanted is not None else set(NAMES)
    chosen: dict[str, Scorer | Extractor] = {}
    left_out: dict[str, str] = {}
    for method in METHODS:
        if method.name not in names:
            continue
        reason = method.why_not(bench)
        if reason is None:
            chosen[method.name] = method.make(bench)
        elif not method.asked or wanted is not None:
            left_out[method.name] = reason
    return chosen, left_out
