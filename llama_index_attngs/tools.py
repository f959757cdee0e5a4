"""`memory_tools`: an agent remembers, updates, forgets, undoes and recalls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, signature
from typing import Any

from llama_index.core.bridge.pydantic import Field, create_model
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.workflow import Context

from attngs.errors import ConfigError, InputError
from attngs.hosts.frames import between
from attngs.hosts.remembering import CLOSED, NOTHING, RECALLED, TOOLS, Edit, MemoryEditor
from attngs.text.documents import as_query
from llama_index_attngs.memory import AttnGSMemoryBlock

MOST_REMEMBERED = 1_000
"""Facts that an agent may store in one session, beside the turns."""

Action = Callable[..., Awaitable[str]]
"""From a block, a session and the tool's arguments to what the agent is told."""


def memory_tools() -> list[FunctionTool]:
    """Tools with which an agent looks after the memory of its run's session.

    They are `remember`, `update`, `forget`, `undo` and `recall_more`. They use the `AttnGSMemoryBlock` of the `Memory` that the agent runs
    with, and its session; no argument names another one. What is known already is not stored again. Archived turns can be updated and
    forgotten like facts. What an item was before a change can be brought back for seven days. A fact's metadata says who stored it and
    when. While a gate withholds the memory, the tools are closed.

    ```python
    agent = FunctionAgent(llm=llm, tools=memory_tools())
    memory = AttnGSMemoryBlock(target_tokens=512).as_memory(session_id="ana")
    await agent.run("I am allergic to nuts.", memory=memory)
    ```

    Raises:
        ConfigError: While running: the agent's memory has no `AttnGSMemoryBlock`. LlamaIndex tells the agent, as it does of all errors.
    """
    return [_tool(action) for action in (remember, update, forget, undo, recall_more)]


async def remember(block: AttnGSMemoryBlock, session: str, text: str, is_new: bool = False) -> str:
    """Store a fact, unless it is there already."""

    def plan(editor: MemoryEditor) -> Edit:
        turns = sum("role" in value.get("metadata", ()) for value in editor.values.values())
        return editor.remember(text, marker=block.found_marker(), namespace=session, most=turns + MOST_REMEMBERED, is_new=is_new)

    return await block.aedit(plan, session)


async def update(block: AttnGSMemoryBlock, session: str, memory: str, text: str) -> str:
    """Put another text in place of an item's."""
    return await block.aedit(lambda editor: editor.update(memory, text), session)


async def forget(block: AttnGSMemoryBlock, session: str, memory: str) -> str:
    """Delete an item."""
    return await block.aedit(lambda editor: editor.forget(memory), session)


async def undo(block: AttnGSMemoryBlock, session: str, key: str = "") -> str:
    """Take back the last change of an item."""
    return await block.aedit(lambda editor: editor.undo(key), session)


async def recall_more(block: AttnGSMemoryBlock, session: str, query: str) -> str:
    """What bears on a question, as material."""
    question = as_query(query)
    if not question:
        raise InputError("`query` is empty; ask a question.")
    text = await block.arecall(question, session)
    return f"{RECALLED}\n{between('memory', text)}" if text.strip() else NOTHING


def _tool(action: Action) -> FunctionTool:
    """A tool of LlamaIndex's, which learns from the agent's run whose memory it is."""
    name, told = action.__name__, TOOLS[action.__name__]
    given = [*signature(action, eval_str=True).parameters.values()][2:]

    async def run(ctx: Context, **arguments: Any) -> str:
        block, session = await _memory_of(ctx)
        decision = block.gate_decision(session)
        if decision and decision.withheld:
            raise InputError(CLOSED)
        return await action(block, session, **arguments)

    run.__annotations__["ctx"] = Context  # LlamaIndex looks for the type itself, not for its name
    fields: dict[str, Any] = {
        each.name: (each.annotation, Field(... if each.default is Parameter.empty else each.default, description=told.arguments[each.name]))
        for each in given
    }
    metadata = ToolMetadata(name=name, description=told.description, fn_schema=create_model(name, **fields))
    return FunctionTool(async_fn=run, metadata=metadata)


async def _memory_of(ctx: Context) -> tuple[AttnGSMemoryBlock, str]:
    """The block of the memory that an agent runs with, and its session.

    Raises:
        ConfigError: There is none.
    """
    memory = await ctx.store.get("memory", default=None)
    blocks = memory.memory_blocks if isinstance(memory, Memory) else []
    block = next((block for block in blocks if isinstance(block, AttnGSMemoryBlock)), None)
    if block is None:
        raise ConfigError(
            "the agent runs without an `AttnGSMemoryBlock`; pass `memory=AttnGSMemoryBlock(...).as_memory(session_id=...)` to `agent.run`."
        )
    return block, memory.session_id
