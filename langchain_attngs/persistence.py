"""`Persistence`: an agent's store and checkpointer in one place, from which one user can be erased."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from attngs.errors import AssetError, ConfigError, MissingDependencyError
from langchain_attngs.memory import Namespace, UserMemory

WAIT = 10.0
"""Seconds for other programs to let go of a file that is written anew."""
_POSTGRES = ("postgres://", "postgresql://")
_SECRETS = re.compile(r"(?<=://)[^/]*@|\?.*")


class Persistence:
    """LangGraph's own store and checkpointer in one SQLite file, or in a PostgreSQL database; from any number of threads.

    ```python
    kept = Persistence("memory.sqlite")
    agent = create_agent(model, middleware=[middleware], store=kept.store, checkpointer=kept.saver)
    ```

    Args:
        place: A file, made with its folder if it is not there; or `postgresql://...`. They need `langgraph-checkpoint-sqlite` (extra `app`)
            and `langgraph-checkpoint-postgres`.

    Attributes:
        place: As given, without what only PostgreSQL is to know: user, password and settings.
        store: What is remembered.
        saver: What is said.

    Raises:
        ConfigError: The place is empty, or a connection string of another kind.
        AssetError: The file cannot be opened, or is something else.
        MissingDependencyError: The package that it needs is not installed.
    """

    def __init__(self, place: str) -> None:
        if not place.strip():
            raise ConfigError("`place` is empty; name a file, or give a connection string that begins with postgresql://.")
        if "://" in place and not place.startswith(_POSTGRES):
            raise ConfigError(f"`place` must be a file or begin with postgresql://, got {place.partition(':')[0]!r} before the colon.")
        self._place, self._resources = place, ExitStack()
        self.place = _SECRETS.sub("", place) if place.startswith(_POSTGRES) else place
        self.store: BaseStore = self._open("store", "Store")
        self.saver: BaseCheckpointSaver[Any] = self._open("checkpoint", "Saver")

    def close(self) -> None:
        """Close both connections."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def said(self, thread_id: str) -> list[BaseMessage]:
        """The messages of a thread, as they are now."""
        state = self.saver.get({"configurable": {"thread_id": thread_id}})
        return list(state["channel_values"].get("messages", [])) if state else []

    def erase(self, namespace: Namespace, threads: Sequence[str] = ()) -> None:
        """Delete what is in this namespace and below, and these threads.

        A SQLite file is written anew, so that nothing of it can be found in the bytes of the file and of those beside it. PostgreSQL sees
        to its files itself; backups are yours.

        Args:
            namespace: Such as `("users", "ana")`.
            threads: Their ids.

        Raises:
            ConfigError: The namespace is empty.
            AssetError: It is deleted, but another program keeps the file's old bytes from being overwritten; try again later.
        """
        for thread in threads:
            self.saver.delete_thread(thread)
        UserMemory(self.store, namespace).clear()
        if not self._place.startswith(_POSTGRES):
            with closing(sqlite3.connect(self._place, timeout=WAIT, isolation_level=None)) as connection:
                connection.execute("VACUUM")
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise AssetError(
                    f"`{self.place}` is being read by another program, so what was deleted still stands in the bytes beside it; close that "
                    "program and delete again."
                )

    def _open(self, part: str, kind: str) -> Any:
        database = "postgres" if self._place.startswith(_POSTGRES) else "sqlite"
        if database == "sqlite":
            Path(self._place).absolute().parent.mkdir(parents=True, exist_ok=True)
        try:
            made = getattr(import_module(f"langgraph.{part}.{database}"), f"{database.title()}{kind}")
        except ModuleNotFoundError as error:
            package = {"sqlite": "'attngs[app]'", "postgres": "langgraph-checkpoint-postgres 'psycopg[binary]'"}[database]
            raise MissingDependencyError(f"`place` is {database}'s, which needs a package: `pip install {package}`.") from error
        try:
            opened = self._resources.enter_context(made.from_conn_string(self._place))
            opened.setup()
        except sqlite3.Error as error:
            self.close()
            raise AssetError(f"`{self.place}` cannot be used as a database: {error}. Name another file.") from error
        return opened
