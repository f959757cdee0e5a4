"""The command line: `attngs mark` and `attngs info`, and the commands that have their own files."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from attngs import __version__
from attngs.cli import console
from attngs.cli.compress import compress, plan
from attngs.cli.learn import evaluate, fit, train
from attngs.cli.options import (
    AdapterName,
    Inputs,
    MarkerName,
    Out,
    ProbeName,
    Query,
    UnitName,
    documents_of,
    format_of,
    marker_of,
    put,
)

app = typer.Typer(
    name="attngs",
    help="Make long personal context short: keep the sentences that matter to a question, under a hard token budget.",
    epilog="Try: attngs compress notes.md --query 'What may she not eat?' --target-tokens 128",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command()(compress)
app.command()(plan)


@app.command()
def mark(
    inputs: Inputs,
    query: Query,
    top: Annotated[int, typer.Option(min=1, help="How many of the best sentences the table shows.")] = 20,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    format: Annotated[
        Literal["table", "json"] | None,
        typer.Option("--format", "-f", help="json lists all sentences in reading order. Default: from the suffix of --out, else table."),
    ] = None,
    out: Out = None,
) -> None:
    """Show the score of each sentence, and which sentences the marker marks."""
    with console.reported_errors():
        documents = documents_of(inputs)
        with console.progress():
            marking = marker_of(marker, adapter, probe, unit).mark(documents, query)
        as_json = (format or format_of(out)) == "json"
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
