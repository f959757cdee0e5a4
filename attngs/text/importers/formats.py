"""Which importer reads a file: its suffix tells, and in JSON the shape of the data."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from attngs.errors import InputError
from attngs.text.importers.conversations import (
    CONVERSATION_IDS,
    conversation_document,
    conversations_in,
    is_conversation,
    is_message,
)
from attngs.text.importers.office import CONVERTERS, convert
from attngs.text.importers.records import record_document, records_in
from attngs.text.structure.reading import READERS
from attngs.types import Document

ARCHIVE = ".zip"
_JSON, _JSON_LINES = (".json",), (".jsonl", ".ndjson")
_PLAIN = (".txt", ".text", ".org", ".tex", ".xml", ".vcf", ".ics")
SUFFIXES = frozenset((*_PLAIN, *(suffix for reader in READERS for suffix in reader.suffixes), *CONVERTERS, ARCHIVE))
"""Files that are read from a folder. A file that is named itself is read whatever its suffix."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Problem = Callable[[InputError], None]
"""Is told of a part that cannot be read. It raises, or the rest is read."""


def suffix_of(name: str) -> str:
    """The ending of a file's name, in lower case with its dot."""
    last = name.replace("\\", "/").rpartition("/")[2].lower()
    return f".{last.rpartition('.')[2]}" if "." in last.lstrip(".") else ""


def read_file(data: bytes, path: str, name: str, problem: Problem) -> Iterator[Document]:
    """The documents of a file that is no archive.

    A text is one document, as it is: its `source` names the reader of its structure.

    Args:
        data: The file's content.
        path: The file, for errors.
        name: Its name in ids.
        problem: Is told of lines or items that cannot be read.

    Raises:
        InputError: It cannot be read at all.
        MissingDependencyError: Its converter is not installed.
    """
    suffix = suffix_of(path)
    if suffix in CONVERTERS:
        yield convert(data, path, name, suffix)
        return
    text = decode(data, path)
    if suffix in _JSON:
        yield from read_json(text, path, name, problem)
    elif suffix in _JSON_LINES:
        yield from read_json_lines(text, path, name, problem)
    else:
        yield Document(text=text, id=name, metadata={"source": name})


_KINDS = "Name a text of any kind, or a file that `attngs[files]` converts: PDF, Word, PowerPoint, Excel or EPUB."


def decode(data: bytes, name: str) -> str:
    """A text in UTF-8, or in UTF-16 with the mark that Windows puts before it.

    Raises:
        InputError: It is in neither, or is no text.
    """
    encoding = "utf-16" if data.startswith(_UTF_16) and len(data) > 2 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data[:4096]:
            raise InputError(f"`{name}` is a binary file, not text. {_KINDS}") from error
        raise InputError(f"`{name}` is not UTF-8 text (byte {error.start}). Convert it first, for example with iconv.") from error
    if "\0" in text:
        raise InputError(f"`{name}` is a binary file, not text. {_KINDS}")
    return text


def read_json(text: str, path: str, name: str, problem: Problem) -> Iterator[Document]:
    """The conversations or records of a JSON file; other data is one document as it is.

    Args:
        text: The file's content.
        path: The file, for errors.
        name: Its name in ids.
        problem: Is told of items that cannot be read.

    Raises:
        InputError: The file is not JSON.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _are_lines(text):
            yield from read_json_lines(text, path, name, problem)
            return
        place = f"{path}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else path
        raise InputError(f"`{place}` is not JSON: {error}.") from error
    if (conversations := conversations_in(value)) is not None:
        for number, conversation in enumerate(conversations, start=1):
            place, own_id = f"{path}, item {number}", name if len(conversations) == 1 else f"{name}:{number}"
            yield from _tried(partial(conversation_document, conversation, place, own_id, name), problem)
    elif (records := records_in(value)) is not None:
        for number, record in enumerate(records, start=1):
            yield from _tried(partial(record_document, record, f"{path}, item {number}", f"{name}:{number}"), problem)
    else:
        yield Document(text=text, id=name, metadata={"source": name})


def read_json_lines(text: str, path: str, name: str, problem: Problem) -> Iterator[Document]:
    """The documents of JSON lines, each of which is a record, a conversation, or one message.

    Messages that name no conversation are all of one, whose id is `name`.
    """
    messages = dict[str, list[object]]()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place, own_id = f"{path}, line {number}", f"{name}:{number}"
        try:
            value: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem(InputError(f"`{place}` is not JSON: {error}."))
            continue
        if is_conversation(value):
            yield from _tried(partial(conversation_document, value, place, own_id, name), problem)
        elif isinstance(value, Mapping) and is_message(value):
            messages.setdefault(next((str(value[key]) for key in CONVERSATION_IDS if key in value), name), []).append(value)
        else:
            yield from _tried(partial(record_document, value, place, own_id), problem)
    for conversation_id, said in messages.items():
        yield from _tried(partial(conversation_document, {"messages": said}, path, conversation_id, name), problem)


def _tried(read: Callable[[], Document | None], problem: Problem) -> Iterator[Document]:
    try:
        found = read()
    except InputError as error:
        problem(error)
        return
    if found:
        yield found


def _are_lines(text: str) -> bool:
    """Whether the first line of a text is JSON by itself, and another one follows."""
    first, _, rest = text.strip().partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return bool(rest.strip())
