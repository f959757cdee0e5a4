"""The study of Attn-GS: its arithmetic, its split of users, and a run from tuning to the page with a tiny reader."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Document
from benchmarks.attn_gs.__main__ import main
from benchmarks.attn_gs.arms import BUDGETS, FULL, NONE
from benchmarks.attn_gs.data import Case, cut_to, load, ratings
from benchmarks.attn_gs.judge import Bias, like_auc, new_words, rouge_1, rouge_l
from benchmarks.attn_gs.measure import Row, load_rows, summarise, tokens_to_match
from benchmarks.attn_gs.reader import Reader, Tuning, answer_of, prompt_of

FILM = Case(
    id="f1",
    task="rating",
    user="1",
    query="Movie: Up (2009) | Animation. What rating (0.5-5) will this user give it?",
    subject="Up (2009) | Animation",
    profile=[Document(text="Heat (1995) | Crime | rated 2/5\nWall-E (2008) | Animation | rated 4.5/5", id="history")],
    answer="4.0",
)
PAPER = Case(
    id="p1",
    task="title",
    user="2",
    query="Write a title for the following abstract of a paper: We heat tea.",
    subject="We heat tea.",
    profile=[Document(text="Title: Cold Tea\nAbstract: Ice.", id="a"), Document(text="Title: Warm Milk\nAbstract: Fire.", id="b")],
    answer="Warm Tea by Night",
)


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("reader")
    tiny_model("llama", max_position_embeddings=4_096).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    films = [
        {
            "id": f"film-{user}-1",
            "query": "Movie: Up (2009) | Animation. What rating (0.5-5) will this user give it?",
            "documents": [
                {"id": "history", "text": "\n".join(f"Film {i} (1990) | Drama | rated {1 + i % 4}/5" for i in range(user, user + 30))}
            ],
            "answer": 1.0 + user % 4,
            "meta": {"user": user},
        }
        for user in range(12)
    ]
    papers = [
        {
            "id": f"paper-{user}",
            "query": f"Write a title for the following abstract of a paper: We study topic {user} in depth.",
            "documents": [
                {
                    "id": f"{user}-{i}",
                    "text": f"Title: On Topic {i} **Title (ZH)**: 关于\nAbstract: We did {i}.",
                    "metadata": {"date": f"2025-0{i}"},
                }
                for i in range(1, 4)
            ],
            "answer": f"On Topic {user}",
            "meta": {"user": f"u{user}"},
        }
        for user in range(12)
    ]
    for name, rows in (("ml_latest_small", films), ("arxiv_title_a", papers)):
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.mark.parametrize("task", ["rating", "title"])
def test_users_who_tune_the_reader_are_not_compared(data: Path, task: str) -> None:
    split = load(data, task, users=99, tuning=99)
    assert len(split.test) + len(split.tuning) == 12
    assert not {case.user for case in split.tuning} & {case.user for case in split.test}
    assert split.test
    assert split.tuning


def test_the_collectors_translations_are_no_part_of_a_title(data: Path) -> None:
    profile = load(data, "title", users=1, tuning=1).test[0].profile
    assert [document.text.partition("\n")[0] for document in profile] == ["Title: On Topic 1", "Title: On Topic 2", "Title: On Topic 3"]


def test_a_profile_is_cut_to_its_newest_ratings_or_papers() -> None:
    assert cut_to(FILM, 8, words).profile_text == "Wall-E (2008) | Animation | rated 4.5/5"
    assert cut_to(FILM, 99, words).profile_text == FILM.profile_text
    assert [document.id for document in cut_to(PAPER, 6, words).profile] == ["b"]
    assert cut_to(PAPER, 2, words).profile == []


def test_the_answer_goes_on_where_the_prompt_stops() -> None:
    assert prompt_of(FILM, "") + answer_of(FILM) == "Up (2009) | Animation | rated 4/5"
    assert prompt_of(PAPER, "Title: X").startswith("Earlier papers of one author:\nTitle: X\n\nAbstract: We heat tea.\nTitle:")


def test_rouge_counts_shared_words_and_shared_order() -> None:
    assert rouge_1("warm tea by night", "night tea") == pytest.approx(2 * 2 / 6)
    assert rouge_l("warm tea by night", "night tea") == pytest.approx(2 * 1 / 6)
    assert rouge_1("Warm Tea", "warm tea") == rouge_l("Warm Tea", "warm tea") == 1
    assert rouge_1("warm tea", "") == rouge_l("warm tea", "cold") == 0


def test_only_words_that_the_abstract_lacks_are_new() -> None:
    assert new_words(PAPER) == {"warm", "by", "night"}


def test_the_bias_model_adds_what_a_user_and_a_film_differ_by() -> None:
    loved, hated = FILM.subject, "Heat (1995) | Crime"
    others = Bias([[(loved, 5.0), (hated, 2.0)]] * 20)
    found = others.predictions(FILM)
    assert found["mean of all ratings"] == pytest.approx(3.5)
    assert found["user's mean"] == pytest.approx(3.25)
    assert found["film's mean"] > 4.5
    assert found["mean of all ratings"] < found["bias model"] <= 5
    assert others.predictions(replace(FILM, profile=[]))["user's mean"] == pytest.approx(3.5)


def test_tokens_to_match_lie_between_two_budgets() -> None:
    assert tokens_to_match(BUDGETS, [3.0, 2.0, 1.0, 1.0, 1.0], 1.5) == pytest.approx(90.5)
    assert tokens_to_match((64, 256), [2.0, 1.0], 1.5) == pytest.approx(128)
    assert tokens_to_match(BUDGETS, [1.0] * 5, 1.5) == BUDGETS[0]
    assert tokens_to_match(BUDGETS, [3.0] * 5, 1.5) is None


def test_liking_is_told_by_the_order_of_predictions() -> None:
    assert like_auc([5, 4, 1], [3, 2, 1]) == 1
    assert like_auc([5, 5], [1, 2]) is None


def test_ratings_are_read_off_what_is_kept() -> None:
    assert list(ratings(FILM.profile_text)) == [("Heat (1995) | Crime", 2.0), ("Wall-E (2008) | Animation", 4.5)]


def test_the_reader_weighs_all_ratings_and_repeats_itself(model: str) -> None:
    reader = Reader(model)
    reading = reader.read(FILM, FILM.profile_text)
    likely = reading.ratings()
    assert sorted(likely) == [number / 2 for number in range(1, 11)]
    assert sum(likely.values()) == pytest.approx(1)
    assert reading.loss() == reader.read(FILM, FILM.profile_text).loss()  # one question leaves nothing behind for the next
    assert reading.ratings() == likely
    paper = reader.read(PAPER, "")
    assert paper.title() == paper.title()


def test_the_loss_is_that_of_all_tokens_at_once(model: str) -> None:
    reader = Reader(model)
    prompt, answer = reader.ids(prompt_of(FILM, FILM.profile_text)), reader.ids(answer_of(FILM))
    ids, labels = torch.tensor([prompt + answer]), torch.tensor([[-100] * len(prompt) + answer])
    assert reader.read(FILM, FILM.profile_text).loss() == pytest.approx(reader.model(input_ids=ids, labels=labels).loss.item(), rel=0.02)


def test_tuning_makes_the_answers_likely_and_is_taken_up_again(model: str, tmp_path: Path) -> None:
    settings = Tuning(epochs=3, learning_rate=1e-2, batch=1)
    reader = Reader(model)
    before = reader.read(FILM, FILM.profile_text).loss()
    reader.tuned([FILM, FILM], settings, tmp_path / "w")
    after = reader.read(FILM, FILM.profile_text).loss()
    assert after < before
    again = Reader(model)
    again.tuned([FILM, FILM], settings, tmp_path / "w")
    assert again.read(FILM, FILM.profile_text).loss() == pytest.approx(after, abs=0.02)
    with pytest.raises(SystemExit, match="tuned otherwise"):
        Reader(model).tuned([FILM], settings, tmp_path / "w")


def row(user: str, arm: str, budget: int, loss: float, way: str = "extract") -> Row:
    measures = {"loss of the answer": loss}
    return Row(
        task="title",
        case=user,
        user=user,
        arm=arm,
        budget=budget,
        tokens=budget,
        seconds=1.0,
        way=way,
        gold=None,
        measures=measures,
        where="",
    )


def test_arms_that_write_are_compared_on_their_own_users_and_cost_the_others_none() -> None:
    users = ("a", "b", "c")
    rows = [row(user, arm, 0, loss) for user in (*users, "gate only") for arm, loss in ((NONE, 3.0), (FULL, 1.0))]
    rows += [row(user, arm, budget, 2.0) for user in users for arm in ("recency", "attngs") for budget in BUDGETS]
    rows += [row("a", "direct summary", budget, 2.5, "rewrite") for budget in (64, 256)]
    rows += [row("b", "direct summary", 64, 9.0, "rewrite")]  # not all of its budgets
    summary = summarise(rows)["title"]
    assert (summary["gate_users"], summary["gate"], summary["open"]) == (4, [2, 2, 2], True)
    extracting, writing = summary["groups"].values()
    assert (extracting["users"], extracting["budgets"]) == (3, list(BUDGETS))
    assert (writing["users"], writing["budgets"]) == (1, [64, 256])
    assert list(writing["ahead"]) == ["direct summary"]
    assert writing["ahead"]["direct summary"]["64"] == [0.5, 0.5, 0.5]
    assert writing["arms"]["direct summary @ 64"]["rewritten"] == 1
    assert "attngs @ 256" in writing["arms"]


def test_without_our_extract_nothing_is_compared() -> None:
    rows = [row("a", arm, 0, loss) for arm, loss in ((NONE, 3.0), (FULL, 1.0))]
    assert summarise([*rows, *(row("a", "recency", budget, 2.0) for budget in BUDGETS)]) == {}
    assert summarise([]) == {}


def test_a_run_goes_on_where_it_stopped_and_says_whether_the_reader_can_tell(
    model: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(data), "--reader", model, "--tuning", "2", "--threads", "1", "--window", "300"]
    arguments += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--arms", "random", "attngs", "mark all"]
    main([*arguments, "--users", "1", "--gate-users", "1"])
    first = load_rows(tmp_path / "out" / "attn_gs.jsonl")
    main([*arguments, "--users", "2", "--gate-users", "3"])
    rows = load_rows(tmp_path / "out" / "attn_gs.jsonl")
    assert rows[: len(first)] == first
    assert len({row.key for row in rows}) == len(rows) == 2 * (3 * 2 + 2 * 2 * len(BUDGETS))
    assert all(row.tokens <= row.budget for row in rows if row.arm not in (NONE, FULL))
    found = summarise(rows)
    assert {task: summary["groups"]["arms that extract"]["users"] for task, summary in found.items()} == {"rating": 2, "title": 2}
    assert {summary["gate_users"] for summary in found.values()} == {3}
    page = (tmp_path / "out" / "attn_gs.md").read_text()
    assert "The gate is" in page
    assert "no --writer" in capsys.readouterr().out
    assert (tmp_path / "out" / "attn_gs.svg").read_text().count("lower is better") == 2
