"""The user's own files -> documents, and results -> files that are whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from attngs.errors import InputError
from attngs.types import Document

SUFFIXES = (".txt", ".md", ".jsonl")
"""What is read from a folder. A file that is named outright is read as text whatever its suffix."""


def read_documents(paths: Sequence[Path], stdin: BinaryIO) -> list[Document]:
    """Read files, folders (recursively, in the order of their names) and `-` for standard input.

    A `.jsonl` file holds one document a line: a string, or an object with `text` and, if it likes, `id` and `metadata`. Ids default to the
    file's path, with `:LINE` for lines.

    Raises:
        InputError: Something is missing, binary or not what its suffix says; the message names file and line.
    """
    documents = list[Document]()
    for path in paths:
        if str(path) == "-":
            documents.append(Document(text=_decode(stdin.read(), "standard input"), id="stdin"))
        elif path.is_dir():
            for file in _files(path):
                documents.extend(_read_file(file, file.relative_to(path).as_posix()))
        else:
            documents.extend(_read_file(path, path.name))
    return documents


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader, or a user who presses Ctrl-C, never meets half of it.

    Raises:
        InputError: The place cannot be written to.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", errors="replace"))
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files that only their owner may read
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(f"`{path}` cannot be written: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    visible = [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if not visible:
        raise InputError(f"`{folder}` holds no file that ends in {', '.join(SUFFIXES)}.")
    yield from visible


def _read_file(path: Path, name: str) -> Iterator[Document]:
    try:
        text = _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    if path.suffix.lower() == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _parse_line(line, f"{path}, line {number}", f"{name}:{number}")
    else:
        yield Document(text=text, id=name)


def _decode(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"`{name}` is not UTF-8 text (byte {error.start}). Convert it first, for example with iconv.") from error
    if "\0" in text:
        raise InputError(f"`{name}` is a binary file, not text.")
    return text


def _parse_line(line: str, place: str, default_id: str) -> Document:
    try:
        value: object = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"`{place}` is not JSON: {error}.") from error
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, Mapping):
        raise InputError(f"`{place}` must be a string or an object with `text`, got {type(value).__name__}.")
    text, name, metadata = value.get("text"), value.get("id", default_id), value.get("metadata", {})
    if not isinstance(text, str):
        raise InputError(f"`{place}`: `text` must be a string, got {type(text).__name__}.")
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise InputError(f"`{place}`: `id` must be a string or a number, got {type(name).__name__}.")
    if not isinstance(metadata, Mapping):
        raise InputError(f"`{place}`: `metadata` must be an object, got {type(metadata).__name__}.")
    return Document(text=text, id=str(name), metadata=dict(metadata))
