"""The postprocessor in every engine that takes one, as a user would build it."""

from __future__ import annotations

import asyncio
import re
from copy import deepcopy
from typing import Any

import pytest
from llama_index.core import DocumentSummaryIndex, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer, VectorMemoryBlock
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine, RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import Document, MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool, RetrieverTool, ToolMetadata
from llama_nodes import GARDEN, KITCHEN, PARIS, QUESTION, RecordingLLM, three_nodes

from attngs import Marker, Splitter
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import count_words
from llama_index_attngs import AttnGSPostprocessor

KEPT = "Her pills are blue.\n\nShe takes the pills at nine."


class SharedNodes(BaseRetriever):
    """Returns the very objects that it holds, as an index in memory may."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = three_nodes()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.nodes


class First(BaseSelector):
    """A router that always takes the first way."""

    def _select(self, choices: Any, query: QueryBundle) -> SelectorResult:
        return SelectorResult(selections=[SingleSelection(index=0, reason="it is the first")])

    async def _aselect(self, choices: Any, query: QueryBundle) -> SelectorResult:
        return self._select(choices, query)

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """It has none."""


@pytest.fixture
def post(settings: dict[str, Any]) -> AttnGSPostprocessor:
    return AttnGSPostprocessor(**settings)


@pytest.fixture
def retriever() -> SharedNodes:
    return SharedNodes()


@pytest.fixture
def llm() -> RecordingLLM:
    return RecordingLLM("At nine [1].")


def context_of(prompt: str) -> str:
    """What stands between the lines of the default question-answering prompt."""
    return prompt.split("---------------------\n")[1].strip()


@pytest.mark.parametrize("way", ["sync", "async", "streaming", "async streaming"])
def test_query_engine(way: str, post: AttnGSPostprocessor, retriever: SharedNodes, llm: RecordingLLM) -> None:
    before = deepcopy([n.to_dict() for n in retriever.nodes])
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm, node_postprocessors=[post], streaming="streaming" in way)

    async def ask() -> Any:
        response = await engine.aquery(QUESTION)
        return response if way == "async" else await response.get_response()

    if way == "sync":
        response = engine.query(QUESTION)
    elif way == "streaming":
        response = engine.query(QUESTION).get_response()  # type: ignore[union-attr]
    else:
        response = asyncio.run(ask())
    assert str(response) == "At nine [1]."
    assert context_of(llm.prompts[0]) == KEPT
    assert [n.node_id for n in response.source_nodes] == ["kitchen", "garden"]
    assert set(response.metadata) == {"kitchen", "garden"}
    assert [n.to_dict() for n in retriever.nodes] == before


@pytest.mark.parametrize("mode", list(ResponseMode))
def test_the_context_never_exceeds_the_budget_in_any_response_mode(
    mode: ResponseMode, post: AttnGSPostprocessor, retriever: SharedNodes, llm: RecordingLLM
) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm, node_postprocessors=[post], response_mode=mode)
    response = engine.query(QUESTION)
    assert sum(count_words(n.get_content()) for n in response.source_nodes) <= 12
    assert not any("museum" in prompt or "kitchen" in prompt for prompt in llm.prompts)


def test_query_engine_with_fused_and_with_rewritten_nodes(settings: dict[str, Any], retriever: SharedNodes) -> None:
    llm = RecordingLLM("Her pills are blue.")
    fused = AttnGSPostprocessor(**settings | {"target_tokens": 14}, output="merged")
    response = RetrieverQueryEngine.from_args(retriever, llm=llm, node_postprocessors=[fused]).query(QUESTION)
    assert [child.node_id for child in response.source_nodes[0].node.child_nodes or []] == ["kitchen", "garden"]
    assert context_of(llm.prompts[-1]) == "[1]\nHer pills are blue.\n\n[2]\nShe takes the pills at nine."
    rewriting = AttnGSPostprocessor(**settings, output="merged", mode="rewrite", chat=llm)
    RetrieverQueryEngine.from_args(retriever, llm=llm, node_postprocessors=[rewriting]).query(QUESTION)
    assert context_of(llm.prompts[-1]) == "Her pills are blue."


def test_indexes(post: AttnGSPostprocessor, llm: RecordingLLM) -> None:
    documents = [Document(text=text, id_=f"doc-{i}", metadata={"n": i}) for i, text in enumerate((KITCHEN, GARDEN, PARIS))]
    for index in (VectorStoreIndex.from_documents(documents), SummaryIndex.from_documents(documents)):
        stored = {name: node.to_dict() for name, node in index.docstore.docs.items()}
        engine = index.as_query_engine(
            llm=llm, node_postprocessors=[post], **({"similarity_top_k": 3} if isinstance(index, VectorStoreIndex) else {})
        )
        for _ in range(2):  # the second time nothing of the first is left behind
            response = engine.query(QUESTION)
            context = context_of(llm.prompts[-1])
            assert "pills" in context
            assert count_words(context) <= 12
            kept = response.source_nodes[0]
            text = next(d.text for d in documents if d.id_ == kept.node.ref_doc_id)
            start, end = kept.node.start_char_idx, kept.node.end_char_idx  # type: ignore[attr-defined]
            assert text[start:end] == kept.get_content()
        assert {name: node.to_dict() for name, node in index.docstore.docs.items()} == stored


@pytest.mark.parametrize("way", ["sync", "async", "streaming"])
def test_context_chat_engine(way: str, post: AttnGSPostprocessor, retriever: SharedNodes, llm: RecordingLLM) -> None:
    engine = ContextChatEngine.from_defaults(
        retriever=retriever, llm=llm, node_postprocessors=[post], memory=ChatMemoryBuffer.from_defaults()
    )
    if way == "async":
        response: Any = asyncio.run(engine.achat(QUESTION))
    elif way == "streaming":
        response = engine.stream_chat(QUESTION)
        assert "".join(response.response_gen) == "At nine [1]."
    else:
        response = engine.chat(QUESTION)
    assert KEPT in llm.prompts[0]
    assert "museum" not in llm.prompts[0]
    assert [n.node_id for n in response.source_nodes] == ["kitchen", "garden"]


def test_condense_plus_context(settings: dict[str, Any], retriever: SharedNodes) -> None:
    asked = []

    class Watched(AttnGSPostprocessor):
        def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            asked.append(query_bundle.query_str)
            return super()._postprocess_nodes(nodes, query_bundle)

    llm = RecordingLLM(lambda messages: "What colour are her pills?" if "standalone question" in str(messages[-1]) else "Blue.")
    engine = CondensePlusContextChatEngine.from_defaults(
        retriever, llm=llm, node_postprocessors=[Watched(**settings)], memory=ChatMemoryBuffer.from_defaults()
    )
    engine.chat(QUESTION)
    response = engine.chat("And the colour?")
    assert asked == [QUESTION, "What colour are her pills?"]
    assert KEPT in llm.prompts[-1]
    assert [n.node_id for n in response.source_nodes] == ["kitchen", "garden"]


class Aunts(BaseRetriever):
    """Finds the same nodes for every message."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        texts = ["Emre's aunt Selin restores clocks.", "Vera's aunt Ludmila breeds goats.", "Emre sells carpets near the harbour."]
        return [NodeWithScore(node=TextNode(text=text), score=1.0) for text in texts]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("mode", ["extract", "rewrite"])
def test_chat_engines_that_do_not_rewrite_the_message(way: str, mode: Any, settings: dict[str, Any]) -> None:
    memory, llm = ChatMemoryBuffer.from_defaults(), RecordingLLM("Emre's aunt Selin restores clocks.")
    marker = Marker(LexicalScorer(), splitter=Splitter(unit="sentence"))
    post = AttnGSPostprocessor(**{**settings, "marker": marker, "target_tokens": 5, "memory": memory, "mode": mode, "chat": llm})
    engine = CondensePlusContextChatEngine.from_defaults(Aunts(), llm=llm, memory=memory, node_postprocessors=[post], skip_condense=True)
    engine.chat("What does Emre sell?")
    response: Any = engine.chat("And his aunt?") if way == "sync" else asyncio.run(engine.achat("And his aunt?"))
    assert [node.get_content() for node in response.source_nodes] == ["Emre's aunt Selin restores clocks."]


def test_a_message_that_the_memory_has_already_is_not_read_twice(settings: dict[str, Any]) -> None:
    memory = ChatMemoryBuffer.from_defaults(
        chat_history=[
            ChatMessage(role="user", content="What does Emre sell?"),
            ChatMessage(role="assistant", content="Carpets."),
            ChatMessage(role="user", content="And his aunt?"),
        ]
    )
    marker = Marker(LexicalScorer(), splitter=Splitter(unit="sentence"))
    post = AttnGSPostprocessor(**{**settings, "marker": marker, "target_tokens": 5, "memory": memory})
    [kept] = post.postprocess_nodes(Aunts().retrieve("any"), query_str="And his aunt?")
    assert "Selin" in kept.node.get_content()
    assert "memory" not in post.to_dict()


def test_citations_keep_their_places(post: AttnGSPostprocessor, retriever: SharedNodes, llm: RecordingLLM) -> None:
    index = VectorStoreIndex.from_documents([Document(text=KITCHEN)])
    engine = CitationQueryEngine.from_args(index, llm=llm, retriever=retriever, node_postprocessors=[post])
    for response in (engine.query(QUESTION), asyncio.run(engine.aquery(QUESTION))):
        assert [n.get_content() for n in response.source_nodes] == [
            "Source 1:\nHer pills are blue.\n",
            "Source 2:\nShe takes the pills at nine.\n",
        ]
        assert '"spans":[[25,45]]' in response.source_nodes[0].metadata["attngs"]
    assert "attngs" not in llm.prompts[0]


def test_routers_and_sub_questions(post: AttnGSPostprocessor, retriever: SharedNodes, llm: RecordingLLM) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm, node_postprocessors=[post])
    tool = QueryEngineTool(query_engine=engine, metadata=ToolMetadata(name="pills", description="About pills."))
    router = RouterQueryEngine(selector=First(), query_engine_tools=[tool], llm=llm)
    for response in (router.query(QUESTION), asyncio.run(router.aquery(QUESTION))):
        assert [n.node_id for n in response.source_nodes] == ["kitchen", "garden"]

    class Same(BaseQuestionGenerator):
        def generate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
            return [SubQuestion(sub_question=QUESTION, tool_name="pills")]

        async def agenerate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
            return self.generate(tools, query)

        def _get_prompts(self) -> PromptDictType:
            return {}

        def _update_prompts(self, prompts: PromptDictType) -> None:
            """It has none."""

    sub = SubQuestionQueryEngine.from_defaults([tool], llm=llm, question_gen=Same(), use_async=False, verbose=False)
    assert str(sub.query("All about her pills")) == "At nine [1]."
    assert context_of(llm.prompts[-2]) == KEPT


def test_summary_index_of_documents(post: AttnGSPostprocessor) -> None:
    llm = RecordingLLM("A summary.")
    documents = [Document(text=text, id_=f"doc-{i}") for i, text in enumerate((KITCHEN, GARDEN, PARIS))]
    index = DocumentSummaryIndex.from_documents(documents, llm=llm)
    engine = index.as_query_engine(llm=llm, retriever_mode="embedding", similarity_top_k=3, node_postprocessors=[post])
    engine.query(QUESTION)
    assert sorted(context_of(llm.prompts[-1]).split("\n\n")) == sorted(KEPT.split("\n\n"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydantic, when the host looks at its own agents
async def test_an_agent_with_a_retriever_tool(post: AttnGSPostprocessor, retriever: SharedNodes) -> None:
    mock = pytest.importorskip("llama_index.core.llms.mock")
    if not hasattr(mock, "MockFunctionCallingLLM"):
        pytest.skip("this llama-index-core has no MockFunctionCallingLLM")
    tool = RetrieverTool(retriever=retriever, metadata=ToolMetadata(name="notes", description="Her notes."), node_postprocessors=[post])
    from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

    seen = []

    def answer(messages: Any, **_: Any) -> ChatMessage:
        if messages[-1].role == "tool":
            seen.append(messages[-1].content)
            return ChatMessage(role="assistant", content="At nine.")
        return ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="1", tool_name="notes", tool_kwargs={"input": QUESTION})])

    agent = FunctionAgent(tools=[tool], llm=mock.MockFunctionCallingLLM(response_generator=answer), streaming=False)
    assert str(await agent.run("When?")) == "At nine."
    assert KEPT in seen[0]
    assert "museum" not in seen[0]


def test_pipelines_and_what_they_made_are_left_alone(post: AttnGSPostprocessor, llm: RecordingLLM) -> None:
    def sentences(text: str) -> list[str]:  # the host's own splitter wants data of nltk's, which older versions would download
        return re.findall(r"[^.]+\.\s*", text)

    pipeline = IngestionPipeline(transformations=[SentenceSplitter(chunk_size=30, chunk_overlap=10, chunking_tokenizer_fn=sentences)])
    documents = [Document(text=(KITCHEN + " " + GARDEN + " ") * 3, id_="doc")]
    nodes = pipeline.run(documents=documents)
    before = deepcopy([n.to_dict() for n in nodes])
    scored = [NodeWithScore(node=n, score=1.0) for n in nodes]
    out = post.postprocess_nodes(scored, query_str=QUESTION)
    assert count_words("\n\n".join(n.node.get_content(metadata_mode=MetadataMode.LLM) for n in out)) <= 12
    assert [n.to_dict() for n in nodes] == before
    assert [n.get_content() for n in pipeline.run(documents=documents)] == [n.get_content() for n in nodes]


async def test_as_part_of_another_memory_block(post: AttnGSPostprocessor) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.vector_stores import SimpleVectorStore

    class WithText(SimpleVectorStore):
        stores_text: bool = True

    block = VectorMemoryBlock(vector_store=WithText(), node_postprocessors=[post])
    assert block.node_postprocessors == [post]
    assert await block.aget([ChatMessage(role="user", content=QUESTION)], session_id="ana") == ""
