"""Which importer reads a file: its suffix tells."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from attngs.errors import InputError
from attngs.text.importers.json_files import Problem, read_json, read_json_lines
from attngs.text.importers.office import CONVERTERS, convert
from attngs.text.structure.reading import READERS
from attngs.types import Document

ARCHIVE = ".zip"
_JSON, _JSON_LINES = (".json",), (".jsonl", ".ndjson")
_PLAIN = (".txt", ".text", ".org", ".tex", ".xml", ".vcf", ".ics")
SUFFIXES = frozenset((*_PLAIN, *(suffix for reader in READERS for suffix in reader.suffixes), *CONVERTERS, ARCHIVE))
"""Files that are read from a folder. A file that is named itself is read whatever its suffix."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
            raise InputError(f"`{name}` is a binary file, not text.") from error
        raise InputError(f"`{name}` is not UTF-8 text (byte {error.start}). Convert it first, for example with iconv.") from error
    if "\0" in text:
        raise InputError(f"`{name}` is a binary file, not text.")
    return text
