"""Options that several commands share, and the objects that they stand for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attngs.cli import console
from attngs.errors import InputError
from attngs.text.documents import check_query
from attngs.text.files import check_file, read_documents, write_whole
from attngs.text.sentences import Splitter, UnitSize
from attngs.types import Document

if TYPE_CHECKING:
    from attngs.marking.marker import Marker


NAMESPACE = "default"
"""Whose memory it is where nobody says: one for all commands, so that they see the same in one file."""
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|DIR|-",
        help="Your files, folders of them, or - for standard input. Text of any kind (Markdown, HTML, CSV, YAML, mails, logs, subtitles, "
        "code), JSON and JSON lines, exported chats (ChatGPT, Claude, WhatsApp, Telegram) and memories (mem0, LangMem), .zip; with the "
        "extra `files` also PDF, Word, PowerPoint, Excel and EPUB. What else a folder holds is skipped, and a note says so.",
        show_default=False,
    ),
]
Query = Annotated[str, typer.Option("--query", "-q", help="The question that the context is for.", show_default=False)]
TargetTokens = Annotated[int, typer.Option("--target-tokens", "-t", min=1, help="Hard limit on the result, in tokens of --tokens.")]
MarkerName = Annotated[
    str,
    typer.Option(
        "--marker",
        "-m",
        metavar="MODEL",
        help="A Hugging Face model name or folder, such as Qwen/Qwen3-0.6B, or a GGUF file; `default` is the embedded model, which "
        "needs no network.",
    ),
]
AdapterName = Annotated[
    Path | None, typer.Option("--adapter", metavar="DIR", help="A folder that attngs train wrote for the model of --marker.")
]
ProbeName = Annotated[Path | None, typer.Option("--probe", metavar="DIR", help="A folder that attngs fit wrote for this marker.")]
UnitName = Annotated[
    UnitSize | None,
    typer.Option("--unit", "-u", help="What is kept or dropped as a whole; auto looks at each text. Default: the probe's, else auto."),
]
TokensOf = Annotated[
    str, typer.Option("--tokens", metavar="NAME", help="Whose tokens count: marker, or a tiktoken encoding or model such as gpt-4o.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="PATH", help="Write to this file instead of standard output.")]


def check_asked(query: str, out: Path | None) -> None:
    """Refuse at once what would else be refused after the seconds in which a model is loaded.

    Raises:
        InputError: The question is empty or too long, or the file cannot be written.
    """
    check_query(query)
    if out is not None:
        check_file(out)


def documents_of(inputs: list[Path]) -> list[Document]:
    """The texts that the arguments name."""
    return read_documents(inputs, sys.stdin.buffer, skipped=console.note)


def marker_of(name: str, adapter: Path | None, probe: Path | None, unit: UnitSize | None) -> Marker:
    """The marker that the options name; without a unit, the probe's own."""
    from attngs.marking.marker import Marker

    splitter = Splitter(unit) if unit else None
    if name == "default" and adapter is None:
        return Marker.default(probe=probe, splitter=splitter)
    return Marker.from_pretrained(name, adapter=adapter, probe=probe, splitter=splitter)


def format_of(out: Path | None) -> str:
    """What a file's name asks for."""
    return {".json": "json", ".html": "html", ".htm": "html"}.get(out.suffix.lower() if out else "", "text")


def put(text: str, out: Path | None) -> None:
    """Write a text to a file, whole or not at all, or to standard output.

    Raises:
        InputError: It cannot be written.
        BrokenPipeError: Whoever reads standard output has left.
    """
    if out is not None:
        write_whole(out, text)
        return
    try:
        sys.stdout.buffer.write(text.encode("utf-8", errors="replace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        console.give_up_stdout()
        raise InputError(f"standard output cannot be written: {error.strerror}.") from error
