"""A chat model of LangChain's own kind whose answers one can foresee, and handlers that remember what they saw."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

Answer = str | AIMessage | Exception


def marked(messages: list[BaseMessage]) -> str:
    """A faithful writer's answer: what stands between the markers, word for word."""
    return " ".join(re.findall(r"<start_important>(.*?)<end_important>", str(messages[-1].content), re.DOTALL))


class ScriptedModel(BaseChatModel):
    """Answers with what a function makes of the messages; one it raises when it returns it. Streams word by word."""

    answer: Callable[[list[BaseMessage]], Answer] = marked
    delay: float = 0.0
    calls: list[list[BaseMessage]] = Field(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _now: int = PrivateAttr(default=0)
    _most: int = PrivateAttr(default=0)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def most_at_once(self) -> int:
        return self._most

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        with self._lock:
            self._now += 1
            self._most = max(self._most, self._now)
        try:
            time.sleep(self.delay)
            return ChatResult(generations=[ChatGeneration(message=self._message(messages))])
        finally:
            with self._lock:
                self._now -= 1

    def _message(self, messages: list[BaseMessage]) -> AIMessage:
        self.calls.append(messages)
        answer = self.answer(messages)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, AIMessage):
            return answer
        used = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        return AIMessage(answer, usage_metadata=used, response_metadata={"finish_reason": "stop", "model_name": "scripted-1"})  # type: ignore[arg-type]

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


class StreamingModel(ScriptedModel):
    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        message = self._message(messages)
        if message.tool_calls:
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_calls=message.tool_calls))
        for word in re.findall(r"\S+\s*", str(message.content)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk


class FailsFirst:
    """A writer's answer that fails a few times for each request before it succeeds."""

    def __init__(self, times: int, error: Exception) -> None:
        self._times, self._error = times, error
        self._seen = Counter[str]()
        self._lock = threading.Lock()

    def __call__(self, messages: list[BaseMessage]) -> Answer:
        with self._lock:
            self._seen[str(messages[-1].content)] += 1
            seen = self._seen[str(messages[-1].content)]
        return self._error if seen <= self._times else marked(messages)


class Tracer(BaseCallbackHandler):
    """Remembers runs as a tree, and custom events with the run that they belong to."""

    def __init__(self) -> None:
        self.names: dict[UUID, str] = {}
        self.parents: dict[UUID, UUID | None] = {}
        self.tags: dict[str, list[str]] = {}
        self.metadata: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, str, Any]] = []
        self.ended: list[str] = []
        self.failed: list[str] = []

    def paths(self) -> list[str]:
        """Every run with those it is below: `A > B`."""
        return [self._path(run) for run in self.names]

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        self._start(run_id, parent_run_id, {"serialized": serialized, **kwargs})

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._start(run_id, parent_run_id, {"serialized": serialized, **kwargs})

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        self._start(run_id, parent_run_id, {"serialized": serialized, **kwargs})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(self.names[run_id])

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.failed.append(self.names[run_id])

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.failed.append(self.names[run_id])

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.events.append((self.names.get(run_id, "?"), name, data))

    def _start(self, run_id: UUID, parent_run_id: UUID | None, given: dict[str, Any]) -> None:
        name = given.get("name") or given["serialized"]["name"]
        self.names[run_id], self.parents[run_id] = name, parent_run_id
        self.tags[name], self.metadata[name] = given.get("tags") or [], given.get("metadata") or {}

    def _path(self, run: UUID) -> str:
        parent = self.parents[run]
        return (f"{self._path(parent)} > " if parent in self.names else "") + self.names[run]  # type: ignore[arg-type,index]
