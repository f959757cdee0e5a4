"""What people see in a terminal: progress, tables, statistics, and errors without a traceback."""

from __future__ import annotations

import io
import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from attngs.errors import AttngsError
from attngs.marking.algorithm import ranking
from attngs.reading.progress import listening
from attngs.types import Marking

if TYPE_CHECKING:
    from attngs.result.result import CompressedContext
    from attngs.writing.plan import Plan

MOST_NAMES = 20
"""Documents whose numbers are explained."""
_BIDI = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: text that holds one can be shown in another order than it is read."""
_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f{_BIDI}]")
"""Characters that would let a document, a server or a file's name steer the terminal."""
_CONTROL_IN_TEXT = re.compile(f"(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
"""The same in a text that has lines."""
_ARGUMENT = re.compile("`(adapter|base_url|counter|host|marker|probe|query|target_tokens|timeout)`")
_OPTIONS = {"counter": "--tokens"}
"""Where the option is not called like the argument."""


@contextmanager
def reported_errors() -> Iterator[None]:
    """Exit as a shell expects.

    1 with one line for an error of ours, 130 for Ctrl-C, and 1 in silence if the reader of a pipe has left.
    """
    try:
        yield
    except AttngsError as error:
        _stderr().print(Text.assemble(("error: ", "bold red"), _shown(_in_options(str(error)))), soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        _stderr().print("interrupted; nothing was written")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        give_up_stdout()
        raise typer.Exit(1) from None


def _in_options(message: str) -> str:
    """A message of the library, with the options of the command line instead of Python's arguments."""
    return _ARGUMENT.sub(lambda named: f"`{_OPTIONS.get(named[1], '--' + named[1].replace('_', '-'))}`", message)


def give_up_stdout() -> None:
    """Point standard output at nothing after a failure, because the interpreter flushes it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: str, out: Path | None) -> str:
    """A result as it is; on a terminal, without the characters that steer it."""
    return _CONTROL_IN_TEXT.sub("\ufffd", text) if out is None and sys.stdout.isatty() else text


@contextmanager
def progress() -> Iterator[None]:
    """Show progress on standard error while the work goes on, if that is a terminal."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of weights being loaded: ours is the only bar
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[steps]}"), TimeRemainingColumn())
    with Progress(*columns, console=_stderr(), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("loading the marker", total=None, steps="")

        def listener(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total, steps=f"{done}/{total}")

        with listening(listener):
            yield


def ledger(result: CompressedContext, out: Path | None) -> None:
    """One line on standard error: what went in, what came out, how long it took."""
    kept, total = len(result.kept), len(result.kept) + len(result.dropped)
    smaller = f"{result.compression_ratio:.1f}x smaller, " if result.compressed_tokens else ""
    times = ", ".join(f"{stage} {milliseconds:,.0f} ms" for stage, milliseconds in result.milliseconds.items())
    line = (
        f"{result.original_tokens:,} -> {result.compressed_tokens:,} tokens ({smaller}budget "
        f"{result.target_tokens:,}, counted by {result.counter}), {kept} of {total} sentences, {result.method}, {times}"
        + (f", the writer read {result.usage.input_tokens:,} and wrote {result.usage.output_tokens:,} tokens" if result.usage else "")
    )
    _stderr().print(Text(line, style="dim"), soft_wrap=True)
    for statement in (statement for statement in result.unsupported if statement.decision != "repeated"):
        claims = ", ".join(claim.text for claim in statement.unsupported)
        line = f"{statement.decision}, because {_shown(claims)} is not in the context: {_shown(statement.written)}"
        _stderr().print(Text(line, style="yellow"), soft_wrap=True)
    numbered = {source.label: source.document_id for source in result.sources if f"[{source.label}]\n" in result.text}
    for label, name in [(label, name) for label, name in numbered.items() if len(label) < len(name)][:MOST_NAMES]:
        _stderr().print(Text(f"[{label}] is {_shown(name)}", style="dim"), soft_wrap=True)
    if result.reason:
        note(_in_options(result.reason))
    if out is not None:
        _stderr().print(Text(f"written: {_shown(str(out))}", style="dim"), soft_wrap=True)


def note(text: str) -> None:
    """One line on standard error about something that is not as the user asked."""
    _stderr().print(Text(f"note: {_shown(text)}", style="yellow"), soft_wrap=True)


def plan_table(plan: Plan) -> str:
    """What a dry run found, one line each; money only if prices are known."""
    table = Table(box=None, show_header=False)
    sent = f" as {len(plan.conversations)} conversations" if len(plan.conversations) > 1 else ""
    rows = [
        ("context", f"{plan.original_tokens:,} tokens, {len(plan.marking.sentences):,} sentences, {sum(plan.marking.marked):,} marked"),
        ("result", f"{'at most ' if plan.conversations else ''}{plan.compressed_tokens:,} tokens of {plan.target_tokens:,}"),
        ("smaller", f"{plan.compression_ratio:.1f}x"),
        ("stands out", "too few sentences to tell" if plan.standout == math.inf else f"{plan.standout:.2f} (1 is chance)"),
    ]
    if plan.conversations:
        rows.append(("writer reads", f"{plan.writer_input_tokens:,} tokens{sent}, writes at most {plan.writer_output_tokens:,}"))
    if plan.rates.reader_price:
        rows.append(("each read saves", f"{plan.saving:.6f}"))
    if plan.rates.cached_reader_price is not None:
        rows.append(("if the whole is cached", f"{plan.saving_on_a_new_question:.6f}"))
    if plan.writer_cost:
        pays = "never pays off" if plan.break_even_reads == math.inf else f"pays off after {plan.break_even_reads:.2f} reads"
        rows.append(("writer costs", f"{plan.writer_cost:.6f}, {pays}"))
    for name, value in (*rows, ("advice", plan.advice)):
        table.add_row(name, value)
    return rendered(table, terminal=sys.stdout.isatty())


def marking_table(marking: Marking, top: int, *, to_file: bool = False) -> str:
    """The best sentences as a table, best first; in colour only for a terminal."""
    table = Table("rank", "score", "marked", "document", "characters", "text", title=_shown(marking.query), title_justify="left")
    for rank, i in enumerate(ranking(marking.scores)[:top], start=1):
        sentence = marking.sentences[i]
        table.add_row(
            str(rank),
            f"{marking.scores[i]:.4g}",
            "yes" if marking.marked[i] else "",
            _shown(sentence.document.id),
            f"{sentence.start}-{sentence.end}",
            _shown(sentence.text),
        )
    table.caption = f"{sum(marking.marked)} of {len(marking.sentences)} sentences marked"
    return rendered(table, terminal=sys.stdout.isatty() and not to_file)


def marking_json(marking: Marking) -> str:
    """All sentences in reading order."""
    rows = [
        {"document_id": s.document.id, "start": s.start, "end": s.end, "score": score, "marked": marked, "text": s.text}
        for s, score, marked in zip(marking.sentences, marking.scores, marking.marked, strict=True)
    ]
    return json.dumps({"query": marking.query, "sentences": rows}, indent=2) + "\n"


def info() -> None:
    """Versions, device and assets."""
    import torch

    from attngs.reading.embedded import NAME, assets_folder, load_embedded
    from attngs.reading.gguf import cache_folder
    from attngs.reading.loading import best_device, best_dtype

    device = best_device()
    table = Table.grid(padding=(0, 2))
    for package in ("attngs", "torch", "transformers", "tokenizers", "tiktoken"):
        table.add_row(package, _version_of(package))
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    table.add_row("device", f"{device}, {str(best_dtype(device)).removeprefix('torch.')}, {torch.get_num_threads()} threads")
    try:
        load_embedded()
        table.add_row("default marker", f"{NAME}, weights verified")
        table.add_row("", Text(str(assets_folder())))
    except AttngsError as error:
        table.add_row("default marker", Text(str(error), style="yellow"))
    table.add_row("hub cache", Text(os.environ.get("HF_HOME", "~/.cache/huggingface") + " (only for --marker MODEL)"))
    table.add_row("GGUF cache", Text(f"{cache_folder()} (only for GGUF files; delete it to free its room)"))
    table.add_row("tiktoken cache", Text(os.environ.get("TIKTOKEN_CACHE_DIR", "not set (only for --tokens NAME)")))
    Console().print(table)


def rendered(*parts: Table | Text, terminal: bool) -> str:
    """The parts below each other: in colour and as wide as the window on a terminal, plain elsewhere."""
    page = io.StringIO()
    Console(file=page, force_terminal=terminal, no_color=not terminal, width=None if terminal else 140).print(Group(*parts))
    return page.getvalue()


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _shown(text: str) -> Text:
    """A user's text on one line, without markup and control characters."""
    return Text(_CONTROL.sub("\ufffd", " ".join(text.split())))


def _stderr() -> Console:
    return Console(stderr=True, highlight=False)
