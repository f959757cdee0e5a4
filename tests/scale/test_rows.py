"""Rows in, rows out: every row has one result, whatever is wrong with the others."""

from __future__ import annotations

from typing import Any

import pytest

from attngs import ContextCompressor, Marker
from attngs.errors import ConfigError
from attngs.scale.rows import Recipe, Row, compress_all
from attngs.testing import FakeScorer, count_words

NUTS = [{"id": "diary", "text": "It rained. No nuts for Ana. We slept."}, "Nothing else happened on that day."]


def compressed(rows: dict[str, Any]) -> dict[str, Any]:
    def read(row: Row) -> Row:
        if "fails" in row:
            raise row["fails"]
        return row

    compressor = ContextCompressor(Marker(FakeScorer("nuts")), counter=count_words)
    found = compress_all(compressor, rows, read, 5)
    assert [row["id"] for row in found] == list(rows)
    return {str(row["id"]): row for row in found}


def test_a_row_has_what_was_kept_and_where() -> None:
    row = compressed({"a": {"documents": NUTS, "query": "What may Ana not eat?"}})["a"]
    assert (row["text"], row["tokens"], row["original_tokens"], row["error"]) == ("[diary]\nNo nuts for Ana.", 5, 16, None)
    [kept] = row["kept"]
    assert (kept["document_id"], kept["position"]) == ("diary", 0)
    assert NUTS[0]["text"][kept["start"] : kept["end"]].strip() == "No nuts for Ana."  # type: ignore[index]


def test_a_row_may_have_its_own_budget_and_namespace() -> None:
    row = compressed({"a": {"documents": NUTS, "query": "nuts?", "target_tokens": 100, "namespace": "ana"}})["a"]
    assert row["method"] == "passthrough"


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        ({"documents": NUTS}, "InputError", "`query` must be a str, got NoneType"),
        ({"documents": NUTS, "query": " "}, "InputError", "`query` is empty"),
        ({"query": "q"}, "InputError", "`documents` is missing"),
        ({"documents": [3], "query": "q"}, "InputError", r"`documents[0]` must be a string"),
        (
            {"documents": NUTS, "query": "q", "target_tokens": 0},
            "ConfigError",
            "`target_tokens` must be a whole number of at least 1, got 0",
        ),
        ({"documents": NUTS, "query": "q", "target_tokens": float("nan")}, "ConfigError", "got nan"),
        ({"documents": NUTS, "query": "q", "namespace": 3}, "InputError", "`namespace` must be a str"),
        ({"fails": RuntimeError("no \ud800 luck")}, "RuntimeError", "no \ufffd luck"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_leaves_the_others_alone(bad: dict[str, Any], kind: str, message: str) -> None:
    good = {"documents": NUTS, "query": "nuts?"}
    found = compressed({"first": good, "bad": bad, "last": good})
    assert found["bad"]["error"]["type"] == kind
    assert message in found["bad"]["error"]["message"]
    assert found["bad"]["text"] is None
    assert found["first"]["text"] == found["last"]["text"] == "[diary]\nNo nuts for Ana."


def test_lone_surrogates_do_not_stop_a_file() -> None:
    row = compressed({"a": {"documents": "\ud800 nuts. It rained all day. She left the house late.", "query": "nuts?"}})["a"]
    assert row["text"] == "\ufffd nuts."


@pytest.mark.parametrize("settings", [{"target_tokens": 0}, {"marker": " "}, {"min_score": 2.0}])
def test_a_recipe_is_checked_before_it_travels(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Recipe(**settings)
