"""Three questions about three months of one person's memory, 256 tokens each: what is kept, what it costs, and a heat map."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from attngs import CompressedContext, ContextCompressor, Marker
from attngs.result.report import render_html
from attngs.text.files import read_documents, write_whole

PERSON = Path(__file__).parent / "data" / "maren"
TARGET_TOKENS = 256
QUESTIONS = (
    "Which pills does she take now, and what must she not eat or drink with them?",
    "When is the trip to Norway now, and what still has to be booked?",
    "How far may she run this week with her calf, and which race is she training for?",
)


def show(result: CompressedContext, console: Console) -> None:
    """Print one question: the kept sentences with source and score, then the numbers."""
    table = Table("source", "score", "kept sentence", title=Text(result.query), title_justify="left", title_style="bold", expand=True)
    for source in result.kept:
        table.add_row(Text(source.document_id), f"{source.score:.2f}", Text(" ".join(source.text.split())))
    console.print(table)
    console.print(
        f"{result.original_tokens:,} -> {result.compressed_tokens} tokens, compression_ratio {result.compression_ratio:.1f}, "
        f"{len(result.kept)} of {len(result.kept) + len(result.dropped)} sentences, {sum(result.milliseconds.values()):,.0f} ms\n"
    )


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    documents = read_documents([PERSON], io.BytesIO())
    compressor = ContextCompressor(Marker.default())
    results = []
    for question in QUESTIONS:
        results.append(compressor.compress(documents, question, target_tokens=TARGET_TOKENS))
        show(results[-1], console)
    page = Path("out/demo.html")
    write_whole(page, render_html(results))
    console.print(f"The first question read the whole memory, the others only their own words. Heat map: {page}", soft_wrap=True)


if __name__ == "__main__":
    main()
