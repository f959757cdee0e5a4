"""Long tool results and old turns, short for their question.

The messages themselves stay as they are: the rules say what is shown in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attngs.errors import ConfigError, check_whole
from attngs.hosts.budget import ContextPart, Rations
from attngs.hosts.conversation import Said, as_turns, before_words, has_question, last_turns, result_keys, turn_keys
from attngs.hosts.frames import EARLIER, RESULT, TAGS, TURNS, FrameLayout, between, text_in_place
from attngs.hosts.shortened import room_beside_note
from attngs.protocols import TokenCounter
from attngs.result.result import CompressedContext
from attngs.text.defusing import defuse_tags
from attngs.types import Document, Question

LEAST_TOKENS = 32
"""What an old result keeps at least, however long the conversation is."""

Ask = Callable[[int], str | Question]
"""From a number of messages, counted from the first, to what their user asks with the last of them."""


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
class View:
    """What a model is shown of a conversation, by the numbers of its messages."""

    shown: Sequence[int]
    """The messages that are left, in their order; no message stands twice."""
    before: Mapping[int, str]
    """What stands before a user's words: earlier turns, and memory."""
    results: Mapping[int, str]
    """Short texts in place of tools' results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Finds what is too long in a conversation, and says what stands in its place.

    Short texts are kept by the messages that they stand for, so each is made once and stays as it is.

    Args:
        messages: The whole conversation.
        tool_results: Which tool results are shortened; `None` for none.
        history: When the conversation is shortened; `None` for never.
        counter: Counts the tokens of messages.
        target_tokens: The budget where a rule has none.
        ask: Says what a user asks.
        memories: What stands before the words of a user's message, by its key.
        rations: What all of them may have together.
    """

    messages: Sequence[Said]
    tool_results: ToolResults | None
    history: History | None
    counter: TokenCounter
    target_tokens: int
    ask: Ask
    memories: Mapping[str, str] = field(default_factory=dict[str, str])
    rations: Rations = field(default_factory=Rations)

    def groups(self, texts: Mapping[str, str]) -> list[TextGroup]:
        """What has to be shortened before the model is asked; nothing where there is no question.

        Args:
            texts: The short texts that there are, by key.
        """
        messages = self.messages
        if not has_question(messages):
            return []
        old_tokens = self._history_tokens()  # raises in the first turn, not when there is much history
        begin, earlier = self._covered(texts)
        spent, *counts = self.counter.count([earlier, *(self._weight(message, texts) for message in messages[begin:])])
        weights = dict(enumerate(counts, begin))
        results = {number: self._result(number) for number in weights if self._is_long(messages[number], weights[number], texts)}
        weights.update({number: group.target_tokens for number, group in results.items()})
        if self.history is None or spent + sum(weights.values()) <= self.history.trigger_tokens:
            return self._rationed(results, weights, texts)
        old, later = list[TextGroup](), last_turns(messages, self.history.keep)
        if later > begin and _old_turns(messages[:later]):
            old, begin = [self._old(later, old_tokens)], later
            spent = old[0].target_tokens
        weights = {number: weight for number, weight in weights.items() if number >= begin}
        results.update(self._compacted(texts, weights, spent))
        return [*old, *self._rationed({number: results[number] for number in weights if number in results}, weights, texts)]

    def view(self, texts: Mapping[str, str]) -> View:
        """The messages with short texts in place of long ones, and memories before the user's words.

        Args:
            texts: The short texts that there are.
        """
        begin, earlier = self._covered(texts)
        left = range(begin, len(self.messages))
        before = {number: self._memory(self.messages[number]) for number in left}
        if begin:
            before[begin] = before_words(_earlier(earlier)) + before[begin]
        results = {number: self._short(self.messages[number], texts) for number in left}
        return View(
            shown=[*(number for number in range(begin) if self.messages[number].role == "system"), *left],
            before={number: text for number, text in before.items() if text},
            results={number: text for number, text in results.items() if text is not None},
        )

    def begin(self, texts: Mapping[str, str]) -> int:
        """How many messages at the beginning one short text stands for."""
        return self._covered(texts)[0]

    def used(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Those of the short texts that stand for something now."""
        begin, _ = self._covered(texts)
        keys = [turn_keys(self.messages).get(begin, ""), *(key for message in self.messages[begin:] for key in result_keys(message))]
        return {key: texts[key] for key in keys if key in texts}

    def weight(self, texts: Mapping[str, str]) -> int:
        """Tokens of all that is shown, each message counted by itself."""
        begin, earlier = self._covered(texts)
        left = [self._weight(self.messages[number], texts) for number in self.view(texts).shown]
        return sum(self.counter.count([*left, *([before_words(_earlier(earlier))] if begin else [])]))

    def _covered(self, texts: Mapping[str, str]) -> tuple[int, str]:
        """How many messages one short text stands for, and this text."""
        begin, key = max(((number, key) for number, key in turn_keys(self.messages).items() if key in texts), default=(0, ""))
        return begin, texts.get(key, "")

    def _weight(self, message: Said, texts: Mapping[str, str]) -> str:
        """Everything that takes tokens in a message as it is shown, as a text to be counted."""
        if message.role == "user":
            return self._memory(message) + defuse_tags(message.text, TAGS)
        short = self._short(message, texts)
        return (message.text if short is None else short) + message.calls

    def _memory(self, message: Said) -> str:
        """What stands before a user's words."""
        memory = self.memories.get(message.key) if message.role == "user" else None
        return before_words(memory) if memory else ""

    def _short(self, message: Said, texts: Mapping[str, str]) -> str | None:
        """What stands in place of a tool's result."""
        return next((texts[key] for key in result_keys(message) if key in texts), None) if self._may_shorten(message) else None

    def _may_shorten(self, message: Said) -> bool:
        rule = self.tool_results
        return rule is not None and message.role == "tool" and message.name not in rule.exclude and message.is_text

    def _is_long(self, message: Said, weight: int, texts: Mapping[str, str]) -> bool:
        rule = self.tool_results
        if rule is None or not self._may_shorten(message) or texts.keys() & result_keys(message):
            return False
        return weight > max(rule.trigger_tokens, self._result_tokens(rule))

    def _compacted(self, texts: Mapping[str, str], weights: Mapping[int, int], spent: int) -> dict[int, TextGroup]:
        """The old results of tools that leave too much when the old turns are short already.

        Args:
            texts: The short texts that there are.
            weights: Tokens of the messages that are shown, by their number.
            spent: Tokens of what stands for the old turns.
        """
        assert self.history is not None
        messages = self.messages
        calls = [number for number, message in enumerate(messages) if message.calls]
        newest = min(len(messages) - self.history.keep, calls[-1] if calls else 0)
        old = {
            number: weight
            for number, weight in weights.items()
            if number < newest and self._may_shorten(messages[number]) and result_keys(messages[number])[0] not in texts
        }
        goal = int(self.history.compact_to * self.history.trigger_tokens)
        share = max(LEAST_TOKENS, _even_share([*old.values()], goal - spent - sum(weights.values()) + sum(old.values())))
        return {number: self._result(number, share) for number, weight in old.items() if weight > share}

    def _rationed(self, new: Mapping[int, TextGroup], weights: Mapping[int, int], texts: Mapping[str, str]) -> list[TextGroup]:
        """The results that are made short now, so that all short ones stay under their ceiling.

        Args:
            new: By number, the results that must be short.
            weights: Tokens of the messages that are shown, by their number.
            texts: The short texts that there are.
        """
        held = {
            number: weight
            for number, weight in weights.items()
            if number not in new and self._may_shorten(self.messages[number]) and texts.keys() & result_keys(self.messages[number])
        }
        rations = self.rations.results({number: group.target_tokens for number, group in new.items()}, held)
        return [
            replace(new[number], target_tokens=ration) if number in new else self._result(number, ration)
            for number, ration in rations.items()
        ]

    def _result(self, number: int, share: int | None = None) -> TextGroup:
        """A result to be shortened for its turn's question: by the rule, or to its share of the room."""
        assert self.tool_results is not None
        messages = self.messages
        compacted, by_rule = result_keys(messages[number])
        return TextGroup(
            key=by_rule if share is None else compacted,
            documents=[Document(id="result", text=messages[number].text)],
            query=self.ask(number if has_question(messages[:number]) else len(messages)),
            target_tokens=share or self._result_tokens(self.tool_results),
            layout=RESULT,
        )

    def _old(self, begin: int, target_tokens: int) -> TextGroup:
        """The turns before a message, as one text for the current question."""
        return TextGroup(
            key=turn_keys(self.messages)[begin],
            documents=_old_turns(self.messages[:begin]),
            query=self.ask(len(self.messages)),
            target_tokens=target_tokens,
            layout=TURNS,
        )

    def _history_tokens(self) -> int:
        own = self.history.target_tokens if self.history else None
        return self.rations.room("history", own, self.target_tokens, before_words(_earlier("x")), self.counter)

    def _result_tokens(self, rule: ToolResults) -> int:
        return rule.target_tokens or self.target_tokens


def _earlier(text: str) -> str:
    """The earlier conversation, as it is shown."""
    return f"What was said earlier in this conversation, shortened:\n{between(EARLIER, text)}"


def _even_share(weights: Sequence[int], room: int) -> int:
    """How many tokens each may have so that all fit; what needs less leaves the rest to the others."""
    for done, weight in enumerate(sorted(weights)):
        if weight * (len(weights) - done) > room:
            return max(0, room // (len(weights) - done))
        room -= weight
    return max(weights, default=0)


def _old_turns(messages: Sequence[Said]) -> list[Document]:
    """What may be shortened. System messages are the application's rules, and are shown whole."""
    return as_turns([message for message in messages if message.role != "system"])
