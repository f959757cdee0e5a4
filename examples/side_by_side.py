"""Two contexts for one question, side by side: what each costs the reader, and how much of the evidence it holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llama_index.core.utils import get_tokenizer
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

DATA = Path(__file__).parent / "data"


class Question(NamedTuple):
    """A question about the example person, and the pieces of her texts that answer it."""

    text: str
    evidence: tuple[str, ...]


def read_questions(count: int, *, of: str = "") -> list[Question]:
    """The first questions with evidence in documents whose names begin with `of`."""
    rows = [json.loads(line) for line in (DATA / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [Question(row["query"], tuple(e["text"] for e in row["evidence"] if e["doc"].startswith(of))) for row in rows]
    return [question for question in found if question.evidence][:count]


def print_side_by_side(question: Question, contexts: Mapping[str, str]) -> None:
    """Print each context under its name, long ones without their middle."""
    panels = []
    for name, context in contexts.items():
        held = sum(piece in context for piece in question.evidence)
        title = f"{name}: {len(get_tokenizer()(context)):,} tokens, {held} of {len(question.evidence)} pieces of evidence"
        panels.append(Panel(Text(context if len(context) < 1500 else f"{context[:700]}\n[...]\n{context[-700:]}"), title=title, width=68))
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(Text(question.text, style="bold"))
    console.print(Columns(panels))
