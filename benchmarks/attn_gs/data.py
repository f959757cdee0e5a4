"""The two tasks: the rating of a film by a user's earlier ratings, and the title of a paper by its author's earlier papers.

Users are split by a hash of their name: the reader is tuned on some, the arms are compared on the others.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attngs.text.sentences import split_sentences
from attngs.types import Document
from benchmarks.evidence.data import sampled

RATING, TITLE = "rating", "title"
FILES = {RATING: "ml_latest_small.jsonl.xz", TITLE: "arxiv_title_a.jsonl.xz"}
TASKS = tuple(FILES)

_TRANSLATION = re.compile(r" ?\*\*Title \(ZH\)\*\*:[^\n]*")
"""What the collector of the papers added to their titles."""
_ABSTRACT = "of a paper: "
_RATED = re.compile(r" \| rated (\d(?:\.5)?)/5")

Tokens = Callable[[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to predict about one user."""

    id: str
    task: str
    user: str
    query: str
    """What the markers are asked."""
    subject: str
    """What the reader predicts for: the line of a film, or an abstract."""
    profile: Sequence[Document]
    """The user's past, the oldest first."""
    answer: str
    """The rating as a number, or the title."""

    @property
    def rating(self) -> float:
        """The answer as a number."""
        return float(self.answer)

    @property
    def profile_text(self) -> str:
        """All of it."""
        return "\n".join(document.text for document in self.profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The cases of one task."""

    tuning: Sequence[Case]
    test: Sequence[Case]
    """To compare the arms on."""
    others: Sequence[Case]
    """The rest of the half that the reader was not tuned on."""


def load(folder: Path, task: str, *, users: int, tuning: int) -> Split:
    """One case of each user, drawn by their names.

    Args:
        folder: With the data.
        task: One of `TASKS`.
        users: To compare the arms on.
        tuning: To tune the reader on.
    """
    with lzma.open(folder / FILES[task], "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    first: dict[str, Case] = {}
    for row in rows:
        case = (_film if task == RATING else _paper)(row)
        first.setdefault(case.user, case)
    halves: tuple[list[Case], list[Case]] = ([], [])
    for case in first.values():
        halves[_half(case.user)].append(case)
    test = sampled(halves[1], users, 0)
    return Split(tuning=sampled(halves[0], tuning, 0), test=test, others=[case for case in halves[1] if case not in test])


def cut_to(case: Case, window: int, tokens: Tokens) -> Case:
    """The case with the newest ratings or papers that fit a window, so that all arms choose from what `full` shows."""
    room, kept = window, list[Document]()
    for document in reversed(case.profile):
        starts = [span.start for span in split_sentences(document.text, "line")] if case.task == RATING else [0]
        end = begin = len(document.text)
        while starts and (room := room - tokens(document.text[starts[-1] : begin])) >= 0:
            begin = starts.pop()
        if begin < end:
            kept.append(replace(document, text=document.text[begin:]))
        if starts:
            break
    return replace(case, profile=kept[::-1])


def ratings(text: str) -> Iterator[tuple[str, float]]:
    """The films of a profile, or of what is kept of one, with their ratings."""
    for line in text.splitlines():
        if rated := _RATED.search(line):
            yield line[: rated.start()], float(rated[1])


def _film(row: dict[str, Any]) -> Case:
    subject = row["query"].removeprefix("Movie: ").partition(". What rating")[0]
    return _case(row, RATING, subject, [Document(text=d["text"], id=d["id"]) for d in row["documents"]])


def _paper(row: dict[str, Any]) -> Case:
    profile = [
        Document(text=_TRANSLATION.sub("", d["text"], count=1), id=d["id"], metadata={"date": d["metadata"]["date"]})
        for d in row["documents"]
    ]
    return _case(row, TITLE, row["query"].partition(_ABSTRACT)[2], profile)


def _case(row: dict[str, Any], task: str, subject: str, profile: Sequence[Document]) -> Case:
    return Case(
        id=row["id"],
        task=task,
        user=str(row["meta"]["user"]),
        query=row["query"],
        subject=subject,
        profile=profile,
        answer=str(row["answer"]),
    )


def _half(user: str) -> int:
    """0 to tune on, 1 to compare on."""
    return hashlib.sha256(user.encode()).digest()[0] % 2
