"""Labelled questions whose contexts are short enough for a decoder on a CPU.

The sets are those that constants may be chosen on: files of the data folder, the example person, and the development chats of BEAM. A
context is cut to `BYTES`: of a long document a stretch of lines about the evidence is taken, the documents with evidence stay, and others
fill the rest. A question about a mail is asked of a mailbox, since a single mail is too short for a budget. English only: the small
decoders know little else, and spell other scripts byte by byte. The same seed gives the same contexts.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from attngs.learning.metrics import Place
from attngs.types import Document
from benchmarks.beam.data import DEVELOPMENT, load_chats
from benchmarks.evidence.data import Row, as_row, load_maren, sampled

BYTES = 2_500
"""Of a context: about 650 tokens of English."""


def load_sets(folder: Path, limit: int, seed: int = 0) -> dict[str, list[Row]]:
    """Up to `limit` questions of each set."""
    return {
        name: [cut(row, random.Random(f"{seed} {name} {number}")) for number, row in enumerate(sampled(load(folder), limit, seed))]
        for name, load in SETS.items()
    }


def cut(row: Row, chance: random.Random) -> Row:
    """The row with at most about `BYTES` of context, in order, and the evidence that is left."""
    wanted = chance.choice(row.evidence)
    pieces = [
        _stretch(document.text, wanted[1] if number == wanted[0] else 0, chance)
        if _size(document.text) > BYTES
        else (0, len(document.text))
        for number, document in enumerate(row.documents)
    ]
    bearing = {place[0] for place in row.evidence}
    order = sorted(range(len(pieces)), key=lambda number: (number != wanted[0], number not in bearing, chance.random()))
    kept, room = list[int](), BYTES
    for number in order:
        start, end = pieces[number]
        if (size := _size(row.documents[number].text[start:end])) <= room or not kept:
            kept.append(number)
            room -= size
    kept.sort()
    place_of = {number: place for place, number in enumerate(kept)}
    documents = tuple(replace(row.documents[n], text=row.documents[n].text[pieces[n][0] : pieces[n][1]]) for n in kept)
    evidence = [_moved(place, place_of[place[0]], pieces[place[0]]) for place in row.evidence if place[0] in place_of]
    return replace(row, documents=documents, evidence=tuple(place for place in evidence if place[1] < place[2]), injection=None)


def _stretch(text: str, start: int, chance: random.Random) -> tuple[int, int]:
    """Whole lines of about `BYTES` that hold the character `start` somewhere."""
    left = max(0, start - chance.randrange(BYTES * 3 // 4))
    begin = text.rfind("\n", 0, left) + 1
    end = begin + len(text[begin:].encode()[:BYTES].decode(errors="ignore"))
    if end < len(text) and (border := text.rfind("\n", start + 1, end)) > start:
        end = border
    return begin, end


def _moved(place: Place, number: int, piece: tuple[int, int]) -> Place:
    start, end = max(place[1], piece[0]), min(place[2], piece[1])
    return number, start - piece[0], end - piece[0]


def _size(text: str) -> int:
    return len(text.encode())


def _rows(name: str, cluster: Callable[[Mapping[str, Any]], str]) -> Callable[[Path], list[Row]]:
    def load(folder: Path) -> list[Row]:
        with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
            return [as_row(raw, cluster) for raw in map(json.loads, lines) if raw["evidence"] and raw["meta"].get("lang", "en") == "en"]

    return load


def _mailbox(folder: Path) -> list[Row]:
    """Each question about a mail, asked of all mails: `cut` takes a mailbox of them."""
    rows = _rows("bipia_email_train", lambda raw: str(raw["documents"][0]["text"]))(folder)
    mails = list(dict.fromkeys(row.documents[0].text for row in rows))
    documents = tuple(Document(text=mail, id=f"mail {number}") for number, mail in enumerate(mails, start=1))
    return [
        replace(
            row, documents=documents, evidence=tuple((mails.index(row.documents[0].text), start, end) for _, start, end in row.evidence)
        )
        for row in rows
    ]


def _beam(folder: Path) -> list[Row]:
    rows = []
    for chat in load_chats(folder, DEVELOPMENT):
        numbers = {document.id: number for number, document in enumerate(chat.documents)}
        for question in chat.questions:
            places = tuple((numbers[name], 0, len(chat.documents[numbers[name]].text)) for name in sorted(question.evidence))
            if places:
                rows.append(Row(query=question.query, documents=chat.documents, evidence=places, cluster=f"chat {chat.number}"))
    return rows


SETS: dict[str, Callable[[Path], list[Row]]] = {
    "maren": lambda _: load_maren(),
    "beam": _beam,
    "madial": _rows("madial_user1", lambda raw: str(raw["id"]).rsplit("-", 1)[1]),
    "qmsum": _rows("qmsum_train", lambda raw: str(raw["documents"][0]["text"])),
    "mailbox": _mailbox,
    "expmrc": _rows("expmrc", lambda raw: str(raw["evidence"][0]["text"])),
    "xquad": _rows("xquad12_a", lambda raw: str(raw["evidence"][0]["doc_id"])),
}
"""The sets by name; each is read from the data folder."""
