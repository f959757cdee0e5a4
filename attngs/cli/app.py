"""The command line: `attngs info`, and the commands that have their own files."""

from __future__ import annotations

from typing import Annotated

import typer

from attngs import __version__
from attngs.cli import console
from attngs.cli.chat import chat
from attngs.cli.compress import compress, mark, plan
from attngs.cli.demo import demo
from attngs.cli.learn import evaluate, fit, train
from attngs.cli.mcp import mcp
from attngs.cli.memory import memory
from attngs.cli.scale import scale
from attngs.cli.serve import serve

app = typer.Typer(
    name="attngs",
    help="Make long personal context short: keep the sentences that matter to a question, under a hard token budget.",
    epilog="Try: attngs compress notes.md --query 'What may she not eat?' --target-tokens 128",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command()(demo)
app.command()(compress)
app.command()(plan)
app.command()(mark)


@app.command()
def info() -> None:
    """Show versions, the device, and where the embedded marker's weights are."""
    with console.reported_errors():
        console.info()


app.command()(chat)
app.command()(fit)
app.command("eval")(evaluate)
app.command()(train)
app.command()(serve)
app.command()(mcp)
app.command()(scale)
app.add_typer(memory, name="memory")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"attngs {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    pass
