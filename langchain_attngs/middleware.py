"""Middleware that makes memory, tool results and history short for the current question.

More than 400 lines: half of them say what its arguments and hooks do, and the hooks have to be methods of one class.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any, NotRequired, TypedDict, TypeVar

from langchain.agents import AgentState
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import OmitFromInput, PrivateStateAttr
from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.config import merge_configs
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from attngs.errors import ConfigError, check_kind
from attngs.hosts.blocks import Blocks, MemoryBlock, QuotedItem, alone, asked_by, block_of, own_blocks, settled, used_positions
from attngs.hosts.budget import ContextBudget, ContextPart, Rations
from attngs.hosts.conversation import Said, before_words, has_question, last_question
from attngs.hosts.frames import framed_memory
from attngs.hosts.gate import TIMEOUT, GateDecision, Judge, OnGateError, SafetyGate
from attngs.hosts.jobs import Call, Job, Steps
from attngs.hosts.recalling import Found, Recall, Waiting
from attngs.hosts.shortening import History, Shortening, TextGroup, ToolResults
from attngs.result.result import CompressedContext
from attngs.types import Document, Marking, Question
from attngs.writing.asking import atalk, talk
from langchain_attngs.chat import RunnableChat
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.memory import Namespace, StoreMemory, joined
from langchain_attngs.memory_file import MemoryFile
from langchain_attngs.messages import question_of, request_of, said, viewed
from langchain_attngs.tracing import Ledger, RunWatch, traced

Input = TypeVar("Input")
Ask = Callable[[Sequence[AnyMessage]], str | Question]
"""From messages to what their user asks with the last of them."""


class AttnGSState(AgentState[Any]):
    """An agent's state with short texts, which are in neither its input nor its output."""

    attngs_blocks: NotRequired[Annotated[dict[str, dict[str, MemoryBlock]], PrivateStateAttr]]
    """What turns are shown of the user's memory, by the middleware's name, and then by the id of the user's message."""
    attngs_short: NotRequired[Annotated[dict[str, dict[str, str]], PrivateStateAttr]]
    """Short texts by the middleware's name, and then by the key of their group."""
    attngs_gate: NotRequired[Annotated[dict[str, dict[str, Any]], OmitFromInput]]
    """The `GateDecision` about this turn's question by the middleware's name, in the agent's output too. Only with a gate."""


class Task(TypedDict):
    """Which messages are to be shortened, and whose they are."""

    groups: Sequence[TextGroup]
    namespace: str


class MemoryTask(TypedDict):
    """Which items are to be shortened for a question, and what the model is shown already."""

    items: Sequence[QuotedItem]
    """The documents as a block quotes them."""
    documents: Sequence[Document]
    marking: Marking | None
    """Of the documents, where they are marked already."""
    tokens: int
    """Of all that is remembered, where the documents are what was found of it."""
    query: Question
    namespace: str
    asked: str
    earlier: Sequence[MemoryBlock]
    withheld: str
    """Why nothing is to be shown; empty where it may be."""


class AttnGSMiddleware(AgentMiddleware[AttnGSState, Any, Any]):
    """Makes what an agent's model is shown shorter; messages in the state stay as they are.

    - The user's memory, in the agent's store or in a file, is compressed once a turn, and put before the user's words in its message. It
      stays there as it is, and later turns are shown only what is new, so that a provider's cache keeps working. It goes when old turns
      are shortened, and when an item that it quotes is changed or deleted.
    - Long tool results, and old turns of a long conversation, are compressed for the question that they are about. They stay as they are
      until the conversation is too long again. Roles alternate, and tool calls stay with their results.

    Nothing in what it compresses can pass for a turn, a note, a tag or a token of a chat template.

    ```python
    memory = StoreMemory(namespace=("memories", "{user_id}"))
    agent = create_agent(model, tools, middleware=[AttnGSMiddleware(AttnGSCompressor(target_tokens=512), memory=memory)], store=store)
    ```

    Args:
        compressor: How texts are shortened. Its `target_tokens` is the budget of memory, results and history that have none of their own.
            Its `output` is not used, nor its `namespace` where there is a memory.
        memory: Where the user's memory is, and how much of it is shown: a `StoreMemory` or a `MemoryFile`; `None` shows none.
        tool_results: Which tool results are shortened; `None` leaves them alone.
        history: When the conversation is shortened, and to how much; `None` leaves it alone.
        question: From the messages to what the user asks with the last of them: a text or a `Question`. Follow-ups such as "and his
            sister?" are read with what was said before them, unless you pass a function that asks a model, for instance.
        budget: How many tokens of a prompt memory, shortened history and all shortened tool results have together, with what stands round
            them, and how they share them. The budgets of their own still hold within it; a memory or history that has none gets its share.
            Parts that this middleware does not have leave their shares to the others.
        gate: Judges the question of each turn, before the memory is read, by the user's words alone: a chat model, or anything that
            `SafetyGate` takes. A message such as "yes, do it" is judged with what it goes on from. If it is harmful, no memory is added,
            and `attngs_gate` in the agent's state and output says so; what happens then is up to you.
        on_gate_error: As `SafetyGate`'s: `withhold` or `allow` the memory if the judge fails or is too slow.
        gate_timeout: Seconds that the judge has.
        name: The name of this instance, where an agent has several.

    Raises:
        ConfigError: An argument is of another kind. While running: the agent has no store, or the run does not say who its user is.
        ModelError: While running: the marker's model failed.
        ChatError: While running: the compressor's `chat` failed, and its `on_chat_error` is `raise`.
    """

    state_schema = AttnGSState

    def __init__(
        self,
        compressor: AttnGSCompressor,
        *,
        memory: StoreMemory | MemoryFile | None = None,
        tool_results: ToolResults | None = ToolResults(),
        history: History | None = History(),
        question: Ask = question_of,
        budget: ContextBudget | None = None,
        gate: Runnable[Any, Any] | Judge | None = None,
        on_gate_error: OnGateError = "withhold",
        gate_timeout: float = TIMEOUT,
        name: str = "AttnGSMiddleware",
    ) -> None:
        super().__init__()
        check_kind(compressor, "compressor", AttnGSCompressor)
        for value, argument, kind in (
            (memory, "memory", MemoryFile if isinstance(memory, MemoryFile) else StoreMemory),
            (tool_results, "tool_results", ToolResults),
            (history, "history", History),
            (budget, "budget", ContextBudget),
        ):
            if value is not None:
                check_kind(value, argument, kind)
        if gate is not None and memory is None:
            raise ConfigError("`gate` stands before a memory, and there is none; pass `memory=StoreMemory(...)`.")
        self._compressor = compressor
        self._memory = memory
        self._gate = gate
        self._gate_settings: dict[str, Any] = {"on_gate_error": on_gate_error, "timeout": gate_timeout}
        if gate is not None:
            self._safety_gate(None)  # raises
        self._tool_results, self._history, self._ask = tool_results, history, question
        rules: dict[ContextPart, object] = {"memory": memory, "history": history, "tool_results": tool_results}
        self._periods = budget.periods if budget else None
        self._rations = Rations.of(budget, *(part for part, rule in rules.items() if rule is not None))
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def recall(
        self, query: str | Question, *, namespace: Namespace, store: BaseStore | None = None, config: RunnableConfig | None = None
    ) -> CompressedContext | None:
        """What a model would be shown of this memory for this question, for a preview or a measurement.

        The answering model is not asked. The writer is, in mode `rewrite`.

        Args:
            query: The question; of a chat, `question_of(messages)`.
            namespace: The user's; the memory's with its braces filled.
            store: Holds the memory, if it is a `StoreMemory`.
            config: Of the run, such as its callbacks.

        Returns:
            The compression; `None` without a question, and where nothing is remembered.

        Raises:
            ConfigError: This middleware was made without a memory, or the namespace is empty; it would be everybody's.
        """
        if not namespace:
            raise ConfigError("`namespace` must have a label at least, such as ('memories', 'ana').")
        question = query if isinstance(query, Question) else Question(text=query)
        recall = self._required_memory.recalled(namespace, store, self._compressor)
        found = talk(self._found(recall, question), lambda call: call.run())
        if not found.documents:
            return None
        task = self._memory_task(found, namespace, question.text, question, {})
        watch = RunWatch()
        self._recaller().invoke(task, merge_configs(config, {"callbacks": [watch]}))
        return watch.compressions[0].result

    def forget(self, namespace: Namespace) -> None:
        """Forget what the marker has cached of this memory, when a user is deleted.

        Deleting the store's items is up to you.
        """
        self._compressor.found_marker().forget(joined(namespace))

    def before_agent(self, state: AttnGSState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Read the memory and compress it, once a turn, unless the gate withholds it."""
        return talk(self._remember(state, runtime), lambda call: call.run())

    async def abefore_agent(self, state: AttnGSState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """`before_agent`, awaited."""
        return await atalk(self._remember(state, runtime), lambda call: call.arun())

    def before_model(self, state: AttnGSState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Shorten what is long and has not been shortened yet."""
        task = self._messages_task(state, runtime)
        return self._messages_update(state, self._shortener().invoke(task) if task["groups"] else {})

    async def abefore_model(self, state: AttnGSState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """`before_model`, awaited."""
        task = await asyncio.to_thread(self._messages_task, state, runtime)
        return self._messages_update(state, await self._shortener().ainvoke(task) if task["groups"] else {})

    def wrap_model_call(self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]) -> ModelResponse[Any]:
        """Show the model the short texts."""
        return handler(self._with_short_texts(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """`wrap_model_call`, awaited."""
        return await handler(self._with_short_texts(request))

    @property
    def _required_memory(self) -> StoreMemory | MemoryFile:
        if self._memory is None:
            raise ConfigError("this middleware has no `memory`; make it with `memory=StoreMemory(...)`, or `MemoryFile(...)`.")
        return self._memory

    def _remember(self, state: AttnGSState, runtime: Runtime[Any]) -> Generator[Call, Any, dict[str, Any] | None]:
        """What `before_agent` does, in sync and async alike."""
        if self._memory is None:
            return None
        namespace, query = self._memory.resolve(runtime), self._question(state)
        recall = self._memory.recalled(namespace, runtime.store, self._compressor)
        decision = (yield _called(self._judge(), request_of(state["messages"]))) if self._gate else None
        if decision and decision.withheld:
            yield _called(self._recaller(), _withheld(namespace, decision))
            return self._memory_update(state, {}, decision=decision)
        message, known = last_question(said(state["messages"])), self._own_blocks(state, namespace)
        known = yield from recall.current(known)
        if message is None or message.key in known:
            return self._memory_update(state, known, decision=decision)
        found = yield from self._found(recall, query)
        task = self._memory_task(found, namespace, message.text, query, known)
        made = (yield _called(self._recaller(), task)) if task["documents"] else None
        return self._memory_update(state, known, message, made, decision=decision)

    def _question(self, state: AttnGSState) -> Question:
        asked = self._ask(state["messages"]) if has_question(said(state["messages"])) else ""
        return asked if isinstance(asked, Question) else Question(text=asked)

    def _found(self, recall: Recall, question: Question) -> Waiting[Found]:
        """What may be shown for a question; nothing without one."""
        return (yield from recall.find(question, self._memory_tokens())) if question.text.strip() else Found([], [])

    def _memory_task(self, found: Found, namespace: Namespace, message: str, query: Question, earlier: Blocks) -> MemoryTask:
        return {
            "items": found.items,
            "documents": found.documents,
            "marking": found.marking,
            "tokens": found.tokens,
            "query": query,
            "namespace": joined(namespace),
            "asked": asked_by(joined(namespace), message),
            "earlier": [*earlier.values()],
            "withheld": "",
        }

    def _own_blocks(self, state: AttnGSState, namespace: Namespace) -> Blocks:
        """The user's blocks that may still be shown; in the system prompt, only that of the turn at hand."""
        messages = said(state["messages"])
        asked = {message.key: message.text for message in messages if message.role == "user"}
        found = own_blocks(self._blocks(state), asked, joined(namespace))
        return found if self._in_turns else alone(found, _key_of(last_question(messages)))

    def _blocks(self, state: Mapping[str, Any]) -> Blocks:
        found: Blocks = state.get("attngs_blocks", {}).get(self.name, {})
        return found

    def _namespace(self, runtime: Runtime[Any]) -> str:
        """Whose texts these are, for the marker's cache."""
        return joined(self._memory.resolve(runtime)) if self._memory else self._compressor.namespace

    def _memory_update(
        self,
        state: AttnGSState,
        known: Blocks,
        message: Said | None = None,
        made: MemoryBlock | None = None,
        *,
        decision: GateDecision | None = None,
    ) -> dict[str, Any]:
        """The state's change, also when nothing is remembered: what is not true any more must not be shown."""
        blocks: Blocks = {**known, message.key: made} if message and made else known
        shown = [before_words(framed_memory(block["text"])) for block in blocks.values() if block["text"]]
        if self._in_turns and not self._rations.hold("memory", shown, self._compressor.found_counter()):
            blocks = alone(blocks, _key_of(message))
        update: dict[str, Any] = {"attngs_blocks": {**state.get("attngs_blocks", {}), self.name: blocks}}
        if decision:
            update["attngs_gate"] = {**state.get("attngs_gate", {}), self.name: asdict(decision)}
        return update

    def _judge(self) -> Runnable[Question, GateDecision]:
        """Judges a question, in a run whose config puts the judge's calls below it."""

        def run(question: Question, config: RunnableConfig) -> GateDecision:
            return self._safety_gate(config).decide(question)

        async def arun(question: Question, config: RunnableConfig) -> GateDecision:
            return await self._safety_gate(config).adecide(question)

        return RunnableLambda(run, afunc=arun, name=f"{self.name}.gate")

    def _safety_gate(self, config: RunnableConfig | None) -> SafetyGate:
        judge: Any = RunnableChat(self._gate, config) if isinstance(self._gate, Runnable) else self._gate
        return SafetyGate(judge, **self._gate_settings)

    def _messages_task(self, state: AttnGSState, runtime: Runtime[Any]) -> Task:
        groups = self._shortening(state["messages"], self._blocks(state)).groups(self._short_texts(state))
        return {"groups": groups, "namespace": self._namespace(runtime)}

    def _messages_update(self, state: AttnGSState, new: Mapping[str, str]) -> dict[str, Any] | None:
        """The state's change: the short texts that stand for something; the others are not needed any more.

        When old turns become short, earlier blocks of memory go, and the newest shows all that matters to its question.
        """
        known, shortening = self._short_texts(state), self._shortening(state["messages"], {})
        used = shortening.used({**known, **new})
        if used == known:
            return None
        change: dict[str, Any] = {"attngs_short": {**state.get("attngs_short", {}), self.name: used}}
        if self._memory and shortening.begin(used) > shortening.begin(known):
            change |= self._memory_update(state, alone(self._blocks(state), _key_of(last_question(shortening.messages))))
        return change

    def _short_texts(self, state: Mapping[str, Any]) -> Mapping[str, str]:
        found: Mapping[str, str] = state.get("attngs_short", {}).get(self.name, {})
        return found

    def _with_short_texts(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        state: Mapping[str, Any] = request.state
        blocks = settled(self._blocks(state), {message.id or "" for message in request.messages})
        written = {message.id or "": message for message in state["messages"]}
        originals = [written.get(message.id or "", message) for message in request.messages]
        view = self._shortening(originals, blocks).view(self._short_texts(state))
        changes: dict[str, Any] = {"messages": viewed(view, request.messages, originals)}
        block = blocks.get(_key_of(last_question(said(state["messages"]))))
        if block and block["text"] and not self._in_turns:
            changes["system_message"] = _with_memory(request.system_message, block["text"])
        return request.override(**changes)

    @property
    def _in_turns(self) -> bool:
        """Whether memory is placed in the messages of its turns."""
        return self._memory is not None and self._memory.place == "last_turn"

    def _shortening(self, messages: Sequence[AnyMessage], blocks: Blocks) -> Shortening:
        return Shortening(
            messages=said(messages),
            tool_results=self._tool_results,
            history=self._history,
            counter=self._compressor.found_counter(),
            target_tokens=self._compressor.target_tokens,
            ask=lambda count: self._ask(messages[:count]),
            memories={key: framed_memory(block["text"]) for key, block in blocks.items() if block["text"]} if self._in_turns else {},
            rations=self._rations,
        )

    def _shortener(self) -> Runnable[Task, dict[str, str]]:
        return traced(f"{self.name}.messages", self._steps, workers=self._compressor.max_concurrency)

    def _steps(self, task: Task, config: RunnableConfig) -> Steps[tuple[dict[str, str], Ledger]]:
        """Shorten all groups at the same time, each under its own budget."""
        groups, counter = task["groups"], self._compressor.found_counter()
        results = yield [
            Job(
                compressor=self._compressor.writer(config, group.layout) or self._compressor.extractor(group.layout),
                documents=group.documents,
                query=group.query,
                target_tokens=group.budget(counter),
                namespace=task["namespace"],
            )
            for group in groups
        ]
        return {group.key: group.shown(result, counter) for group, result in zip(groups, results, strict=True)}, Ledger.of(
            results, [group.part for group in groups]
        )

    def _recaller(self) -> Runnable[MemoryTask, MemoryBlock | None]:
        return traced(f"{self.name}.memory", self._recall_steps, workers=1)

    def _recall_steps(self, task: MemoryTask, config: RunnableConfig) -> Steps[tuple[MemoryBlock | None, Ledger]]:
        compressor, counter = self._compressor.for_memory(self._periods), self._compressor.found_counter()
        layout = self._required_memory.layout
        if task["withheld"]:
            yield []
            return None, replace(Ledger.of([]), reason=task["withheld"])
        [result] = yield [
            Job(
                compressor=compressor.writer(config, layout) or compressor.extractor(layout),
                documents=task["documents"],
                query=task["query"],
                target_tokens=self._memory_tokens(),
                namespace=task["namespace"],
                marking=task["marking"],
                original_tokens=task["tokens"],
            )
        ]
        items = [task["items"][position] for position in used_positions(result)]
        made = block_of(result, counter, asked=task["asked"], earlier=task["earlier"], items=items, layout=layout)
        return made, Ledger.of([result], ["memory"])

    def _memory_tokens(self) -> int:
        """How much of the memory one turn is shown: half, where other turns are shown some too."""
        own, default, texts = self._required_memory.target_tokens, self._compressor.target_tokens, 2 if self._in_turns else 1
        return self._rations.room("memory", own, default, before_words(framed_memory("x")), self._compressor.found_counter(), texts=texts)


def _key_of(message: Said | None) -> str:
    return message.key if message else ""


def _withheld(namespace: Namespace, decision: GateDecision) -> MemoryTask:
    reason = f"no memory is shown: {decision.reason}"
    question = Question(text="")
    return {
        "items": [],
        "documents": [],
        "marking": None,
        "tokens": 0,
        "query": question,
        "namespace": joined(namespace),
        "asked": "",
        "earlier": [],
        "withheld": reason,
    }


def _called(runnable: Runnable[Input, Any], value: Input) -> Call:
    return Call(partial(runnable.invoke, value), partial(runnable.ainvoke, value))


def _with_memory(system: SystemMessage | None, memory: str) -> SystemMessage:
    """The system prompt with the memory at its end, so that the provider can cache what stands before it."""
    blocks = list(system.content_blocks) if system else []
    gap = "\n\n" if blocks else ""  # some providers join the blocks to one text
    return SystemMessage(content_blocks=[*blocks, {"type": "text", "text": gap + framed_memory(memory)}])
