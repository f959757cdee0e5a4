"""Another process need not read a context again, and nobody can tell but by the clock."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from attngs import Marker, Memory
from attngs.errors import ConfigError, UnavailableError
from attngs.marking.scorers.attention import AttentionConfig
from attngs.testing import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
CONTEXT = [f"Note {number}: the lamp of room {number} is broken again. " for number in range(30)]
QUESTION = "Which lamp is broken?"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short text has several."""
    monkeypatch.setattr("attngs.reading.key_values.CHUNK", 16)
    monkeypatch.setattr("attngs.reading.context_reader.CHUNK", 16)


def model() -> torch.nn.Module:
    """The same weights each time, in another object: what another process would have."""
    return tiny_model("qwen2", max_position_embeddings=4096)


def marker(folder: Path | None, *, of: torch.nn.Module | None = None, **options: object) -> Marker:
    return Marker.from_model(of or model(), TOKENIZER, config=AttentionConfig(layers=(0.0, 1.0)), cache_folder=folder, **options)  # type: ignore[arg-type]


def scores(made: Marker, namespace: str = "ana") -> torch.Tensor:
    return torch.tensor(made.mark("".join(CONTEXT), QUESTION, namespace=namespace).scores, dtype=torch.float64)


@contextmanager
def counted(read: torch.nn.Module) -> Iterator[list[int]]:
    """How many tokens the model reads in each pass."""
    seen = list[int]()
    hook = read.get_input_embeddings().register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].numel()))  # type: ignore[operator]
    yield seen
    hook.remove()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("options", [{}, {"cache_bytes": 0}, {"cache_storage": "int8"}, {"cache_storage": "bfloat16"}])
def test_another_process_reads_the_question_alone(tmp_path: Path, options: dict[str, object]) -> None:
    plain = marker(None, **options)
    scores(plain)
    expected = scores(plain)  # of what is kept, where that is less than what was computed
    first, other = model(), model()
    with counted(first) as cold:
        scores(marker(tmp_path, of=first, **options))
    with counted(other) as warm:
        assert (scores(marker(tmp_path, of=other, **options)) - expected).abs().max() <= 1e-6
    assert sum(warm) < sum(cold) / 4


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    scores(marker(tmp_path / "kept" / "here"))
    found = files(tmp_path)
    assert found
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kept" / "here", found[0].parent)} == {0o700}
    assert b"ana" not in b"".join(os.fsencode(path.relative_to(tmp_path)) for path in found)


def test_other_weights_are_other_files(tmp_path: Path) -> None:
    scores(marker(tmp_path))
    before, changed = files(tmp_path), model()
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter *= 1.01
    assert (scores(marker(tmp_path, of=changed)) - scores(marker(None, of=changed))).abs().max() <= 1e-6
    assert len(files(tmp_path)) == 2 * len(before)
    scores(marker(tmp_path, cache_storage="bfloat16"))
    assert len(files(tmp_path)) == 3 * len(before)


def test_weights_that_change_later_are_other_files(tmp_path: Path) -> None:
    trained = model()
    made = marker(tmp_path, of=trained)
    scores(made)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter *= 1.01
    assert (scores(made) - scores(marker(None, of=trained))).abs().max() <= 1e-6


def test_a_namespace_is_forgotten_on_disk_too(tmp_path: Path) -> None:
    made = marker(tmp_path)
    scores(made, "ana")
    one = files(tmp_path)
    scores(made, "ivo")
    made.forget("ana")
    assert len(files(tmp_path)) == len(one)
    assert not set(files(tmp_path)) & set(one)
    made.forget()
    assert not files(tmp_path)


def test_what_a_file_held_is_overwritten(tmp_path: Path) -> None:
    made = marker(tmp_path)
    scores(made)
    (link, *_) = files(tmp_path)
    os.link(link, tmp_path / "other name")
    made.forget("ana")
    assert not any((tmp_path / "other name").read_bytes())


def test_a_damaged_file_is_read_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = scores(marker(tmp_path))
    first, second, *_ = files(tmp_path)
    good = first.read_bytes()
    first.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    second.write_bytes(second.read_bytes()[:40])
    with caplog.at_level(logging.WARNING, logger="attngs"):
        assert (scores(marker(tmp_path)) - expected).abs().max() <= 1e-6
    assert "read anew" in caplog.text
    assert "lamp" not in caplog.text
    mended = model()
    with counted(mended) as seen:
        scores(marker(tmp_path, of=mended))
    assert sum(seen) < 200


def test_the_oldest_files_go_first(tmp_path: Path) -> None:
    scores(marker(tmp_path))
    sizes = [path.stat().st_size for path in files(tmp_path)]
    room = sum(sizes) + max(sizes)
    old = files(tmp_path)
    for path in old:
        os.utime(path, (1, 1))
    scores(marker(tmp_path, cache_folder_bytes=room), "ivo")
    assert sum(path.stat().st_size for path in files(tmp_path)) <= room
    assert len(set(files(tmp_path)) & set(old)) <= 1
    scores(marker(tmp_path, cache_folder_bytes=1), "eva")
    assert (scores(marker(tmp_path, cache_folder_bytes=1), "eva") - scores(marker(None))).abs().max() <= 1e-6


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = marker(tmp_path / "kept")
    scores(made)
    (namespace,) = (tmp_path / "kept").iterdir()
    made.forget()
    namespace.rmdir()
    namespace.write_text("in the way")
    expected = scores(marker(None))
    with caplog.at_level(logging.WARNING, logger="attngs"):
        assert (scores(marker(tmp_path / "kept")) - expected).abs().max() <= 1e-6
    assert "cannot be written" in caplog.text


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnavailableError, match=r"`cache_folder` .*file cannot be made"):
        marker(tmp_path / "file")
    with pytest.raises(ConfigError, match="`cache_folder_bytes` must be a whole number of at least 1, got 0"):
        marker(tmp_path / "kept", cache_folder_bytes=0)


def test_a_memory_that_deletes_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    made = marker(tmp_path / "kept")
    with Memory.open(tmp_path / "ana.db", namespace="ana", marker=made) as memory:
        first, *_ = memory.add(CONTEXT)
        memory.ask(QUESTION, target_tokens=40)
        assert files(tmp_path / "kept")
        memory.delete(first)
        assert not files(tmp_path / "kept")
