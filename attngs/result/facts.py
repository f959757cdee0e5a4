"""A document's metadata in words, to be shown next to its id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_DAY = re.compile(r"([0-9]{4})-[0-9]{2}-([0-9]{2})")
_FIGURES = re.compile("[0-9]{1,4}")


def shortened(text: str, length: int) -> str:
    """At most `length` characters on one line. The middle is cut, because both ends of a path say more."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length // 2].rstrip()}…{line[-(length // 2 - 1) :].lstrip()}"


def facts(name: str, metadata: Mapping[str, object]) -> Iterable[str]:
    """Metadata in words, the date first.

    What the id already says is left out, and so are names that begin with an underscore.
    """
    for key, value in sorted(metadata.items(), key=lambda item: item[0] != "date"):
        words = shortened(str(value), 80)
        if words and not _says(name, str(value)) and not str(key).startswith("_"):
            yield words if key == "date" else f"{shortened(str(key), 40)} {words}"


def _says(name: str, value: str) -> bool:
    """Whether an id is this value, or this day: `14 Mar 2026` is 2026-03-14."""
    day = _DAY.fullmatch(value)
    return value == name or (day is not None and {*map(int, day.groups())} <= {*map(int, _FIGURES.findall(name))})
