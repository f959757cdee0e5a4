"""The command that compresses the rows of files on a cluster: `attngs scale`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from attngs.cli import console
from attngs.cli.compress import MinScore
from attngs.cli.options import MarkerName, TargetTokens, TokensOf, put

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|DIR",
        help="JSON lines (.jsonl), or Parquet files and folders of them: rows with `id`, `documents` and `query`, and perhaps `namespace` "
        "and `target_tokens`.",
        show_default=False,
    ),
]
Results = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="DIR", help="A folder that all machines share, filled with Parquet files of results.", show_default=False
    ),
]


def scale(
    files: Files,
    out: Results,
    target_tokens: TargetTokens = 256,
    marker: MarkerName = "default",
    tokens: TokensOf = "marker",
    min_score: MinScore = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many workers; by default as many as there is room for.")] = None,
    cpus: Annotated[float, typer.Option(min=0.01, help="Cores of a worker.")] = 1,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of a worker; 0.5 puts two workers on one.")] = 0,
) -> None:
    """Compress each row of large files once, on this machine's cores or on a Ray cluster.

    Rows whose ids are done already are left out, so the same command goes on where an earlier run ended. A row that fails has its error
    in place of a text.

    RAY_ADDRESS names a cluster; without it, one is started on this machine:
    attngs scale questions.jsonl --out results --target-tokens 256
    """
    with console.reported_errors():
        from attngs.scale.ray import compress_rows, connect

        connect(logging.ERROR)
        try:
            with console.progress():
                report = compress_rows(
                    files,
                    out,
                    target_tokens=target_tokens,
                    marker=marker,
                    counter=tokens,
                    min_score=min_score,
                    workers=workers,
                    cpus=cpus,
                    gpus=gpus,
                )
        except KeyboardInterrupt:
            console.note("interrupted; what is done is kept. The same command goes on from there.")
            raise typer.Exit(130) from None
        failed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.errors.items()))
        line = f"{report.rows:,} rows in {out}: {report.done_before:,} were done before, {report.rows - report.done_before:,} are done now"
        put(f"{line}{f', of which failed: {failed}' if failed else ''}\n", None)
