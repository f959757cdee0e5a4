"""`AttnGSRetriever`: any retriever, whose documents come back short."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import patch_config
from pydantic import ConfigDict, Field

from langchain_attngs.compressor import AttnGSCompressor


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
