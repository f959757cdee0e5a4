"""The shapes benchmark: its rows can be measured, and its judge and its arithmetic are right on texts that one can check by hand."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from attngs.types import Document
from benchmarks.shapes.__main__ import main
from benchmarks.shapes.data import PARTS, SHAPES, Part, Row, dev_ids, load_rows
from benchmarks.shapes.judge import Verdict, needed_lines, problems, verdict
from benchmarks.shapes.measure import kept, summarise
from benchmarks.shapes.methods import OURS, Bench, Method, choose
from benchmarks.shapes.page import tables

PUMPS = Row(
    shape="markdown",
    id="pumps",
    language="en",
    documents=(
        Document(text="# Pumps\n\n## East\n\nSet it to 12 bar.\nOil it in May.\n\n## West\n\nSet it to 30 bar.\nOil it in June.\n"),
    ),
    query="At which pressure does the pump in the west run?",
    target_tokens=14,
    answer=("Set it to 30 bar",),
    understood=("West",),
    forbidden=("## East Set it to 30 bar",),
)


@pytest.fixture(scope="module")
def parts() -> dict[Part, list[Row]]:
    return {part: load_rows(part) for part in PARTS}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_every_row_can_be_measured(parts: dict[Part, list[Row]], bench: Bench) -> None:
    found = {row.id: list(problems(row, bench.counter)) for rows in parts.values() for row in rows}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_there_are_enough_rows_of_every_shape_and_in_other_languages(parts: dict[Part, list[Row]]) -> None:
    rows = [row for part in parts.values() for row in part]
    assert len({row.id for row in rows}) == len(rows)
    assert set(SHAPES) == {row.shape for row in rows}
    assert min(Counter(row.shape for row in rows).values()) >= 10
    assert sum(row.language != "en" for row in rows) >= 20


def test_the_split_follows_its_rule(parts: dict[Part, list[Row]]) -> None:
    for shape in SHAPES:
        ids = {part: [row.id for row in rows if row.shape == shape] for part, rows in parts.items()}
        assert set(ids["dev"]) == dev_ids([*ids["kept"], *ids["dev"]])
        assert 0 <= len(ids["dev"]) - len(ids["kept"]) <= 1


def test_texts_are_told_apart_by_what_they_keep() -> None:
    assert verdict("## West\n\nSet it to 30 bar.", PUMPS) == Verdict(answered=True, understood=True)
    assert verdict("... ## West\n  Set it\nto 30 bar. Oil it", PUMPS) == Verdict(answered=True, understood=True)
    assert verdict("Set it to 30 bar.", PUMPS) == Verdict(answered=True, understood=False)
    assert verdict("## West\n\nOil it in June.", PUMPS) == Verdict(answered=False, understood=False)
    assert verdict("", PUMPS) == Verdict(answered=False, understood=False)


def test_a_text_that_misleads_is_not_understood() -> None:
    assert verdict("## East\n\nSet it to 30 bar.\n\n## West", PUMPS) == Verdict(answered=True, understood=False)


def test_needed_lines_are_those_that_are_read_with_the_answer() -> None:
    assert needed_lines(PUMPS) == ["## West", "Set it to 30 bar."]
    twice = replace(PUMPS, answer=("Oil it in June",), understood=("Set it",), forbidden=())
    assert needed_lines(twice) == ["Set it to 30 bar.", "Oil it in June."]


def test_only_a_stretch_of_a_long_line_is_needed() -> None:
    line = f"{'a ' * 200}the key is in the drawer{' b' * 200}"
    row = replace(PUMPS, documents=(Document(text=line),), answer=("the key is in the drawer",), understood=(), forbidden=())
    (needed,) = needed_lines(row)
    assert len(needed) < 150
    assert "the key is in the drawer" in needed


def test_a_row_that_asks_for_too_much_is_found(bench: Bench) -> None:
    assert list(problems(PUMPS, bench.counter)) == []
    assert "more than half" in next(problems(replace(PUMPS, target_tokens=25), bench.counter))
    assert "lines that are needed" in next(problems(replace(PUMPS, target_tokens=9), bench.counter))
    assert "stands in no document" in next(problems(replace(PUMPS, understood=("North",)), bench.counter))
    assert "the question contains" in next(problems(replace(PUMPS, answer=("West",), query="Is it West?"), bench.counter))
    assert "shape" in next(problems(replace(PUMPS, shape="poem"), bench.counter))


def test_shares_and_the_lead_by_hand() -> None:
    rows = [replace(PUMPS, id=str(i), language="en" if i else "de") for i in range(4)]
    yes, half, no = Verdict(True, True), Verdict(True, False), Verdict(False, False)
    found = summarise({OURS: [yes, yes, half, no], "other": [no, yes, half, half]}, rows)
    assert found["methods"][OURS]["all"]["answered"][0] == 0.75
    assert found["methods"][OURS]["all"]["understood"][0] == 0.5
    assert found["methods"][OURS]["other languages"]["understood"][0] == 1
    assert found["methods"]["other"]["markdown"]["understood"][0] == 0.25
    assert found["lead"]["other"][0] == 0.25
    assert found["understood"] == {OURS: ["0", "1"], "other": ["1"]}
    assert [table.rows[0][0] for table in tables("dev", found)] == [OURS, "markdown"]


def test_every_method_keeps_within_the_budget(bench: Bench, parts: dict[Part, list[Row]]) -> None:
    methods, left_out = choose(["attngs", "first tokens", "llmslim"])
    assert {method.name for method in methods} | set(left_out) == {"attngs", "first tokens", "llmslim"}
    row = parts["dev"][0]
    for method in methods:
        assert 0 < bench.size(method.keep(bench, row)) <= row.target_tokens


def test_a_method_that_keeps_too_much_is_refused(bench: Bench) -> None:
    everything = Method(name="everything", note="", keep=lambda _, row: row.documents[0].text)
    with pytest.raises(ValueError, match=r"everything kept .* pumps, whose budget is 14"):
        kept(everything, bench, PUMPS)


def test_the_command_measures_a_few_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--limit", "3", "--methods", "attngs", "first tokens", "--misses", "--out", str(tmp_path)]
    main(arguments)
    results = json.loads((tmp_path / "shapes.json").read_text(encoding="utf-8"))
    assert results["dev"]["rows"]["all"] == 3
    assert set(results["dev"]["methods"]) == {"attngs", "first tokens"}
    assert "Development half" in (tmp_path / "shapes.md").read_text(encoding="utf-8")
    assert "understood, by shape" in capsys.readouterr().out


def test_the_kept_half_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--part", "kept", "--misses"])
    assert "--part dev" in capsys.readouterr().err
