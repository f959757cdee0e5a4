"""The user's files -> documents; results -> files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from attngs.errors import InputError
from attngs.types import Document

SUFFIXES = (".txt", ".md", ".jsonl")
"""Files that are read from a folder. A file that is named itself is read whatever its suffix."""


def read_documents(paths: Sequence[Path], stdin: BinaryIO, *, skipped: Callable[[str], None] = lambda reason: None) -> list[Document]:
    """Read files, folders (recursively, in the order of their names) and `-` for standard input.

    Links that lead out of a folder are skipped: whoever may write into a folder could otherwise have any file read.

    A `.jsonl` file holds one document a line: a string, or an object with `text` and optionally `id` and `metadata`. Ids default to the
    file's path, with `:LINE` for lines.

    Args:
        paths: What to read.
        stdin: Standard input.
        skipped: Is told, once a folder, what was not read and why.

    Raises:
        InputError: A file is missing, binary or not what its suffix says; the message names file and line.
    """
    documents = list[Document]()
    for path in paths:
        if str(path) == "-":
            documents.append(Document(text=_decode(stdin.read(), "standard input"), id="stdin"))
        else:
            documents.extend(_read(path, skipped))
    return documents


def parse_file(data: bytes, name: str) -> list[Document]:
    """The documents of a file that was uploaded, as `read_documents` would read them.

    Args:
        data: Its content.
        name: Its name, in the place of a path.

    Raises:
        InputError: It is binary, not UTF-8, or not what its suffix says; the message names file and line.
    """
    return list(_parse(data, name, name))


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step: neither a reader nor Ctrl-C ever leaves half of it.

    A symbolic link stays a link, an existing file keeps its permissions, and a device or pipe is written to directly.

    Raises:
        InputError: The file cannot be written.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="replace")
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, data)
    except OSError as error:
        raise InputError(f"`{path}` cannot be written: {error.strerror or error}.") from error


def check_folder(path: Path) -> None:
    """Make sure that files can be written into a folder that may not exist yet; nothing is created.

    Raises:
        InputError: The folder or one above it is a file, or may not be written to.
    """
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"`{path}` cannot be written: `{there}` is a file, not a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"`{path}` cannot be written: you may not write to `{there}`.")


def _replace(target: Path, data: bytes) -> None:
    mask = os.umask(0)
    os.umask(mask)
    mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~mask
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        Path(temporary).unlink(missing_ok=True)
        raise


def _walk(folder: Path, skipped: Callable[[str], None]) -> Iterator[Path]:
    """Visible files with a known suffix, sorted; a folder that cannot be opened is an error, not a gap."""

    def fail(error: OSError) -> None:
        raise error

    found = list[Path]()
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".") and name.lower().endswith(SUFFIXES)]
    inside = [path for path in found if path.resolve().is_relative_to(folder.resolve())]
    if len(inside) < len(found):
        links = f"{len(found) - len(inside)} link{'s' if len(found) - len(inside) > 1 else ''}"
        skipped(f"`{folder}`: {links} skipped, because they lead out of the folder; name such files themselves")
        found = inside
    if not found:
        raise InputError(f"`{folder}` holds no file that ends in {', '.join(SUFFIXES)}.")
    yield from sorted(found)


def _read(path: Path, skipped: Callable[[str], None]) -> list[Document]:
    try:
        files = [(file, file.relative_to(path).as_posix()) for file in _walk(path, skipped)] if path.is_dir() else [(path, path.name)]
        return [document for file, name in files for document in _read_file(file, name)]
    except OSError as error:
        raise InputError(f"`{error.filename or path}` cannot be read: {error.strerror or error}.") from error


def _read_file(path: Path, name: str) -> Iterator[Document]:
    return _parse(path.read_bytes(), str(path), name)


def _parse(data: bytes, path: str, name: str) -> Iterator[Document]:
    text = _decode(data, path)
    if path.lower().endswith(".jsonl"):
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
    except (ValueError, RecursionError) as error:
        raise InputError(f"`{place}` is not JSON: {error}.") from error
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, Mapping):
        raise InputError(f"`{place}` must be a string or an object with `text`, got {type(value).__name__}.")
    text, name, metadata = value.get("text"), value.get("id", default_id), value.get("metadata", {})
    if not isinstance(text, str):
        raise InputError(f"`{place}`: `text` must be a string, got {type(text).__name__}.")
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise InputError(f"`{place}`: `id` must be a string or a whole number, got {type(name).__name__}.")
    if not isinstance(metadata, Mapping):
        raise InputError(f"`{place}`: `metadata` must be an object, got {type(metadata).__name__}.")
    return Document(text=text, id=str(name), metadata=dict(metadata))
