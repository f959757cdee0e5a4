"""`AttnGSCompressor`: retrieved documents, made short for the question under one token budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import Runnable, RunnableConfig, patch_config
from pydantic import ConfigDict, Field

from attngs.hosts.apart import APART, Apart
from attngs.hosts.jobs import Job, Steps
from attngs.selection import ExtractLayout
from langchain_attngs.documents import as_texts, check_question, merged, shortened
from langchain_attngs.settings import CompressionSettings
from langchain_attngs.tracing import Ledger, traced

LABELLED = ExtractLayout()
"""Of a merged document: each text under its label."""


class Question(TypedDict):
    """What `as_runnable()` takes."""

    documents: Sequence[Document]
    query: str


class AttnGSCompressor(CompressionSettings, BaseDocumentCompressor):
    """Keeps what matters to the question of all documents together, in at most `target_tokens` tokens.

    Documents come back as copies, in their order, with id and metadata; those of which nothing was kept do not come back. The budget
    holds for their texts joined by blank lines. `metadata["relevance_score"]` is the best score of a document's kept sentences, and
    `metadata["attngs"]` says what was kept: `method`, `spans` in the original text, `scores`, `tokens`, `original_tokens`. When everything
    fits, no model runs: documents come back as they are, with method `passthrough` and no score.

    ```python
    compressor = AttnGSCompressor(target_tokens=512)
    retriever = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=retriever)
    ```

    Raises:
        InputError: While compressing: there is no question, or an entry is no document.
        ModelNotFoundError: While compressing: there is no model of the marker's name.
        ChatError: While compressing: `llm` failed, and `on_llm_error` is `raise`.
    """

    output: Literal["per_document", "merged"] = "per_document"
    """A document for each, or one for all, with labels `[1]`, `[2]` ... that `metadata["attngs"]["sources"]` resolves."""

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None) -> list[Document]:
        """Make documents short for the question, in one run named after this class."""
        return self.as_runnable().invoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    async def acompress_documents(self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None) -> list[Document]:
        """`compress_documents` without blocking the event loop: concurrent calls are marked in one batch, `llm` is awaited."""
        return await self.as_runnable().ainvoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    def as_runnable(self) -> Runnable[Question, list[Document]]:
        """For LCEL: takes `{"documents": ..., "query": ...}`, returns the documents."""
        return traced(type(self).__name__, self._steps, workers=self.max_concurrency)

    def _steps(self, question: Question, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        documents, query = check_question(question)
        if not documents:
            return [], Ledger(target_tokens=self.target_tokens)
        compress = self._apart if self.output == "per_document" else self._merged
        return (yield from compress(documents, query, config))

    def _apart(self, documents: Sequence[Document], query: str, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        apart = Apart(extractor=self.extractor(APART), writer=self.writer(config, APART), counter=self.found_counter())
        texts = as_texts(documents)
        result = yield from apart.steps(texts, query, target_tokens=self.target_tokens, namespace=self.namespace)
        out = [shortened(documents[part.position], part) for part in result.parts]
        return out, Ledger(
            documents=len(documents),
            kept_documents=len(out),
            original_tokens=result.original_tokens,
            compressed_tokens=result.compressed_tokens,
            target_tokens=self.target_tokens,
            method=result.method,
            reason=result.reason,
            writer_usage=result.usage,
        )

    def _merged(self, documents: Sequence[Document], query: str, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        compressor = self.writer(config, LABELLED) or self.extractor(LABELLED)
        texts = as_texts(documents)
        job = Job(compressor=compressor, documents=texts, query=query, target_tokens=self.target_tokens, namespace=self.namespace)
        [result] = yield [job]
        return [merged(documents, result)] if result.text.strip() else [], Ledger.of([result])


class AttnGSRetriever(BaseRetriever):
    """Retrieves with one retriever and keeps what matters to the question of what it finds. Needs `langchain-core` alone.

    Whatever the call is given beside the question goes on to the wrapped retriever, `k` for instance.

    ```python
    retriever = AttnGSRetriever(retriever=store.as_retriever(), compressor=AttnGSCompressor(target_tokens=512))
    ```
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    retriever: RetrieverLike
    """Finds: any runnable from a question to documents."""
    compressor: AttnGSCompressor = Field(repr=False)
    """Shortens."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any) -> list[Document]:
        found = self.retriever.invoke(query, patch_config(None, callbacks=run_manager.get_child()), **kwargs)
        return self.compressor.compress_documents(found, query, run_manager.get_child())

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        found = await self.retriever.ainvoke(query, patch_config(None, callbacks=run_manager.get_child()), **kwargs)
        return await self.compressor.acompress_documents(found, query, run_manager.get_child())
