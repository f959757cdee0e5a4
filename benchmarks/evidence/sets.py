"""The sets of the benchmark: where their rows come from, and how many are taken unless more are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attngs.text.sentences import UnitSize
from benchmarks.evidence.data import CLUSTERS, Row, load_maren, load_rows
from benchmarks.evidence.generated import KINDS, available, load_generated

CHAT: tuple[UnitSize, ...] = ("auto", "sentence", "turn")
TEXT: tuple[UnitSize, ...] = ("auto", "sentence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One set."""

    title: str
    load: Callable[[Path, int | None, int], list[Row]]
    """From the data folder, the most rows and the seed."""
    rows: int | None
    """Taken when nothing else is asked for; all when `None`."""
    units: tuple[UnitSize, ...]
    """Told apart when nothing else is asked for; passages have no turns, and their `auto` units are sentences."""
    personal: bool = False
    """Whether it is about one person's memory."""
    kind: Literal["real", "generated", "safety"] = "real"
    """Generated sets are this project's own and not in the average over real ones. The safety set is there for what was injected: its texts
    are so short that no unit fits into the smaller budgets, so its recall is told but neither averaged nor judged."""


def _file(name: str, title: str, rows: int | None, units: tuple[UnitSize, ...], **more: Any) -> Source:
    def load(folder: Path, limit: int | None, seed: int) -> list[Row]:
        return load_rows(folder, name, limit=limit, seed=seed)

    return Source(title=title, rows=rows, units=units, load=load, **more)


def _memories(name: str) -> Source:
    def load(folder: Path, limit: int | None, seed: int) -> list[Row]:
        return load_generated(name, limit=limit, seed=seed)

    return Source(title=f"Generated, {KINDS[name]}", rows=96, units=CHAT, personal=True, kind="generated", load=load)


def _maren(folder: Path, limit: int | None, seed: int) -> list[Row]:
    return load_maren(limit, seed)


SETS: dict[str, Source] = {
    "maren": Source(title="Maren, three months", rows=None, units=CHAT, personal=True, load=_maren),
    "madial_user1": _file("madial_user1", "MADial memories", None, CHAT, personal=True),
    "qmsum_val": _file("qmsum_val", "QMSum meetings", 32, CHAT),
    "expmrc": _file("expmrc", "ExpMRC passages", 100, TEXT),
    "xquad12_a": _file("xquad12_a", "XQuAD, 12 languages", 60, TEXT),
    "bipia_email_train": _file("bipia_email_train", "BIPIA e-mails", None, CHAT, kind="safety"),
    **{name: _memories(name) for name in KINDS},
}
"""Row limits are such that all sets take less than 25 minutes on one idle core, also with a second encoder."""


def load_set(name: str, folder: Path, limit: int | None, seed: int) -> list[Row] | str:
    """The rows, or the reason why there are none."""
    source = SETS[name]
    if source.kind == "generated" and not available():
        return "there is no folder `training/` with `memories.py`"
    if name in CLUSTERS and not (folder / f"{name}.jsonl.xz").is_file():
        return f"there is no {folder / name}.jsonl.xz"
    return source.load(folder, limit or source.rows, seed) or "its bank holds too few items"
