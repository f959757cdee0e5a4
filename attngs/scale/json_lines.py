"""JSON lines, read in pieces of bytes, so that many workers read one large file.

A line belongs to the piece that holds its first byte. A line that is no row is not lost: it is named by its file and its first byte, and
says what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attngs.errors import InputError
from attngs.scale.rows import Row
from attngs.text.documents import clean_text

PIECE = 8 * 2**20
"""Bytes."""


def pieces_of(paths: Iterable[Path], size: int = PIECE) -> list[dict[str, object]]:
    """Where each piece of the files begins and ends.

    Raises:
        InputError: A file cannot be read, or holds nothing.
    """
    found = list[dict[str, object]]()
    for path in paths:
        try:
            length = path.stat().st_size
        except OSError as error:
            raise InputError(f"`{path}` cannot be read: {error.strerror or error}.") from error
        found += [{"path": str(path), "start": start, "end": min(start + size, length)} for start in range(0, length, size)]
    if not found:
        raise InputError("the input files are empty; write one JSON object a line, with `id`, `documents` and `query`.")
    return found


def lines_of(piece: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """The lines of a piece that are not blank, each with its id."""
    path, end = piece["path"], piece["end"]
    with open(path, "rb") as file:
        if piece["start"]:
            file.seek(piece["start"] - 1)
            file.readline()  # the end of a line of the piece before, or the line break that this piece begins behind
        while (at := file.tell()) < end and (line := file.readline()):
            if line.strip():
                yield {"id": _name(line, f"{path}:{at}"), "line": line}


def row_of(line: Mapping[str, Any]) -> Row:
    """The row that a line holds.

    Raises:
        InputError: It holds none. The message quotes nothing of it but its id.
    """
    return _object(line["line"])


def _name(line: bytes, place: str) -> str:
    """The row's own id, or its place where it has none that can be used."""
    try:
        return clean_text(str(_object(line)["id"]))
    except InputError:
        return clean_text(place)


def _object(line: bytes) -> dict[str, Any]:
    try:
        value: object = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise InputError(f"the line is not UTF-8 text (byte {error.start}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the line is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"the line must be an object with `id`, `documents` and `query`, got {type(value).__name__}.")
    name = value.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise InputError(
            f"`id` must be a string or a whole number that names the row, got {'nothing' if name is None else repr(name)[:40]}."
        )
    return value
