"""Labelled rows from `NAME.jsonl.xz`: a question, its documents, where the evidence lies. The format is told in the data's own README."""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attngs.metrics import Place
from attngs.types import Document

LATIN = frozenset({"es", "de", "tr", "vi", "ro"})
"""Languages of the data, beside English, in the Latin script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question."""

    query: str
    documents: tuple[Document, ...]
    evidence: tuple[Place, ...]
    language: str
    """`en`, `zh`, `other latin` or `other script`."""
    cluster: str
    """Rows of one cluster are not independent and are drawn together in the bootstrap."""


def _question(raw: Mapping[str, Any]) -> str:
    return str(raw["id"]).rsplit("-", 1)[1]


def _documents(raw: Mapping[str, Any]) -> str:
    return "\n".join(sorted(document["id"] for document in raw["documents"]))


def _evidence_text(raw: Mapping[str, Any]) -> str:
    wanted = raw["evidence"][0]["doc_id"]
    return next(str(document["text"]) for document in raw["documents"] if document["id"] == wanted)


def _evidence_id(raw: Mapping[str, Any]) -> str:
    return str(raw["evidence"][0]["doc_id"])


CLUSTERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "madial_user1": _question,  # one user only; the English and the Chinese version of a question go together
    "qmsum_val": _documents,  # the meeting
    "expmrc": _evidence_text,  # the passage; its distractors differ from question to question
    "xquad12_a": _evidence_id,  # the paragraph, in all its languages
}
"""The sets, and what their rows share."""


def load_rows(folder: Path, name: str, *, limit: int | None = None, seed: int = 0) -> list[Row]:
    """All rows or a seeded sample, neighbours in language and documents, so that what was read of them can be used again."""
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        raw = [json.loads(line) for line in lines]
    if limit is not None and limit < len(raw):
        raw = random.Random(seed).sample(raw, limit)
    raw.sort(key=lambda row: (row["meta"].get("lang", "en"), _documents(row), row["id"]))
    return [as_row(row, CLUSTERS[name]) for row in raw]


def as_row(raw: Mapping[str, Any], cluster: Callable[[Mapping[str, Any]], str]) -> Row:
    """Evidence by number of the document instead of its id."""
    numbers = {document["id"]: number for number, document in enumerate(raw["documents"])}
    return Row(
        query=raw["query"],
        documents=tuple(Document(text=document["text"], id=document["id"]) for document in raw["documents"]),
        evidence=tuple((numbers[piece["doc_id"]], piece["start"], piece["end"]) for piece in raw["evidence"]),
        language=language_group(raw["meta"].get("lang", "en")),
        cluster=cluster(raw),
    )


def language_group(code: str) -> str:
    """English, Chinese, and the others by script, which is what the embedded marker goes by."""
    if code in ("en", "zh"):
        return code
    return "other latin" if code in LATIN else "other script"


def parse_limits(words: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """`["100", "expmrc=300"]` -> rows of each set: the number by itself holds for all that are not named."""
    limits: dict[str, int] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if name and name not in names:
            raise ValueError(f"`{name}` is none of {', '.join(names)}")
        if int(number) < 1:
            raise ValueError(f"`{word}` asks for no rows")
        limits |= {name: int(number)} if name else {other: int(number) for other in names if other not in limits}
    return limits
