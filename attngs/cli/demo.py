"""`attngs demo`: three questions about three months of one person's memory, and a heat map."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attngs.cli.console import progress, reported_errors
from attngs.cli.shipped import shipped
from attngs.text.files import check_file, read_documents, write_whole

if TYPE_CHECKING:
    from attngs.result.result import CompressedContext

TARGET_TOKENS = 256
QUESTIONS = (
    "Which pills does she take now, and what must she not eat or drink with them?",
    "When is the trip to Norway now, and what still has to be booked?",
    "How far may she run this week with her calf, and which race is she training for?",
)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PATH", help="Write the heat map to this file.")] = Path("demo.html"),
) -> None:
    """Compress one invented person's memory for three questions, offline.

    Prints which sentences 256 tokens hold, and writes the heat map of the whole memory to an HTML page.

    The memory comes with attngs. The last line says where it is, so that you can ask your own questions of it.
    """
    with reported_errors():
        check_file(out)
        from attngs.compressor import ContextCompressor
        from attngs.marking.marker import Marker
        from attngs.result.report import render_html

        console = Console(width=None if sys.stdout.isatty() else 120)
        person = shipped("data/maren")
        documents = read_documents([person], io.BytesIO())
        with progress():
            compressor = ContextCompressor(Marker.default())
            results = [compressor.compress(documents, question, target_tokens=TARGET_TOKENS) for question in QUESTIONS]
        for result in results:
            _show(result, console)
        write_whole(out, render_html(results))
        console.print(f"The first question read the whole memory, the others only their own words. Heat map: {out}", soft_wrap=True)
        console.print(Text(f"Ask your own: attngs compress '{person}' --query 'Who has our drill?'"), soft_wrap=True)


def _show(result: CompressedContext, console: Console) -> None:
    """Print one question: the kept sentences with source and score, then the numbers."""
    table = Table("source", "score", "kept sentence", title=Text(result.query), title_justify="left", title_style="bold", expand=True)
    for source in result.kept:
        table.add_row(Text(source.document_id), f"{source.score:.2f}", Text(" ".join(source.text.split())))
    console.print(table)
    console.print(
        f"{result.original_tokens:,} -> {result.compressed_tokens} tokens, compression_ratio {result.compression_ratio:.1f}, "
        f"{len(result.kept)} of {len(result.kept) + len(result.dropped)} sentences, {sum(result.milliseconds.values()):,.0f} ms\n"
    )
