"""`AttnGSPostprocessor`: retrieved nodes, made short for the question under one token budget."""

from __future__ import annotations

from typing import Any, Literal

from llama_index.core import Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.bridge.pydantic import ConfigDict, Field, field_serializer, field_validator
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType, PromptMixin, PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle

from attngs.selection import GreedySelector
from llama_index_attngs.chat import LlamaIndexChat
from llama_index_attngs.compression import NodeCompression, Output
from llama_index_attngs.markers import CounterLike, MarkerLike, find_counter, find_marker, plain_name, restorable
from llama_index_attngs.prompts import REWRITE_PROMPT, HostPrompt
from llama_index_attngs.reading import check_query
from llama_index_attngs.steps import Steps, arun_steps, run_steps

dispatcher = get_dispatcher(__name__)


class AttnGSPostprocessor(BaseNodePostprocessor, PromptMixin):
    """Keeps what matters to the question of all retrieved nodes together, in at most `target_tokens` tokens.

    The budget holds for what the reader is shown: the texts, the metadata that LlamaIndex puts before each, and the blank lines between
    them. Nodes that fit come back as they are. Of others, copies come back: with `per_node` output each keeps its id, relationships,
    score and metadata, and nodes of which nothing was kept are left out; with `fused` output there is one node, whose children are the
    nodes it is made of. Where chunks overlap, what they share is kept once. Images and other media pass through and are not counted.

    Raises:
        InputError: While processing: there is no question.
        ModelNotFoundError: While processing: there is no model of the marker's name.
        ChatError: While processing: the LLM failed.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    target_tokens: int = Field(ge=1, description="Hard bound of all returned texts together, as the reader is shown them.")
    marker: MarkerLike = Field(default="default", description="`default`, a model's name or folder, or a `Marker`.")
    mode: Literal["extract", "rewrite"] = Field(default="extract", description="Kept sentences verbatim, or an LLM's words for them.")
    output: Output = Field(default="per_node", description="One node for each that came, or one node for all.")
    llm: BaseLLM | None = Field(default=None, exclude=True, description="Writes in mode `rewrite`; `Settings.llm` when not given.")
    counter: CounterLike = Field(default=None, description="Whose tokens: a tiktoken name, `marker`, a function; LlamaIndex's own if None.")
    must_keep: tuple[str, ...] = Field(default=(), description="Regular expressions; sentences in which one is found go in first.")
    neighbors: int = Field(default=0, ge=0, description="Take along this many sentences before and after each chosen one.")
    namespace: str = Field(default="", description="Whose texts these are: what the marker keeps of them is found under it only.")
    num_workers: int = Field(default=4, ge=1, description="How many nodes are rewritten at a time by async calls.")
    rewrite_prompt: BasePromptTemplate = Field(default=REWRITE_PROMPT, exclude=True, description="What the LLM is sent.")

    @classmethod
    def class_name(cls) -> str:
        return "AttnGSPostprocessor"

    @field_validator("marker", "counter", mode="before")
    @classmethod
    def _restorable(cls, value: object, info: Any) -> object:
        return restorable(value, info.field_name)

    @field_validator("must_keep")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return GreedySelector(must_keep=value).must_keep and value

    @field_serializer("marker", "counter")
    def _plain(self, value: object) -> object:
        return plain_name(value)

    def _get_prompts(self) -> PromptDictType:
        return {"rewrite_prompt": self.rewrite_prompt}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self.rewrite_prompt = prompts.get("rewrite_prompt", self.rewrite_prompt)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        return run_steps(self._steps(nodes, query_bundle))

    @dispatcher.span  # only overrides of abstract methods get one by themselves
    async def _apostprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        return await arun_steps(self._steps(nodes, query_bundle), workers=self.num_workers)

    def _steps(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> Steps[list[NodeWithScore]]:
        if not nodes:
            return []
        query = check_query(query_bundle)
        marker = find_marker(self.marker)
        compression = NodeCompression(
            marker=marker,
            chat=LlamaIndexChat(self.llm or Settings.llm) if self.mode == "rewrite" else None,
            selector=GreedySelector(must_keep=self.must_keep, neighbors=self.neighbors),
            counter=find_counter(self.counter, marker),
            template=HostPrompt(self.rewrite_prompt),
            target_tokens=self.target_tokens,
            output=self.output,
            namespace=self.namespace,
        )
        return (yield from compression.steps(nodes, query))
