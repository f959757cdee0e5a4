"""The hook of pydantic-ai in which a request is made short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import AgentDepsT

from attngs.hosts.message_shortener import MessageShortener
from attngs.hosts.recalling import Askable, Retriever, Texts


@dataclass
class AttnGSCapability(AbstractCapability[AgentDepsT]):
    """Shortens what an agent's model is sent; the run's own messages stay as they are.

    Args:
        shortener: Made with `messages=PydanticMessages()`.
        memory: From the run to what is remembered of its user, as `MessageShortener.shorten` takes it.
        namespace: From the run to whose conversation it is.
    """

    shortener: MessageShortener[ModelMessage]
    memory: Callable[[RunContext[AgentDepsT]], Texts | Retriever | Askable] = lambda run: ()
    namespace: Callable[[RunContext[AgentDepsT]], str] = lambda run: ""

    @classmethod
    def get_serialization_name(cls) -> str | None:
        """None: functions cannot stand in a file that describes an agent."""
        return None

    async def before_model_request(self, ctx: RunContext[AgentDepsT], request_context: ModelRequestContext) -> ModelRequestContext:
        """Put the short messages in the request."""
        short = await self.shortener.ashorten([*request_context.messages], memory=self.memory(ctx), namespace=self.namespace(ctx))
        return replace(request_context, messages=short.messages)
