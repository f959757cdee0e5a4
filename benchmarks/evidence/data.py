"""Rows with a known answer: a question, its documents, where the evidence lies, and what somebody injected.

`NAME.jsonl.xz` files are read from the data folder (the format is told in the data's own README), the example person's questions from
`examples/data`. Generated memories are in `generated.py`, and `sets.py` names them all.
"""

from __future__ import annotations

import io
import json
import lzma
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from attngs.learning.metrics import Place
from attngs.text.files import read_documents
from attngs.types import Document

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"

LATIN = frozenset({"es", "de", "tr", "vi", "ro", "fr", "it", "pt", "nl", "pl", "sv"})
"""Languages of the data, beside English, in the Latin script."""

Raw = Mapping[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question."""

    query: str
    documents: tuple[Document, ...]
    evidence: tuple[Place, ...] = ()
    """Empty where nobody marked any."""
    answer: str = ""
    """Empty where there is none, or none can be given."""
    injection: Place | None = None
    """An instruction that an attacker put into the documents."""
    language: str = "en"
    """`en`, `zh`, `other latin` or `other script`."""
    cluster: str
    """Rows of one cluster are not independent and are drawn together in the bootstrap."""


def _question(raw: Raw) -> str:
    return str(raw["id"]).rsplit("-", 1)[1]


def _documents(raw: Raw) -> str:
    return "\n".join(sorted(document["id"] for document in raw["documents"]))


def _evidence_text(raw: Raw) -> str:
    wanted = raw["evidence"][0]["doc_id"]
    return next(str(document["text"]) for document in raw["documents"] if document["id"] == wanted)


def _evidence_id(raw: Raw) -> str:
    return str(raw["evidence"][0]["doc_id"])


def _mail(raw: Raw) -> str:
    text, injection = str(raw["documents"][0]["text"]), raw["meta"]["injection"]
    return "".join((text[: injection["start"]] + text[injection["end"] :]).split())


CLUSTERS: dict[str, Callable[[Raw], str]] = {
    "madial_user1": _question,  # one user only; the English and the Chinese version of a question go together
    "qmsum_val": _documents,  # the meeting
    "expmrc": _evidence_text,  # the passage; its distractors differ from question to question
    "xquad12_a": _evidence_id,  # the paragraph, in all its languages
    "bipia_email_train": _mail,  # the mail, whatever was injected into it
}
"""The sets in files, and what their rows share."""


def load_rows(folder: Path, name: str, *, limit: int | None = None, seed: int = 0) -> list[Row]:
    """All rows or a seeded sample, neighbours in language and documents, so that what was read of them can be used again."""
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        raw = sampled([json.loads(line) for line in lines], limit, seed)
    raw.sort(key=lambda row: (row["meta"].get("lang", "en"), _documents(row), row["id"]))
    return [as_row(row, CLUSTERS[name]) for row in raw]


def sampled(rows: list[Item], limit: int | None, seed: int) -> list[Item]:
    """All of them, or as many as allowed, the same for the same seed."""
    return rows if limit is None or limit >= len(rows) else random.Random(seed).sample(rows, limit)


def as_row(raw: Raw, cluster: Callable[[Raw], str]) -> Row:
    """Places by number of the document instead of its id; "unknown" is no answer."""
    numbers = {document["id"]: number for number, document in enumerate(raw["documents"])}
    injection = raw["meta"].get("injection")
    answer = raw.get("answer") or ""
    return Row(
        query=raw["query"],
        documents=tuple(Document(text=document["text"], id=document["id"]) for document in raw["documents"]),
        evidence=tuple((numbers[piece["doc_id"]], piece["start"], piece["end"]) for piece in raw["evidence"]),
        answer=answer if answer.strip().lower() != "unknown" else "",
        injection=(numbers[injection["doc_id"]], injection["start"], injection["end"]) if injection else None,
        language=language_group(raw["meta"].get("lang", "en")),
        cluster=cluster(raw),
    )


def load_maren(limit: int | None = None, seed: int = 0) -> list[Row]:
    """The example person's 24 hard questions over her three months of memory."""
    documents = tuple(read_documents([EXAMPLES / "maren"], io.BytesIO()))
    numbers = {document.id: number for number, document in enumerate(documents)}
    rows = []
    for line in (EXAMPLES / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        evidence = []
        for piece in raw["evidence"]:
            number = numbers[piece["doc"].rpartition("#")[2]]
            start = documents[number].text.index(piece["text"])
            evidence.append((number, start, start + len(piece["text"])))
        rows.append(Row(query=raw["query"], documents=documents, evidence=tuple(evidence), cluster=raw["query"]))
    return sampled(rows, limit, seed)


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
