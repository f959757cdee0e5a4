"""The agent: LangChain's `create_agent`. attngs makes its memory short for each question, and its tools save what it is told."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Generator
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from answers import Answer
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from models import refuses_tools, takes_tools
from people import People
from turns import asked

from attngs import Marker
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, History, memory_tools

PROMPT = "You are a personal assistant. Answer briefly, from what is known of the user where it helps, and say when you do not know."
KEEPING = (
    " When the user states a lasting fact about themselves, call `remember` with it in one sentence, without asking. If it changes what is"
    " known, call `update` instead. Never save a question, a guess, or what a document says."
)
HEARTBEAT = 0.1
"""Seconds after which whoever waits for an answer is asked whether to go on."""
FAREWELL = 2.0
"""Seconds that a stopped answer has to end."""


class Settings(NamedTuple):
    """How the memory is used."""

    target_tokens: int = 256
    rewrite: bool = False
    paused: bool = False
    """Whether no memory is read or written."""


class Assistant:
    """Answers people's questions. One assistant serves everybody, from any number of threads: each question says who asks."""

    def __init__(self, people: People, model: BaseChatModel) -> None:
        self.people, self.model, self._made = people, model, lru_cache(self._make)
        self.uses_tools = takes_tools(model)
        """Whether the model saves memories by itself."""
        self._answers: dict[tuple[str, int, int], Answer] = {}
        self._turns = defaultdict[str, threading.Lock](threading.Lock)

    @property
    def marker(self) -> Marker:
        """Marks what matters; the same for everybody."""
        return AttnGSCompressor(target_tokens=1).found_marker()

    def ask(self, person: str, chat: str, question: str, settings: Settings) -> Generator[Answer, None, None]:
        """The answer as it grows, several times a second. Leaving the loop stops the model and its writer, and keeps what was said.

        A chat that is open in two windows has one question at a time: the second waits until the first is answered.
        """
        answer, turn = Answer(question), self._turns[chat]
        while not turn.acquire(timeout=HEARTBEAT):
            yield answer
        try:
            yield from self._ask(person, chat, answer, settings)
        finally:
            turn.release()

    def _ask(self, person: str, chat: str, answer: Answer, settings: Settings) -> Generator[Answer, None, None]:
        question, began, said = answer.question, datetime.now(UTC), self.people.said(chat)
        unanswered = [RemoveMessage(id=str(last.id)) for last in said[-1:] if isinstance(last, HumanMessage)]  # after a failure
        place = len(said) - len(unanswered) + 1
        self.people.enter_chat(person, chat, question)
        config: Any = {"configurable": {"thread_id": chat, "user_id": person}, "callbacks": [answer]}
        given = {"messages": [*unanswered, HumanMessage(question)]}
        started = time.perf_counter()
        try:
            try:
                yield from self._run(settings, given, config, answer)
            except Exception as error:
                if not self.uses_tools or not refuses_tools(error):
                    raise
                self.uses_tools = False
                self._made.cache_clear()
                yield from self._run(settings, {"messages": []}, config, answer)  # the question is in the chat already
        finally:
            answer.seconds = time.perf_counter() - started
            last = next(iter(self.people.said(chat)[-1:]), None)
            if answer.text and last is not None and last.type in ("human", "tool"):  # it was stopped
                self._made(settings)[1].update_state(config, {"messages": [AIMessage(answer.text)]}, as_node="model")
            self._account(person, chat, answer, began)
            self._answers[chat, place, self._basis(person, settings)] = answer  # also if its model has saved something

    def explain(self, person: str, chat: str, place: int, settings: Settings) -> Answer:
        """The answer at this place in a chat, or a preview of the next one if the memory or the settings have changed."""
        key = chat, place, self._basis(person, settings)
        if key not in self._answers:
            said = self.people.said(chat)[:place]
            preview = Answer(str(said[-1].text) if said else "")
            if not settings.paused and (question := asked(said)):
                namespace = self.people.memories(person).namespace
                self._made(settings)[0].recall(question, namespace=namespace, config={"callbacks": [preview]})
            self._answers[key] = preview
        return self._answers[key]

    def saved(self, person: str, chat: str = "") -> int:
        """Tokens saved, in one chat or in all of them."""
        entries = [item.value["metadata"] for item in self.people.of(person, "ledger").items()]
        return sum(entry["saved"] for entry in entries if chat in ("", entry["chat"]))

    def forget(self, person: str) -> None:
        """Delete everything about a person, in the database and in this process."""
        self.people.forget(person)
        self._made(Settings())[0].forget(self.people.memories(person).namespace)
        self._answers = {key: answer for key, answer in list(self._answers.items()) if not key[0].startswith(f"{person}-")}

    def forget_chat(self, person: str, chat: str) -> None:
        """Delete a chat, in the database and in this process."""
        self.people.delete_chat(person, chat)
        self._answers = {key: answer for key, answer in list(self._answers.items()) if key[0] != chat}

    def _run(self, settings: Settings, given: Any, config: Any, answer: Answer) -> Generator[Answer, None, None]:
        """Run the agent in a thread of its own, so that whoever waits can leave also while no word comes."""
        words, ended, agent = SimpleQueue[str](), Future[None](), self._made(settings)[1]

        def run() -> None:
            try:
                speaker = None
                with closing(agent.stream(given, config, stream_mode="messages")) as stream:
                    for message, _ in stream:
                        if isinstance(message, AIMessage) and message.text:
                            gap = "\n\n" if speaker not in (None, message.id) else ""
                            speaker = message.id
                            words.put(gap + str(message.text))
                ended.set_result(None)
            except BaseException as error:
                ended.set_exception(error)
            finally:
                words.put("")

        threading.Thread(target=run, name="attngs-answer", daemon=True).start()
        try:
            while not (ended.done() and words.empty()):
                with suppress(Empty):
                    answer.text += words.get(timeout=HEARTBEAT)
                yield answer
            ended.result()
        finally:
            if not ended.done():
                answer.cancel()
                wait([ended], FAREWELL)

    def _basis(self, person: str, settings: Settings) -> int:
        """A number that changes if the model would be shown something else."""
        return hash((settings, self.people.memories(person).basis()))

    def _account(self, person: str, chat: str, answer: Answer, began: datetime) -> None:
        """Write to the ledger. If the person was deleted in the meantime, delete what this run has written."""
        memories = self.people.memories(person)
        answer.changes = memories.changes(chat, began)
        memories.use(answer.keys, answer.question, chat)
        saved = sum(r.original_tokens - r.compressed_tokens - sum(r.usage or ()) for r in (made.result for made in answer.compressions))
        self.people.of(person, "ledger").put(f"{saved:,} tokens saved", metadata={"chat": chat, "saved": saved})
        if person not in self.people.names():
            self.people.saver.delete_thread(chat)
            self.forget(person)

    def _make(self, settings: Settings) -> tuple[AttnGSMiddleware, Any]:
        how: Any = {"mode": "rewrite", "chat": self.model} if settings.rewrite else {}
        compressor = AttnGSCompressor(target_tokens=settings.target_tokens, **how)
        memory = None if settings.paused else self.people.memory_file
        middleware = AttnGSMiddleware(compressor, memory=memory, history=History(target_tokens=1_000), question=asked)
        keeping = self.uses_tools and not settings.paused
        tools = memory_tools(self.people.memory_file, compressor) if keeping else []
        kept: Any = {"store": self.people.store, "checkpointer": self.people.saver}
        return middleware, create_agent(self.model, tools, system_prompt=PROMPT + KEEPING * keeping, middleware=[middleware], **kept)
