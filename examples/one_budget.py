"""Everything that an app without a framework sends along with a question: five parts, one budget, and who got what of it."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from attngs import ContextBudget, ContextCompressor, Document, Marker, Message, compose, read_documents

PERSON = Path(__file__).parent / "data" / "maren"
QUESTION = "Which pills does she take now, and what must she not eat or drink with them?"
BUDGET = ContextBudget(
    target_tokens=600,
    shares={"profile": 1, "memory": 4, "history": 2, "tool_results": 1, "documents": 2},
    minimums={"profile": 80},
)
HISTORY = [
    Message("user", "Maren asked me to do her shopping on Saturday. She has a list, and I have the car until noon."),
    Message("assistant", "Then start at the fish counter, which closes first. The rest is on one street."),
    Message("user", "She says she takes new pills, and I do not want to buy the wrong juice."),
]
CALENDAR = Document(id="calendar", text="Saturday: shopping, until noon. " + "Monday to Thursday: archive, 9 to 17. " * 20)


def main() -> None:
    console = Console()
    profile, notes = ((PERSON / name).read_text(encoding="utf-8") for name in ("profile.md", "notes.txt"))
    context = compose(
        ContextCompressor(Marker.default()),
        BUDGET,
        QUESTION,
        profile=Document(id="profile.md", text=profile),
        memory=read_documents([PERSON / "memory.jsonl"], io.BytesIO()),
        history=HISTORY,
        tool_results=CALENDAR,
        documents=Document(id="notes.txt", text=notes),
    )
    console.rule(QUESTION, align="left")
    console.print(context.text, markup=False, highlight=False)
    console.rule(align="left")
    console.print(context.to_table(), markup=False)


if __name__ == "__main__":
    main()
