"""People, and everything that is stored about them. Nothing here knows the page."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from attngs.errors import InputError
from langchain_attngs import Persistence, UserMemory


class People(Persistence):
    """All people, in a SQLite file or at `postgresql://...`.

    Everything about a person is stored below `("user", person)`, so deleting it cannot miss anything.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place)
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
        for file in sorted(Path(__file__).parent.glob("users/*.jsonl")):
            if file.stem not in self.names():
                self.of(self.add(file.stem.title(), file.stem), "memories").load(file.read_bytes(), file.name)

    def of(self, person: str, *what: str) -> UserMemory:
        """A person's `memories`, `chats` or `ledger`; everything if you name none."""
        return UserMemory(self.store, ("user", person, *what))

    def export(self, person: str) -> str:
        """Everything about a person, one line of JSON each."""
        said = [(chat.key, m) for chat in self.of(person, "chats").items() for m in self.said(chat.key)]
        lines = [{"id": m.id, "text": str(m.text), "metadata": {"chat": chat, "role": m.type}} for chat, m in said]
        return self.of(person).export() + "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def forget(self, person: str) -> None:
        """Delete everything about a person, and then the person."""
        kept = ("user", person), [chat.key for chat in self.of(person, "chats").items()]
        self.erase(*kept)
        self.store.delete(("people",), person)
        self.erase(*kept)  # erases the name, and what was written in the meantime
