"""The chatbot's example users and questions are what they say they are, and its evaluation counts right."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import Field
from typer.testing import CliRunner

from attngs import ContextCompressor, Document, Marker, Memory
from attngs.errors import InputError
from attngs.marking.scorers.simple import RecencyScorer
from attngs.text.files import read_documents
from examples.chatbot import evaluate
from examples.chatbot.evaluate import Outcome
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, MemoryFile

USERS = sorted((evaluate.HERE / "users").glob("*.jsonl"))
QUESTIONS = [json.loads(line) for line in (evaluate.HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def memories(user: str) -> list[Document]:
    return read_documents([evaluate.HERE / "users" / f"{user}.jsonl"], io.BytesIO())


class Model(GenericFakeChatModel):
    """Answers once, and remembers what it was shown."""

    shown: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(self, messages: list[BaseMessage], *args: Any, **settings: Any) -> Any:
        self.shown.append(messages)
        return super()._generate(messages, *args, **settings)


@pytest.mark.parametrize("file", USERS, ids=lambda file: file.stem)
def test_a_user_is_half_a_year_of_dated_memories_after_a_profile(file: Path) -> None:
    read = memories(file.stem)
    assert len({memory.id for memory in read}) == len(read)
    days = [date.fromisoformat(str(memory.metadata["date"])) for memory in read]
    assert days == sorted(days)
    assert (days[-1] - days[0]).days > 180
    sources = [memory.metadata["source"] for memory in read]
    profile = sources.count("profile")
    assert sources[:profile] == ["profile"] * profile
    assert 10 <= profile <= 15
    assert set(sources[profile:]) == {"chat", "note"}
    assert 90 <= len(read) - profile <= 130
    for memory, day in zip(read, days, strict=True):
        assert memory.id.rpartition("-")[0] == day.isoformat()
        assert memory.text == memory.text.strip()
        assert memory.text


def test_the_texts_of_a_user_are_nobody_else_s() -> None:
    texts = [memory.text for file in USERS for memory in memories(file.stem)]
    assert len(set(texts)) == len(texts)


def test_questions_name_memories_of_their_own_user() -> None:
    assert all(len([1 for question in QUESTIONS if question["kind"] == kind]) >= 40 for kind in ("plain", "hard"))
    assert {question["user"] for question in QUESTIONS} == {file.stem for file in USERS}
    assert len({(question["user"], question["query"]) for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert set(question) == {"user", "kind", "query", "memories", "why"}
        assert 1 <= len(set(question["memories"])) == len(question["memories"]) <= 4
        assert set(question["memories"]) <= {memory.id for memory in memories(question["user"])}
        assert question["query"].strip()
        assert question["why"].strip()


def test_one_memory_gives_orders_and_is_asked_about_as_data() -> None:
    ordering = [(file.stem, memory.id) for file in USERS for memory in memories(file.stem) if "ignore all previous" in memory.text]
    assert len(ordering) == 1
    assert any(question["user"] == user and name in question["memories"] for question in QUESTIONS for user, name in ordering)


def test_a_memory_is_found_when_half_of_it_is_kept() -> None:
    memory = {"a": Document(id="a", text="Short one here. A much longer sentence than that."), "b": Document(id="b", text="Six six.")}
    compressor = ContextCompressor(Marker(RecencyScorer()), counter=lambda text: len(text.split()))
    at = {budget: compressor.compress(list(memory.values()), "what?", target_tokens=budget) for budget in (3, 10, 13)}
    assert [source.text.strip() for source in at[10].kept] == ["A much longer sentence than that.", "Six six."]
    assert evaluate.found(at[3], memory, ["b", "a"]) == {"b": True, "a": False}
    assert evaluate.found(at[10], memory, ["b", "a"]) == {"b": True, "a": True}
    lead = {"a": Document(id="a", text="A much longer sentence than that. Short one.")}
    kept = compressor.compress(list(lead.values()), "what?", target_tokens=2)
    assert [source.text.strip() for source in kept.kept] == ["Short one."]
    assert evaluate.found(kept, lead, ["a"]) == {"a": False}


def test_what_has_changed_is_quoted_from_one_sentence_of_a_memory(default_marker: Marker) -> None:
    changes = evaluate.read_changes(evaluate.HERE / "changed.jsonl")
    texts = {file.stem: {memory.id: memory.text for memory in memories(file.stem)} for file in USERS}
    assert len(changes) >= 40
    assert {change.user for change in changes} == set(texts)
    for change in changes:
        quotes = [*change.old, *change.new]
        units = {name: default_marker.split([Document(text=texts[change.user][name])]) for name, _ in quotes}
        assert change.old
        assert change.new
        assert all(any(words in unit.text for unit in units[name]) for name, words in quotes)
        assert max(name for name, _ in change.old) < min(name for name, _ in change.new)


def test_the_idle_turns_are_forty_of_five_kinds() -> None:
    turns = [json.loads(line) for line in (evaluate.HERE / "idle.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({turn["query"] for turn in turns}) == 40
    assert dict.fromkeys(("small talk", "sums", "code", "general knowledge", "somebody else"), 8) == dict(
        Counter(turn["kind"] for turn in turns)
    )


@pytest.mark.parametrize(
    ("kept", "alone"),
    [
        ([("a", "I live in Ghent.")], True),
        ([("a", "I live in Ghent."), ("b", "I moved to Lyon in May.")], False),
        ([("b", "I moved to Lyon in May.")], False),
        ([("c", "I live in Ghent.")], False),
        ([], False),
    ],
)
def test_an_old_fact_stands_alone_where_nothing_says_what_became_of_it(kept: list[tuple[str, str]], alone: bool) -> None:
    change = evaluate.Change("ada", "Where do I live?", old=[("a", "live in Ghent")], new=[("b", "moved to Lyon"), ("d", "in Lyon")])
    assert change.stands_alone(kept) is alone


def outcome(
    query: str, *found: bool, user: str = "ada", kind: str = "all", method: str = "default", budget: int = 10, ms: float = 1
) -> Outcome:
    return Outcome(user, kind, query, method, budget, {str(number): there for number, there in enumerate(found)}, [], ms)


def test_recall_is_the_mean_over_questions_of_the_share_of_their_memories() -> None:
    of = [outcome("1", True, ms=1), outcome("2", True, False, ms=5), outcome("3", False, ms=3), outcome("4", True, True, user="bob", ms=9)]
    rest = [outcome("1", False, method=method) for method in evaluate.METHODS[1:]]
    rows = {(row["method"], row["of"]): row for row in evaluate.summaries([*of, *rest])}
    assert list(rows) == [*((method, "all") for method in evaluate.METHODS), ("default", "ada"), ("default", "bob")]
    ada, everybody = rows["default", "ada"], rows["default", "all"]
    assert (ada["questions"], ada["mean"], ada["complete"], ada["milliseconds"]) == (3, 0.5, pytest.approx(1 / 3), 3)
    assert (everybody["questions"], everybody["mean"], everybody["complete"], everybody["milliseconds"]) == (4, 0.625, 0.5, 4)
    assert ada["low"] == 0 < ada["mean"] < ada["high"] == 1
    assert rows["BM25", "all"]["mean"] == 0


def test_what_is_measured_is_what_the_agent_s_model_is_shown(tmp_path: Path) -> None:
    (tmp_path / "users").symlink_to(evaluate.HERE / "users")
    asked = QUESTIONS[1:4]  # of the first nothing is shown: `intolerant` is no word of the memory
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    outcomes = list(evaluate.outcomes(tmp_path, [256]))
    assert [(one.query, one.method) for one in outcomes] == [(row["query"], method) for row in asked for method in evaluate.METHODS]
    for one, question in zip(outcomes[:: len(evaluate.METHODS)], asked, strict=True):
        shown = what_the_model_is_shown(question, tmp_path / "memory.db")
        assert one.kept
        assert all(text in " ".join(shown.split()) for _, text in one.kept)
        days = {name[: len("2026-03-14")] for name, _ in one.kept}  # a day stands once above all of its notes
        assert len(re.findall(r"^\[\d+ \w{3} 20\d\d]$", shown, re.MULTILINE)) == len(days)


def what_the_model_is_shown(question: dict[str, Any], file: Path) -> str:
    model, user, compressor = Model(messages=iter([AIMessage("")])), question["user"], AttnGSCompressor(target_tokens=256)
    with Memory.open(file, namespace=user, marker=compressor.found_marker()) as memory:
        if not len(memory):
            memory.add(memories(user))
    agent = create_agent(model, [], middleware=[AttnGSMiddleware(compressor, memory=MemoryFile(path=file))])
    agent.invoke({"messages": [("user", question["query"])]}, {"configurable": {"user_id": user}})
    return str(model.shown[0][0].text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A person with a few memories, of which one answers each question."""
    texts = ["I moved to Ghent last spring.", "The cat is called Button and must not have milk.", "My sister plays the cello on Mondays."]
    lines = [json.dumps({"id": f"m{n}", "text": text, "metadata": {"date": f"2026-01-0{n}"}}) for n, text in enumerate(texts, 1)]
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "ada.jsonl").write_text("\n".join(lines), encoding="utf-8")
    asked = [{"user": "ada", "query": "What may the cat not drink?", "memories": ["m2"]}]
    asked += [{"user": "ada", "query": "Which instrument does my sister play?", "memories": ["m3", "m1"]}]
    idle = [{"kind": "small talk", "query": query} for query in ("hi", "Where did I move last spring?")]
    change = {"user": "ada", "query": "Which town did I move to?", "old": [{"memory": "m1", "text": "moved to Ghent"}]}
    changed = [change | {"new": [{"memory": "m3", "text": "plays the cello"}]}]
    for name, rows in (("questions", asked), ("idle", idle), ("changed", changed)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(evaluate.main)
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_the_evaluation_runs_on_a_folder_of_one_s_own(folder: Path) -> None:
    code, out = run(str(folder), "--budget", "20", "--budget", "40", "--json")
    assert code == 0
    told = json.loads(out)
    rows = {(row["method"], row["of"], row["budget"]): row for row in told["summary"]}
    assert len(rows) == 10
    assert rows["default", "all", 20]["mean"] == 0.75
    assert told["silent"] == {"small talk": [True, False]}
    assert told["alone"] == {"20": [True], "40": [False]}
    assert rows["default", "all", 40]["questions"] == 2
    cat = next(one for one in told["outcomes"] if one["method"] == "default" and one["budget"] == 20)
    assert cat["kept"] == [["m2", "The cat is called Button and must not have milk."]]
    assert cat["found"] == {"m2": True}


def test_its_table_and_the_questions_that_lose_most_are_readable(folder: Path) -> None:
    code, out = run(str(folder), "--budget", "20", "--worst", "3")
    assert code == 0
    assert "0.75 [0.50, 1.00] 50%" in out
    assert "ada: Which instrument does my sister play?" in out
    assert "at 20 tokens without m1; kept instead:" in out
    assert "What may the cat not drink?" not in out
    assert "Idle turns that are shown nothing: 50% of 2 (small talk 50%)." in out
    assert "Old facts that stand alone: 100% at 20 tokens, of 1 that have changed." in out


def test_a_folder_without_idle_turns_and_changed_facts_is_measured_too(folder: Path) -> None:
    (folder / "idle.jsonl").unlink()
    (folder / "changed.jsonl").unlink()
    code, out = run(str(folder), "--budget", "20")
    assert code == 0
    assert "Memories that should matter" in out
    assert "Idle" not in out
    assert "Old facts" not in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"user": "ada", "query": "?", "memories": ["m9"]}', "must name memories that 'ada' has, got ['m9']"),
        ('{"user": "ada", "query": "?", "memories": []}', "must name memories that 'ada' has, got []"),
        ('{"user": "ada", "query": "?"}', "a query and memories: KeyError"),
        ("nonsense", "a query and memories: JSONDecodeError"),
        ('{"user": "bob", "query": "?", "memories": ["m1"]}', "bob.jsonl` cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told(folder: Path, line: str, message: str) -> None:
    (folder / "questions.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(evaluate.outcomes(folder, [20]))
    assert message in str(caught.value)


def test_a_changed_fact_without_its_words_is_told(folder: Path) -> None:
    (folder / "changed.jsonl").write_text('{"user": "ada", "query": "?", "old": [], "new": ["m3"]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"changed\.jsonl` must have lines with a user, a query, and `old` and `new`"):
        evaluate.alone_old(folder, [20])
