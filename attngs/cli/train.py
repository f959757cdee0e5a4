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
            help="One example per line: query, documents, and evidence or answer. A .jsonl.xz file works too.",
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
            help="evidence: fit the marker's own scores to labelled sentences, for any model. answer: predict the answer, for decoders. "
            "perce: the same, with each token weighted by how much the context helps to predict it.",
        ),
    ] = "evidence",
    marker: Annotated[
        str,
        typer.Option("--marker", "-m", metavar="MODEL", help="A Hugging Face model name or folder; `default` is the embedded encoder."),
    ] = "default",
    epochs: Annotated[float, typer.Option(help="Passes over the data; training stops earlier if validation no longer improves.")] = 3.0,
    lr: Annotated[float, typer.Option(help="Highest learning rate. Lower it if the loss jumps or is not a number.")] = 2e-4,
    rank: Annotated[
        int, typer.Option(help="Rank of the adapter. A higher rank can learn more, and overfit more. Alpha is twice the rank.")
    ] = 16,
    batch_size: Annotated[int, typer.Option(help="Examples per pass. Lower it if memory runs out.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Passes per step. Raise it when you lower --batch-size.")] = 1,
    max_tokens: Annotated[
        int, typer.Option(help="Longest context in training. A longer one keeps its evidence and is filled up with other sentences.")
    ] = 1_024,
    validation: Annotated[float, typer.Option(help="Share of the groups that is held out for validation.")] = 0.2,
    patience: Annotated[int, typer.Option(help="Stop after this many validations in a row without an improvement.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed for everything random.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out from its last complete checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the run in --out and start again.")] = False,
) -> None:
    """Fine-tune a marker on your own examples, and say whether it got better.

    A fifth of the data is held out. Evidence recall on it is printed before and after training, and chooses the checkpoint. Ctrl-C stops
    after the current step; --resume continues from there, also after a crash.

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
            typer.echo(f"{interruption}. Continue with:\n  {_resuming(sys.argv)}", err=True)
            raise typer.Exit(130) from None
        typer.echo(_summary(result))


def _resuming(arguments: list[str]) -> str:
    """The same command, with `--resume`."""
    rest = [argument for argument in arguments[1:] if argument not in ("--resume", "--overwrite")]
    return shlex.join(["attngs", *rest, "--resume"])


def _summary(result: TrainingResult) -> str:
    width = max(map(len, result.before))
    lines = [f"{name:>{width + 2}}  {before.mean:.3f} -> {result.after[name].mean:.3f}" for name, before in result.before.items()]
    verdict = (
        f"use it: attngs mark FILE -q QUESTION --marker {shlex.quote(str(result.folder))}"
        if result.improved
        else "no better than before on the held-out examples; more or different data may help"
    )
    return "\n".join([f"{result.steps} steps, written: {result.folder}", *lines, verdict])
