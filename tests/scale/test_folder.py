"""The folder of results: what is in it is done, and done once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from attngs.errors import AssetError, ConfigError, InputError
from attngs.scale.folder import ResultFolder, among, write_pending

SETTINGS = {"marker": "default", "target_tokens": 9}


def row(name: str) -> dict[str, Any]:
    return {"id": name, "text": "kept", "tokens": 1, "original_tokens": 2, "method": "extract", "kept": []}


def test_only_what_was_committed_is_done(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "results")
    with folder.writing(SETTINGS):
        folder.commit(write_pending(folder.path, [row("a"), row("ä")]))
        write_pending(folder.path, [row("b")])  # of a worker that died before it could say so
    assert among(["a", "b", "ä", "", "zz"], folder.done()).tolist() == [True, False, True, False, False]
    with folder.writing(SETTINGS):
        assert not list(folder.path.glob(".pending/*"))


def test_nothing_is_done_in_a_new_folder(tmp_path: Path) -> None:
    assert among(["a"], ResultFolder(tmp_path).done()).tolist() == [False]


def test_two_runs_at_a_time(tmp_path: Path) -> None:
    with ResultFolder(tmp_path / "results").writing(SETTINGS):
        with pytest.raises(AssetError, match="another run writes to"), ResultFolder(tmp_path / "results").writing(SETTINGS):
            pass
        assert (tmp_path / "results/.pending").exists()


def test_a_folder_never_mixes_two_recipes(tmp_path: Path) -> None:
    with ResultFolder(tmp_path / "results").writing(SETTINGS):
        pass
    with (
        pytest.raises(ConfigError, match="holds results with `target_tokens` 9, not 10"),
        ResultFolder(tmp_path / "results").writing({**SETTINGS, "target_tokens": 10}),
    ):
        pass


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Precious.")
    with pytest.raises(ConfigError, match=r"is not empty \(`thesis.txt`\)"), ResultFolder(tmp_path).writing(SETTINGS):
        pass
    with pytest.raises(InputError, match=r"`.*thesis\.txt` is a file"), ResultFolder(tmp_path / "thesis.txt" / "results").writing(SETTINGS):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "Precious."


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing"])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(AssetError, match=r"x\.parquet` is damaged; delete it"):
        ResultFolder(tmp_path).done()


@pytest.mark.parametrize("content", ["{", "[1]", "3"])
def test_damaged_settings(tmp_path: Path, content: str) -> None:
    (tmp_path / ".attngs.json").write_text(content)
    with pytest.raises(AssetError, match=r"\.attngs\.json` is damaged"), ResultFolder(tmp_path).writing(SETTINGS):
        pass


def test_a_folder_that_is_not_shared(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="All machines must share it"):
        write_pending(tmp_path / "of another machine", [row("a")])
