"""One person's memories: what is kept, what it said before, and when it was last used.

All that the chatbot does with memories, it does here, except that the agent reads them by itself (`AttnGSMiddleware`, `memory_tools`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import BaseStore, PutOp, SearchItem, SearchOp
from turns import tells_change

from attngs import InputError, Likeness, Marker
from attngs.checking.times import given_time, read_moment
from attngs.hosts.items import MemoryItems
from attngs.hosts.remembering import VERSIONS, Edit, MemoryEditor, Origin, close_item, same_item
from attngs.memory.opened import OpenMemories
from langchain_attngs import UserMemory
from langchain_attngs.memory import MAX_STORED, is_below, item_day, item_time, stored
from langchain_attngs.memory_file import FileStore

LEAST = 0.1
"""The least probability that something which is found bears on what is searched."""
NEAR = 0.45
"""Least cosine of a memory and of a text that says how it has changed: only then is the person asked whether one replaces the other."""
COMPARED = 32
"""Memories that such a text is compared with."""
MOST_ITEMS = 10_000
"""Memories that a person can have."""
NOTHING = (float("-inf"), 0.0)
"""Score and probability of what no search finds."""
FOUND_TOKENS = 2_048
"""About how many tokens of memories a search finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One thing that is remembered."""

    key: str
    text: str
    day: str
    """Since when it is known, such as 14 Mar 2026."""
    source: str
    """Where it is from, such as `chat`."""
    before: str
    """What it said before it last changed; empty where it never did, and a week after."""
    used: str
    """The day on which it was last shown to a model; empty where it never was."""
    used_for: str
    """The question that it was shown for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A memory that is new, changed or gone."""

    key: str
    before: str
    """Empty where it is new."""
    now: str
    """Empty where it is gone."""


class Memories:
    """A person's memories in a file, and in the store what they were used for.

    Args:
        opened: The memories of everybody.
        store: Holds what they were used for.
        person: Whose memories.
    """

    def __init__(self, opened: OpenMemories, store: BaseStore, person: str) -> None:
        self.namespace = (person,)
        self._opened, self._person = opened, person
        self._kept, self._uses = UserMemory(FileStore(opened), self.namespace), UserMemory(store, ("user", person, "uses"))

    def __len__(self) -> int:
        with self._opened.of(self._person) as memory:
            return len(memory)

    def items(self) -> list[Memory]:
        """All of them, the newest last."""
        uses = {use.key: use.value for use in self._uses.items()}
        before = {key: _text(versions[-1]["before"]) for key, versions in self._versions()}
        return [_memory(item, before.get(item.key, ""), uses.get(item.key)) for item in self._kept.items()]

    def basis(self) -> int:
        """A number that changes if the memories do."""
        with self._opened.of(self._person) as memory:
            return memory.revision

    def has(self, text: str) -> bool:
        """Whether a memory says this in the same words."""
        return same_item(text, self._texts()) is not None

    def close(self, text: str, marker: Marker) -> Memory | None:
        """The memory that nearly says the same, or of which a text says that it has changed."""
        items = self.items()
        path = close_item(text, self._texts(), marker, self._person) or self._outdated(text, items, marker)
        return next((item for item in items if path == (item.key,)), None)

    def remember(self, text: str, marker: Marker, *, chat: str = "", is_new: bool = False) -> None:
        """Keep a text.

        Raises:
            InputError: It is empty, too long or a question, it is known already, or the memory is full.
        """
        if text.rstrip().endswith("?"):
            raise InputError("A question is not saved. Say what I should remember, such as: I am allergic to nuts.")
        if self.has(text):
            raise InputError("This is remembered already.")
        whose = self._person
        self._edit(chat, lambda plan: plan.remember(text, marker=marker, namespace=whose, most=MOST_ITEMS, is_new=is_new))

    def replace(self, key: str, text: str, *, chat: str = "") -> None:
        """Put what is true now in the place of a memory, which can be undone for a week.

        Raises:
            InputError: The text is empty or too long, or another memory says it.
        """
        self._edit(chat, lambda plan: plan.update(key, text))

    def undo(self, key: str) -> None:
        """Take back the last change of a memory.

        Raises:
            InputError: There is none, or it is older than a week.
        """
        self._kept.undo(key)

    def delete(self, key: str) -> SearchItem | None:
        """Delete a memory, and what it said before; returns it for `restore`."""
        gone = next((item for item in self._kept.items() if item.key == key), None)
        self._kept.delete(key)
        self._uses.delete(key)
        return gone

    def restore(self, gone: SearchItem) -> None:
        """Bring back what `delete` has returned."""
        self._kept.put(gone.value["text"], key=gone.key, metadata=gone.value.get("metadata"))

    def clear(self) -> None:
        """Delete all of them, and what they said before. No byte of them stays in the file."""
        with self._opened.of(self._person) as memory:
            memory.clear()
        self._uses.clear()

    def copy_from(self, store: BaseStore) -> int:
        """Copy what a store has of this person, where earlier versions of the chatbot kept it; returns how many memories.

        What is there already is written again, so a move that was interrupted can be repeated.
        """
        namespace = ("user", self._person, "memories")
        [found] = store.batch([SearchOp(stored(namespace), limit=MAX_STORED)])
        old = [item for item in found if isinstance(item, SearchItem) and is_below(item, namespace)] if isinstance(found, list) else []
        old.sort(key=item_time)
        FileStore(self._opened).batch([PutOp((self._person, *item.namespace[3:]), item.key, _dated(item)) for item in old])
        return sum(len(item.namespace) == len(namespace) for item in old)

    def load(self, data: bytes, name: str) -> int:
        """Import a file; returns how many memories are new.

        Raises:
            InputError: The file cannot be read; the message names the line.
        """
        return self._kept.load(data, name, metadata={"date": datetime.now(UTC).date().isoformat(), "source": "file"})

    def export(self) -> str:
        """All of them as JSON lines, which `load` reads."""
        return self._kept.export()

    def find(self, words: str, marker: Marker) -> list[Memory]:
        """The memories that bear on some words, the best first, and those that have the very words."""
        items = self.items()
        if not words.strip() or not items:
            return items[::-1]
        with self._opened.of(self._person) as memory:
            marking = memory.mark(words, target_tokens=FOUND_TOKENS).marking
        best = dict[str, tuple[float, float]]()
        for sentence, *found in zip(marking.sentences, marking.scores, marking.probabilities or marking.scores, strict=True):
            best[sentence.document.id] = max(best.get(sentence.document.id, NOTHING), (found[0], found[1]))
        having = {item.key: words.casefold().strip() in item.text.casefold() for item in items}
        bearing = [item for item in items if having[item.key] or best.get(item.key, NOTHING)[1] >= LEAST]
        return sorted(bearing, key=lambda item: (having[item.key], best.get(item.key, NOTHING)), reverse=True)

    def use(self, keys: Iterable[str], question: str, chat: str) -> None:
        """Note that memories were shown to a model, and what for."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for key in keys:
            self._uses.put(question[:200], key=key, metadata={"used": now, "chat": chat})

    def forget_uses(self, chat: str) -> None:
        """Forget which questions of a chat memories were used for."""
        for use in self._uses.items():
            if use.value["metadata"].get("chat") == chat:
                self._uses.delete(use.key)

    def changes(self, chat: str, since: datetime) -> list[Change]:
        """What has changed in a chat since some time, and can be undone."""
        texts = {item.key: _text(item.value) for item in self._kept.items()}
        last = [(key, versions[-1]) for key, versions in self._versions()]
        found = [(key, one) for key, one in last if one.get("thread") == chat and one["date"] >= since.isoformat(timespec="microseconds")]
        return [Change(key=key, before=_text(one["before"]), now=texts.get(key, "")) for key, one in found]

    def _texts(self) -> dict[tuple[str, ...], str]:
        return {(item.key,): _text(item.value) for item in self._kept.items()}

    def _outdated(self, text: str, items: Sequence[Memory], marker: Marker) -> tuple[str] | None:
        """The memory that is nearest to a text which says that something has changed, if it is near enough to be what has changed."""
        scorer, where = marker.scorer, self._person
        if not items or not tells_change(text) or not isinstance(scorer, Likeness):
            return None
        scores = marker.mark([item.text for item in items], text, namespace=where)
        best = sorted(range(len(scores.scores)), key=lambda number: -scores.scores[number])
        near = list(dict.fromkeys(scores.sentences[number].position for number in best))[:COMPARED]
        alike = scorer.likeness([text, *(items[place].text for place in near)], where)[0, 1:]
        nearest = int(alike.argmax())
        return (items[near[nearest]].key,) if alike[nearest] >= NEAR else None

    def _versions(self) -> list[tuple[str, Sequence[Any]]]:
        """What memories said before, the latest last, by their keys."""
        with self._opened.of(self._person) as memory:
            records = [record.metadata for record in memory.versions.documents()]
        return [(record["path"][0], record["versions"]) for record in records if record.get("versions")]

    def _edit(self, chat: str, plan: Callable[[MemoryEditor], Edit]) -> None:
        with self._opened.of(self._person) as memory:
            MemoryItems(memory).edit(plan, Origin(by="user", thread=chat))


def _dated(item: SearchItem) -> dict[str, Any]:
    """An item of a store, with the time of its last change where it has no other."""
    if VERSIONS in item.namespace:
        return item.value
    metadata = item.value.get("metadata") or {}
    undated = given_time(metadata) is None
    return {"text": item.value["text"], "metadata": {**metadata, "updated_at": item.updated_at.isoformat()} if undated else metadata}


def _memory(item: SearchItem, before: str, use: Any) -> Memory:
    metadata = item.value.get("metadata") or {}
    by = {"agent": "saved by the assistant", "user": "saved in a chat"}.get(str(metadata.get("by")), "")
    moment = read_moment(use["metadata"]["used"]) if use else None
    return Memory(
        key=item.key,
        text=_text(item.value),
        day=item_day(item),
        source=by or str(metadata.get("source", "")),
        before=before,
        used=moment.day if moment else "",
        used_for=use["text"] if use else "",
    )


def _text(value: Any) -> str:
    return str(value["text"]) if value else ""
