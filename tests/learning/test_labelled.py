"""Labelled examples are read as they are meant, and what cannot be meant is named with its line."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from attngs.errors import InputError
from attngs.learning.labelled import read_examples

TEXT = "Mild. New pills. Mild again."


def written(tmp_path: Path, *rows: object, name: str = "data.jsonl") -> Path:
    path = tmp_path / name
    data = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    path.write_bytes(lzma.compress(data) if name.endswith(".xz") else data)
    return path


def row(**settings: object) -> dict[str, object]:
    return {"query": "Which pills?", "documents": [{"id": "may", "text": TEXT}, "Other."], "evidence": ["may"], **settings}


@pytest.mark.parametrize(
    ("evidence", "places"),
    [
        (["may"], ((0, 0, len(TEXT)),)),
        (["document-2"], ((1, 0, 6),)),
        ([{"doc_id": "may", "start": 6, "end": 16}], ((0, 6, 16),)),
        ([{"doc_id": "may", "text": "New pills."}], ((0, 6, 16),)),
        ([{"doc_id": "may", "start": 6, "end": 16, "text": "New pills.", "unit": "x"}, "may"], ((0, 6, 16), (0, 0, len(TEXT)))),
    ],
)
def test_three_ways_to_say_where(tmp_path: Path, evidence: list[object], places: tuple[object, ...]) -> None:
    (example,) = read_examples(written(tmp_path, row(evidence=evidence)))
    assert example.evidence == places
    assert [document.id for document in example.documents] == ["may", "document-2"]


def test_numbers_as_ids_answers_and_packed_files(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        row(documents=[{"id": 7, "text": TEXT}], evidence=[7], answer="x"),
        "",
        row(answer=""),
        row(answer=" \n"),
        name="d.jsonl.xz",
    )
    first, second, third = read_examples(path)
    assert (first.evidence[0][0], first.answer, second.answer, third.answer) == (0, "x", None, None)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{oops", "line 2` is not JSON"),
        ("[" * 100_000, "line 2` is not JSON"),
        ("[1]", "line 2` must be an object .* got list"),
        (row(query=""), "line 2`: `query` is empty"),
        (row(query=3), "`query` must be a str, got int"),
        (row(documents=[]), "`documents` is empty"),
        (row(documents="text"), "`documents` must be a list, got str"),
        (row(documents=[3]), "a document must be a string or an object with `text`, got int"),
        (row(documents=[{"id": "may"}]), "text` must be a str, got NoneType"),
        (row(documents=[{"id": "may", "text": "x", "metadata": 3}]), "must be a mapping"),
        (row(evidence=["june"]), "names the document 'june'; the ids are 'may', 'document-2'"),
        (row(evidence=[[1]]), "a piece of evidence must be a document id or an object"),
        (row(evidence=[{"doc_id": "may", "start": 6, "end": 99}]), "the characters 6 to 99 of the document 'may', which has 28"),
        (row(evidence=[{"doc_id": "may", "start": -1, "end": 3}]), "the characters -1 to 3"),
        (row(evidence=[{"doc_id": "may", "start": 5, "end": 5}]), "the characters 5 to 5"),
        (row(evidence=[{"doc_id": "may", "start": "a", "end": 5}]), "the characters 'a' to 5"),
        (row(evidence=[{"doc_id": "may", "start": True, "end": 5}]), "the characters True to 5"),
        (row(evidence=[{"doc_id": "may", "start": 5, "end": 6}]), "the characters 5 to 6 .* nothing but white space"),
        (row(documents=[{"id": "may", "text": TEXT}, {"id": "may", "text": "Other."}]), "document 'may', but 2 documents have that id"),
        (row(group=["ana"]), "`group` must be a string or a number, got list"),
        (row(group=""), "`group` is empty"),
        (row(evidence=[{"doc_id": "may", "text": "Old pills."}]), "quotes 'Old pills.', which does not stand in"),
        (row(evidence=[{"doc_id": "may", "text": " "}]), "quotes ' '"),
        (row(evidence={"doc_id": "may"}), "`evidence` must be a list, got dict"),
        (row(documents=[{"id": "may", "text": ""}]), "the characters 0 to 0"),
        (row(answer=3), "`answer` must be a string, got int"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(tmp_path: Path, bad: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_examples(written(tmp_path, row(), bad))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no examples"):
        read_examples(written(tmp_path, " "))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_examples(tmp_path / "none.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 0\)"):
        read_examples(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl.xz").write_bytes(b"no")
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(tmp_path / "a.jsonl.xz")


def test_rows_that_share_evidence_documents_are_one_group_however_indirectly(tmp_path: Path) -> None:
    def about(*ids: str, **settings: object) -> dict[str, object]:
        documents = [{"id": name, "text": f"Text {name}."} for name in "abcdef"]
        return {"query": "x", "documents": documents, "evidence": list(ids), **settings}

    rows = [about("a"), about("b"), about("c"), about("a", "b"), about("d", group="mine"), about("e", group=0), about("e")]
    groups = [example.group for example in read_examples(written(tmp_path, *rows))]
    assert groups[0] == groups[1] == groups[3]
    assert len({groups[0], groups[2], groups[4], groups[5], groups[6]}) == 5
    assert groups[4:6] == ["mine", "0"]


def test_without_evidence_all_documents_count(tmp_path: Path) -> None:
    rows = [{"query": "x", "documents": texts, "answer": "y"} for texts in (["a", "b"], ["b", "c"], ["d"])]
    groups = [example.group for example in read_examples(written(tmp_path, *rows))]
    assert groups[0] == groups[1] != groups[2]
