"""The agent: LangChain's `create_agent`. attngs makes its memory short for each question."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator
from contextlib import closing
from functools import lru_cache
from typing import Any, NamedTuple

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from people import People

from attngs import CompressedContext, LocalChat
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, History, LocalChatModel, RunWatch, StoreMemory

MEMORY = StoreMemory(namespace=("user", "{user_id}", "memories"), max_items=10_000)
PROMPT = "You are a personal assistant. Answer briefly, from what is known of the user where it helps, and say when you do not know."


def chat_model(name: str, base_url: str) -> BaseChatModel:
    """A model behind an OpenAI-compatible URL, `local:` and a Hugging Face name or folder, any `init_chat_model` name, or nobody."""
    if base_url:
        key = os.environ.get("OPENAI_API_KEY") or "none needed"
        return init_chat_model(
            name or "default",
            model_provider="openai",
            base_url=base_url,
            api_key=key,
            stream_usage=True,
            timeout=60,
            **_clients(),
        )
    if name.startswith("local:"):
        return LocalChatModel(chat=LocalChat.from_pretrained(name.removeprefix("local:"), max_tokens=512))
    return init_chat_model(name) if name else Nobody()


@lru_cache
def _clients() -> dict[str, Any]:
    """HTTP clients that follow no redirect: a user's memory goes to the URL that was set, and nowhere else."""
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    return {"http_client": DefaultHttpxClient(follow_redirects=False), "http_async_client": DefaultAsyncHttpxClient(follow_redirects=False)}


class Nobody(SimpleChatModel):
    """Stands in if no model is set up: says so, and shows what a model would be sent from the user's memory."""

    @property
    def _llm_type(self) -> str:
        return "nobody"

    def _call(self, messages: list[BaseMessage], *args: Any, **settings: Any) -> str:
        asked = "\n".join(str(message.text) for message in messages if isinstance(message, HumanMessage))
        memory = "\n\n".join(re.findall(r"<memory>\n(.*?)\n</memory>", asked, re.DOTALL))
        shown = f"From your memory, a model would be sent this:\n\n{memory}" if memory else "A model would be sent nothing."
        return f"No chat model is set up, so there is no answer. {shown}"


class Settings(NamedTuple):
    """How the memory is compressed."""

    target_tokens: int = 256
    rewrite: bool = False


class Answer(RunWatch):
    """The answer to a question, and what the model was sent for it. A preview has only what the model would see of the memory."""

    text = ""
    seconds = 0.0

    @property
    def memory(self) -> CompressedContext | None:
        """The compression that the model was shown."""
        return next(iter(self.named("AttnGSMiddleware.memory")), None)


class Assistant:
    """Answers people's questions. One assistant serves everybody, from any number of threads: each question says who asks."""

    def __init__(self, people: People, model: BaseChatModel) -> None:
        self.people, self.model, self._made = people, model, lru_cache(self._make)
        self._answers: dict[tuple[str, int, int], Answer] = {}

    def ask(self, person: str, chat: str, question: str, settings: Settings) -> Generator[Answer, None, None]:
        """The answer as it grows. Leaving the loop stops the model and keeps what it had said until then."""
        agent, answer, started, said = self._made(settings)[1], Answer(), time.perf_counter(), self.people.said(chat)
        unanswered = [RemoveMessage(id=str(last.id)) for last in said[-1:] if isinstance(last, HumanMessage)]  # after a failure
        self._answers[chat, len(said) - len(unanswered) + 1, self._basis(person, settings)] = answer
        self.people.of(person, "chats").put(question[:80], key=chat)
        config: Any = {"configurable": {"thread_id": chat, "user_id": person}, "callbacks": [answer]}
        given = {"messages": [*unanswered, HumanMessage(question)]}
        try:
            with closing(agent.stream(given, config, stream_mode="messages")) as stream, answer:
                for message, _ in stream:
                    if isinstance(message, AIMessage) and message.text:
                        answer.text += str(message.text)
                        yield answer
        finally:
            answer.seconds = time.perf_counter() - started
            if answer.text and [message.type for message in self.people.said(chat)[-1:]] == ["human"]:  # it was stopped
                agent.update_state(config, {"messages": [AIMessage(answer.text)]}, as_node="model")
            self._account(person, chat, answer)

    def explain(self, person: str, chat: str, place: int, settings: Settings) -> Answer:
        """The answer at this place in a chat, or a preview of the next one if the memory or the settings have changed."""
        key = chat, place, self._basis(person, settings)
        if key not in self._answers:
            question, preview = str(self.people.said(chat)[place - 1].text), Answer()
            where: Any = {"store": self.people.store, "namespace": ("user", person, "memories")}
            self._made(settings)[0].recall(question, **where, config={"callbacks": [preview]})
            self._answers[key] = preview
        return self._answers[key]

    def saved(self, person: str, chat: str = "") -> int:
        """Tokens saved, in one chat or in all of them."""
        entries = [item.value["metadata"] for item in self.people.of(person, "ledger").items()]
        return sum(entry["saved"] for entry in entries if chat in ("", entry["chat"]))

    def forget(self, person: str) -> None:
        """Delete everything about a person, in the database and in this process."""
        self.people.forget(person)
        self._made(Settings())[0].forget(("user", person, "memories"))
        self._answers = {key: answer for key, answer in list(self._answers.items()) if not key[0].startswith(f"{person}-")}

    def _basis(self, person: str, settings: Settings) -> int:
        """A number that changes if the model would be shown something else."""
        return hash((settings, *(f"{item.key} {item.value}" for item in self.people.of(person, "memories").items())))

    def _account(self, person: str, chat: str, answer: Answer) -> None:
        """Write to the ledger. If the person was deleted in the meantime, delete what this run has written."""
        saved = sum(r.original_tokens - r.compressed_tokens - sum(r.usage or ()) for r in (made.result for made in answer.compressions))
        self.people.of(person, "ledger").put(f"{saved:,} tokens saved", metadata={"chat": chat, "saved": saved})
        if person not in self.people.names():
            self.people.saver.delete_thread(chat)
            self.forget(person)

    def _make(self, settings: Settings) -> tuple[AttnGSMiddleware, Any]:
        how: Any = {"mode": "rewrite", "chat": self.model} if settings.rewrite else {}
        compressor = AttnGSCompressor(target_tokens=settings.target_tokens, **how)
        middleware = AttnGSMiddleware(compressor, memory=MEMORY, history=History(target_tokens=1_000))
        kept: Any = {"store": self.people.store, "checkpointer": self.people.saver}
        return middleware, create_agent(self.model, system_prompt=PROMPT, middleware=[middleware], **kept)
