"""The talk with the writer, from marks to a text that fits and says nothing that its sources do not.

    ask -> read -> verify -> keep, replace or drop -> too long? ask once more -> cut whole sentences -> holds as much as an extract?

It is a generator that yields what to ask and is sent the replies, so it knows nothing of threads, loops and clients. A context larger than
the writer's window is shortened in parts, and the joined parts are shortened again; each sentence keeps its sources.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Generator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from attngs.checking.verify import Verdict, verify
from attngs.errors import ChatError
from attngs.protocols import PromptTemplate, TokenCounter
from attngs.text.words import words
from attngs.types import ChatReply, Marking, Message, Sentence, Usage
from attngs.writing.passages import Passage, Window, as_marking, original, rewritten
from attngs.writing.reply import read_reply
from attngs.writing.statements import (
    LONG,
    FaithfulnessFloor,
    RewriteStatement,
    cut,
    decide,
    holds_less,
    in_words,
    joined,
    unsupported_share,
)

Result = TypeVar("Result")
Dialogue = Generator[Sequence[Sequence[Message]], Sequence[ChatReply | ChatError], Result]
"""Yields conversations that may be had at the same time, and is sent a reply or an error for each."""

LEAST_PART = 32
"""Fewest tokens that a part may have, however many parts share the writer's window."""
CHARACTERS = 40
"""Most characters of a reply for each token asked for, in addition to `FREE_CHARACTERS`. A longer reply is not used."""
FREE_CHARACTERS = 20_000
_OFFER = re.compile(
    r"\W*(?:please |just )?(?:let me know|feel free|(?:would|do) you (?:like|want)|if you (?:need|want|have|would like)"
    r"|(?:i )?hope (?:this|that) helps|is there anything|happy to help|i can also|note:|\(?(?:word|token) count)",
    re.IGNORECASE,
)
_ABOUT_ITSELF = re.compile(
    r"\W*(?:the|this) (?:(?:original|given|provided|shortened|shorter|short) )?(?P<what>context|text|passage|summary)"
    r" (?:is|was|has|does|doesn't|provides|describes|mentions|discusses|focuses)\b",
    re.IGNORECASE,
)
_FINISHED = re.compile(r"[.!?…。！？]['\"”’»)\]]*\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What came of the talk."""

    statements: tuple[RewriteStatement, ...] = ()
    """Every sentence of the last reply; empty when there was nothing to use."""
    tokens: int = 0
    """Of the statements' text, at most the budget."""
    fallback_reason: str | None = None
    """Why the verbatim extract has to stand in; `None` when the rewrite can be used."""
    usage: Usage | None = None
    """All calls together; `None` when the writer did not say."""
    calls: int = 0
    milliseconds: float = 0.0


class _Fallback(Exception):
    """The rewrite cannot be used; the message is the reason."""


@dataclass(slots=True)
class _Talk:
    """Counts calls and tokens along the way."""

    started: float = field(default_factory=time.perf_counter)
    calls: int = 0
    usage: Usage | None = None

    def ask(self, conversations: Sequence[Sequence[Message]]) -> Dialogue[Sequence[ChatReply | ChatError]]:
        answers = yield conversations
        self.calls += len(conversations)
        for answer in answers:
            if isinstance(answer, ChatReply) and answer.usage:
                before = self.usage or Usage(0, 0)
                self.usage = Usage(before.input_tokens + answer.usage.input_tokens, before.output_tokens + answer.usage.output_tokens)
        return answers

    def ended(self, **outcome: Any) -> Rewrite:
        return Rewrite(**outcome, usage=self.usage, calls=self.calls, milliseconds=1e3 * (time.perf_counter() - self.started))


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How rewrites are asked for and checked.

    Args:
        template: What the writer is sent.
        counter: The reader's tokens.
        floor: What happens to unsupported sentences.
        window: Tokens that the writer can read; `None`: unknown.
        raises: Whether a writer's failure is raised; otherwise the extract takes its place.
    """

    template: PromptTemplate
    counter: TokenCounter
    floor: FaithfulnessFloor
    window: int | None = None
    raises: bool = False

    def rewrite(
        self, marking: Marking, kept: AbstractSet[int], target_tokens: int, extract: Callable[[int], Collection[int]]
    ) -> Dialogue[Rewrite]:
        """Shorten a marked context.

        Args:
            marking: Its sentences and marks.
            kept: Sentences of the verbatim extract; they stand in for a part whose rewriting failed.
            target_tokens: Hard bound.
            extract: The sentences that an extract of so many tokens keeps: a rewrite must hold as much of what is marked.

        Raises:
            ChatError: The writer failed, and `raises` is set.
        """
        talk = _Talk()
        try:
            passages = yield from self._fitting(talk, marking, kept, target_tokens)
            statements = yield from self._final(talk, passages, marking.query, target_tokens)
            tokens = self._count(joined(statements))
            alike, larger = ([i for i in sorted(chosen) if marking.marked[i]] for chosen in (extract(tokens), kept))
            share = 1.0 if alike or not larger else tokens / self._count("".join(marking.sentences[i].text for i in larger))
            if holds_less(marking, statements, alike or larger, share):
                raise _Fallback(f"an extract holds more of what is marked than the rewrite in its {tokens} tokens")
        except _Fallback as reason:
            return talk.ended(fallback_reason=str(reason))
        return talk.ended(statements=tuple(statements), tokens=tokens)

    def _fitting(self, talk: _Talk, marking: Marking, kept: AbstractSet[int], target_tokens: int) -> Dialogue[list[Passage]]:
        """The context, shortened in parts until it fits the writer's window in one piece."""
        shown = [i for i, marked in enumerate(marking.marked) if marked or self.template.context == "all"]
        passages = original(marking, shown)
        if not passages:
            raise _Fallback("nothing is marked, and the template shows nothing else")
        window = Window(template=self.template, counter=self.counter, tokens=self.window)
        while True:
            parts = window.parts(passages, marking.query, target_tokens)
            if parts is None:
                raise _Fallback(f"the writer's window of {self.window} tokens has no room for the question and a sentence")
            if len(parts) == 1:
                return parts[0]
            share = min(target_tokens, max(LEAST_PART, int(window.tokens or 0) // (2 * len(parts))))
            conversations = [self.template(as_marking(part, marking.query), target_tokens=share) for part in parts]
            answers = yield from talk.ask(conversations)
            shorter = [
                passage
                for part, answer in zip(parts, answers, strict=True)
                for passage in self._shortened(answer, part, marking, kept, share)
            ]
            if len("".join(p.sentence.text for p in shorter)) >= 0.9 * len("".join(p.sentence.text for p in passages)):
                raise _Fallback(f"the writer did not shorten {len(parts)} parts of a context larger than its window")
            passages = shorter

    def _shortened(
        self, answer: ChatReply | ChatError, part: Sequence[Passage], marking: Marking, kept: AbstractSet[int], share: int
    ) -> list[Passage]:
        """A part in the writer's words; if that failed, the sentences of it that the extract has."""
        try:
            statements = self._checked(answer, part, marking.query, share)
        except _Fallback:
            return [passage for passage in part if not kept.isdisjoint(passage.sources)]
        return rewritten(cut(statements, share, self.counter), marking)

    def _final(self, talk: _Talk, passages: Sequence[Passage], query: str, target_tokens: int) -> Dialogue[list[RewriteStatement]]:
        """Rewrite what fits the window; once more if that is too long; then cut."""
        messages = self.template(as_marking(passages, query), target_tokens=target_tokens)
        [answer] = yield from talk.ask([messages])
        statements = self._checked(answer, passages, query, target_tokens)
        tokens = self._count(joined(statements))
        if tokens > target_tokens:
            assert isinstance(answer, ChatReply)
            tightened = self.template.again(messages, answer.text, tokens=tokens, target_tokens=target_tokens)
            [second] = yield from talk.ask([tightened])
            statements = self._better(second, statements, passages, query, target_tokens)
        statements = cut(statements, target_tokens, self.counter)
        if not joined(statements):
            raise _Fallback(f"no sentence of the rewrite fits into {target_tokens} tokens")
        return statements

    def _better(
        self, answer: ChatReply | ChatError, first: list[RewriteStatement], passages: Sequence[Passage], query: str, target_tokens: int
    ) -> list[RewriteStatement]:
        """The second reply if it can be used and is shorter than the first."""
        try:
            second = self._checked(answer, passages, query, target_tokens)
        except (_Fallback, ChatError):  # the first reply can be cut, so this failure does no harm
            return first
        return second if self._count(joined(second)) < self._count(joined(first)) else first

    def _checked(
        self, answer: ChatReply | ChatError, passages: Sequence[Passage], query: str, target_tokens: int
    ) -> list[RewriteStatement]:
        """The sentences of a reply that are faithful or were replaced, with sources in the marking."""
        if isinstance(answer, ChatError):
            if self.raises:
                raise answer
            raise _Fallback(f"the writer failed: {answer}")
        if len(answer.text) > FREE_CHARACTERS + CHARACTERS * target_tokens:
            raise _Fallback(f"the writer did not stop: {len(answer.text):,} characters where {target_tokens} tokens were asked for")
        reply = read_reply(answer, self.template.answer)
        if reply.problem:
            raise _Fallback(reply.problem)
        sentences = [passage.sentence for passage in passages]
        verdicts = list(verify(reply.text, sentences, cited=self.template.cites))
        if reply.cut_off and verdicts and not _FINISHED.search(verdicts[-1].text):
            verdicts.pop()
        statements = decide(_own(verdicts, sentences, query), sentences, self.floor)
        if (share := unsupported_share(statements)) > self.floor.max_unsupported:
            raise _Fallback(f"{share:.0%} of the rewrite is not supported by the context")
        if not in_words(joined(statements)):
            raise _Fallback("no sentence of the writer's reply could be used")
        used = [passages[number] for statement in statements if statement.text for number in statement.sources]
        if any(passage.marked for passage in passages) and not any(passage.marked for passage in used):
            raise _Fallback("the rewrite holds nothing of what is marked")
        return [_with_sources(statement, passages) for statement in statements]

    def _count(self, text: str) -> int:
        return self.counter.count([text])[0] if text else 0


def _own(verdicts: Sequence[Verdict], sentences: Sequence[Sentence], query: str) -> list[Verdict]:
    """The verdicts without what writers put round a context.

    That is the question, a first line that announces the rest, words about the text itself, and offers of more help at the end.
    """
    asked = in_words(query)
    if any(in_words(sentence.text) == asked for sentence in sentences):
        asked = ""
    known = {word for sentence in sentences for word in words(sentence.text)}
    own = [verdict for verdict in verdicts if not _is_asked(verdict, asked) and not _is_about_itself(verdict, known)]
    while len(own) > 1 and own[-1].support < 1 and _OFFER.match(own[-1].text):
        own.pop()
    opening = own[0].text.rstrip() if len(own) > 1 and (own[0].unsupported or not own[0].sources) else ""
    return own[1:] if opening.endswith((":", "：")) else own


def _is_asked(verdict: Verdict, asked: str) -> bool:
    """Whether a sentence is the question, or a part of it that no context has."""
    said = in_words(verdict.text)
    part = verdict.support < 1 and len(said.split()) >= LONG and f" {said} " in f" {asked} "
    return bool(asked) and (said == asked or part)


def _is_about_itself(verdict: Verdict, known: AbstractSet[str]) -> bool:
    """Whether a sentence is about the writer's text, and none of the context speaks of such a text."""
    found = _ABOUT_ITSELF.match(verdict.text)
    return found is not None and found["what"].lower() not in known


def _with_sources(statement: RewriteStatement, passages: Sequence[Passage]) -> RewriteStatement:
    return replace(statement, sources=tuple(dict.fromkeys(i for number in statement.sources for i in passages[number].sources)))
