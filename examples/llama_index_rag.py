"""A LlamaIndex query engine over three months of one person's memory, with and without attngs.

Needs no key and no network. The response mode `context_only` returns the context itself: what an LLM would be sent, and you would pay for.
"""

from __future__ import annotations

import io

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from pydantic import PrivateAttr
from sentence_transformers import SentenceTransformer
from side_by_side import DATA, print_side_by_side, read_questions

from attngs import read_documents, split_sentences
from attngs.reading.embedded import assets_folder
from llama_index_attngs import AttnGSPostprocessor


class MiniLM(BaseEmbedding):
    """all-MiniLM-L6-v2 from the package that the embedded marker uses too."""

    _model: SentenceTransformer = PrivateAttr(default_factory=lambda: SentenceTransformer(str(assets_folder()), device="cpu"))

    def _get_text_embedding(self, text: str) -> list[float]:
        embedding: list[float] = self._model.encode(text).tolist()
        return embedding

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def main() -> None:
    Settings.llm = MockLLM()  # never asked, but LlamaIndex requires one
    documents = [Document(text=d.text, id_=d.id, metadata={"source": d.id}) for d in read_documents([DATA / "maren"], io.BytesIO())]
    splitter = SentenceSplitter(chunk_size=512, chunk_overlap=64, chunking_tokenizer_fn=sentences)
    index = VectorStoreIndex.from_documents(documents, embed_model=MiniLM(), transformations=[splitter])
    plain = index.as_query_engine(similarity_top_k=10, response_mode="context_only")
    shorter = index.as_query_engine(
        similarity_top_k=10, response_mode="context_only", node_postprocessors=[AttnGSPostprocessor(target_tokens=256)]
    )
    for question in read_questions(3):
        print_side_by_side(question, {"without": str(plain.query(question.text)), "with attngs": str(shorter.query(question.text))})


if __name__ == "__main__":
    main()
