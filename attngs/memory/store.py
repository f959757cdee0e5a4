"""The rows of a memory, in one SQLite file.

They are documents with their units, and what a marker read of each unit.

Rows are only appended, and never move. Whatever is deleted is overwritten with zeros where it stands, and then leaves the log. So deletion
is complete without writing the file anew: SQLite leaves copies of rows behind only where it moves them. The room of deleted rows is given
back when they take more than the others. Texts stand in no index; a namespace stands in the file as a digest.

FTS5 is no part of it. Before SQLite 3.42 it keeps the words of deleted rows; it counts words over all namespaces; and it knows no words of
Chinese, Japanese or Thai. A unit's words are kept as numbers instead, and `catalogue.py` makes an index of them.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attngs.reading.context_cache import digest
from attngs.text.storage import SqliteFile, explained
from attngs.types import Document, Unit

WHAT = "memory"
LEAST_WASTE = 2**25
"""Bytes of deleted rows for which the file is never written anew."""
VERSIONS = "versions"
"""What a namespace keeps beside its documents: what they were before."""
AT_ONCE = 500
"""Rows that are asked for at once; SQLite bounds the arguments of a statement."""

_APPLICATION, _VERSION = 0x6174676D, 1
_SCHEMA = (
    "CREATE TABLE namespaces (owner BLOB PRIMARY KEY, reader TEXT NOT NULL, revision INTEGER NOT NULL, named INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE room (used INTEGER NOT NULL, wasted INTEGER NOT NULL)",
    "CREATE TABLE documents (number INTEGER PRIMARY KEY, owner BLOB NOT NULL, live BLOB NOT NULL, place INTEGER NOT NULL,"
    " first INTEGER NOT NULL, count INTEGER NOT NULL, tokens INTEGER NOT NULL, id BLOB NOT NULL, metadata BLOB NOT NULL,"
    " text BLOB NOT NULL, units BLOB NOT NULL)",
    "CREATE TABLE readings (number INTEGER PRIMARY KEY, words BLOB NOT NULL, vector BLOB NOT NULL)",
    "CREATE TABLE states (number INTEGER PRIMARY KEY, states BLOB NOT NULL)",
    "CREATE INDEX in_order ON documents (owner, place) WHERE live = x'01'",
    "INSERT INTO room VALUES (0, 0)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What is known of a namespace beside its documents."""

    reader: str
    """Who read its units; see `reading.py`."""
    revision: int
    """Grows with each change."""
    named: int
    """How many ids were made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A document without its text."""

    number: int
    """Its own for good: a changed document has a new one."""
    place: int
    """Grows in reading order."""
    first: int
    """The number of what was read of its first unit; those of the others follow."""
    tokens: int
    id: str
    units: Sequence[Unit]
    sizes: Sequence[int]
    """Tokens of each unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A document that is about to be written."""

    document: Document
    units: Sequence[Unit]
    sizes: Sequence[int]
    """Tokens of each unit."""
    tokens: int
    place: int | None = None
    """`None`: behind all others."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one unit, as bytes; see `reading.py`."""

    words: bytes
    vector: bytes
    states: bytes


class Store:
    """One namespace of a file. Every use opens the file; see `SqliteFile`.

    Args:
        path: The file; made, with its folder, if it does not exist, and then readable by its owner only.
        namespace: Whose rows.
        timeout: Seconds to wait for another writer.
        beside: What the rows are, where they are not the documents of the namespace but something that is kept beside them.

    Raises:
        AssetError: The file is damaged, another program's, or of another version.
        UnavailableError: It is locked or cannot be written to.
    """

    def __init__(self, path: str | os.PathLike[str], namespace: str, timeout: float, *beside: str) -> None:
        path = Path(path).absolute()
        self._owner = digest(namespace, *beside)
        self._file = SqliteFile(path, application=_APPLICATION, version=_VERSION, schema=_SCHEMA, what=WHAT, timeout=timeout)
        with explained(path, WHAT):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._file.read():
            pass
        self._file.let_readers_pass()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """The namespace as it is now, whatever others write meanwhile."""
        with self._file.read() as connection:
            yield Reader(connection, self._owner, self._file)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Changes that all happen or do not happen; when this is left without an error, they outlive a crash."""
        with self._file.write() as connection:
            writer = Writer(connection, self._owner, self._file)
            yield writer
            writer.finish()
        if writer.compacted:
            self._file.rewrite()
        elif writer.buried:
            self._file.empty_log()


def texts_elsewhere(path: str | os.PathLike[str], namespace: str, timeout: float = 10.0) -> int:
    """How many texts a file has outside a namespace.

    Versions of documents count too: digests do not tell them apart.

    Raises:
        AssetError: The file is damaged, another program's, or of another version.
        UnavailableError: It is locked or cannot be read.
    """
    own = digest(namespace), digest(namespace, VERSIONS)
    with SqliteFile(
        Path(path).absolute(), application=_APPLICATION, version=_VERSION, schema=_SCHEMA, what=WHAT, timeout=timeout
    ).read() as connection:
        [count] = connection.execute("SELECT COUNT(*) FROM documents WHERE live = x'01' AND owner NOT IN (?, ?)", own).fetchone()
    return int(count)


class Reader:
    """The namespace inside one transaction.

    Args:
        connection: In a transaction.
        owner: The digest of the namespace.
        file: For errors.
    """

    def __init__(self, connection: sqlite3.Connection, owner: bytes, file: SqliteFile) -> None:
        self._connection, self._owner, self._file = connection, owner, file

    def namespace(self) -> Namespace | None:
        """`None` before the first use."""
        row = self._connection.execute("SELECT reader, revision, named FROM namespaces WHERE owner = ?", (self._owner,)).fetchone()
        return None if row is None else Namespace(reader=row[0], revision=row[1], named=row[2])

    def numbers(self) -> list[int]:
        """The documents in reading order."""
        found = self._connection.execute("SELECT number FROM documents WHERE owner = ? AND live = x'01' ORDER BY place", (self._owner,))
        return [number for (number,) in found]

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Documents without their texts, in the order of their numbers."""
        for number, place, first, tokens, name, units in self._chosen("documents", "number, place, first, tokens, id, units", numbers):
            cut, sizes = self._parsed(units, _units_from)
            yield Row(number=number, place=place, first=first, tokens=tokens, id=_text_from(name), units=cut, sizes=sizes)

    def documents(self, numbers: Sequence[int]) -> dict[int, Document]:
        """Documents by number."""
        return {
            number: Document(text=_text_from(text), id=_text_from(name), metadata=self._parsed(metadata, json.loads))
            for number, name, metadata, text in self._chosen("documents", "number, id, metadata, text", numbers)
        }

    def readings(self, first: int, count: int) -> list[tuple[bytes, bytes]]:
        """Words and vector of units whose numbers follow each other."""
        rows = self._connection.execute(
            "SELECT words, vector FROM readings WHERE number >= ? AND number < ? ORDER BY number", (first, first + count)
        )
        found = rows.fetchall()
        if len(found) != count:
            raise self._file.damaged(f"{count - len(found)} units have no reading")
        return found

    def states(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """What an encoder read of units, by number; nothing for those that have none."""
        return {number: states for number, states in self._chosen("states", "number, states", numbers) if states}

    def _chosen(self, table: str, columns: str, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for begin in range(0, len(numbers), AT_ONCE):
            some = numbers[begin : begin + AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from self._connection.execute(f"SELECT {columns} FROM {table} WHERE number IN ({marks}) ORDER BY number", some)  # noqa: S608

    def _parsed(self, data: bytes, parse: Any) -> Any:
        try:
            return parse(data)
        except (ValueError, TypeError, LookupError, UnicodeDecodeError) as error:
            raise self._file.damaged("a document is not what was written") from error


class Writer(Reader):
    """The namespace inside one transaction that changes it.

    Attributes:
        buried: Whether a row was overwritten.
        compacted: Whether deleted rows are gone, and the file has to be written anew.
    """

    def __init__(self, connection: sqlite3.Connection, owner: bytes, file: SqliteFile) -> None:
        super().__init__(connection, owner, file)
        self.buried = self.compacted = False

    def rename_reader(self, reader: str) -> None:
        """From now on, units are read by this reader."""
        self._connection.execute(
            "INSERT INTO namespaces VALUES (?, ?, 0, 0) ON CONFLICT (owner) DO UPDATE SET reader = excluded.reader", (self._owner, reader)
        )

    def new_ids(self, count: int) -> list[str]:
        """Ids that no document ever had from here."""
        known = self.namespace()
        begin = (known.named if known else 0) + 1
        self._connection.execute("UPDATE namespaces SET named = named + ? WHERE owner = ?", (count, self._owner))
        return [str(number) for number in range(begin, begin + count)]

    def add(self, rows: Iterable[NewRow], readings: Iterator[Reading]) -> None:
        """Append documents.

        Args:
            rows: The documents.
            readings: Of all their units, in their order.
        """
        (place,) = self._connection.execute(
            "SELECT coalesce(max(place), 0) FROM documents WHERE owner = ? AND live = x'01'", (self._owner,)
        ).fetchone()
        (number,) = self._connection.execute("SELECT coalesce(max(number), 0) FROM readings").fetchone()
        for row in rows:
            first = number + 1
            for _ in row.units:
                number += 1
                one = next(readings)
                self._connection.execute("INSERT INTO readings VALUES (?, ?, ?)", (number, one.words, one.vector))
                self._connection.execute("INSERT INTO states VALUES (?, ?)", (number, one.states))
                self._use(len(one.words) + len(one.vector) + len(one.states))
            place += row.place is None
            document, units = row.document, _units_as(row.units, row.sizes)
            values = (_text_as(document.id), json.dumps(dict(document.metadata)).encode(), _text_as(document.text), units)
            self._connection.execute(
                "INSERT INTO documents (owner, live, place, first, count, tokens, id, metadata, text, units)"
                " VALUES (?, x'01', ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._owner, place if row.place is None else row.place, first, len(row.units), row.tokens, *values),
            )
            self._use(sum(map(len, values)))

    def bury(self, rows: Iterable[Row]) -> None:
        """Overwrite documents, and what was read of them, with zeros.

        Nothing changes its size, so nothing moves.
        """
        for row in rows:
            span = (row.first, row.first + len(row.units))
            wasted = 0
            for table, columns in (("readings", ("words", "vector")), ("states", ("states",))):
                lengths = " + ".join(f"length({column})" for column in columns)
                zeros = ", ".join(f"{column} = zeroblob(length({column}))" for column in columns)
                where = "WHERE number >= ? AND number < ?"
                wasted += self._connection.execute(f"SELECT coalesce(sum({lengths}), 0) FROM {table} {where}", span).fetchone()[0]  # noqa: S608
                self._connection.execute(f"UPDATE {table} SET {zeros} {where}", span)  # noqa: S608
            (own,) = self._connection.execute(
                "SELECT length(id) + length(metadata) + length(text) + length(units) FROM documents WHERE number = ?", (row.number,)
            ).fetchone()
            self._connection.execute(
                "UPDATE documents SET live = x'00', id = zeroblob(length(id)), metadata = zeroblob(length(metadata)),"
                " text = zeroblob(length(text)), units = zeroblob(length(units)) WHERE number = ?",
                (row.number,),
            )
            self._connection.execute("UPDATE room SET used = used - ?1, wasted = wasted + ?1", (wasted + own,))
            self.buried = True

    def finish(self) -> None:
        """Note that something changed, and drop overwritten rows if they take more than the others."""
        self._connection.execute("UPDATE namespaces SET revision = revision + 1 WHERE owner = ?", (self._owner,))
        used, wasted = self._connection.execute("SELECT used, wasted FROM room").fetchone()
        if self.buried and wasted > max(used, LEAST_WASTE):
            self._drop()
            self._connection.execute("UPDATE room SET wasted = 0")
            self.compacted = True

    def _drop(self) -> None:
        """Delete the rows that are overwritten.

        The last one of a table stays, so that its number is not given again.
        """
        (last,) = self._connection.execute("SELECT max(number) FROM readings").fetchone()
        for first, count in self._connection.execute("SELECT first, count FROM documents WHERE live = x'00'").fetchall():
            span = (first, min(first + count, last or 0))
            self._connection.execute("DELETE FROM readings WHERE number >= ? AND number < ?", span)
            self._connection.execute("DELETE FROM states WHERE number >= ? AND number < ?", span)
        self._connection.execute("DELETE FROM documents WHERE live = x'00' AND number < (SELECT max(number) FROM documents)")

    def _use(self, size: int) -> None:
        self._connection.execute("UPDATE room SET used = used + ?", (size,))


def _text_as(text: str) -> bytes:
    """A text as bytes, lone surrogates too."""
    return text.encode(errors="surrogatepass")


def _text_from(data: bytes) -> str:
    return data.decode(errors="surrogatepass")


def _units_as(units: Sequence[Unit], sizes: Sequence[int]) -> bytes:
    """Units that tile a text, as bytes."""
    table: Mapping[str, object] = {
        "ends": [unit.end for unit in units],
        "sizes": list(sizes),
        "kinds": {number: unit.kind for number, unit in enumerate(units) if unit.kind != "sentence"},
        "heads": {number: unit.heads for number, unit in enumerate(units) if unit.heads},
    }
    return json.dumps(table, separators=(",", ":")).encode()


def _units_from(data: bytes) -> tuple[list[Unit], list[int]]:
    table = json.loads(data)
    kinds, heads, begin, units = table["kinds"], table["heads"], 0, list[Unit]()
    for number, end in enumerate(table["ends"]):
        units.append(Unit(begin, end, tuple(heads.get(str(number), ())), kinds.get(str(number), "sentence")))
        begin = end
    return units, table["sizes"]
