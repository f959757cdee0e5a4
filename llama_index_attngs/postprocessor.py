"""Nodes, made short for the question under one token budget.

They are those that were retrieved, or those of a memory on disk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.bridge.pydantic import Field
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.base import BaseEvent
from llama_index.core.memory import BaseMemory
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType, PromptMixin, PromptMixinType
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from pydantic import AliasChoices

from attngs.errors import ConfigError, check_kind
from attngs.hosts.apart import JOIN, Apart, Parts
from attngs.hosts.budget import ContextPart
from attngs.hosts.jobs import Job, Steps, arun_steps, run_steps
from attngs.hosts.recalling import Askable
from attngs.hosts.settings import Output, described
from attngs.hosts.shortened import never_empty
from attngs.result.result import CompressedContext
from attngs.selection.layout import ExtractLayout
from attngs.selection.selector import memory_floor
from attngs.types import MarkedMemory, Marking, Question
from attngs.writing.prompts import GUIDED
from llama_index_attngs.chat import host_template
from llama_index_attngs.messages import question
from llama_index_attngs.nodes import NodeTexts, check_query, merge, shorten
from llama_index_attngs.settings import CompressionSettings

dispatcher = get_dispatcher(__name__)
logger = logging.getLogger(__name__)

Outcome = tuple[Parts | CompressedContext, Mapping[int, NodeWithScore]]
"""The result, and the nodes that hold its text, by the position of a document."""


class AttnGSPostprocessor(CompressionSettings, BaseNodePostprocessor, PromptMixin):
    """Keeps what matters to the question from all retrieved nodes, in at most `target_tokens` tokens.

    The budget holds for all that the reader is shown: the texts, the metadata that LlamaIndex puts before each, and the blank lines between
    them. Tokens are LlamaIndex's own unless `counter` says otherwise. Nodes that fit come back as they are. Otherwise copies come back.
    With `separate` output each copy keeps its id, relationships and metadata, its score becomes the probability that it matters, if the
    marker has any, and nodes of which nothing was kept are left out. With `merged` output there is one node, and its children are the
    nodes it is made of. Where chunks overlap, the shared text is kept once. Images and other media pass through and are not counted.

    In mode `rewrite`, `chat` is an LLM of LlamaIndex's, `Settings.llm` if none is given. `template` is a prompt template of LlamaIndex's or
    a `GuidedPrompt`; `get_prompts` and `update_prompts` know it as `template`. `llm` and `num_workers` are taken for `chat` and
    `max_concurrency`.

    A chat engine passes the last message alone, unless it asks its LLM to rewrite it. With the engine's `memory`, a follow-up such as "and
    his sister?" is read with what was said before it.

    Raises:
        InputError: While processing: there is no question.
        ModelNotFoundError: While processing: there is no model of the marker's name.
        ChatError: While processing: the LLM failed, and `on_chat_error` is `raise`.
    """

    part: ClassVar[ContextPart] = "documents"

    output: Output = Field(default="separate", description=described("output"))
    namespace: str = Field(default="", description=described("namespace"))
    memory: BaseMemory | None = Field(default=None, exclude=True, repr=False, description="The chat engine's, to understand follow-ups by.")
    max_concurrency: int = Field(
        default=4,
        ge=1,
        strict=True,
        description=described("max_concurrency"),
        validation_alias=AliasChoices("max_concurrency", "num_workers"),
    )

    @classmethod
    def class_name(cls) -> str:
        return "AttnGSPostprocessor"

    def __getstate__(self) -> dict[Any, Any]:
        """The state to pickle.

        Raises:
            ConfigError: A setting cannot be pickled.
        """
        # LlamaIndex drops what cannot be pickled, from the object itself too, so it gets a copy, and nothing of ours may be missing
        state = super(AttnGSPostprocessor, self.model_copy()).__getstate__()
        lost = [name for name in CompressionSettings.model_fields if name not in state["__dict__"]]
        if lost:
            raise ConfigError(f"`{lost[0]}` cannot be pickled; use functions that a module defines.")
        return state

    def _get_prompts(self) -> PromptDictType:
        template = self.template
        return {"template": template if isinstance(template, BasePromptTemplate) else host_template(template or GUIDED)}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self.template = prompts.get("template", self.template)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        said = self.memory.get_all() if self.memory and nodes else []
        return run_steps(self._steps(nodes, query_bundle, said), workers=self.max_concurrency)

    @dispatcher.span  # LlamaIndex traces only overrides of abstract methods by itself
    async def _apostprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        said = await self.memory.aget_all() if self.memory and nodes else []
        return await arun_steps(self._steps(nodes, query_bundle, said), workers=self.max_concurrency)

    def _steps(
        self, nodes: Sequence[NodeWithScore], query_bundle: QueryBundle | None, said: Sequence[ChatMessage]
    ) -> Steps[list[NodeWithScore]]:
        """The whole way: what fits is handed on; the rest is compressed and put back between the media."""
        if not nodes:
            return []
        query, texts = _in_chat(check_query(query_bundle), said), NodeTexts.of(nodes)
        if not texts.documents or (self.output == "separate" and self._shown_tokens(nodes) <= self.ceiling()):
            return list(nodes)
        started = time.perf_counter()
        dispatcher.event(CompressionStartEvent(nodes=len(nodes), target_tokens=self.ceiling(), mode=self.mode, output=self.output))
        result, left = yield from self._merged(texts, query) if self.output == "merged" else self._separate(texts, query)
        out = texts.put_back(left)
        self._report(result, out, 1e3 * (time.perf_counter() - started))
        return out

    def _separate(self, texts: NodeTexts, query: str | Question) -> Steps[Outcome]:
        """One node for each that something was kept of."""
        return (yield from self.apart(texts, query, self.min_score))

    def apart(self, texts: NodeTexts, query: str | Question, min_score: float | None, marking: Marking | None = None) -> Steps[Outcome]:
        """Make nodes short, each of which stays one.

        Args:
            texts: What is made short.
            query: The question.
            min_score: The least probability of what is kept.
            marking: Of the texts, where they are marked already.
        """
        layout, writer = texts.layout(), self.writer()
        apart = Apart(
            extractor=self.compressor(None, self.selector(layout, min_score)),
            writer=self.compressor(writer, self.selector(ExtractLayout(), min_score)) if writer else None,
            counter=self.found_counter(),
            frames=layout.frames,
        )
        parts = yield from apart.steps(texts.documents, query, target_tokens=self.ceiling(), namespace=self.namespace, marking=marking)
        return parts, {part.position: shorten(texts.scored, part) for part in parts.parts}

    def _merged(self, texts: NodeTexts, query: str | Question) -> Steps[Outcome]:
        """One node, in place of the first text."""
        [found] = yield [
            Job(
                compressor=self.compressor(self.writer(), self.selector(ExtractLayout(), self.min_score)),
                documents=texts.documents,
                query=query,
                target_tokens=self.ceiling(),
                namespace=self.namespace,
            )
        ]
        result = never_empty(found, self.found_counter())
        return result, {0: merge(texts, result, settings=(self.mode, self.ceiling()))} if result.text else {}

    def _shown_tokens(self, nodes: Sequence[NodeWithScore]) -> int:
        """Tokens of the nodes as the reader is shown them, blank ones too: not all readers leave these out."""
        shown = [scored.node.get_content(metadata_mode=MetadataMode.LLM).strip() for scored in nodes]
        return self.found_counter().count([JOIN.join(shown)])[0]

    def _report(self, result: Parts | CompressedContext, out: Sequence[NodeWithScore], milliseconds: float) -> None:
        tokens = self._shown_tokens(out)
        logger.info("kept %d tokens of %d, budget %d", tokens, result.original_tokens, self.ceiling())
        if result.reason:
            logger.debug("not as asked: %s", result.reason)  # an LLM's client may quote the prompt in its error
        dispatcher.event(
            CompressionEndEvent(
                nodes=len(out),
                original_tokens=result.original_tokens,
                compressed_tokens=tokens,
                method=result.method,
                reason=result.reason,
                input_tokens=result.usage.input_tokens if result.usage else None,
                output_tokens=result.usage.output_tokens if result.usage else None,
                milliseconds=milliseconds,
            )
        )


class AttnGSMemoryRetriever(BaseRetriever):
    """A retriever over a memory on disk, under a hard token budget.

    It returns what matters to the question of all that a user's memory has.

    Nodes come back as `AttnGSPostprocessor` returns them, in the memory's order; their ids are those of the documents. What has nothing to
    do with the question does not come back. A postprocessor behind it is not needed.

    ```python
    memory = Memory.open("ana.db", namespace="ana")
    retriever = AttnGSMemoryRetriever(memory, AttnGSPostprocessor(target_tokens=512))
    ```

    Args:
        memory: One user's memory: `attngs.Memory`, or what has its `mark`.
        postprocessor: Makes what the memory finds short. Give it the memory's marker.
        callback_manager: As LlamaIndex's own retrievers take it.

    Raises:
        ConfigError: An argument is of another kind.
    """

    def __init__(self, memory: Askable, postprocessor: AttnGSPostprocessor, callback_manager: CallbackManager | None = None) -> None:
        if not isinstance(memory, Askable):
            raise ConfigError(f"`memory` must be an `attngs.Memory`, got {type(memory).__name__}.")
        check_kind(postprocessor, "postprocessor", AttnGSPostprocessor)
        self._memory, self._postprocessor = memory, postprocessor
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return run_steps(self._steps(self._asked(query_bundle)), workers=self._postprocessor.max_concurrency)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await asyncio.to_thread(self._asked, query_bundle)
        return await arun_steps(self._steps(found), workers=self._postprocessor.max_concurrency)

    def _asked(self, query_bundle: QueryBundle) -> MarkedMemory:
        return self._memory.mark(check_query(query_bundle), target_tokens=self._postprocessor.ceiling())

    def _steps(self, found: MarkedMemory) -> Steps[list[NodeWithScore]]:
        documents, marking = found.documents, found.marking
        if not documents:
            return []
        nodes = [NodeWithScore(node=TextNode(id_=each.id, text=each.text, metadata=dict(each.metadata))) for each in documents]
        texts = NodeTexts(nodes=tuple(nodes), numbers=tuple(range(len(nodes))), documents=documents)
        floor = memory_floor(self._postprocessor.min_score, self._postprocessor.found_marker())
        question = Question(text=marking.query, background=marking.background)
        _, left = yield from self._postprocessor.apart(texts, question, floor, marking)
        return texts.put_back(left)


def _in_chat(query: str, said: Sequence[ChatMessage]) -> str | Question:
    """The question with what was said before it, if it is a follow-up."""
    return question([*said, ChatMessage(role=MessageRole.USER, content=query)]) if said else query


class CompressionStartEvent(BaseEvent):
    """Nodes are about to be compressed."""

    nodes: int
    target_tokens: int
    mode: str
    output: str

    @classmethod
    def class_name(cls) -> str:
        return "CompressionStartEvent"


class CompressionEndEvent(BaseEvent):
    """Nodes have been compressed."""

    nodes: int
    original_tokens: int
    """Of the texts as they came, with the metadata shown with them, and the blank lines between."""
    compressed_tokens: int
    """Of what the reader is shown: texts, the metadata shown with them, and the blank lines between."""
    method: str
    reason: str | None
    """Why the result is not what was asked for; it may hold what the LLM's client said."""
    input_tokens: int | None
    """What the LLM read, in its own tokens; `None` when there was no LLM, or it did not say."""
    output_tokens: int | None
    """What the LLM wrote."""
    milliseconds: float

    @classmethod
    def class_name(cls) -> str:
        return "CompressionEndEvent"
