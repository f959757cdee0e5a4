"""`attngs train`: fine-tune a marker from the command line."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attngs.cli import console

if TYPE_CHECKING:
    from attngs.learning.training.run import TrainingResult


def train(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA.jsonl",
            help="One example a line: query, documents, and evidence or answer. A .jsonl.xz file is read as well.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the adapter, its record and its card.", show_default=False)
    ],
    objective: Annotated[
        Literal["evidence", "answer", "perce"],
        typer.Option(
            "--objective",
            help="evidence: the marker's own scores against labelled sentences, for any model. answer: the answer's words, for decoders. "
            "perce: the same, weighted by how much the context helps to predict each word.",
        ),
    ] = "evidence",
    marker: Annotated[
        str,
        typer.Option("--marker", "-m", metavar="MODEL", help="A Hugging Face model name or folder; `default` is the embedded encoder."),
    ] = "default",
    epochs: Annotated[float, typer.Option(help="Rounds over the data; training stops before when validation no longer gets better.")] = 3.0,
    lr: Annotated[float, typer.Option(help="Highest learning rate. Lower it when the loss jumps or is not a number.")] = 2e-4,
    rank: Annotated[int, typer.Option(help="Rank of the adapter: more can learn more, and overfit more. Its alpha is twice this.")] = 16,
    batch_size: Annotated[int, typer.Option(help="Examples of one pass. Lower it when memory is short.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Passes of one step; raise it when you lower --batch-size.")] = 1,
    max_tokens: Annotated[
        int, typer.Option(help="Tokens of a context in training; of a longer one the evidence and the sentences nearest to it are kept.")
    ] = 1_024,
    validation: Annotated[float, typer.Option(help="Share of the groups that is held out to measure by.")] = 0.2,
    patience: Annotated[int, typer.Option(help="Stop after so many validations in a row without a better one.")] = 3,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn by chance.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out from its last complete checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the run in --out and train anew.")] = False,
) -> None:
    """Fine-tune a marker on your own examples, and say whether it got better.

    A fifth of the data is held out: evidence recall on it is printed before and after, and chooses the checkpoint. Ctrl-C stops after the
    step that is under way; --resume goes on from there, also after a crash.

    attngs train mine.jsonl --objective evidence --marker Qwen/Qwen3-0.6B --out my-marker

    attngs mark notes.md -q 'Which pills?' --marker my-marker
    """
    with console.reported_errors():
        from attngs.learning.training.run import train as run
        from attngs.learning.training.settings import TrainingSettings

        settings = TrainingSettings(
            epochs=epochs,
            learning_rate=lr,
            rank=rank,
            alpha=2 * rank,
            batch_size=batch_size,
            gradient_accumulation=accumulate,
            max_tokens=max_tokens,
            validation=validation,
            patience=patience,
            seed=seed,
        )
        try:
            with console.progress():
                result = run(data, out=out, objective=objective, marker=marker, settings=settings, resume=resume, overwrite=overwrite)
        except KeyboardInterrupt as interruption:
            if not str(interruption):
                raise
            typer.echo(f"{interruption}. Go on with:\n  {_resuming(sys.argv)}", err=True)
            raise typer.Exit(130) from None
        typer.echo(_summary(result))


def _resuming(arguments: list[str]) -> str:
    """The command that was given, with `--resume`."""
    rest = [argument for argument in arguments[1:] if argument not in ("--resume", "--overwrite")]
    return shlex.join(["attngs", *rest, "--resume"])


def _summary(result: TrainingResult) -> str:
    width = max(map(len, result.before))
    lines = [f"{name:>{width + 2}}  {before.mean:.3f} -> {result.after[name].mean:.3f}" for name, before in result.before.items()]
    verdict = (
        f"use it: attngs mark FILE -q QUESTION --marker {shlex.quote(str(result.folder))}"
        if result.improved
        else "not better than before on the held-out examples; more or other data may help"
    )
    return "\n".join([f"{result.steps} steps, written: {result.folder}", *lines, verdict])
