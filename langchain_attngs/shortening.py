"""Long tool results and old messages, short for the current question; the state keeps the originals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError, check_whole
from attngs.hosts.jobs import Job, Steps
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.selection.layout import ExtractLayout
from attngs.selection.selector import GreedySelector
from attngs.text.documents import as_query
from attngs.types import Document
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.frames import EARLIER, RESULT, TURNS, between, text_to_show
from langchain_attngs.tracing import Ledger, traced

LATEST = "What was said last?"
"""Stands for the question where the user has said nothing; the newest sentences are then kept."""

_SPEAKERS = {"human": "user", "ai": "assistant"}
_NO_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResults:
    """Which tool results are shortened, each by itself.

    Args:
        trigger_tokens: Results with more tokens than this are shortened.
        target_tokens: Budget of each; the compressor's when not given.
        exclude: Names of tools whose results are left alone.
    """

    trigger_tokens: int = 1_000
    target_tokens: int | None = None
    exclude: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_whole("trigger_tokens", self.trigger_tokens)
        if self.target_tokens is not None:
            check_whole("target_tokens", self.target_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """When old messages are shortened, and to how much, all together.

    Args:
        trigger_tokens: Old messages are shortened when all messages have more tokens than this, counting tool results as shortened.
        target_tokens: Budget of the old messages; the compressor's when not given.
        keep: How many messages at the end are left alone; more where they belong to the same turn. The current turn is never touched.
    """

    trigger_tokens: int = 8_000
    target_tokens: int | None = None
    keep: int = 6

    def __post_init__(self) -> None:
        check_whole("trigger_tokens", self.trigger_tokens)
        check_whole("keep", self.keep)
        if self.target_tokens is not None:
            check_whole("target_tokens", self.target_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextGroup:
    """Texts that are shortened together."""

    key: str
    """Made of the texts, the question and the budget, so a group has the same key in every step of a turn."""
    documents: Sequence[Document]
    target_tokens: int
    layout: ExtractLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Finds what is too long among messages, and puts short texts in its place.

    Args:
        tool_results: Which tool results are shortened; `None` for none.
        history: When old messages are shortened; `None` for never.
        counter: Counts the tokens of messages.
        target_tokens: The budget where a rule has none.
    """

    tool_results: ToolResults | None
    history: History | None
    counter: TokenCounter
    target_tokens: int

    def groups(self, messages: Sequence[AnyMessage]) -> list[TextGroup]:
        """What has to be shortened before the model is asked; nothing where there is no question."""
        question = question_of(messages)
        if not question:
            return []
        weights = self.counter.count([_weight_of(message) for message in messages])
        results = {
            number: self._result(message, question) for number, message in enumerate(messages) if self._is_long(message, weights[number])
        }
        begin = self._begin(messages, weights, results)
        recent = [group for number, group in results.items() if number >= begin]
        return [*([self._old(messages[:begin], question)] if begin else []), *recent]

    def view(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> list[AnyMessage]:
        """The messages with short texts, given by key, in place of long ones; the others stay as they are."""
        view, question = list(messages), question_of(messages)
        for number, message in enumerate(messages):
            if self._may_shorten(message) and (text := texts.get(self._key(message, question))) is not None:
                view[number] = message.model_copy(update={"content": text})
        begin = last_turns(messages, self.history.keep) if self.history else 0
        old = texts.get(self._old(messages[:begin], question).key) if begin else None
        if old is None:
            return view
        rules = [message for message in messages[:begin] if isinstance(message, SystemMessage)]
        return [*rules, *_earlier(old), *view[begin:]]

    def _may_shorten(self, message: AnyMessage) -> bool:
        rule = self.tool_results
        return rule is not None and isinstance(message, ToolMessage) and message.name not in rule.exclude and _is_text(message)

    def _is_long(self, message: AnyMessage, weight: int) -> bool:
        rule = self.tool_results
        return rule is not None and self._may_shorten(message) and weight > max(rule.trigger_tokens, self._budget(rule))

    def _begin(self, messages: Sequence[AnyMessage], weights: Sequence[int], results: Mapping[int, TextGroup]) -> int:
        """Where the messages begin that are shown as they are; 0 where the history is short enough."""
        if self.history is None:
            return 0
        total = sum(results[number].target_tokens if number in results else weight for number, weight in enumerate(weights))
        begin = last_turns(messages, self.history.keep) if total > self.history.trigger_tokens else 0
        return begin if _old_turns(messages[:begin]) else 0

    def _result(self, message: AnyMessage, question: str) -> TextGroup:
        assert self.tool_results is not None
        documents = [Document(id="result", text=str(message.text))]
        return TextGroup(
            key=self._key(message, question), documents=documents, target_tokens=self._budget(self.tool_results), layout=RESULT
        )

    def _old(self, messages: Sequence[AnyMessage], question: str) -> TextGroup:
        assert self.history is not None
        turns, target = _old_turns(messages), self._budget(self.history)
        key = digest("history", question, str(target), *(part for turn in turns for part in (turn.id, turn.text))).hex()
        return TextGroup(key=key, documents=turns, target_tokens=target, layout=TURNS)

    def _key(self, message: AnyMessage, question: str) -> str:
        target = self._budget(self.tool_results) if self.tool_results else 0
        return digest("result", question, str(target), str(message.text)).hex()

    def _budget(self, rule: ToolResults | History) -> int:
        return rule.target_tokens or self.target_tokens


def attngs_summarizer(compressor: AttnGSCompressor) -> Runnable[Sequence[BaseMessage], str]:
    """A summarizer for LangChain's `SummarizationMiddleware`.

    ```python
    middleware = SummarizationMiddleware(model, summarizer=attngs_summarizer(compressor), trim_tokens_to_summarize=None)
    ```

    Without `trim_tokens_to_summarize=None` that middleware cuts the old messages to their last 4,000 tokens before they get here. It
    passes the old messages without the current question, so the user's last message among them is the question. It also replaces the
    messages in the state, so what is not kept is gone for good. `AttnGSMiddleware(history=...)` has neither limit.

    Args:
        compressor: How messages are shortened; its `target_tokens` is the budget of the summary.

    Raises:
        ConfigError: It is no `AttnGSCompressor`.
    """
    check_kind(compressor, "compressor", AttnGSCompressor)

    def steps(messages: Sequence[BaseMessage], config: RunnableConfig) -> Steps[tuple[str, Ledger]]:
        documents, query = as_turns(messages), question_of(messages)
        if not documents:
            return "", Ledger(target_tokens=compressor.target_tokens)
        counter = compressor.found_counter()
        by_question = compressor.writer(config, TURNS) or compressor.extractor(TURNS)
        newest = ContextCompressor(Marker(RecencyScorer()), selector=GreedySelector(layout=TURNS), counter=counter)
        [result] = yield [
            Job(
                compressor=by_question if query else newest,
                documents=documents,
                query=query or LATEST,
                target_tokens=compressor.target_tokens,
                namespace=compressor.namespace,
            )
        ]
        return text_to_show(result, counter), Ledger.of([result])

    return traced("attngs_summarizer", steps, workers=1)


def question_of(messages: Sequence[BaseMessage]) -> str:
    """The user's last message as a question; empty where there is none."""
    last = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    return as_query(str(last.text)) if last else ""


def as_turns(messages: Sequence[BaseMessage]) -> list[Document]:
    """The messages that hold text. Their ids name the speakers."""
    return [Document(id=_speaker(message), text=str(message.text)) for message in messages if str(message.text).strip()]


def last_turns(messages: Sequence[AnyMessage], keep: int) -> int:
    """Where the last messages begin: at least `keep` of them, from a user's message; 0 if none is older.

    So a tool call stays with its result, and the current question with what was done about it.
    """
    starts = [number for number, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return max((start for start in starts if len(messages) - start >= keep), default=0)


def check_kind(value: object, name: str, kind: type) -> None:
    """Raise a `ConfigError` unless the argument of this name is of this kind."""
    if not isinstance(value, kind):
        raise ConfigError(f"`{name}` must be made with `{kind.__name__}(...)`, got {type(value).__name__}.")


def _earlier(text: str) -> list[AnyMessage]:
    if not text:
        return []
    content = f"What was said earlier in this conversation, shortened:\n{between(EARLIER, text)}"
    return [HumanMessage(content, additional_kwargs={"lc_source": "attngs"})]


def _old_turns(messages: Sequence[AnyMessage]) -> list[Document]:
    """What may be shortened. System messages are the application's rules, and are shown whole."""
    return as_turns([message for message in messages if not isinstance(message, SystemMessage)])


def _speaker(message: BaseMessage) -> str:
    """Who speaks, in one or two words. Others may have named a tool, so odd signs in its name become `_`."""
    if isinstance(message, ToolMessage):
        return f"tool {_NO_NAME.sub('_', message.name)[:64]}" if message.name else "tool"
    return _SPEAKERS.get(message.type, message.type)


def _is_text(message: BaseMessage) -> bool:
    """Whether the message holds text alone, and no image for instance."""
    content = message.content
    kinds = {block.get("type") if isinstance(block, dict) else "text" for block in content} if not isinstance(content, str) else set()
    return kinds <= {"text", "reasoning", "thinking", "tool_use", "tool_call"}


def _weight_of(message: BaseMessage) -> str:
    """Everything in a message that takes tokens, as a text to be counted."""
    calls = "".join(f"{call['name']} {call['args']}" for call in message.tool_calls) if isinstance(message, AIMessage) else ""
    return f"{message.text}{calls}"
