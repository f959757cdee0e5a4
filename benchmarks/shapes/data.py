"""The rows: small invented texts in fifteen shapes, each with a question, a budget, and what must be kept to understand the answer.

`dev.jsonl` is there to be looked at and worked on. `kept.jsonl` gives the final number, and nobody reads its texts to tune anything.
The split was fixed before anything was measured: in each shape, the ids are sorted by their SHA-256, and the first half is for development.
The development half was fitted too closely: it said .77 where the kept half said .53. So `fresh.jsonl` was written later, in other
domains and dialects, all of it before a row was run; it said .57 at first, and is for development too.

A budget holds the lines that are needed and a quarter more, at least 12 tokens. Where only a few lines lie between needed ones, as inside
a JSON record, it holds these too. For subtitles it holds whole cues, with their numbers and times. In over a third of the rows the answer
shares a word with its question; the other questions are paraphrases, or name only what the answer is read with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from attngs.types import Document

Part = Literal["dev", "fresh", "kept"]
PARTS: tuple[Part, ...] = get_args(Part)
SHAPES = {
    "markdown": "Markdown with headings",
    "lists": "nested lists",
    "tables": "tables in Markdown and plain text",
    "plain": "plain text with hard line ends, hyphens and indentation",
    "chats": "chat exports",
    "subtitles": "SRT and VTT",
    "mail": "e-mail threads with quotes",
    "json": "JSON and JSON lines",
    "csv": "CSV and TSV",
    "html": "HTML",
    "yaml": "YAML",
    "logs": "logs with tracebacks",
    "code": "source code",
    "questions": "questions and answers",
    "contracts": "numbered clauses",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text with its question."""

    shape: str
    id: str
    language: str
    documents: tuple[Document, ...]
    query: str
    target_tokens: int
    """The budget, in the tokens of the default marker's counter."""
    answer: tuple[str, ...]
    """All of these answer the question."""
    understood: tuple[str, ...]
    """A reader needs all of these too: the heading, the header row, the question of an answer, the speaker, the error of a frame."""
    forbidden: tuple[str, ...]
    """None of these may be there: a text that puts the answer under another heading, for example."""

    @property
    def needed(self) -> tuple[str, ...]:
        """All that must be kept."""
        return self.answer + self.understood


def load_rows(part: Part) -> list[Row]:
    """The rows of one part, in order."""
    return rows_of(Path(__file__).with_name(f"{part}.jsonl"))


def rows_of(path: Path) -> list[Row]:
    """The rows of a file with one JSON object a line."""
    return [
        Row(
            shape=row["shape"],
            id=row["id"],
            language=row["language"],
            documents=tuple(Document(**document) for document in row["documents"]),
            query=row["query"],
            target_tokens=row["target_tokens"],
            answer=tuple(row["answer"]),
            understood=tuple(row["understood"]),
            forbidden=tuple(row.get("forbidden", ())),
        )
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]


def dev_ids(ids: Sequence[str]) -> set[str]:
    """Which ids of one shape are for development; an odd one is too."""
    ordered = sorted(ids, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: (len(ordered) + 1) // 2])
