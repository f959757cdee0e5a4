"""JSON lines in pieces: every line is in one piece, and none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attngs.errors import InputError
from attngs.scale.json_lines import lines_of, pieces_of, row_of


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_each_line_is_in_one_piece(tmp_path: Path, size: int) -> None:
    lines = [json.dumps({"id": number, "documents": "ä" * (number % 9), "query": "q"}, ensure_ascii=False) for number in range(20)]
    path = tmp_path / "rows.jsonl"
    path.write_bytes("\n\n".join(lines).encode())  # the last line has no line break
    found = [line for piece in pieces_of([path], size) for line in lines_of(piece)]
    assert [line["id"] for line in found] == [str(number) for number in range(20)]
    assert [row_of(line)["documents"] for line in found] == ["ä" * (number % 9) for number in range(20)]


def test_a_line_that_is_no_row_is_named_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    broken = [b"{secret", b"\xff", b"[1]", b'{"id": ""}', b'{"id": true}', b'{"query": "q"}', b"[" * 100_000]
    path.write_bytes(b"\n".join([*broken, b'{"id": "good"}']))
    *bad, good = [line for piece in pieces_of([path]) for line in lines_of(piece)]
    assert [line["id"] for line in bad] == [f"{path}:{sum(len(each) + 1 for each in broken[:number])}" for number in range(len(broken))]
    assert good["id"] == "good"
    for line in bad:
        with pytest.raises(InputError) as error:
            row_of(line)
        assert "secret" not in str(error.value)


def test_windows_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a"}\r\n{"id": "b"}\r\n')
    assert [line["id"] for piece in pieces_of([path]) for line in lines_of(piece)] == ["a", "b"]


def test_nothing_to_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(InputError, match="input files are empty"):
        pieces_of([empty])
    with pytest.raises(InputError, match=r"`.*gone\.jsonl` cannot be read: No such file"):
        pieces_of([tmp_path / "gone.jsonl"])
