"""`memory_tools`: an agent remembers, updates, forgets, undoes and recalls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.prebuilt import ToolRuntime
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, Op, Result, SearchItem, SearchOp

from attngs.errors import InputError, check_kind
from attngs.hosts.frames import MEMORY, between
from attngs.hosts.jobs import Call, Job, Steps
from attngs.hosts.recalling import Waiting
from attngs.hosts.remembering import CLOSED, NOTHING, RECALLED, TOOLS, Edit, MemoryEditor, Origin
from attngs.text.documents import as_query
from attngs.types import Question
from attngs.writing.asking import atalk, talk
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.memory import MAX_STORED, Namespace, StoreMemory, joined, stored, writes
from langchain_attngs.memory_file import MemoryFile
from langchain_attngs.tracing import Ledger, traced


def memory_tools(memory: StoreMemory | MemoryFile, compressor: AttnGSCompressor) -> list[BaseTool]:
    """Tools with which an agent looks after the memory of its run's user.

    They are `remember`, `update`, `forget`, `undo` and `recall_more`. They use the store of the agent, or the file of a `MemoryFile`, and
    the namespace of `memory`; no argument names another user. What is known already is not stored again. What an item was before a change
    can be brought back for seven days, by `undo` or `UserMemory.undo`. An item's metadata says who stored it, when, and for which message.
    While a gate withholds the memory, the tools are closed.

    ```python
    memory, compressor = StoreMemory(namespace=("memories", "{user_id}")), AttnGSCompressor(target_tokens=512)
    middleware = AttnGSMiddleware(compressor, memory=memory)
    agent = create_agent(model, memory_tools(memory, compressor), middleware=[middleware], store=store)
    ```

    Args:
        memory: Where the user's memory is. `max_items` limits how many items an agent may store, `target_tokens` what is recalled. In a
            file, an item that `undo` brings back is the newest.
        compressor: How recalled items are shortened; its marker tells whether a text is close to an item.

    Raises:
        ConfigError: An argument is of another kind. While running: the agent has no store, or the run does not say who its user is.
    """
    check_kind(memory, "memory", MemoryFile if isinstance(memory, MemoryFile) else StoreMemory)
    check_kind(compressor, "compressor", AttnGSCompressor)
    actions = _Actions(memory, compressor)
    return [_tool(action) for action in (actions.remember, actions.update, actions.forget, actions.undo, actions.recall_more)]


@dataclass(frozen=True, slots=True)
class _Actions:
    """What the tools do; `TOOLS` says what an agent is told of them."""

    place: StoreMemory | MemoryFile
    compressor: AttnGSCompressor

    def remember(
        self,
        text: Annotated[str, TOOLS["remember"].arguments["text"]],
        runtime: ToolRuntime[Any, Any],
        is_new: Annotated[bool, TOOLS["remember"].arguments["is_new"]] = False,
    ) -> Waiting[str]:

        def change(editor: MemoryEditor, namespace: Namespace) -> Edit:
            marker = self.compressor.found_marker()
            return editor.remember(text, marker=marker, namespace=joined(namespace), most=self.place.max_items, is_new=is_new)

        return self._edited(runtime, change)

    def update(
        self,
        memory: Annotated[str, TOOLS["update"].arguments["memory"]],
        text: Annotated[str, TOOLS["update"].arguments["text"]],
        runtime: ToolRuntime[Any, Any],
    ) -> Waiting[str]:
        return self._edited(runtime, lambda editor, _: editor.update(memory, text))

    def forget(self, memory: Annotated[str, TOOLS["forget"].arguments["memory"]], runtime: ToolRuntime[Any, Any]) -> Waiting[str]:
        return self._edited(runtime, lambda editor, _: editor.forget(memory))

    def undo(
        self,
        runtime: ToolRuntime[Any, Any],
        key: Annotated[str, TOOLS["undo"].arguments["key"]] = "",
    ) -> Waiting[str]:
        return self._edited(runtime, lambda editor, _: editor.undo(key))

    def recall_more(self, query: Annotated[str, TOOLS["recall_more"].arguments["query"]], runtime: ToolRuntime[Any, Any]) -> Waiting[str]:
        namespace, question = self._namespace(runtime), as_query(query)
        if not question:
            raise InputError("`query` is empty; ask a question.")
        tokens = self.place.target_tokens or self.compressor.target_tokens
        found = yield from self.place.recalled(namespace, runtime.store, self.compressor).find(Question(text=question), tokens)
        job = Job(
            compressor=self.compressor.for_memory().extractor(self.place.layout),
            documents=found.documents,
            query=question,
            target_tokens=tokens,
            namespace=joined(namespace),
            marking=found.marking,
        )
        recalling = traced("memory_tools.recall_more", _recalled, workers=1)
        text: str = yield Call(partial(recalling.invoke, job), partial(recalling.ainvoke, job))
        return text

    def _edited(self, runtime: ToolRuntime[Any, Any], change: Callable[[MemoryEditor, Namespace], Edit]) -> Waiting[str]:
        """Read the memory, plan the change, and write it."""
        namespace = self._namespace(runtime)
        store = self.place.items(runtime.store, self.compressor)
        items = yield _asked(store, [SearchOp(stored(namespace), limit=MAX_STORED)])
        planned = change(self.place.editor(_found(items), namespace, _origin(runtime)), namespace)
        if planned.writes:
            yield _asked(store, writes(planned, namespace))
        return planned.message

    def _namespace(self, runtime: ToolRuntime[Any, Any]) -> Namespace:
        """The namespace of the run's user, unless a gate withholds the memory.

        Raises:
            InputError: A gate does.
        """
        if any(decision["withheld"] for decision in runtime.state.get("attngs_gate", {}).values()):
            raise InputError(CLOSED)
        return self.place.resolve(_run_of(runtime))


def _asked(store: BaseStore, ops: Sequence[Op]) -> Call:
    return Call(partial(store.batch, ops), partial(store.abatch, ops))


def _found(results: Sequence[Result]) -> list[SearchItem]:
    """What one search has found."""
    [found] = results
    return [item for item in found if isinstance(item, SearchItem)] if isinstance(found, list) else []


def _recalled(job: Job, config: RunnableConfig) -> Steps[tuple[str, Ledger]]:
    """What bears on the question, between tags that no memory can forge."""
    if not job.documents:
        return NOTHING, Ledger(target_tokens=job.target_tokens)
    [result] = yield [job]
    text = f"{RECALLED}\n{between(MEMORY, result.text)}" if result.text.strip() else NOTHING
    return text, Ledger.of([result])


def _tool(action: Callable[..., Waiting[str]]) -> BaseTool:
    """A tool, sync and async, whose errors of input the agent is told of."""

    @wraps(action)
    def run(*, runtime: ToolRuntime[Any, Any], **given: Any) -> str:
        try:
            return talk(action(runtime=runtime, **given), lambda call: call.run())
        except InputError as error:
            raise ToolException(f"{action.__name__}: {error}") from error

    @wraps(action)
    async def arun(*, runtime: ToolRuntime[Any, Any], **given: Any) -> str:
        try:
            return await atalk(action(runtime=runtime, **given), lambda call: call.arun())
        except InputError as error:
            raise ToolException(f"{action.__name__}: {error}") from error

    return StructuredTool.from_function(
        run, arun, name=action.__name__, description=TOOLS[action.__name__].description, handle_tool_error=True
    )


def _run_of(runtime: ToolRuntime[Any, Any]) -> Runtime[Any]:
    """The run that a tool was called in."""
    return Runtime(context=runtime.context, store=runtime.store, stream_writer=runtime.stream_writer)


def _origin(runtime: ToolRuntime[Any, Any]) -> Origin:
    """The conversation and the user's message that a tool was called for."""
    message = next((message for message in reversed(runtime.state.get("messages", [])) if isinstance(message, HumanMessage)), None)
    return Origin(
        thread=str(runtime.config.get("configurable", {}).get("thread_id", "")),
        message=(message and message.id) or "",
        call=runtime.tool_call_id or "",
    )
