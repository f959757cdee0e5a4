"""People, and everything that is stored about them. Nothing here knows the page."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from uuid import uuid4

from memories import Memories

from attngs import ConfigError, InputError
from langchain_attngs import AttnGSCompressor, MemoryFile, Persistence, UserMemory

UNREAD = ("examples", "unread")
"""Where the store has the example people whose memories are not in the file yet."""
USERS = Path(__file__).parent / "users"
LONGEST_TITLE = 60
"""Characters of a chat's title."""


class Chat(NamedTuple):
    """A chat in somebody's list."""

    key: str
    title: str


class People(Persistence):
    """All people: their names, chats and ledger in a SQLite file or at `postgresql://...`, and their memories in a file of their own.

    Everything about a person is stored below `("user", person)` in the one and in the namespace `person` of the other, so deleting it
    cannot miss anything.

    Args:
        place: The SQLite file, or `postgresql://...`.
        memory_file: Where the memories are; beside a SQLite file, in one that ends in `.memory.db`, if you name none.

    Attributes:
        memory_file: Where the memories are.
        moved: How many memories of an earlier version were moved there now.

    Raises:
        ConfigError: The place is PostgreSQL, and no file is named.
    """

    def __init__(self, place: str, memory_file: str = "") -> None:
        if "://" in place and not memory_file:
            raise ConfigError("PostgreSQL keeps the chats, and the memories are in a file: name it as `memory_file`.")
        super().__init__(place)
        path = Path(memory_file) if memory_file else Path(place).with_suffix(".memory.db")
        self.memory_file = MemoryFile(path=path.absolute())
        self._reading = Lock()
        self._opened = self.memory_file.memories(AttnGSCompressor(target_tokens=1))
        self.moved = sum(self._move_memories(person) for person in self.names())
        if self.store.get(("examples",), "added") is None:  # only once: a deleted person stays deleted
            self.add_examples()

    def names(self) -> dict[str, str]:
        """Names by id, in alphabetical order."""
        found = {item.key: str(item.value["name"]) for item in self.store.search(("people",), limit=1_000_000)}
        return dict(sorted(found.items(), key=lambda pair: pair[1].casefold()))

    def add(self, name: str, person: str = "") -> str:
        """A new person's id."""
        name, person = " ".join(name.split()), person or uuid4().hex
        if not 0 < len(name) <= 40 or name in self.names().values():
            raise InputError("A name must have 1 to 40 characters and must not be taken. Choose another one.")
        self.store.put(("people",), person, {"name": name})
        return person

    def add_examples(self) -> None:
        """Add the example people who are not here."""
        self.store.put(("examples",), "added", {})
        for file in sorted(USERS.glob("*.jsonl")):
            if file.stem not in self.names():
                self.add(file.stem.title(), file.stem)
                self.store.put(UNREAD, file.stem, {})

    def of(self, person: str, *what: str) -> UserMemory:
        """A person's `chats` or `ledger`, for instance; everything if you name none."""
        return UserMemory(self.store, ("user", person, *what))

    def memories(self, person: str) -> Memories:
        """What is remembered of a person. An example's memories are read when they are first asked for, which takes seconds."""
        memories = Memories(self._opened, self.store, person)
        with self._reading:
            if self.store.get(UNREAD, person) is not None:
                file = USERS / f"{person}.jsonl"
                memories.load(file.read_bytes(), file.name)
                self.store.delete(UNREAD, person)
        return memories

    def _move_memories(self, person: str) -> int:
        """Move memories to the file that earlier versions of the chatbot kept with the chats; returns how many."""
        moved = Memories(self._opened, self.store, person).copy_from(self.store)
        if moved:
            self.erase(("user", person, "memories"))
        return moved

    def paused(self, person: str) -> bool:
        """Whether the person's memory is neither read nor written."""
        return any(item.key == "paused" for item in self.of(person, "settings").items())

    def pause(self, person: str, paused: bool) -> None:
        """Stop reading and writing the person's memory, or begin again."""
        settings = self.of(person, "settings")
        if paused:
            settings.put("The memory is paused.", key="paused")
        else:
            settings.delete("paused")

    def chats(self, person: str) -> list[Chat]:
        """The person's chats, the latest first."""
        items = self.of(person, "chats").items()
        return [Chat(item.key, str(item.value["text"])) for item in sorted(items, key=lambda item: item.updated_at, reverse=True)]

    def enter_chat(self, person: str, chat: str, question: str) -> None:
        """Put a chat at the top of the list; its first question is its title, until it is renamed."""
        title = next((each.title for each in self.chats(person) if each.key == chat), " ".join(question.split()))
        self.rename_chat(person, chat, title)

    def rename_chat(self, person: str, chat: str, title: str) -> None:
        """Give a chat another title.

        Raises:
            InputError: The title is empty.
        """
        self.of(person, "chats").put(title[:LONGEST_TITLE], key=chat)

    def delete_chat(self, person: str, chat: str) -> None:
        """Delete a chat, and the questions that memories were used for in it. No byte of it stays in the file."""
        self.of(person, "chats").delete(chat)
        self.memories(person).forget_uses(chat)
        self.erase(("user", person, "chats", chat), [chat])

    def suggestions(self, person: str) -> list[str]:
        """Three questions that the person might ask first: written ones, or ones about the latest days in their memory."""
        written = json.loads((USERS / "suggestions.json").read_text(encoding="utf-8"))
        if person in written:
            return list(written[person])
        days = list(dict.fromkeys(memory.day for memory in reversed(self.memories(person).items())))
        return [*(f"What did I tell you on {day}?" for day in days[:2]), *GENERIC][:3]

    def export(self, person: str) -> str:
        """Everything about a person, one line of JSON each."""
        said = [(chat.key, m) for chat in self.chats(person) for m in self.said(chat.key)]
        lines = [{"id": m.id, "text": str(m.text), "metadata": {"chat": chat, "role": m.type}} for chat, m in said]
        kept = self.memories(person).export() + self.of(person).export()
        return kept + "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def forget(self, person: str) -> None:
        """Delete everything about a person, and then the person."""
        kept = ("user", person), [chat.key for chat in self.chats(person)]
        self.store.delete(UNREAD, person)
        self.memories(person).clear()
        self.erase(*kept)
        self.store.delete(("people",), person)
        self.memories(person).clear()
        self.erase(*kept)  # erases the name, and what was written in the meantime

    def erase_memories(self, person: str) -> None:
        """Delete all memories of a person, and what they were used for; chats stay."""
        self.memories(person).clear()
        self.erase(("user", person, "uses"))


GENERIC = ["What do you know about me?", "What should I tell you first?", "What happens to what I tell you?"]
"""Questions of somebody who has told nothing yet."""
