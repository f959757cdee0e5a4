"""What an agent's model is shown of long tool results and of old history, short for the current question. The state keeps the originals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.hosts.jobs import Job, Steps
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.selection import ExtractLayout, GreedySelector, check_target_tokens
from attngs.types import Document
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.messages import EARLIER, TURNS, as_turns, guarded, last_turns, question_of, text_of, weight_of
from langchain_attngs.settings import check_kind
from langchain_attngs.tracing import Ledger, traced

PLAIN = ExtractLayout(label="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResults:
    """Results of tools that are shortened, each by itself.

    Args:
        trigger_tokens: Those with more are.
        target_tokens: Their budget; the compressor's when not given.
        exclude: Names of tools whose results are left alone.
    """

    trigger_tokens: int = 1_000
    target_tokens: int | None = None
    exclude: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check(self.trigger_tokens, "trigger_tokens")
        _check_budget(self.target_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Old messages that are shortened, together.

    Args:
        trigger_tokens: When all messages have more, with tool results already shortened.
        target_tokens: Budget of the old ones; the compressor's when not given.
        keep: Messages at the end that are left alone, and more where they belong to the same turn. The current turn is never touched.
    """

    trigger_tokens: int = 8_000
    target_tokens: int | None = None
    keep: int = 6

    def __post_init__(self) -> None:
        _check(self.trigger_tokens, "trigger_tokens")
        _check(self.keep, "keep")
        _check_budget(self.target_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Something to be shortened."""

    key: str
    """Names the texts, the question and the budget: the same passage has the same key in every step of a turn."""
    documents: Sequence[Document]
    target_tokens: int
    layout: ExtractLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Which messages are shortened."""

    tool_results: ToolResults | None
    history: History | None
    counter: TokenCounter
    target_tokens: int

    def passages(self, messages: Sequence[AnyMessage]) -> list[Passage]:
        """What has to be shortened before the model is asked; nothing where there is no question."""
        question = question_of(messages)
        if not question:
            return []
        weights = self.counter.count([weight_of(message) for message in messages])
        results = {
            number: self._result(message, question) for number, message in enumerate(messages) if self._is_long(message, weights[number])
        }
        begin = self._begin(messages, weights, results)
        found = [passage for number, passage in results.items() if number >= begin]
        return [*([self._old(messages[:begin], question)] if begin else []), *found]

    def view(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> list[AnyMessage]:
        """The messages with what was shortened in place of what it was made of; those without a shorter text stay as they are."""
        shown, question = list(messages), question_of(messages)
        for number, message in enumerate(messages):
            if self._may_shorten(message) and (text := texts.get(self._key(message, question))) is not None:
                shown[number] = message.model_copy(update={"content": text})
        begin = last_turns(messages, self.history.keep) if self.history else 0
        old = texts.get(self._old(messages[:begin], question).key) if begin else None
        if old is None:
            return shown
        rules = [message for message in messages[:begin] if isinstance(message, SystemMessage)]
        return [*rules, *_earlier(old), *shown[begin:]]

    def _may_shorten(self, message: AnyMessage) -> bool:
        rule = self.tool_results
        return rule is not None and isinstance(message, ToolMessage) and message.name not in rule.exclude and text_of(message) is not None

    def _is_long(self, message: AnyMessage, weight: int) -> bool:
        rule = self.tool_results
        return rule is not None and self._may_shorten(message) and weight > max(rule.trigger_tokens, self._budget(rule))

    def _begin(self, messages: Sequence[AnyMessage], weights: Sequence[int], results: Mapping[int, Passage]) -> int:
        """Where what is shown as it is begins; 0 where the history is short enough."""
        if self.history is None:
            return 0
        total = sum(results[number].target_tokens if number in results else weight for number, weight in enumerate(weights))
        begin = last_turns(messages, self.history.keep) if total > self.history.trigger_tokens else 0
        return begin if _said(messages[:begin]) else 0

    def _result(self, message: AnyMessage, question: str) -> Passage:
        assert self.tool_results is not None
        document = Document(id="result", text=guarded(text_of(message) or ""))
        return Passage(key=self._key(message, question), documents=[document], target_tokens=self._budget(self.tool_results), layout=PLAIN)

    def _old(self, messages: Sequence[AnyMessage], question: str) -> Passage:
        assert self.history is not None
        turns, target = _said(messages), self._budget(self.history)
        key = digest("history", question, str(target), *(part for turn in turns for part in (turn.id, turn.text))).hex()
        return Passage(key=key, documents=turns, target_tokens=target, layout=TURNS)

    def _key(self, message: AnyMessage, question: str) -> str:
        target = self._budget(self.tool_results) if self.tool_results else 0
        return digest("result", question, str(target), str(message.text)).hex()

    def _budget(self, rule: ToolResults | History) -> int:
        return rule.target_tokens or self.target_tokens


def _said(messages: Sequence[AnyMessage]) -> list[Document]:
    """What may be shortened: system messages are the application's rules, and are shown whole."""
    return as_turns([message for message in messages if not isinstance(message, SystemMessage)])


def _earlier(text: str) -> list[AnyMessage]:
    if not text:
        return []
    shown = f"What was said earlier in this conversation, shortened:\n<{EARLIER}>\n{text}\n</{EARLIER}>"
    return [HumanMessage(shown, additional_kwargs={"lc_source": "attngs"})]


def _check(value: object, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"`{name}` must be a whole number of at least 1, got {value!r}.")


def _check_budget(target_tokens: int | None) -> None:
    if target_tokens is not None:
        check_target_tokens(target_tokens)


LATEST = "What was said last?"
"""Stands for the question where the user has said nothing; the newest sentences are then kept."""


def attngs_summarizer(compressor: AttnGSCompressor) -> Runnable[Sequence[BaseMessage], str]:
    """For `SummarizationMiddleware(model, summarizer=attngs_summarizer(compressor), trim_tokens_to_summarize=None)`.

    Without `trim_tokens_to_summarize=None` the middleware cuts the old messages to their last 4,000 tokens before they get here.
    It passes the old messages alone and not the current question, so what the user asked last among them stands for it; and what
    is not kept is gone for good, because the middleware replaces the messages in the state. `AttnGSMiddleware(history=...)` has neither
    limit.

    Args:
        compressor: How; its `target_tokens` is the budget of the summary.

    Raises:
        ConfigError: It is no `AttnGSCompressor`.
    """
    check_kind(compressor, "compressor", AttnGSCompressor)

    def steps(messages: Sequence[BaseMessage], config: RunnableConfig) -> Steps[tuple[str, Ledger]]:
        documents, query = as_turns(messages), question_of(messages)
        if not documents:
            return "", Ledger(target_tokens=compressor.target_tokens)
        by_question = compressor.writer(config, TURNS) or compressor.extractor(TURNS)
        newest = ContextCompressor(Marker(RecencyScorer()), selector=GreedySelector(layout=TURNS), counter=compressor.found_counter())
        [result] = yield [
            Job(
                compressor=by_question if query else newest,
                documents=documents,
                query=query or LATEST,
                target_tokens=compressor.target_tokens,
                namespace=compressor.namespace,
            )
        ]
        return result.text, Ledger.of([result])

    return traced("attngs_summarizer", steps, workers=1)
