"""The methods: row -> kept text, all under the row's budget, which is hard.

A method that knows no budget of its own is asked for as much as fits. If its shortest result is too long, its end is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import version

from attngs.compressor import ContextCompressor
from attngs.marking.marker import Marker
from attngs.protocols import TokenCounter
from benchmarks.evidence.rivals import LlmSlim, missing
from benchmarks.shapes.data import Row

OURS = "attngs"
CHUNK = 300
"""Characters of a chunk for LangChain's filter: the size in LangChain's own example."""


class Bench:
    """The default marker, loaded on first use, and its tokens."""

    @cached_property
    def marker(self) -> Marker:
        return Marker.default()

    @cached_property
    def counter(self) -> TokenCounter:
        """The tokens of every budget."""
        assert self.marker.counter is not None
        return self.marker.counter

    def size(self, text: str) -> int:
        """Tokens of a text."""
        return self.counter.count([text])[0]

    def cut(self, text: str, target_tokens: int) -> str:
        """The beginning of the text that fits."""
        while text and (size := self.size(text)) > target_tokens:
            text = text[: int(len(text) * min(0.99, target_tokens / size))]
        return text


Keep = Callable[[Bench, Row], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method."""

    name: str
    note: str
    keep: Keep
    package: str | None = None
    """What must be installed, if `attngs[dev]` does not bring it."""


def _attngs(bench: Bench, row: Row) -> str:
    return ContextCompressor(bench.marker).compress(row.documents, row.query, target_tokens=row.target_tokens).text


def _framework(name: str) -> Keep:
    def keep(bench: Bench, row: Row) -> str:
        return str(getattr(import_module("benchmarks.shapes.frameworks"), name)(bench, row))

    return keep


def _llmslim(bench: Bench, row: Row) -> str:
    places = LlmSlim(bench.counter).extract(row.query, row.documents, row.target_tokens)
    return bench.cut("\n".join(row.documents[number].text[start:end] for number, start, end in places), row.target_tokens)


def _first_tokens(bench: Bench, row: Row) -> str:
    return bench.cut("\n".join(document.text for document in row.documents), row.target_tokens)


METHODS = (
    Method(name=OURS, note="`ContextCompressor(Marker.default())`, verbatim extract", keep=_attngs),
    Method(
        name="EmbeddingsFilter",
        note=f"langchain-core {version('langchain-core')}: `RecursiveCharacterTextSplitter` with {CHUNK} characters, chunks by MiniLM "
        "cosine with the question. This is the order of `EmbeddingsFilter`, taken from `InMemoryVectorStore`, since that class needs "
        "langchain-community. The nearest chunks that fit; the next one is cut",
        keep=_framework("embeddings_filter"),
    ),
    Method(
        name="SentenceEmbeddingOptimizer",
        note=f"llama-index-core {version('llama-index-core')}: MiniLM, one sentence of context on either side (its default), the largest "
        "percentile that fits; when none fits, the end of the shortest result is cut",
        keep=_framework("embedding_optimizer"),
    ),
    Method(name="llmslim", note="`fit_text`, asked for less until it fits", keep=_llmslim, package="llmslim"),
    Method(name="first tokens", note="the beginning of the text", keep=_first_tokens),
)
NAMES = tuple(method.name for method in METHODS)


def choose(wanted: Sequence[str]) -> tuple[list[Method], dict[str, str]]:
    """The methods that can run, and those that cannot, with the reason."""
    named = [method for method in METHODS if method.name in wanted]
    reasons = {method.name: missing(method.package) for method in named if method.package}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    return [method for method in named if method.name not in left_out], left_out
