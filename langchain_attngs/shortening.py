"""Long tool results and old turns, short for their question; the state keeps the originals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError, check_whole
from attngs.hosts.budget import ContextPart, Rations
from attngs.hosts.frames import EARLIER, RESULT, TURNS, FrameLayout, between, text_in_place
from attngs.hosts.jobs import Job, Steps
from attngs.hosts.shortened import room_beside_note
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector
from attngs.types import Document, Question
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.messages import (
    as_turns,
    before_words,
    has_question,
    is_text,
    last_turns,
    own_words,
    put_before,
    question_of,
    weight_of,
)
from langchain_attngs.tracing import Ledger, traced

LEAST_TOKENS = 32
"""What an old result keeps at least, however long the conversation is."""

Ask = Callable[[Sequence[AnyMessage]], str | Question]
"""From messages to what their user asks with the last of them."""

LATEST = "What was said last?"
"""Stands for the question where the user has said nothing; the newest sentences are then kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResults:
    """Which tool results are shortened, each by itself and once, for its turn's question.

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
    """When a conversation is made short, and to how much.

    Nothing changes until all messages that are shown have more than `trigger_tokens` tokens, because providers bill less for what stays
    as it was. Then the turns before the last ones become one short text. If more than `compact_to` of `trigger_tokens` are left, as in a
    long loop of tool calls, old results of tools are shortened too, each by itself. What was shortened stays as it is until there are too
    many tokens again.

    Args:
        trigger_tokens: The conversation is shortened when all messages that are shown have more tokens than this.
        compact_to: The share of `trigger_tokens` down to which old results are shortened; above 0, at most 1.
        target_tokens: Budget of the old turns; the compressor's when not given.
        keep: How many messages at the end are left alone: more where the newest tool calls have more results. Turns are never cut.
    """

    trigger_tokens: int = 8_000
    compact_to: float = 0.5
    target_tokens: int | None = None
    keep: int = 6

    def __post_init__(self) -> None:
        check_whole("trigger_tokens", self.trigger_tokens)
        check_whole("keep", self.keep)
        if self.target_tokens is not None:
            check_whole("target_tokens", self.target_tokens)
        share: object = self.compact_to
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
            raise ConfigError(f"`compact_to` must be a number above 0 and at most 1, such as 0.5, got {share!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextGroup:
    """Texts that are shortened together. A note in their place says how much is left of them."""

    key: str
    documents: Sequence[Document]
    query: str | Question
    """What they are shortened for."""
    target_tokens: int
    layout: FrameLayout

    @property
    def part(self) -> ContextPart:
        """Which part of a prompt they are."""
        return "history" if self.layout is TURNS else "tool_results"

    def budget(self, counter: TokenCounter) -> int:
        """How many tokens the compression may use."""
        return room_beside_note(self.target_tokens, counter)

    def shown(self, result: CompressedContext, counter: TokenCounter) -> str:
        """What a model is shown in their place."""
        return text_in_place(result, self.layout, counter, self.target_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Finds what is too long among messages, and puts short texts in its place.

    Short texts are kept by the messages that they stand for, so each is made once and stays as it is.

    Args:
        tool_results: Which tool results are shortened; `None` for none.
        history: When the conversation is shortened; `None` for never.
        counter: Counts the tokens of messages.
        target_tokens: The budget where a rule has none.
        ask: From messages to what their user asks.
        memories: What stands before the words of a user's message, by its id.
        rations: What all of them may have together.
    """

    tool_results: ToolResults | None
    history: History | None
    counter: TokenCounter
    target_tokens: int
    ask: Ask
    memories: Mapping[str, str] = field(default_factory=dict[str, str])
    rations: Rations = field(default_factory=Rations)

    def groups(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> list[TextGroup]:
        """What has to be shortened before the model is asked; nothing where there is no question.

        Args:
            messages: The whole conversation.
            texts: The short texts that there are, by key.
        """
        if not has_question(messages):
            return []
        old_tokens = self._history_tokens()  # raises in the first turn, not when there is much history
        begin, earlier = self._covered(messages, texts)
        shown = [self._shown(message, message, texts) for message in messages[begin:]]
        spent, *counts = self.counter.count([earlier, *map(weight_of, shown)])
        weights = dict(enumerate(counts, begin))
        results = {number: self._result(messages, number) for number in weights if self._is_long(messages[number], weights[number], texts)}
        weights.update({number: group.target_tokens for number, group in results.items()})
        if self.history is None or spent + sum(weights.values()) <= self.history.trigger_tokens:
            return self._rationed(results, messages, weights, texts)
        old, later = list[TextGroup](), last_turns(messages, self.history.keep)
        if later > begin and _old_turns(messages[:later]):
            old, begin = [self._old(messages, later, old_tokens)], later
            spent = old[0].target_tokens
        weights = {number: weight for number, weight in weights.items() if number >= begin}
        results.update(self._compacted(messages, texts, weights, spent))
        return [*old, *self._rationed({number: results[number] for number in weights if number in results}, messages, weights, texts)]

    def view(
        self, messages: Sequence[AnyMessage], texts: Mapping[str, str], *, originals: Sequence[AnyMessage] | None = None
    ) -> list[AnyMessage]:
        """The messages with short texts in place of long ones, and memories before the user's words.

        Args:
            messages: What the model would be shown.
            texts: The short texts that there are.
            originals: The same messages as they are in the state, where another middleware may have changed what is shown.
        """
        originals = originals or messages
        begin, earlier = self._covered(originals, texts)
        pairs = zip(messages[begin:], originals[begin:], strict=True)
        shown = [self._shown(message, original, texts) for message, original in pairs]
        if not begin:
            return shown
        rules = [message for message in messages[:begin] if isinstance(message, SystemMessage)]
        return [*rules, _after_earlier(shown[0], earlier), *shown[1:]]

    def begin(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> int:
        """How many messages at the beginning one short text stands for."""
        return self._covered(messages, texts)[0]

    def used(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> dict[str, str]:
        """Those of the short texts that stand for something now."""
        begin, _ = self._covered(messages, texts)
        keys = [_turn_keys(messages).get(begin, ""), *(key for message in messages[begin:] for key in _result_keys(message))]
        return {key: texts[key] for key in keys if key in texts}

    def _covered(self, messages: Sequence[AnyMessage], texts: Mapping[str, str]) -> tuple[int, str]:
        """How many messages one short text stands for, and this text."""
        begin, key = max(((number, key) for number, key in _turn_keys(messages).items() if key in texts), default=(0, ""))
        return begin, texts.get(key, "")

    def _shown(self, message: AnyMessage, original: AnyMessage, texts: Mapping[str, str]) -> AnyMessage:
        """What is shown of a message. What another middleware put before a user's words stays."""
        if isinstance(message, HumanMessage):
            words = own_words(message) if message.content == original.content else message
            memory = self.memories.get(message.id or "")
            return put_before(words, memory) if memory else words
        if not self._may_shorten(message):
            return message
        text = next((texts[key] for key in _result_keys(message) if key in texts), None)
        return message if text is None else message.model_copy(update={"content": text})

    def _may_shorten(self, message: AnyMessage) -> bool:
        rule = self.tool_results
        return rule is not None and isinstance(message, ToolMessage) and message.name not in rule.exclude and is_text(message)

    def _is_long(self, message: AnyMessage, weight: int, texts: Mapping[str, str]) -> bool:
        rule = self.tool_results
        if rule is None or not self._may_shorten(message) or texts.keys() & _result_keys(message):
            return False
        return weight > max(rule.trigger_tokens, self._result_tokens(rule))

    def _compacted(
        self, messages: Sequence[AnyMessage], texts: Mapping[str, str], weights: Mapping[int, int], spent: int
    ) -> dict[int, TextGroup]:
        """The old results of tools that leave too much when the old turns are short already.

        Args:
            messages: The whole conversation.
            texts: The short texts that there are.
            weights: Tokens of the messages that are shown, by their number.
            spent: Tokens of what stands for the old turns.
        """
        assert self.history is not None
        calls = [number for number, message in enumerate(messages) if isinstance(message, AIMessage) and message.tool_calls]
        newest = min(len(messages) - self.history.keep, calls[-1] if calls else 0)
        old = {
            number: weight
            for number, weight in weights.items()
            if number < newest and self._may_shorten(messages[number]) and _result_keys(messages[number])[0] not in texts
        }
        goal = int(self.history.compact_to * self.history.trigger_tokens)
        share = max(LEAST_TOKENS, _even_share([*old.values()], goal - spent - sum(weights.values()) + sum(old.values())))
        return {number: self._result(messages, number, share) for number, weight in old.items() if weight > share}

    def _rationed(
        self, new: Mapping[int, TextGroup], messages: Sequence[AnyMessage], weights: Mapping[int, int], texts: Mapping[str, str]
    ) -> list[TextGroup]:
        """The results that are made short now, so that all short ones stay under their ceiling.

        Args:
            new: By number, the results that must be short.
            messages: The whole conversation.
            weights: Tokens of the messages that are shown, by their number.
            texts: The short texts that there are.
        """
        held = {
            number: weight
            for number, weight in weights.items()
            if number not in new and self._may_shorten(messages[number]) and texts.keys() & _result_keys(messages[number])
        }
        rations = self.rations.results({number: group.target_tokens for number, group in new.items()}, held)
        return [
            replace(new[number], target_tokens=ration) if number in new else self._result(messages, number, ration)
            for number, ration in rations.items()
        ]

    def _result(self, messages: Sequence[AnyMessage], number: int, share: int | None = None) -> TextGroup:
        """A result to be shortened for its turn's question: by the rule, or to its share of the room."""
        assert self.tool_results is not None
        compacted, by_rule = _result_keys(messages[number])
        return TextGroup(
            key=by_rule if share is None else compacted,
            documents=[Document(id="result", text=str(messages[number].text))],
            query=self.ask(messages[:number] if has_question(messages[:number]) else messages),
            target_tokens=share or self._result_tokens(self.tool_results),
            layout=RESULT,
        )

    def _old(self, messages: Sequence[AnyMessage], begin: int, target_tokens: int) -> TextGroup:
        """The turns before a message, as one text for the current question."""
        return TextGroup(
            key=_turn_keys(messages)[begin],
            documents=_old_turns(messages[:begin]),
            query=self.ask(messages),
            target_tokens=target_tokens,
            layout=TURNS,
        )

    def _history_tokens(self) -> int:
        own = self.history.target_tokens if self.history else None
        return self.rations.room("history", own, self.target_tokens, before_words(_earlier("x")), self.counter)

    def _result_tokens(self, rule: ToolResults) -> int:
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
        documents, asks = as_turns(messages), has_question(messages)
        if not documents:
            return "", Ledger(target_tokens=compressor.target_tokens)
        counter = compressor.found_counter()
        by_question = compressor.writer(config, TURNS) or compressor.extractor(TURNS)
        newest = ContextCompressor(Marker(RecencyScorer()), selector=GreedySelector(layout=TURNS), counter=counter)
        [result] = yield [
            Job(
                compressor=by_question if asks else newest,
                documents=documents,
                query=question_of(messages) if asks else LATEST,
                target_tokens=room_beside_note(compressor.target_tokens, counter),
                namespace=compressor.namespace,
            )
        ]
        return text_in_place(result, TURNS, counter, compressor.target_tokens), Ledger.of([result])

    return traced("attngs_summarizer", steps, workers=1)


def check_kind(value: object, name: str, kind: type) -> None:
    """Raise a `ConfigError` unless the argument of this name is of this kind."""
    if not isinstance(value, kind):
        raise ConfigError(f"`{name}` must be made with `{kind.__name__}(...)`, got {type(value).__name__}.")


def _after_earlier(message: AnyMessage, earlier: str) -> AnyMessage:
    """A user's message with the earlier conversation before everything else."""
    return put_before(message, _earlier(earlier))


def _earlier(text: str) -> str:
    """The earlier conversation, as it is shown."""
    return f"What was said earlier in this conversation, shortened:\n{between(EARLIER, text)}"


def _turn_keys(messages: Sequence[AnyMessage]) -> dict[int, str]:
    """Where turns begin, from the second one on, each with a key made of everything before it."""
    keys, key = dict[int, str](), ""
    for number, message in enumerate(messages):
        if isinstance(message, HumanMessage) and number:
            keys[number] = key
        key = digest("turns", key, message.type, str(message.text)).hex()
    return keys


def _result_keys(message: AnyMessage) -> tuple[str, str]:
    """The keys of a tool's result: in a compacted conversation, which comes first, and alone."""
    found = getattr(message, "tool_call_id", ""), str(message.text)
    return digest("compacted", *found).hex(), digest("result", *found).hex()


def _even_share(weights: Sequence[int], room: int) -> int:
    """How many tokens each may have so that all fit; what needs less leaves the rest to the others."""
    for done, weight in enumerate(sorted(weights)):
        if weight * (len(weights) - done) > room:
            return max(0, room // (len(weights) - done))
        room -= weight
    return max(weights, default=0)


def _old_turns(messages: Sequence[AnyMessage]) -> list[Document]:
    """What may be shortened. System messages are the application's rules, and are shown whole."""
    return as_turns([message for message in messages if not isinstance(message, SystemMessage)])
