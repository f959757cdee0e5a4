"""The commands that need labels: `attngs fit`, `attngs eval` and `attngs train`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from attngs.cli import console
from attngs.cli.options import AdapterName, MarkerName, Out, ProbeName, UnitName, marker_of, put
from attngs.learning.labelled import LabelledExample, read_examples
from attngs.text.files import check_folder
from attngs.text.sentences import UnitSize

if TYPE_CHECKING:
    from attngs.learning.evaluation import Evaluation
    from attngs.learning.fitting.report import FitResult
    from attngs.learning.judged import JudgedAnswers
    from attngs.learning.training.run import TrainingResult
    from attngs.marking.marker import Marker

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA.jsonl",
        help='One example per line: {"query": "...", "documents": ["..."], "evidence": [{"doc_id": "document-1", "text": "a quote"}]}.',
        show_default=False,
    ),
]


def fit(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the probe and its report.", show_default=False)],
    marker: MarkerName = "default",
    unit: Annotated[
        UnitSize | None, typer.Option("--unit", "-u", help="What is scored as a whole. Default: what works best on these texts.")
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="Parts of the cross-validation; examples that share documents stay together.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed for folds and samples.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use a sample of this many examples.")] = None,
    window: Annotated[int | None, typer.Option(min=16, help="How many tokens a decoder reads together.")] = None,
) -> None:
    """Learn from labelled examples what matters in your texts.

    You need at least 20 examples; 50 help, 300 are plenty.

    Tries settings of the attention (layer, heads, position, pooling, differential, unit) and logistic probes, keeps what works best on
    held-out examples, and turns its scores into probabilities. If nothing beats the default, it says so.

    Evidence is a list of document ids, of quotes {"doc_id", "text"} or of places {"doc_id", "start", "end"}. If a line has an "answer" and
    no evidence, a decoder finds the evidence itself: the sentences without which the answer is much less likely.

    Writes marker.json, probe.safetensors, report.md and report.png into DIR. Use them with: attngs compress notes.md -q '...' --probe DIR
    """
    with console.reported_errors():
        check_folder(out)  # before minutes of work
        examples = read_examples(data)  # before the seconds that torch takes to load
        from attngs.learning.fitting.run import fit as learn

        with console.progress():
            result = learn(examples, marker, unit=unit, folds=folds, seed=seed, limit=limit, window=window)
            result.save(out)
        put(_fit_table(result, out), None)


def evaluate(
    data: Data,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    rubric: Annotated[
        bool,
        typer.Option(
            "--rubric",
            help="Have --chat answer each question with the full and with the short context, and --judge score both answers.",
        ),
    ] = False,
    chat: Annotated[
        str | None, typer.Option("--chat", metavar="MODEL", help="With --rubric: who answers, behind an OpenAI-compatible API.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="The URL of the API for --chat. Default: OPENAI_BASE_URL, else OpenAI.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="With --rubric: who compares the answers. Not the model that wrote them.")
    ] = None,
    judge_url: Annotated[
        str | None,
        typer.Option("--judge-url", metavar="URL", help="The URL of the API for --judge. Default: OPENAI_BASE_URL, else OpenAI."),
    ] = None,
    target_tokens: Annotated[
        int, typer.Option("--target-tokens", "-t", min=1, help="With --rubric: of the short context, in the marker's tokens.")
    ] = 256,
    repeats: Annotated[int, typer.Option(min=1, help="With --rubric: looks at each pair of answers in each order.")] = 3,
    timeout: Annotated[float, typer.Option(min=0.1, help="With --rubric: seconds for each request, retries included.")] = 60.0,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="json also has the paired differences, or all answers and scores.")
    ] = "table",
    out: Out = None,
) -> None:
    """Measure how much evidence a marker keeps in 2, 5, 10 and 20 % of the tokens.

    BM25, recency, lead and random are measured too.

    Intervals are 95 % bootstraps over groups: examples that share the documents of their evidence, or have the same "group". Measure a
    probe on examples that it was not fitted on.

    With --rubric, no label is needed. A judge scores the answers with the full and with the short context for clarity, alignment and
    learning value, in both orders and several times. It is a judge, not the truth; its agreement with itself is printed too.

    attngs eval talks.jsonl --rubric --chat gpt-5-mini --judge qwen3:4b --judge-url http://localhost:11434/v1
    """
    if rubric and not (chat and judge):
        raise typer.BadParameter("--rubric needs --chat, which names the model that answers, and --judge, which names another one.")
    if not rubric and (chat or base_url or judge or judge_url):
        raise typer.BadParameter("--chat, --base-url, --judge and --judge-url need --rubric.")
    with console.reported_errors():
        to_file = out is not None
        examples = read_examples(data)
        with console.progress():
            measured = marker_of(marker, adapter, probe, unit)
            if chat and judge:
                judged = _judged(examples, measured, (chat, base_url), (judge, judge_url), target_tokens, repeats, timeout)
                text = judged.to_json() + "\n" if format == "json" else _rubric_tables(judged, to_file=to_file)
            else:
                from attngs.learning.evaluation import evaluate as measure

                evaluation = measure(examples, measured)
                text = evaluation.to_json() + "\n" if format == "json" else _eval_table(evaluation, to_file=to_file)
        put(text, out)


def _judged(
    examples: list[LabelledExample],
    marker: Marker,
    chat: tuple[str, str | None],
    judge: tuple[str, str | None],
    target_tokens: int,
    repeats: int,
    timeout: float,
) -> JudgedAnswers:
    """What a judge says of the answers; models are given by name and URL."""
    from attngs.learning.judging import judge_answers
    from attngs.writing.chat.openai_chat import OpenAIChat

    answering, judging = (OpenAIChat(name, base_url=url, timeout=timeout) for name, url in (chat, judge))
    return judge_answers(examples, marker, answering, judging, target_tokens=target_tokens, repeats=repeats)


def _fit_table(result: FitResult, out: Path) -> str:
    """Recall of all methods on held-out examples, and what was written."""
    from attngs.learning.fitting.report import recall_rows, verdict

    report = result.report
    errors, marks = report["calibration"], report["marks"]
    lines = [
        Text(verdict(report), style="bold"),
        Text(
            f"Calibration error {errors['before']['error']:.3f} -> {errors['after']['error']:.3f}; marks from a probability of "
            f"{marks['threshold']:.2f} (F1 {marks['f1']:.2f}); {report['seconds']:.0f} s."
        ),
        Text(f"Written: {out}/marker.json, probe.safetensors, report.md, report.png", style="dim"),
    ]
    if report["no_label_found"]:
        lines.insert(1, Text(f"No label was found for {report['no_label_found']} examples without evidence.", style="yellow"))
    title = f"Evidence recall on held-out examples: {report['rows']} in {report['groups']} groups, {report['folds']} folds"
    return console.rendered(_budget_table(title, recall_rows(report)), *lines, terminal=sys.stdout.isatty())


def _eval_table(evaluation: Evaluation, *, to_file: bool) -> str:
    """Recall of the marker and of the baselines."""
    from attngs.learning.evaluation import BUDGETS
    from attngs.learning.metrics import interval

    rows = [(name, *(interval(at[share]) for share in BUDGETS)) for name, at in evaluation.recall.items()]
    title = f"Evidence recall: {evaluation.examples} examples in {evaluation.groups} groups"
    skipped = [Text(f"{evaluation.skipped} examples without evidence were left out.", style="yellow")] if evaluation.skipped else []
    return console.rendered(_budget_table(title, rows), *skipped, terminal=sys.stdout.isatty() and not to_file)


def _rubric_tables(judged: JudgedAnswers, *, to_file: bool) -> str:
    """Scores, preferences, and how far the judge agrees with itself."""
    from attngs.learning.judged import Agreement
    from attngs.learning.metrics import interval
    from attngs.learning.rubric import LEAST, MOST, QUALITIES

    def shown(agreement: Agreement) -> str:
        if agreement.equal is None:
            return "-"
        return f"{agreement.equal:.0%}, kappa " + ("-" if agreement.kappa is None else f"{agreement.kappa:.2f}")

    full, short = (fmean(question.tokens[side] for question in judged.judged) for side in ("full", "short"))
    scores = Table("", f"full ({full:,.0f} tokens)", f"short ({short:,.0f} tokens)", "short - full", title_justify="left")
    scores.title = f"Scores from {LEAST} to {MOST}: {len(judged.judged)} questions, each judged {judged.repeats} times in each order"
    preferences = Table("", "full", "equal", "short", "with the answers swapped", "when repeated", title_justify="left")
    preferences.title = "Which answer got more, and how often the judge says the same again"
    for quality in QUALITIES:
        found, shares, agreement = judged.scores(quality), judged.preferences(quality), judged.agreement(quality)
        scores.add_row(quality, interval(found["full"]), interval(found["short"]), interval(found["short - full"], "+"))
        preferences.add_row(quality, *(f"{share:.0%}" for share in shares.values()), *map(shown, agreement.values()))
    left_out = {
        "their documents fit the budget": judged.alike,
        "an answer is missing": len(judged.unanswered),
        "not judged in both orders": len(judged.questions) - len(judged.judged),
    }
    notes = [Text(f"Questions left out, {why}: {number}", style="yellow") for why, number in left_out.items() if number]
    if judged.unjudged_looks:
        notes.append(Text(f"Replies of the judge without scores, which count neither way: {judged.unjudged_looks}", style="yellow"))
    notes.append(Text("A judge's opinion, not the truth: it sees no documents, and may like long or well-worded answers.", style="dim"))
    return console.rendered(scores, preferences, *notes, terminal=sys.stdout.isatty() and not to_file)


def _budget_table(title: str, rows: Iterable[Sequence[str]]) -> Table:
    from attngs.learning.evaluation import BUDGETS

    table = Table("", *(f"{share:.0%} of the tokens" for share in BUDGETS), title=title, title_justify="left")
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table


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
