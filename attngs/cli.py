"""The command line: `attngs compress`, `mark` and `info`, with `fit` and `eval` from `fit_cli.py` and `train` from `train_cli.py`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attngs import __version__, console
from attngs.files import read_documents
from attngs.fit_cli import Unit, evaluate, fit, marker_of, put
from attngs.train_cli import train
from attngs.types import Document

if TYPE_CHECKING:
    from attngs.compressor import ContextCompressor
    from attngs.protocols import TokenCounter

app = typer.Typer(
    name="attngs",
    help="Make long personal context short: keep the sentences that matter to a question, under a hard token budget.",
    epilog="Try: attngs compress notes.md --query 'What may she not eat?' --target-tokens 128",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class CompressFormat(StrEnum):
    """What `compress` prints."""

    text = "text"
    json = "json"
    html = "html"


class MarkFormat(StrEnum):
    """What `mark` prints."""

    table = "table"
    json = "json"


Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|DIR|-", help="Your .txt, .md or .jsonl files, folders of them, or - for standard input.", show_default=False
    ),
]
Query = Annotated[str, typer.Option("--query", "-q", help="The question that the context is needed for.", show_default=False)]
MarkerName = Annotated[
    str,
    typer.Option(
        "--marker",
        "-m",
        metavar="MODEL",
        help="A Hugging Face model name or folder, such as Qwen/Qwen3-0.6B; `default` is the embedded one and needs no network.",
    ),
]
AdapterName = Annotated[
    Path | None, typer.Option("--adapter", metavar="DIR", help="A folder that attngs train wrote, for the model that --marker names.")
]
ProbeName = Annotated[Path | None, typer.Option("--probe", metavar="DIR", help="What attngs fit wrote for this marker.")]
UnitName = Annotated[
    Unit | None,
    typer.Option("--unit", "-u", help="What is kept or dropped as a whole; auto looks at each text. Default: the probe's, else auto."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="PATH", help="Write here instead of to standard output.")]


@app.command()
def compress(
    inputs: Inputs,
    query: Query,
    target_tokens: Annotated[int, typer.Option("--target-tokens", "-t", min=1, help="Never more tokens than this.")] = 256,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    tokens: Annotated[
        str, typer.Option(metavar="NAME", help="Whose tokens: the marker's, or a tiktoken encoding or model such as gpt-4o.")
    ] = "marker",
    format: Annotated[CompressFormat | None, typer.Option("--format", "-f", help="Default: by the suffix of --out, else text.")] = None,
    out: Out = None,
) -> None:
    """Print the sentences that matter, verbatim and in order, in at most TARGET_TOKENS tokens.

    The result goes to standard output and the ledger to standard error, so that it pipes:
    attngs compress memory.jsonl -q 'Which pills?' | llm 'Which pills does she take?'
    """
    with console.reported_errors():
        documents = _read(inputs)
        with console.progress():
            compressor = _compressor(marker, adapter, probe, unit, tokens)
            result = compressor.compress(documents, query, target_tokens=target_tokens)
        chosen = format or _format_of(out)
        text = {"text": lambda: result.text + "\n", "json": lambda: result.to_json() + "\n", "html": result.to_html}[chosen]()
        put(text, out)
        console.ledger(result, out)


@app.command()
def mark(
    inputs: Inputs,
    query: Query,
    top: Annotated[int, typer.Option(min=1, help="Rows of the table: the best of all sentences.")] = 20,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    format: Annotated[
        MarkFormat | None, typer.Option("--format", "-f", help="json has all sentences in reading order. Default: by the suffix of --out.")
    ] = None,
    out: Out = None,
) -> None:
    """Show what the marker finds: every sentence's score, and which ones it marks."""
    with console.reported_errors():
        documents = _read(inputs)
        with console.progress():
            marking = marker_of(marker, adapter, probe, unit).mark(documents, query)
        as_json = (format or _format_of(out)) == "json"
        put(console.marking_json(marking) if as_json else console.marking_table(marking, top, to_file=out is not None), out)


@app.command()
def info() -> None:
    """Show versions, the device, and where the embedded marker's weights are."""
    with console.reported_errors():
        console.info()


app.command()(fit)
app.command("eval")(evaluate)
app.command()(train)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"attngs {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    pass


def _read(inputs: list[Path]) -> list[Document]:
    return read_documents(inputs, sys.stdin.buffer)


def _compressor(name: str, adapter: Path | None, probe: Path | None, unit: Unit | None, tokens: str) -> ContextCompressor:
    from attngs.compressor import ContextCompressor
    from attngs.tokens import TiktokenCounter

    counter: TokenCounter | None = None if tokens == "marker" else TiktokenCounter(tokens)
    return ContextCompressor(marker_of(name, adapter, probe, unit), counter=counter)


def _format_of(out: Path | None) -> str:
    return {".json": "json", ".html": "html", ".htm": "html"}.get(out.suffix.lower() if out else "", "text")
