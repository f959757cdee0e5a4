"""The floor's benchmark: its data, its arithmetic, and that its constants are those of the code."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from attngs.marking.relevance import LATIN, OTHER, Measures
from attngs.selection.selector import MEMORY_FLOOR
from benchmarks.floor.data import Kind, idle_turns, load_contexts, messages
from benchmarks.floor.measure import FLOORS, Row, adaptive, curve, fit, held_out, reliability, script_of
from benchmarks.floor.page import constants, tables, write_page


def row(name: str, kind: Kind, likeness: float, *, latin: bool = True, query: str = "q") -> Row:
    measures = Measures(likeness=likeness, shared=1 + likeness, cover=likeness, sentences=4.0, idle=0.3)
    return Row(set=name, kind=kind, query=query, latin=latin, measures=measures, shipped=likeness, kept={})


ROWS = [
    row(name, kind, likeness, latin=latin, query="q" if latin else query)
    for name in ("a", "b", "c")
    for latin, query in ((True, "q"), (False, "你"), (False, "Ω"))
    for kind, likeness in (("answerable", 0.7), ("answerable", 0.6), ("idle", 0.1), ("idle", 0.2), ("other", 0.15))
]


def test_idle_turns_are_as_many_in_both_halves_and_none_is_in_both() -> None:
    dev, final = idle_turns("dev"), idle_turns("final")
    assert len(dev) == len(final) >= 100
    assert not set(dev) & set(final)
    lines = (Path(__file__).parents[2] / "benchmarks/floor/idle.jsonl").read_text(encoding="utf-8").splitlines()
    languages = Counter(json.loads(line)["language"] for line in lines)
    assert len(languages) >= 15
    assert min(languages.values()) >= 4


def test_the_messages_of_a_context_are_of_three_kinds() -> None:
    contexts = load_contexts(Path("unused"), "dev", ["users", "maren"])
    found = messages(contexts, idle_turns("dev"))
    assert found == messages(load_contexts(Path("unused"), "dev", ["users", "maren"]), idle_turns("dev"))
    assert {message.kind for message in found} == {"answerable", "idle", "other"}
    for message in found:
        if message.kind == "answerable":
            assert message.evidence
            assert all(end <= len(message.context.documents[number].text) for number, _, end in message.evidence)
        if message.kind == "other":
            assert message.query not in {question.query for question in message.context.questions}


def test_a_fit_tells_the_kinds_apart() -> None:
    fitted = fit([one for one in ROWS if one.latin], ("likeness", "shared"))
    assert fitted(ROWS[0].measures) > 0.8
    assert fitted(ROWS[2].measures) < 0.2


def test_held_out_rows_are_judged_by_others() -> None:
    found = held_out(ROWS)
    assert [p > 0.5 for p in found] == [one.kind == "answerable" for one in ROWS]
    bins = reliability(ROWS, found)
    assert sum(size for _, _, size in bins) == len(ROWS)
    assert [script_of(text) for text in ("abc Ω", "你好", "17")] == ["GREEK", "CJK", ""]


def test_the_curve_counts_what_is_below_each_floor() -> None:
    shares = curve(ROWS, [one.shipped for one in ROWS])
    assert shares["mean"]["idle"] == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert shares["a"]["answerable"] == [0.0] * len(FLOORS)


def test_the_page_has_the_curve_and_the_constants(tmp_path: Path) -> None:
    kept = dict.fromkeys((256, 512, 1024, 2048), (0.5, 100, 0.5, 90))
    found = {
        "floor": MEMORY_FLOOR,
        "curve": curve(ROWS, [one.shipped for one in ROWS]),
        "reliability": reliability(ROWS, [one.shipped for one in ROWS]),
        "adaptive": adaptive([Row(set="a", kind="answerable", query="q", latin=True, measures=ROWS[0].measures, shipped=1.0, kept=kept)]),
        "fitted": {"LATIN": (LATIN.bias, dict(LATIN.weights)), "OTHER": (OTHER.bias, dict(OTHER.weights))},
        "machine": {"date": "2026-01-01", "code": "abc", "cpu": "none"},
    }
    page = write_page({"dev": found}, tmp_path).read_text(encoding="utf-8")
    assert len(list(tables("dev", found))) == 4
    assert f"| {MEMORY_FLOOR:.2f} |" in page
    assert constants(found) in page
    assert "0.500 -> 0.500, 100 -> 90 tokens" in page


def test_the_floor_in_use_is_on_the_curve() -> None:
    assert MEMORY_FLOOR in FLOORS
