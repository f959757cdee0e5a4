"""How good is what the assistant shows of a memory? Three numbers, at several budgets.

- Of the memories that a good answer needs, how many are kept? (`questions.jsonl`)
- How many turns that ask for nothing remembered are shown nothing? (`idle.jsonl`)
- Where a fact has changed, how often does the old one stand there alone? (`changed.jsonl`)
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple, TypeVar

import typer
from langchain_core.messages import HumanMessage
from rich.console import Console
from rich.table import Table
from rich.text import Text
from turns import asked

from attngs import CompressedContext, Document, InputError, Marker, read_documents
from attngs.cli.console import reported_errors
from attngs.hosts.frames import DATED
from attngs.learning.evaluation import BASELINES
from attngs.learning.metrics import covered, estimate
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, MemoryFile

ENOUGH = 0.5
"""Share of a memory that must be kept. Half of a few short sentences usually says what matters, and this needs no judge."""
Row = TypeVar("Row")
METHODS = ("default", "BM25", "recency", "random")
BUDGETS = [128, 256, 512]
HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """What a method kept for a question: which needed memories were found, and id and text of each kept sentence."""

    user: str
    kind: str
    query: str
    method: str
    budget: int
    found: Mapping[str, bool]
    kept: Sequence[tuple[str, str]]
    milliseconds: float


class Change(NamedTuple):
    """A fact that has changed: what the memories say of it, and what they said before, each a memory's id and words of a sentence."""

    user: str
    query: str
    old: Sequence[tuple[str, str]]
    new: Sequence[tuple[str, str]]

    def stands_alone(self, kept: Sequence[tuple[str, str]]) -> bool:
        """Whether the old fact is among what was kept, and the new one is not."""
        told = [[any(name == where and words in text for where, text in kept) for name, words in facts] for facts in (self.old, self.new)]
        return any(told[0]) and not any(told[1])


def found(result: CompressedContext, memory: Mapping[str, Document], wanted: Sequence[str]) -> dict[str, bool]:
    """Whether the result holds enough of each of these memories."""
    numbers = {name: number for number, name in enumerate(memory)}
    places = [(numbers[source.document_id], source.start, source.end) for source in result.kept]
    return {name: covered([(numbers[name], 0, len(memory[name].text))], places) >= ENOUGH for name in wanted}


def read_memory(file: Path) -> dict[str, Document]:
    """A user's memory by id."""
    return {memory.id: memory for memory in read_documents([file], io.BytesIO())}


@contextmanager
def remembered(folder: Path, users: Iterable[str]) -> Iterator[MemoryFile]:
    """A file with the memories of these users, as the page has them."""
    with TemporaryDirectory() as place:
        file = MemoryFile(path=Path(place) / "memory.db")
        opened = file.memories(AttnGSCompressor(target_tokens=1))
        for user in users:
            with opened.of(user) as memory:
                memory.add(read_memory(folder / "users" / f"{user}.jsonl").values())
        yield file


def read_rows(file: Path, read: Callable[[Mapping[str, Any]], Row], needs: str) -> list[Row]:
    """What each line of a file says.

    Raises:
        InputError: The file cannot be read, or a line lacks what it needs.
    """
    try:
        return [read(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"`{file}` must have lines with {needs}: {type(error).__name__}, {error}.") from error


def read_questions(file: Path) -> list[tuple[str, str, str, list[str]]]:
    """User, kind, question and the ids of the memories that should matter."""
    return read_rows(file, lambda row: (row["user"], row.get("kind", "all"), row["query"], row["memories"]), "a user, a query and memories")


def read_changes(file: Path) -> list[Change]:
    """The facts that have changed."""

    def change(row: Mapping[str, Any]) -> Change:
        old, new = ([(part["memory"], part["text"]) for part in row[name]] for name in ("old", "new"))
        return Change(row["user"], row["query"], old, new)

    return read_rows(file, change, "a user, a query, and `old` and `new` with a memory and a text")


def outcomes(folder: Path, budgets: Sequence[int]) -> Iterator[Outcome]:
    """Every question at every budget with every method: the default as the page's model is shown it, the others by the same selection."""
    questions, default = read_questions(folder / "questions.jsonl"), AttnGSCompressor(target_tokens=1).found_marker()
    others = {name: Marker(BASELINES[name](), splitter=default.splitter, counter=default.counter) for name in METHODS[1:]}
    users = [*dict.fromkeys(user for user, *_ in questions)]
    memories = {user: read_memory(folder / "users" / f"{user}.jsonl") for user in users}
    with remembered(folder, users) as file:
        for user, kind, query, wanted in questions:
            memory = memories[user]
            if not wanted or not memory.keys() >= set(wanted):
                raise InputError(f"the question {query!r} must name memories that {user!r} has, got {wanted}.")
            for name, budget in product(METHODS, budgets):
                if name in others:
                    compressor = AttnGSCompressor(target_tokens=budget, marker=others[name]).for_memory().extractor(DATED)
                    result = compressor.compress(list(memory.values()), query, target_tokens=budget, namespace=user)
                else:
                    result = shown(file, user, query, budget)
                yield outcome_of(result, (user, kind, query, name, budget), memory, wanted)


def outcome_of(
    result: CompressedContext | None, asked_for: tuple[str, str, str, str, int], memory: Mapping[str, Document], wanted: Sequence[str]
) -> Outcome:
    """What was kept, if anything was asked."""
    if result is None:
        return Outcome(*asked_for, dict.fromkeys(wanted, False), [], 0.0)
    kept = [(source.document_id, " ".join(source.text.split())) for source in result.kept]
    return Outcome(*asked_for, found(result, memory, wanted), kept, sum(result.milliseconds.values()))


def summaries(of: Sequence[Outcome]) -> list[dict[str, Any]]:
    """By method, kind of question or user, and budget. Intervals resample questions, because three users would be too few."""
    groups = [*product(dict.fromkeys(one.kind for one in of), METHODS), *product(dict.fromkeys(one.user for one in of), METHODS[:1])]
    rows = list[dict[str, Any]]()
    for (group, method), budget in product(groups, dict.fromkeys(one.budget for one in of)):
        ones = [one for one in of if (one.method, one.budget) == (method, budget) and group in (one.kind, one.user)]
        recall = estimate([fmean(one.found.values()) for one in ones], [f"{one.user}: {one.query}" for one in ones])._asdict()
        rest = {"complete": fmean(all(one.found.values()) for one in ones), "milliseconds": median(one.milliseconds for one in ones)}
        rows.append({"of": group, "method": method, "budget": budget, "questions": len(ones), **recall, **rest})
    return rows


def shown(memory: MemoryFile, user: str, query: str, budget: int) -> CompressedContext | None:
    """What the page's model would be shown of a user's memory."""
    question = asked([HumanMessage(query)])
    middleware = AttnGSMiddleware(AttnGSCompressor(target_tokens=budget), memory=memory)
    return middleware.recall(question, namespace=(user,)) if question else None


def silent_turns(folder: Path, budget: int) -> dict[str, list[bool]]:
    """By kind of idle turn, whether nothing is shown, for each turn and user; empty without an `idle.jsonl`.

    The budget makes no difference: either the page's rules say that a turn needs no memory, or the floor does.
    """
    file = folder / "idle.jsonl"
    turns = read_rows(file, lambda row: (str(row["kind"]), str(row["query"])), "a kind and a query") if file.exists() else []
    users = [*dict.fromkeys(user for user, *_ in read_questions(folder / "questions.jsonl"))]
    silent = dict[str, list[bool]]()
    with remembered(folder, users) as memory:
        for (kind, query), user in product(turns, users):
            result = shown(memory, user, query, budget)
            silent.setdefault(kind, []).append(result is None or not result.kept)
    return silent


def alone_old(folder: Path, budgets: Sequence[int]) -> dict[int, list[bool]]:
    """By budget, whether an old fact stands alone, for each that has changed; empty without a `changed.jsonl`."""
    file = folder / "changed.jsonl"
    changes = read_changes(file) if file.exists() else []
    alone = {budget: list[bool]() for budget in budgets if changes}
    with remembered(folder, dict.fromkeys(change.user for change in changes)) as memory:
        for change, budget in product(changes, alone):
            result = shown(memory, change.user, change.query, budget)
            kept = [(source.document_id, " ".join(source.text.split())) for source in result.kept] if result else []
            alone[budget].append(change.stands_alone(kept))
    return alone


def print_table(rows: Sequence[Mapping[str, Any]], budgets: Sequence[int], console: Console) -> None:
    table = Table("of", "method", "questions", *(f"{budget} tokens" for budget in budgets), "ms", title="Memories that should matter")
    table.caption = (
        "Recall with a 95 % bootstrap over questions, then the share of questions with all of their memories. A memory is found if "
        f"{ENOUGH:.0%} of its characters are kept. ms: median per question at the first budget, with the memory already read."
    )
    for at in (rows[start : start + len(budgets)] for start in range(0, len(rows), len(budgets))):
        cells = [f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}] {row['complete']:.0%}" for row in at]
        table.add_row(at[0]["of"], at[0]["method"], str(at[0]["questions"]), *cells, f"{at[0]['milliseconds']:.0f}")
    console.print(table)


def print_rest(silent: Mapping[str, Sequence[bool]], alone: Mapping[int, Sequence[bool]], console: Console) -> None:
    if silent:
        every = [each for kind in silent.values() for each in kind]
        kinds = ", ".join(f"{kind} {fmean(turns):.0%}" for kind, turns in silent.items())
        console.print(f"Idle turns that are shown nothing: {fmean(every):.0%} of {len(every)} ({kinds}).")
    if alone:
        rates = ", ".join(f"{fmean(facts):.0%} at {budget} tokens" for budget, facts in alone.items())
        console.print(f"Old facts that stand alone: {rates}, of {len(next(iter(alone.values())))} that have changed.")


def print_worst(of: Sequence[Outcome], count: int, budget: int, console: Console) -> None:
    lossy = [one for one in of if one.method == "default" and one.budget == budget and not all(one.found.values())]
    for one in sorted(lossy, key=lambda one: fmean(one.found.values()))[:count]:
        lacking = ", ".join(name for name, there in one.found.items() if not there)
        console.print(Text(f"\n{one.user}: {one.query}", style="bold"), f"at {budget} tokens without {lacking}; kept instead:", sep="\n")
        console.print(*(Text(f"  [{name}] {text}") for name, text in one.kept if name not in one.found), sep="\n")


def main(
    folder: Annotated[Path, typer.Argument(help="A folder with questions.jsonl, and users/NAME.jsonl for each user.")] = HERE,
    budget: Annotated[list[int], typer.Option(min=1, help="Tokens that the chat model is shown; can be repeated.")] = BUDGETS,
    worst: Annotated[int, typer.Option(min=0, help="Also show this many of the worst questions, at the middle budget.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers and every outcome, for a script.")] = False,
) -> None:
    """Measure how many of the memories that a good answer needs the assistant keeps.

    Each question names its user and the memories that it needs. It is asked over that user's whole memory, as the assistant does it: with
    the marker that attngs ships, with BM25, with the latest memories, and at random. Then the turns that need no memory are sent for every
    user, and the questions about facts that have changed are asked. Offline, in about a minute.

    For your own people, write users/ada.jsonl with lines such as {"id": "1", "text": "...", "metadata": {"date": "2026-03-14"}}, oldest
    first, and questions.jsonl with lines such as {"user": "ada", "query": "...", "memories": ["1"]}. Add a "kind" to tell groups of
    questions apart, such as "plain" and "hard". The files idle.jsonl and changed.jsonl may be missing; in those of the examples you see
    what a line needs.
    """
    with reported_errors():
        of, console = list(outcomes(folder, budgets := sorted(set(budget)))), Console(width=None if sys.stdout.isatty() else 120)
        middle = budgets[len(budgets) // 2]
        silent, alone = silent_turns(folder, middle), alone_old(folder, budgets)
        if as_json:
            told = {"summary": summaries(of), "silent": silent, "alone": alone, "outcomes": [one._asdict() for one in of]}
            typer.echo(json.dumps(told, indent=1))
        else:
            print_table(summaries(of), budgets, console)
            print_rest(silent, alone, console)
            print_worst(of, worst, middle, console)


if __name__ == "__main__":
    typer.run(main)
