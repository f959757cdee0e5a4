"""`AttnGSRetriever`: LangChain's own tests for retrievers, and what it passes on."""

from __future__ import annotations

from typing import Any

import pytest
from chat_models import ScriptedModel, Tracer
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError
from test_langchain_rewrite import QUERY, notes, rewriter

from attngs import Marker
from attngs.testing import FakeScorer, count_words
from langchain_attngs import AttnGSCompressor, AttnGSRetriever


class Notes(BaseRetriever):
    """Finds the first `k` of its notes."""

    k: int = 4

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any) -> list[Document]:
        return notes(kwargs.get("k", self.k))

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any, **kwargs: Any) -> list[Document]:
        return notes(kwargs.get("k", self.k))


class ShortNotes(AttnGSRetriever):
    """For LangChain's tests, which make a retriever with `k` alone."""

    def __init__(self, k: int = 4) -> None:
        compressor = AttnGSCompressor(marker=Marker(FakeScorer("key")), counter=count_words, target_tokens=200)
        super().__init__(retriever=Notes(k=k), compressor=compressor)


class TestAsLangChainTestsIt(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[ShortNotes]:
        return ShortNotes

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"k": 3}

    @property
    def retriever_query_example(self) -> str:
        return QUERY


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_runs_are_below_its_own_and_arguments_go_on(how: str) -> None:
    tracer = Tracer()
    retriever = AttnGSRetriever(retriever=Notes(), compressor=rewriter(ScriptedModel()))
    config: Any = {"callbacks": [tracer]}
    documents = retriever.invoke(QUERY, config, k=2) if how == "sync" else await retriever.ainvoke(QUERY, config, k=2)
    assert [d.id for d in documents] == ["d0", "d1"]
    assert [d.metadata["attngs"]["method"] for d in documents] == ["extract", "rewrite"]
    assert "AttnGSRetriever > Notes" in tracer.paths()
    assert "AttnGSRetriever > AttnGSCompressor > ScriptedModel" in tracer.paths()
    assert [(run, data["documents"]) for run, _, data in tracer.events] == [("AttnGSCompressor", 2)]


async def test_any_runnable_can_retrieve() -> None:
    retriever = AttnGSRetriever(retriever=RunnableLambda(lambda query: notes(3)), compressor=rewriter(ScriptedModel()))
    assert [d.id for d in retriever.invoke(QUERY)] == [d.id for d in await retriever.ainvoke(QUERY)] == ["d0", "d1", "d2"]


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        AttnGSRetriever(retriever=Notes(), compressor=rewriter(ScriptedModel()), k=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="retriever"):
        AttnGSRetriever(retriever="notes", compressor=rewriter(ScriptedModel()))  # type: ignore[arg-type]
