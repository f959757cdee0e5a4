"""The cases: rewrites of short personal contexts, faithful or with one planted error.

All are written for this. `contexts.jsonl` has one context a line. Planted errors stand in paraphrases, not in the source's own words.
Half of the contexts are for development, the others are held out; the id decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence

CONTEXTS = Path(__file__).parent / "contexts.jsonl"
KINDS = (
    "number", "name", "negation", "invented", "merged", "date", "unit", "attribution", "modality", "quantity", "comparison",
    "order", "cause", "condition", "tense", "reported",
)  # fmt: skip
HALVES = ("development", "held out")
CROWD = 9
"""How many other contexts of the same half a case is shown with in a crowd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One context with its rewrites."""

    id: str
    language: str
    documents: tuple[Document, ...]
    faithful: tuple[str, ...]
    planted: tuple[tuple[str, str], ...]
    """For each error its kind and the rewrite."""

    @property
    def half(self) -> str:
        """Which half it is in. Ids with `d` and `h` are of contexts that were written for development and to be held out."""
        if self.id[0] in "dh":
            return HALVES[self.id[0] == "h"]
        return HALVES[hashlib.sha256(self.id.encode()).digest()[0] % 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rewrite with the sentences that its writer saw."""

    context: str
    language: str
    kind: str
    """The kind of the planted error; empty for a faithful rewrite."""
    reply: str
    sentences: tuple[Sentence, ...]


def load_contexts(path: Path = CONTEXTS) -> list[Context]:
    """All contexts, in the order of the file."""
    return [
        Context(
            id=row["id"],
            language=row["language"],
            documents=tuple(Document(**document) for document in row["documents"]),
            faithful=tuple(row["faithful"]),
            planted=tuple((entry["kind"], entry["text"]) for entry in row["planted"]),
        )
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ]


def cases(contexts: Sequence[Context], half: str, *, crowd: int = 0) -> Iterator[Case]:
    """The rewrites of one half, each with its own context in the middle of `crowd` others."""
    members = [context for context in contexts if context.half == half]
    for place, context in enumerate(members):
        group = [members[(place + step) % len(members)] for step in range(-(crowd // 2), crowd - crowd // 2 + 1)]
        sentences = tuple(_sentences(group))
        for kind, reply in [*(("", reply) for reply in context.faithful), *context.planted]:
            yield Case(context=context.id, language=context.language, kind=kind, reply=reply, sentences=sentences)


def _sentences(contexts: Sequence[Context]) -> Iterator[Sentence]:
    documents = [document for context in contexts for document in context.documents]
    for position, document in enumerate(documents):
        for start, end in split_sentences(document.text):
            yield Sentence(document=document, position=position, start=start, end=end)
