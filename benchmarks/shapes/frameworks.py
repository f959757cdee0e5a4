"""What LangChain and LlamaIndex offer for this, with the embedded model. Imported on first use: the frameworks take seconds to load."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from llama_index.core.postprocessor import SentenceEmbeddingOptimizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from benchmarks.llama_index_rag import SHARES, MiniLM
from benchmarks.shapes.data import Row
from benchmarks.shapes.methods import CHUNK, Bench


class LangChainMiniLM(Embeddings):
    """LlamaIndex's MiniLM for LangChain."""

    def __init__(self, model: MiniLM) -> None:
        self._model = model

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._model.get_text_embedding_batch(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._model.get_query_embedding(text)


def embeddings_filter(bench: Bench, row: Row) -> str:
    """The chunks that are nearest to the question while they fit; the first that does not is cut."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=0)
    chunks = splitter.split_documents([Document(document.text) for document in row.documents])
    store = InMemoryVectorStore(LangChainMiniLM(_embeddings()))
    store.add_documents(chunks)
    nearest = store.similarity_search(row.query, k=len(chunks))
    return _filled(bench, [chunk.page_content for chunk in nearest], row.target_tokens)


def embedding_optimizer(bench: Bench, row: Row) -> str:
    """The largest share of the sentences that fits, or the beginning of the shortest result."""
    texts = [_optimized(row, share) for share in sorted(SHARES, reverse=True)]
    fitting = [text for text in texts if bench.size(text) <= row.target_tokens]
    return fitting[0] if fitting else bench.cut(min(texts, key=bench.size), row.target_tokens)


@cache
def _embeddings() -> MiniLM:
    return MiniLM(remembers=True)


def _optimized(row: Row, share: float) -> str:
    optimizer = SentenceEmbeddingOptimizer(embed_model=_embeddings(), percentile_cutoff=share)
    nodes = [NodeWithScore(node=TextNode(text=document.text)) for document in row.documents]
    found = optimizer.postprocess_nodes(nodes, query_bundle=QueryBundle(row.query))
    return "\n".join(node.node.get_content() for node in found)


def _filled(bench: Bench, pieces: Sequence[str], target_tokens: int) -> str:
    kept = ""
    for piece in pieces:
        longer = f"{kept}\n{piece}" if kept else piece
        if bench.size(longer) > target_tokens:
            return bench.cut(longer, target_tokens)
        kept = longer
    return kept
