"""Labelled examples: a question, its documents, and the evidence or the answer.

One JSON object a line, in a `.jsonl` or `.jsonl.xz` file:

```json
{"query": "Which pills?", "documents": [{"id": "may", "text": "Mild. New pills."}], "evidence": [{"doc_id": "may", "start": 6, "end": 16}]}
```

`documents` holds strings, or objects with `text` and optionally `id` and `metadata`. `evidence` holds document ids (the whole document
matters), spans (`doc_id`, `start`, `end` in characters) or quotes (`doc_id`, `text`). `answer` may stand beside `evidence` or replace it.
Rows with the same `group` are never split between training and validation.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attngs.errors import AttngsError, InputError
from attngs.learning.metrics import Place
from attngs.text.documents import as_documents, check_query
from attngs.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledExample:
    """One question whose evidence, answer or both are known."""

    query: str
    documents: tuple[Document, ...]
    evidence: tuple[Place, ...] = ()
    """Document number, start and end character; empty when only the answer is known."""
    answer: str | None = None
    group: str = ""
    """Examples of one group are never split between training and validation."""


def read_examples(path: Path) -> list[LabelledExample]:
    """Read all examples of a file.

    Raises:
        InputError: The file cannot be read, or a line is not an example; the message names file and line.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"`{path}` holds no examples: one JSON object a line, with `query`, `documents` and `evidence` or `answer`.")
    examples = [_example(row, place) for place, row in rows]
    return list(_grouped(examples, [row.get("group") for _, row in rows]))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, lzma.LZMAError) as error:
        raise InputError(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"`{path}` is not UTF-8 text (byte {error.start}).") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                row: object = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"`{place}` is not JSON: {error}.") from error
            if not isinstance(row, Mapping):
                raise InputError(f"`{place}` must be an object with `query` and `documents`, got {type(row).__name__}.")
            yield place, row


def _example(row: Mapping[str, Any], place: str) -> LabelledExample:
    try:
        query = check_query(row.get("query"))
        documents = as_documents([_document(value) for value in _list(row, "documents")])
        if not documents:
            raise InputError("`documents` is empty.")
        evidence = tuple(_place(value, documents) for value in _list(row, "evidence"))
    except AttngsError as error:
        raise InputError(f"`{place}`: {error}") from error
    answer = row.get("answer")
    if answer is not None and not isinstance(answer, str):
        raise InputError(f"`{place}`: `answer` must be a string, got {type(answer).__name__}.")
    if isinstance(group := row.get("group"), bool) or not isinstance(group, str | int | float | None):
        raise InputError(f"`{place}`: `group` must be a string or a number, got {type(group).__name__}.")
    if group == "":
        raise InputError(f"`{place}`: `group` is empty; name the examples that belong together, or leave it out.")
    return LabelledExample(query=query, documents=documents, evidence=evidence, answer=answer if (answer or "").strip() else None)


def _list(row: Mapping[str, Any], name: str) -> Sequence[Any]:
    values = row.get(name) or []
    if not isinstance(values, list):
        raise InputError(f"`{name}` must be a list, got {type(values).__name__}.")
    return values


def _document(value: object) -> Document:
    if isinstance(value, str):
        return Document(text=value)
    if not isinstance(value, Mapping):
        raise InputError(f"a document must be a string or an object with `text`, got {type(value).__name__}.")
    return Document(text=value.get("text", None), id=str(value.get("id", "")), metadata=value.get("metadata") or {})


def _place(value: object, documents: Sequence[Document]) -> Place:
    if isinstance(value, str | int):
        value = {"doc_id": str(value)}
    if not isinstance(value, Mapping):
        raise InputError(f"a piece of evidence must be a document id or an object with `doc_id`, got {type(value).__name__}.")
    name = str(value.get("doc_id"))
    numbers = [number for number, document in enumerate(documents) if document.id == name]
    if not numbers:
        raise InputError(f"evidence names the document {name!r}; the ids are {', '.join(repr(d.id) for d in documents[:8])}.")
    if len(numbers) > 1:
        raise InputError(f"evidence names the document {name!r}, but {len(numbers)} documents have that id; give each an id of its own.")
    (number,) = numbers
    text = documents[number].text
    quoted = "start" not in value and "text" in value
    start, end = _quote(str(value["text"]), text, name) if quoted else _characters(value, text, name)
    return number, start, end


def _quote(quote: str, text: str, name: str) -> tuple[int, int]:
    """Where a document has a quotation for the first time."""
    start = text.find(quote)
    if start < 0 or not quote.strip():
        raise InputError(f"evidence quotes {quote[:40]!r}, which does not stand in the document {name!r}.")
    return start, start + len(quote)


def _characters(value: Mapping[str, Any], text: str, name: str) -> tuple[int, int]:
    """The characters that evidence names; all of the document where it names none."""
    start, end = value.get("start", 0), value.get("end", len(text))
    if any(isinstance(at, bool) or not isinstance(at, int) for at in (start, end)) or not 0 <= start < end <= len(text):
        raise InputError(f"evidence names the characters {start!r} to {end!r} of the document {name!r}, which has {len(text)}.")
    if not text[start:end].strip():
        raise InputError(f"evidence names the characters {start} to {end} of the document {name!r}, which are nothing but white space.")
    return start, end


def _grouped(examples: Sequence[LabelledExample], named: Sequence[object]) -> Iterator[LabelledExample]:
    """Put each example into the group that its row names, or with all that share evidence documents.

    A is in one group with C if A shares documents with B, and B with C.
    """
    leader: dict[str, str] = {}

    def find(text: str) -> str:
        while leader.setdefault(text, text) != text:
            text = leader[text]
        return text

    shared = [[example.documents[n].text for n in _bearing(example)] for example in examples]
    for first, *others in shared:
        for other in others:
            leader[find(other)] = find(first)
    numbers: dict[str, int] = {}
    for example, texts, name in zip(examples, shared, named, strict=True):
        number = numbers.setdefault(find(texts[0]), len(numbers))
        yield LabelledExample(
            query=example.query,
            documents=example.documents,
            evidence=example.evidence,
            answer=example.answer,
            group=str(name) if name is not None else f"group-{number}",
        )


def _bearing(example: LabelledExample) -> list[int]:
    """The documents that put two examples into one group: those with evidence, or all if none has any."""
    return sorted({number for number, _, _ in example.evidence}) or list(range(len(example.documents)))
