"""attngs in the OpenAI Agents SDK: memory that matters, and short messages, in each model call.

```python
from openai_agents_attngs import attngs_input_filter

shortener = MessageShortener(ContextCompressor(Marker.default()), target_tokens=512)
config = RunConfig(call_model_input_filter=attngs_input_filter(shortener, memory=facts_of, namespace=user_of))
result = await Runner.run(agent, "What may I not eat?", session=session, context="ana", run_config=config)
```
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agents.run_config import CallModelData, ModelInputData

from attngs.hosts.message_shortener import MessageShortener
from attngs.hosts.recalling import Askable, Retriever, Texts

__all__ = ["attngs_input_filter"]


def attngs_input_filter(
    shortener: MessageShortener[Any],
    *,
    memory: Callable[[Any], Texts | Retriever | Askable] = lambda context: (),
    namespace: Callable[[Any], str] = lambda context: "",
) -> Callable[[CallModelData[Any]], Awaitable[ModelInputData]]:
    """A `call_model_input_filter` that shortens what a model is sent.

    A session keeps its items as they are.

    It needs the whole conversation in each call, so it is not for conversations that OpenAI keeps (`conversation_id`,
    `previous_response_id`): there, each call brings only what is new.

    Args:
        shortener: Shortens the items.
        memory: From the run's context to what is remembered of its user, as `MessageShortener.shorten` takes it.
        namespace: From the run's context to whose conversation it is.
    """

    async def shorten(data: CallModelData[Any]) -> ModelInputData:
        given = data.model_data
        short = await shortener.ashorten(given.input, memory=memory(data.context), namespace=namespace(data.context))
        return ModelInputData(input=short.messages, instructions=given.instructions)

    return shorten
