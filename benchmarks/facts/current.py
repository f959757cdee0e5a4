"""Does the later of two facts about one thing reach the reader, in the shapes in which people keep dated text?

`current.jsonl` holds 96 pairs written by hand for this benchmark, half to choose constants on and half to test them. Each pair stands
among other dated facts, as short notes, long chat messages, a chat export, records of a profile, one Markdown diary, retrieved passages,
lines that name their own dates, or sessions of a chat. In half of the pairs the later fact changes the older one. The others are traps: a
question about the older fact, and a later one about another person or property, a single event, or one more thing of the same kind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

from attngs import CompressedContext, ContextCompressor
from attngs.types import Document, Sentence

PAIRS = Path(__file__).with_suffix(".jsonl")
ROOMS = {"one fact": 1.0, "three facts": 3.0}
"""The budgets, as multiples of what the longer of the two facts takes by itself."""
LABEL = 10
"""Tokens for a label or a join, in every budget."""
HALF = 0.5
"""A fact is kept if at least this share of its characters is."""

OTHERS = (
    "The neighbours repaired their fence and left the ladder out.",
    "A letter from the tax office came, nothing to pay.",
    "It rained so hard that the cellar smelled of mud.",
    "The film about the lighthouse was too long.",
    "Found an old map of the harbour behind the wardrobe.",
    "The tomatoes are coming up, twelve plants so far.",
    "Watched the cycling on television with the sound off.",
    "The printer eats every third page.",
    "Tried the recipe for lentils with lemon, worth repeating.",
    "The council has planted lime trees along the avenue.",
    "Somebody left an umbrella in the hallway.",
    "The museum shows ship models until autumn.",
    "A blackbird sings on the aerial before five.",
    "The lamp on the landing flickers when the lift moves.",
)
ASIDES = (
    "I have a cup of tea next to me and an hour to think about it.",
    "Please keep it short, I read this on a small screen.",
    "Last time your list was useful, so let's do the same again.",
    "If something is missing, ask me before you answer.",
)
REPLIES = (
    "Happy to help. Start with a list of what is open. Put the urgent things first. Ask for help where you can. Check it again tomorrow.",
    "That sounds like a full week. Take one thing at a time. Write down what worries you. Leave the rest for later. Tell me how it goes.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two facts, and a question that the later one answers if it is an update, else the older one."""

    half: str
    shape: str
    kind: str
    """`update`, or how a trap misleads: `person`, `slot`, `event` or `both`."""
    query: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a reader gets of a pair under one budget."""

    pair: Pair
    room: str
    old: bool
    new: bool
    names_successor: bool
    """Whether the result says that the new fact supersedes the old one."""


def read_pairs(half: str) -> list[Pair]:
    """The pairs of one half."""
    rows = [Pair(**json.loads(line)) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    return [pair for pair in rows if pair.half == half]


def context(pair: Pair, number: int) -> list[Document]:
    """The pair among other facts, in its shape; `number` varies which facts, and the order."""
    others = [OTHERS[(number + i) % len(OTHERS)] for i in range(12)]
    facts = [*others[:3], pair.old, *others[3:8], pair.new, *others[8:]]
    days = [date(2026, 1, 4) + timedelta(days=9 * i + number % 5) for i in range(len(facts))]
    return SHAPES[pair.shape](facts, days, number)


def measure(compressor: ContextCompressor, pairs: Sequence[Pair]) -> Iterator[Outcome]:
    """Every pair under every budget."""
    for number, pair in enumerate(pairs):
        documents = context(pair, number)
        places = {name: _place(documents, fact) for name, fact in (("old", pair.old), ("new", pair.new))}
        units = compressor.marker.split(documents)
        alone = max(sum(compressor.counter.count(_alone(units, *place))) for place in places.values())
        for room, times in ROOMS.items():
            result = compressor.compress(documents, pair.query, target_tokens=round(times * alone) + LABEL)
            yield Outcome(
                pair=pair,
                room=room,
                old=kept_share(result, *places["old"]) >= HALF,
                new=kept_share(result, *places["new"]) >= HALF,
                names_successor=_names(result, places["old"], places["new"]),
            )


def summarise(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Shares by measure, of updates and of traps."""
    updates = [one for one in outcomes if one.pair.kind == "update"]
    traps = [one for one in outcomes if one.pair.kind != "update"]
    return {
        "updated kept": fmean(one.new for one in updates),
        "old alone": fmean(one.old and not one.new for one in updates),
        "successor named": fmean(one.names_successor for one in updates),
        "trap: right fact kept": fmean(one.old for one in traps),
        "trap: successor named": fmean(one.names_successor for one in traps),
    }


def report(compressor: ContextCompressor, half: str, *, names_failures: bool) -> None:
    """Print the shares of one half.

    Args:
        compressor: What is measured.
        half: `dev` or `final`.
        names_failures: Whether each pair is printed too that is not as it should be.
    """
    outcomes = [*measure(compressor, read_pairs(half))]
    for room in ROOMS:
        there = [one for one in outcomes if one.room == room]
        groups = defaultdict[str, list[Outcome]](list, all=there)
        for one in there:
            groups[one.pair.shape].append(one)
        heads = " | ".join(summarise(there))
        print(f"\nroom for {room}\n\n| {half} | {heads} |\n|---{'|---' * len(summarise(there))}|")
        for name, members in groups.items():
            print(f"| {name} (n={len(members)}) | " + " | ".join(f"{value:.2f}" for value in summarise(members).values()) + " |")
    if names_failures:
        for one in outcomes:
            if (one.old or one.names_successor, one.new)[one.pair.kind == "update"] != (one.pair.kind == "update"):
                print(one)


def _notes(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Short notes with a date; in every second context the newest comes first."""
    notes = [Document(text=fact, metadata={"date": str(day)}) for fact, day in zip(facts, days, strict=True)]
    return notes[::-1] if number % 2 else notes


def _messages(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Long messages of a user, and an assistant's replies."""
    documents = list[Document]()
    for i, (fact, day) in enumerate(zip(facts, days, strict=True)):
        stamp = {"date": f"{day:%B}-{day:%d}-{day.year}"}
        asides = [ASIDES[(i + k) % len(ASIDES)] for k in range(3)]
        documents.append(Document(text=" ".join([fact, *asides]), metadata={"role": "user", **stamp}))
        documents.append(Document(text=REPLIES[i % len(REPLIES)], metadata={"role": "assistant", **stamp}))
    return documents


def _export(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """One text file of a messenger."""
    names = ("Nora", "Pavel", "Kim")
    lines = [f"[{day:%d/%m/%Y}, 1{i % 10}:2{i % 7}] {names[i % 3]}: {fact}" for i, (fact, day) in enumerate(zip(facts, days, strict=True))]
    return [Document(text="\n".join(lines), id="chat.txt")]


def _profile(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Records that know when they were updated, in seconds or as a text."""
    stamps = [f"{day}T09:30:00Z" if number % 2 else (day - date(1970, 1, 1)).days * 86_400 for day in days]
    created = "2025-12-01T08:00:00Z"
    return [Document(text=fact, metadata={"created_at": created, "updated_at": at}) for fact, at in zip(facts, stamps, strict=True)]


def _diary(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """One Markdown file with a heading for each day."""
    entries = [
        f"## {day.day} {day:%B} {day.year}\n\n{fact} {ASIDES[i % len(ASIDES)] if i % 2 else 'Slept well.'}\n"
        for i, (fact, day) in enumerate(zip(facts, days, strict=True))
    ]
    return [Document(text="# Diary\n\n" + "\n".join(entries), id="diary.md")]


def _retrieved(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Passages that a search found, in no order of time."""
    found = [
        Document(
            text=f"{fact} {OTHERS[(i + 5) % len(OTHERS)]}",
            metadata={"source": f"handbook/{i}.md", "last_modified": f"{day}T12:00:00+02:00", "relevance_score": 0.5},
        )
        for i, (fact, day) in enumerate(zip(facts, days, strict=True))
    ]
    return [*found[number % 7 :], *found[: number % 7]]


def _text(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Notes without metadata; the two facts name their dates."""
    return [Document(text=fact) for fact in facts]


def _sessions(facts: Sequence[str], days: Sequence[date], number: int) -> list[Document]:
    """Chats of several turns, one document a day."""
    name = next(fact.partition(":")[0] for fact in facts if fact.partition(":")[0] in ("Mira", "Joren"))
    turns = [fact if fact.startswith(name) else f"{name}: {fact}" for fact in facts]
    return [
        Document(
            text=f"{name}: {ASIDES[i % len(ASIDES)]}\nAssistant: What is new?\n{turn}\nAssistant: Noted. Anything else?\n{name}: "
            f"{OTHERS[(i + 3) % len(OTHERS)]}",
            id=f"{day}",
            metadata={"date": str(day), "kind": "chat"},
        )
        for i, (turn, day) in enumerate(zip(turns, days, strict=True))
    ]


SHAPES: Mapping[str, Callable[[Sequence[str], Sequence[date], int], list[Document]]] = {
    "notes": _notes,
    "messages": _messages,
    "export": _export,
    "profile": _profile,
    "diary": _diary,
    "retrieved": _retrieved,
    "text": _text,
    "sessions": _sessions,
}


def _place(documents: Sequence[Document], fact: str) -> tuple[int, int, int]:
    """Where a fact stands: number of its document, start and end."""
    number = next(i for i, document in enumerate(documents) if fact in document.text)
    start = documents[number].text.index(fact)
    return number, start, start + len(fact)


def _alone(units: Sequence[Sentence], number: int, start: int, end: int) -> list[str]:
    """The texts of the units that hold a place, with what they are read with."""
    own = [unit for unit in units if unit.position == number and unit.start < end and unit.end > start]
    heads = dict.fromkeys(head for unit in own for head in unit.heads)
    return [own[0].document.text[head.start : head.end] for head in heads] + [unit.text for unit in own]


def kept_share(result: CompressedContext, number: int, start: int, end: int) -> float:
    """How much of a place is kept."""
    kept = sum(max(0, min(end, source.end) - max(start, source.start)) for source in result.kept if source.position == number)
    return kept / (end - start)


def _names(result: CompressedContext, old: tuple[int, int, int], new: tuple[int, int, int]) -> bool:
    """Whether a part of the old place names one of the new place as its successor."""
    return any(
        (later := source.superseded_by) is not None and later.position == new[0] and later.start < new[2] and later.end > new[1]
        for source in (*result.kept, *result.dropped)
        if source.position == old[0] and source.start < old[2] and source.end > old[1]
    )
