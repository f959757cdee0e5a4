"""The agent: LangChain's `create_agent`, whose memory attngs makes short for each question."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from people import People

from attngs import CompressedContext, LocalChat
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, History, LocalChatModel, RunWatch, StoreMemory

PROMPT = "You are a personal assistant. Answer briefly, from what is known of the user where it helps, and say when you do not know."


def chat_model(name: str, base_url: str) -> BaseChatModel:
    """One behind an OpenAI-compatible URL, `local:` and a Hugging Face model or folder, any of `init_chat_model`'s, or nobody."""
    if base_url:
        key = os.environ.get("OPENAI_API_KEY") or "none needed"
        return init_chat_model(name or "default", model_provider="openai", base_url=base_url, api_key=key, stream_usage=True, timeout=60)
    if name.startswith("local:"):
        return LocalChatModel(chat=LocalChat.from_pretrained(name.removeprefix("local:"), max_tokens=512))
    return init_chat_model(name) if name else Nobody()


class Nobody(SimpleChatModel):
    """Stands where no model is set up, says so, and shows what one would be sent of the user's memory."""

    @property
    def _llm_type(self) -> str:
        return "nobody"

    def _call(self, messages: list[BaseMessage], *args: Any, **settings: Any) -> str:
        memory = re.search(r"<memory>\n(.*)\n</memory>", str(messages[0].text), re.DOTALL)
        shown = f"This is what one would be sent of your memory:\n\n{memory[1]}" if memory else "Of your memory, one would be sent nothing."
        return f"No chat model is set up, so nobody answers. {shown}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the memory is made short."""

    target_tokens: int = 256
    rewrite: bool = False


@dataclass(kw_only=True)
class Answer:
    """What came of a question."""

    question: str
    text: str = ""
    basis: object = None
    """Equal for equal memories and settings."""
    seconds: float = 0.0
    watch: RunWatch = field(default_factory=RunWatch)

    @property
    def memory(self) -> CompressedContext | None:
        """The very compression that the model was shown."""
        return next(iter(self.watch.named("AttnGSMiddleware.memory")), None)


class Assistant:
    """Answers people's questions. One serves all of them, from any number of threads: who asks is a part of each question."""

    def __init__(self, people: People, model: BaseChatModel) -> None:
        self.people, self.model = people, model
        self._answers: dict[tuple[str, int], Answer] = {}  # by chat and place in it
        self._previews: dict[tuple[str, int], tuple[object, CompressedContext | None]] = {}
        self._middleware, self._agent = lru_cache(self._make_middleware), lru_cache(self._make_agent)

    def ask(self, person: str, chat: str, question: str, settings: Settings) -> Iterator[Answer]:
        """The answer as it grows. Leaving the loop stops the model; what it had said until then is kept."""
        agent, started = self._agent(settings), time.perf_counter()
        answer = Answer(question=question, basis=self._basis(person, settings))
        config: Any = {"configurable": {"thread_id": chat, "user_id": person}, "callbacks": [answer.watch]}
        said = self.people.said(chat)
        unanswered = [RemoveMessage(id=str(last.id)) for last in said[-1:] if isinstance(last, HumanMessage)]
        self._answers[chat, len(said) - len(unanswered) + 1] = answer
        self.people.of(person, "chats").put(question[:80], key=chat)
        given = {"messages": [*unanswered, HumanMessage(question)]}
        try:
            with closing(agent.stream(given, config, stream_mode="messages")) as stream, answer.watch:
                for message, _ in stream:
                    if isinstance(message, AIMessage) and message.text:
                        answer.text += str(message.text)
                        yield answer
        finally:
            answer.seconds = time.perf_counter() - started
            if answer.text and [message.type for message in self.people.said(chat)[-1:]] == ["human"]:  # it was stopped
                agent.update_state(config, {"messages": [AIMessage(answer.text)]}, as_node="model")
            self._account(person, chat, answer)

    def explain(self, person: str, chat: str, place: int, settings: Settings) -> tuple[CompressedContext | None, Answer | None]:
        """What the answer at this place of a chat was shown of the memory, and the answer.

        Without it, what the next answer to the question would be shown: when memory or settings are others now, or the server is new.
        """
        basis, answer = self._basis(person, settings), self._answers.get((chat, place))
        if answer and answer.basis == basis:
            return answer.memory, answer
        then, preview = self._previews.get((chat, place), (None, None))
        if then != basis:
            question, namespace = str(self.people.said(chat)[place - 1].text), ("user", person, "memories")
            preview = self._middleware(settings).recall(question, store=self.people.store, namespace=namespace)
            self._previews[chat, place] = (basis, preview)
        return preview, None

    def forget(self, person: str) -> None:
        """Delete all that is kept of a person, in the database and in the marker's memory."""
        self._middleware(Settings()).forget(("user", person, "memories"))
        for known in (self._answers, self._previews):
            for chat, place in [key for key in known if key[0].startswith(person)]:
                del known[chat, place]
        self.people.forget(person)

    def saved(self, person: str, chat: str) -> tuple[int, int]:
        """Tokens, in this chat and in all."""
        entries = [item.value["metadata"] for item in self.people.of(person, "ledger").items()]
        return sum(entry["saved"] for entry in entries if entry["chat"] == chat), sum(entry["saved"] for entry in entries)

    def _basis(self, person: str, settings: Settings) -> object:
        return settings, tuple((item.key, item.value["text"], str(item.value["metadata"])) for item in self.people.of(person).items())

    def _account(self, person: str, chat: str, answer: Answer) -> None:
        """Into the ledger; and whoever was deleted in the meantime is deleted again, with what this run has written."""
        results = [compression.result for compression in answer.watch.compressions]
        before, after = (sum(getattr(result, name) for result in results) for name in ("original_tokens", "compressed_tokens"))
        writer = sum(sum(result.usage) for result in results if result.usage)
        numbers = {"before": before, "after": after, "writer": writer, "saved": before - after - writer}
        self.people.of(person, "ledger").put(f"{before:,} -> {after:,} tokens", metadata={"chat": chat, **numbers})
        if person not in self.people.names():
            self.people.saver.delete_thread(chat)
            self.forget(person)

    def _make_middleware(self, settings: Settings) -> AttnGSMiddleware:
        how: Any = {"mode": "rewrite", "llm": self.model} if settings.rewrite else {}
        memory = StoreMemory(namespace=("user", "{user_id}", "memories"), most=10_000)
        compressor = AttnGSCompressor(target_tokens=settings.target_tokens, **how)
        return AttnGSMiddleware(compressor, memory=memory, history=History(target_tokens=1_000))

    def _make_agent(self, settings: Settings) -> Any:
        parts: Any = {"store": self.people.store, "checkpointer": self.people.saver, "middleware": [self._middleware(settings)]}
        return create_agent(self.model, system_prompt=PROMPT, **parts)
