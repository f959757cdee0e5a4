"""How much retrieved evidence a LlamaIndex node postprocessor keeps, and how long it takes.

`python -m benchmarks.llama_index_rag [DATA_DIR]`: each row's documents in a vector index, ten chunks for its question, and every method
under the same budgets in the same engine. Results: `results/llama_index_rag.json` and `.md`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

import bm25s
import numpy as np
import torch
from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import SentenceEmbeddingOptimizer
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.utils import get_tokenizer
from pydantic import PrivateAttr
from sentence_transformers import SentenceTransformer

from attngs.learning.metrics import estimate
from attngs.reading.embedded import assets_folder
from attngs.text.sentences import split_sentences
from benchmarks.evidence.data import Row, sampled
from benchmarks.evidence.sets import load_set
from benchmarks.machine import RESULTS, describe_machine, save_results
from llama_index_attngs import AttnGSPostprocessor

SETS = {"madial_user1": 16, "expmrc": 16, "maren": 16, "qmsum_val": 4}
BUDGETS = (128, 256, 512)
TIMED = 256
"""The budget at which `SentenceEmbeddingOptimizer` is timed: it embeds every sentence anew at each call."""

TOP_K = 10
CHUNK, OVERLAP = 256, 32
SHARES = (0.9, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
"""Of sentences, of which `SentenceEmbeddingOptimizer` gets the one that fills the budget best: it knows none itself."""

JOIN = "\n\n"


class MiniLM(BaseEmbedding):
    """all-MiniLM-L6-v2, for the index and `SentenceEmbeddingOptimizer`: the embedded marker's weights."""

    remembers: bool = False
    _model: SentenceTransformer = PrivateAttr(default_factory=lambda: SentenceTransformer(str(assets_folder()), device="cpu"))
    _known: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        new = [text for text in texts if not self.remembers or text not in self._known]
        found = dict(zip(new, self._model.encode(new, show_progress_bar=False).tolist() if new else [], strict=True))
        if self.remembers:
            self._known |= found
        return [found[text] if text in found else self._known[text] for text in texts]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class WholeNodes(BaseNodePostprocessor):
    """Nodes from the front while they fit; the one that does not is cut. `rerank`: by BM25 first."""

    target_tokens: int
    rerank: bool = False

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        assert query_bundle is not None
        order = bm25_order([n.get_content() for n in nodes], query_bundle.query_str) if self.rerank else range(len(nodes))
        out, left = list[NodeWithScore](), self.target_tokens
        for i in order:
            words = cut(nodes[i].get_content(), left)
            if not words:
                break
            out.append(NodeWithScore(node=TextNode(text=words, id_=nodes[i].node_id), score=nodes[i].score))
            left -= tokens(JOIN + words)
        return out


class Stopwatch(BaseNodePostprocessor):
    """Stands before and after a postprocessor in the engine's list."""

    _times: list[float] = PrivateAttr(default_factory=list)

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        self._times.append(time.perf_counter())
        return nodes

    @property
    def last(self) -> float:
        return 1e3 * (self._times[-1] - self._times[-2])


Method = Callable[[VectorStoreIndex, str, int], tuple[str, float | None]]
"""Index, question and budget -> the text that the reader is shown, and milliseconds of postprocessing."""


def tokens(text: str) -> int:
    return len(get_tokenizer()(text))


def cut(text: str, budget: int) -> str:
    """The beginning of the text that fits."""
    while text and (size := tokens(text)) > budget:
        text = text[: int(len(text) * min(0.97, budget / size))] if budget > 0 else ""
    return text


def bm25_order(texts: Sequence[str], query: str) -> list[int]:
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(texts), show_progress=False), show_progress=False)
    words = bm25s.tokenize(query, return_ids=False, show_progress=False)[0]
    scores = index.get_scores(words) if words else np.zeros(len(texts))
    return sorted(range(len(texts)), key=lambda i: -scores[i])


def asked(index: VectorStoreIndex, query: str, postprocessors: Sequence[BaseNodePostprocessor]) -> tuple[str, float]:
    """Through the query engine, with the clock round its postprocessors."""
    watch = Stopwatch()
    engine = RetrieverQueryEngine.from_args(
        index.as_retriever(similarity_top_k=TOP_K), response_mode=ResponseMode.NO_TEXT, node_postprocessors=[watch, *postprocessors, watch]
    )
    nodes = engine.query(query).source_nodes
    return JOIN.join(n.node.get_content(metadata_mode=MetadataMode.LLM).strip() for n in nodes), watch.last


def optimizer(model: MiniLM, searching: MiniLM) -> Method:
    """`SentenceEmbeddingOptimizer` without context sentences, at the largest share that fits, or cut."""

    def run(index: VectorStoreIndex, query: str, budget: int) -> tuple[str, float | None]:
        def at(share: float, embed: MiniLM) -> tuple[str, float]:
            post = SentenceEmbeddingOptimizer(embed_model=embed, percentile_cutoff=share, context_before=0, context_after=0)
            return asked(index, query, [post])

        tried = [(tokens(at(share, searching)[0]), share) for share in SHARES]  # a share of a short node may be nothing, which means all
        fitting = [(size, share) for size, share in tried if size <= budget]
        share = max(fitting)[1] if fitting else min(tried)[1]
        text, milliseconds = at(share, model) if budget == TIMED else (at(share, searching)[0], None)
        return cut(text, budget), milliseconds

    return run


def methods() -> dict[str, Method]:
    ours = cache(lambda budget: AttnGSPostprocessor(target_tokens=budget))
    return {
        "all that was retrieved": lambda index, query, budget: asked(index, query, []),
        "first nodes that fit": lambda index, query, budget: asked(index, query, [WholeNodes(target_tokens=budget)]),
        "BM25 rerank, nodes that fit": lambda index, query, budget: asked(index, query, [WholeNodes(target_tokens=budget, rerank=True)]),
        "SentenceEmbeddingOptimizer": optimizer(MiniLM(), MiniLM(remembers=True)),
        "AttnGSPostprocessor": lambda index, query, budget: asked(index, query, [ours(budget)]),
    }


def kept(row: Row, text: str) -> float:
    """Share of the evidence's characters whose sentences stand in the text, white space aside."""
    shown, found, total = "".join(text.split()), 0, 0
    for number, start, end in row.evidence:
        piece = row.documents[number].text[start:end]
        for a, b in split_sentences(piece, "sentence"):
            sentence = "".join(piece[a:b].split())
            total += len(sentence)
            found += len(sentence) * (sentence in shown)
    return found / total if total else 0.0


def measure(folder: Path, limit: int | None) -> Iterator[tuple[str, dict[str, object]]]:
    """Set by set."""
    embed, all_methods = MiniLM(remembers=True), methods()
    for name, rows_wanted in SETS.items():
        rows = load_set(name, folder, 10**6, 0)
        if isinstance(rows, str):
            yield name, {"missing": rows}
            continue
        rows = sampled([row for row in rows if row.evidence and row.language == "en"], limit or rows_wanted, 0)
        table = {method: {budget: list[tuple[float, float | None, int]]() for budget in BUDGETS} for method in all_methods}
        for number, row in enumerate(rows, 1):
            print(f"{name}: {number} of {len(rows)}", file=sys.stderr)
            index = index_of(row, embed)
            for method, run in all_methods.items():
                for budget in BUDGETS:
                    text, milliseconds = run(index, row.query, budget)
                    assert method == "all that was retrieved" or tokens(text) <= budget, (method, budget, tokens(text))
                    table[method][budget].append((kept(row, text), milliseconds, tokens(text)))
        clusters = [row.cluster for row in rows]
        yield (
            name,
            {
                "questions": len(rows),
                "methods": {method: {str(b): summary(values, clusters) for b, values in by.items()} for method, by in table.items()},
            },
        )


def index_of(row: Row, embed: MiniLM) -> VectorStoreIndex:
    documents = [Document(text=document.text, id_=document.id) for document in row.documents]
    return VectorStoreIndex.from_documents(
        documents, embed_model=embed, transformations=[SentenceSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP)]
    )


def summary(values: Sequence[tuple[float, float | None, int]], clusters: Sequence[str]) -> dict[str, object]:
    recalls, times, sizes = zip(*values, strict=True)
    return {
        "evidence": [round(number, 3) for number in estimate(recalls, clusters)],
        "median_ms": None if None in times else round(median(times), 1),
        "tokens": round(fmean(sizes)),
    }


def page(results: Mapping[str, Any]) -> str:
    """All tables."""
    machine = results["machine"]
    lines = [
        "# Through a LlamaIndex query engine",
        "",
        "Generated by `python -m benchmarks.llama_index_rag` from `llama_index_rag.json`.",
        "",
        f"{machine['date']}, commit {machine['code']}, {machine['cpu']}, {machine['cores']} cores, torch on {machine['torch_threads']} "
        f"thread, load average {machine['load_average_at_start'][0]}, llama-index-core {machine['llama-index-core']}.",
        "",
        f"Chunks of {CHUNK} tokens with an overlap of {OVERLAP}, the {TOP_K} nearest by all-MiniLM-L6-v2. Cells: share of the evidence's "
        "characters whose sentences stand in what the reader is shown (95 % bootstrap over clusters), tokens, median ms of "
        "postprocessing.",
        "",
        "`SentenceEmbeddingOptimizer` knows no budget: it gets the percentile that fills it best, or is cut. It keeps nothing "
        "between calls; ours reads the nodes at the first budget, 128, and finds what it read at the others. "
        "A cross-encoder could not be measured, since no package brings its weights; BM25 stands for reranking without an LLM.",
        "",
    ]
    for name, found in results["sets"].items():
        lines += [f"## {name}", ""]
        if "missing" in found:
            lines += [f"Left out: {found['missing']}.", ""]
            continue
        lines += [f"{found['questions']} questions.", ""]
        lines += ["| | " + " | ".join(f"{budget} tokens" for budget in BUDGETS) + " |", "|---" * (len(BUDGETS) + 1) + "|"]
        lines += [f"| {method} | " + " | ".join(map(cell, by.values())) + " |" for method, by in found["methods"].items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def cell(found: Mapping[str, Any]) -> str:
    mean, low, high = found["evidence"]
    time_taken = "" if found["median_ms"] is None else f", {found['median_ms']:.0f} ms"
    return f"{mean:.2f} ({low:.2f} to {high:.2f}), {found['tokens']} tokens{time_taken}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, help="rows of each set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    Settings.llm, Settings.embed_model = MockLLM(), MockEmbedding(embed_dim=1)  # nobody asks them
    machine = describe_machine() | {"llama-index-core": version("llama-index-core")}
    sets = dict[str, object]()
    results = {"machine": machine, "top_k": TOP_K, "chunk": [CHUNK, OVERLAP], "sets": sets}
    for name, found in measure(options.data, options.limit):  # what was measured is kept when somebody loses patience
        sets[name] = found
        save_results("llama_index_rag", results)
        (RESULTS / "llama_index_rag.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
