"""`AttnGSPostprocessor`: retrieved nodes, made short for the question under one token budget."""

from __future__ import annotations

from llama_index.core.bridge.pydantic import Field
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType, PromptMixin, PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle

from attngs.hosts.jobs import Steps, arun_steps, run_steps
from llama_index_attngs.compression import NodeCompression, Output
from llama_index_attngs.nodes import check_query
from llama_index_attngs.settings import CompressionSettings

dispatcher = get_dispatcher(__name__)


class AttnGSPostprocessor(CompressionSettings, BaseNodePostprocessor, PromptMixin):
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

    output: Output = Field(default="per_node", description="One node for each that came, or one node for all.")
    namespace: str = Field(default="", description="Whose texts these are: what the marker keeps of them is found under it only.")
    num_workers: int = Field(default=4, ge=1, description="How many nodes are rewritten at a time.")

    @classmethod
    def class_name(cls) -> str:
        return "AttnGSPostprocessor"

    def _get_prompts(self) -> PromptDictType:
        return {"rewrite_prompt": self.rewrite_prompt}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self.rewrite_prompt = prompts.get("rewrite_prompt", self.rewrite_prompt)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        return run_steps(self._steps(nodes, query_bundle), workers=self.num_workers)

    @dispatcher.span  # only overrides of abstract methods get one by themselves
    async def _apostprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> list[NodeWithScore]:
        return await arun_steps(self._steps(nodes, query_bundle), workers=self.num_workers)

    def _steps(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> Steps[list[NodeWithScore]]:
        if not nodes:
            return []
        query = check_query(query_bundle)
        return (yield from NodeCompression(settings=self, output=self.output, namespace=self.namespace).steps(nodes, query))
