"""Profile, memory, history, tool results and documents -> one context under one budget.

First each part says how many tokens it wants: all of it, or, where there is a floor, what passes the floor. Then the budget is divided,
and each part is made short for what it got. Each stands between tags of its name, which count, and which nothing inside can forge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError, InputError
from attngs.hosts.budget import PARTS, ContextBudget, ContextPart
from attngs.hosts.frames import FrameLayout, TurnLayout, between, defuse
from attngs.hosts.jobs import Job, Steps, arun_steps, run_steps
from attngs.hosts.shortened import LONGEST_TOKEN, best_beginning, defused_text, room_beside_note, with_note
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector, memory_floor
from attngs.text.defusing import one_line
from attngs.text.documents import DocumentLike, as_documents, check_query
from attngs.types import Document, Message, Sentence

GAP = "\n\n"
"""Stands between parts."""
REPLACED = frozenset[ContextPart]({"history", "tool_results"})
"""Parts in whose place something must stand, under a note that says how much is left of them."""

Texts = DocumentLike | Iterable[DocumentLike]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedPart:
    """One part of a context, and what became of it."""

    text: str
    """With its tags; empty where nothing of it is shown."""
    wanted_tokens: int
    """What it would take whole, or, where there is a floor, what passes the floor. At most a few more than the budget: then it is not
    counted further."""
    allowed_tokens: int
    """What the budget left it."""
    tokens: int
    """What it takes, tags included."""
    result: CompressedContext | None
    """Its compression; `None` where it got no tokens, and did not have to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedContext:
    """All parts as one text under one budget."""

    query: str
    text: str
    parts: Mapping[ContextPart, ComposedPart]
    """Those that were given, in the order in which they are shown."""
    target_tokens: int
    tokens: int
    """Of `text`, never more than `target_tokens`."""
    counter: str
    """Whose tokens these are."""

    def to_table(self) -> str:
        """Who wanted, might have and took how many tokens, a line each."""
        rows: list[tuple[str, int, int, int]] = [
            (name, part.wanted_tokens, part.allowed_tokens, part.tokens) for name, part in self.parts.items()
        ]
        rows.append(("all", sum(row[1] for row in rows), self.target_tokens, self.tokens))
        head = f"{'part':<12} {'wanted':>8} {'allowed':>8} {'tokens':>8}"
        return "\n".join([head, *(f"{name:<12} {wanted:>8,} {allowed:>8,} {tokens:>8,}" for name, wanted, allowed, tokens in rows)])


def compose(
    compressor: ContextCompressor,
    budget: ContextBudget,
    query: str,
    *,
    profile: Texts = (),
    memory: Texts = (),
    history: Texts | Iterable[Message] = (),
    tool_results: Texts = (),
    documents: Texts = (),
    namespace: str = "",
) -> ComposedContext:
    """Everything that a prompt is given for a question, in at most `budget.target_tokens` tokens.

    The profile is never dropped whole, as long as its tags and a few words fit: give it a minimum. Of the memory only what bears on the
    question is shown, where the marker can tell. A shortened history or tool result begins with a note that says how much is left of it.

    Args:
        compressor: Makes the parts short; with a `chat`, each is rewritten. Its selector must be a `GreedySelector`, whose layout is not
            used. A `min_score` of its own holds for all parts but the profile.
        budget: How many tokens all may have, and how they share them.
        query: The question.
        profile: What is always true of the user.
        memory: What is remembered of the user.
        history: Earlier messages, in their order: `Message`s, dicts with `role` and `content`, or documents whose ids are the speakers.
        tool_results: What tools returned.
        documents: What was retrieved.
        namespace: Whose texts these are. What the marker caches of them is used only under the same namespace.

    Raises:
        InputError: A part or the question cannot be used.
        ConfigError: The compressor's selector is another one.
        ModelError: The marker's model failed.
        ChatError: `chat` failed, and `on_chat_error` is `raise`.
    """
    composer = _Composer(compressor, budget, query, namespace)
    return run_steps(composer.steps(_checked(profile, memory, history, tool_results, documents)), workers=len(PARTS))


async def acompose(
    compressor: ContextCompressor,
    budget: ContextBudget,
    query: str,
    *,
    profile: Texts = (),
    memory: Texts = (),
    history: Texts | Iterable[Message] = (),
    tool_results: Texts = (),
    documents: Texts = (),
    namespace: str = "",
) -> ComposedContext:
    """The same as `compose`, for asyncio."""
    composer = _Composer(compressor, budget, query, namespace)
    return await arun_steps(composer.steps(_checked(profile, memory, history, tool_results, documents)), workers=len(PARTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLayout(TurnLayout):
    """Lays out the history; nothing else says who spoke."""

    def labels_of(self, sentences: Iterable[Sentence]) -> dict[int, str]:
        """The speaker of each message, also where there is only one."""
        return {sentence.position: self.label.format(id=one_line(sentence.document.id)) for sentence in sentences}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A part as it was made short last."""

    room: int
    """Tokens that its text might have, without its tags."""
    text: str
    """With its tags."""
    result: CompressedContext | None


class _Composer:
    """Composes the context of one request."""

    def __init__(self, compressor: ContextCompressor, budget: ContextBudget, query: str, namespace: str) -> None:
        if not isinstance(budget, ContextBudget):
            raise ConfigError(f"`budget` must be a `ContextBudget`, got {budget!r}.")
        if not isinstance(compressor.selector, GreedySelector):
            raise ConfigError(
                f"`compressor` has the selector {type(compressor.selector).__name__}; a context is composed with a `GreedySelector`."
            )
        self._compressor, self._selector, self._counter = compressor, compressor.selector, compressor.counter
        self._budget, self._query, self._namespace = budget, check_query(query), namespace

    def steps(self, given: Mapping[ContextPart, Sequence[Document]]) -> Steps[ComposedContext]:
        """What the parts want, then the parts, then those again that took a few tokens too many."""
        floored = [part for part in given if self._floor(part)]
        judged = dict(zip(floored, (yield [self._judging(part, given[part]) for part in floored]), strict=True)) if floored else {}
        wanted = {part: self._wanted(part, texts, judged.get(part)) for part, texts in given.items()}
        allowed = self._budget.allocate(wanted)
        drafts = {part: _Draft(room=0, text="", result=judged.get(part)) for part in given}
        short = {part for part in REPLACED if part in given and wanted[part] > allowed[part]}
        rooms = {part: allowed[part] - self._around(part) for part in given}
        while rooms:
            targets = {part: room_beside_note(room, self._counter) if part in short else room for part, room in rooms.items() if room > 0}
            jobs = [self._job(part, given[part], target, drafts[part].result) for part, target in targets.items()]
            results = dict(zip(targets, (yield jobs) if jobs else (), strict=True))
            for part, room in rooms.items():
                text = self._text(part, results[part], room) if part in results else ""
                framed_text = between(part, text) if text.strip() else ""
                drafts[part] = _Draft(room=room, text=framed_text, result=results.get(part, drafts[part].result))
            rooms = self._too_large(drafts, allowed)
        text = _joined(drafts)
        return ComposedContext(
            query=self._query,
            text=text,
            parts={
                part: ComposedPart(
                    text=draft.text,
                    wanted_tokens=wanted[part],
                    allowed_tokens=allowed[part],
                    tokens=self._count(draft.text),
                    result=draft.result,
                )
                for part, draft in drafts.items()
            },
            target_tokens=self._budget.target_tokens,
            tokens=self._count(text),
            counter=self._counter.name,
        )

    def _floor(self, part: ContextPart) -> float | None:
        """The `min_score` of a part; none of the profile, which is never dropped whole."""
        if part == "profile":
            return None
        given = self._selector.min_score
        return memory_floor(given, self._compressor.marker) if part == "memory" else given

    def _selector_of(self, part: ContextPart) -> GreedySelector:
        periods = self._budget.periods if part == "memory" else None
        return replace(self._selector, layout=_layout(part), min_score=self._floor(part), periods=periods)

    def _judging(self, part: ContextPart, texts: Sequence[Document]) -> Job:
        """Finds out how much of a part passes its floor."""
        extractor = ContextCompressor(self._compressor.marker, selector=self._selector_of(part), counter=self._counter)
        target = self._budget.target_tokens
        return Job(compressor=extractor, documents=texts, query=self._query, target_tokens=target, namespace=self._namespace)

    def _wanted(self, part: ContextPart, texts: Sequence[Document], judged: CompressedContext | None) -> int:
        shown = [judged.text] if judged else [frame + text for text, frame in _layout(part).whole([*self._beginning(texts)])]
        if not any(text.strip() for text in shown):
            return 0
        return max(sum(self._counter.count(shown)), self._count("".join(shown))) + self._around(part)

    def _beginning(self, texts: Sequence[Document]) -> Iterator[Document]:
        """As much of the texts as can be told to be too much: a text of many megabytes is not counted whole."""
        left = LONGEST_TOKEN * (self._budget.target_tokens + 1)
        for text in texts:
            yield replace(text, text=text.text[:left])
            left -= len(text.text)
            if left <= 0:
                return

    def _around(self, part: ContextPart) -> int:
        """Tokens of what stands round the text of a part."""
        return self._count(between(part, "x") + GAP)

    def _job(self, part: ContextPart, texts: Sequence[Document], target_tokens: int, known: CompressedContext | None) -> Job:
        return Job(
            compressor=self._compressor.with_selector(self._selector_of(part)),
            documents=texts,
            query=self._query,
            target_tokens=target_tokens,
            namespace=self._namespace,
            marking=known.marking if known and known.method != "passthrough" else None,
        )

    def _text(self, part: ContextPart, result: CompressedContext, room: int) -> str:
        """What is shown of a part, without its tags: something, unless nothing passes its floor."""
        text = defused_text(result, self._counter, partial(defuse, tags=PARTS))
        if not text.strip() and not result.selection.silent:
            text = best_beginning(result, self._counter, partial(defuse, tags=PARTS), _layout(part).label if part == "history" else "")
        if part not in REPLACED or result.method == "passthrough":
            return text
        return with_note(text, original_tokens=result.original_tokens, target_tokens=room, counter=self._counter)

    def _too_large(self, drafts: Mapping[ContextPart, _Draft], allowed: Mapping[ContextPart, int]) -> dict[ContextPart, int]:
        """The rooms of the parts that must become smaller: a whole may count for more than its pieces."""
        sizes = {part: self._count(draft.text) for part, draft in drafts.items() if draft.text}
        over = {part: drafts[part].room - (size - allowed[part]) for part, size in sizes.items() if size > allowed[part]}
        excess = self._count(_joined(drafts)) - self._budget.target_tokens
        if over or excess <= 0:
            return over
        largest = max(sizes, key=lambda part: sizes[part] * (part != "profile"))
        return {largest: drafts[largest].room - excess}

    def _count(self, text: str) -> int:
        return self._counter.count([text])[0] if text else 0


def _joined(drafts: Mapping[ContextPart, _Draft]) -> str:
    return GAP.join(draft.text for draft in drafts.values() if draft.text)


def _layout(part: ContextPart) -> FrameLayout:
    return HistoryLayout(tags=PARTS) if part == "history" else FrameLayout(tags=PARTS)


def _checked(*given: Texts | Iterable[Message]) -> dict[ContextPart, tuple[Document, ...]]:
    """The parts that hold text, as documents.

    Raises:
        InputError: One holds something else.
    """
    found = dict[ContextPart, tuple[Document, ...]]()
    for part, texts in zip(PARTS, given, strict=True):
        try:
            documents = as_documents(_without_messages(texts))
        except InputError as error:
            raise InputError(f"`{part}`: {error}") from error
        if any(document.text.strip() for document in documents):
            found[part] = documents
    return found


def _without_messages(texts: Any) -> Any:
    """The texts, with messages as documents that are called after their speakers."""
    if isinstance(texts, Message):
        texts = [texts]
    if not isinstance(texts, Iterable) or isinstance(texts, str | bytes | Document | Mapping):
        return texts
    return [_document(text) for text in texts]


def _document(text: Any) -> Any:
    if isinstance(text, Mapping) and isinstance(text.get("role"), str) and isinstance(text.get("content"), str):
        text = Message(text["role"], text["content"])
    return Document(id=text.role, text=text.content, metadata={"role": text.role}) if isinstance(text, Message) else text
