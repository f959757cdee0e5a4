"""Whose memory it is, and where it is kept: in LangGraph's own store and checkpointer. Nothing here knows the page."""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore

from attngs.errors import InputError
from langchain_attngs import UserMemory

EXAMPLES = sorted(Path(__file__).parent.glob("users/*.jsonl"))


class People:
    """Everybody who is remembered, in a SQLite file or at `postgresql://...`.

    All that is kept of a person lies below `("user", person)`, so that deleting it cannot miss anything.
    """

    def __init__(self, place: str) -> None:
        self.place, self.resources = place, ExitStack()
        kinds: Any = (SqliteStore, SqliteSaver)
        if place.startswith(("postgres://", "postgresql://")):  # pip install langgraph-checkpoint-postgres 'psycopg[binary]'
            from langgraph.checkpoint.postgres import PostgresSaver
            from langgraph.store.postgres import PostgresStore

            kinds = (PostgresStore, PostgresSaver)
        else:
            Path(place).absolute().parent.mkdir(parents=True, exist_ok=True)
        self.store, self.saver = (self.resources.enter_context(kind.from_conn_string(place)) for kind in kinds)
        self.store.setup()
        self.saver.setup()
        if self.store.get(("examples",), "added") is None:  # once: who is deleted stays deleted
            self.add_examples()

    def names(self) -> dict[str, str]:
        """By id, in alphabetical order."""
        found = {item.key: str(item.value["name"]) for item in self.store.search(("people",), limit=1_000_000)}
        return dict(sorted(found.items(), key=lambda pair: pair[1].casefold()))

    def add(self, name: str, person: str = "") -> str:
        """A new person's id."""
        name, person = " ".join(name.split()), person or uuid4().hex
        if not 0 < len(name) <= 40 or name in self.names().values():
            raise InputError("A name has 1 to 40 characters, and nobody else here has it. Choose another one.")
        self.store.put(("people",), person, {"name": name})
        return person

    def missing_examples(self) -> list[Path]:
        """Files of those who come with this page and are not here."""
        return [file for file in EXAMPLES if file.stem not in self.names()]

    def add_examples(self) -> None:
        self.store.put(("examples",), "added", {})
        for file in self.missing_examples():
            self.of(self.add(file.stem.title(), file.stem), "memories").load(file.read_bytes(), file.name)

    def of(self, person: str, *what: str) -> UserMemory:
        """A person's `memories`, `chats` or `ledger`; all of it when nothing is named."""
        return UserMemory(self.store, ("user", person, *what))

    def said(self, chat: str) -> list[BaseMessage]:
        """The messages of a chat."""
        state = self.saver.get({"configurable": {"thread_id": chat}})
        return list(state["channel_values"].get("messages", [])) if state else []

    def export(self, person: str) -> str:
        """All that is kept of a person, a line of JSON each."""
        said = [(chat.key, message) for chat in self.of(person, "chats").items() for message in self.said(chat.key)]
        lines = [{"id": message.id, "text": str(message.text), "metadata": {"chat": chat, "role": message.type}} for chat, message in said]
        return self.of(person).export() + "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def forget(self, person: str) -> None:
        """Delete all that is kept of a person; in a SQLite file, also from the bytes of it."""
        for chat in self.of(person, "chats").items():
            self.saver.delete_thread(chat.key)
        self.of(person).clear()
        self.store.delete(("people",), person)
        if isinstance(self.store, SqliteStore):
            with closing(sqlite3.connect(self.place, timeout=60, isolation_level=None)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
