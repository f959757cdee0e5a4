"""What was answered last, so that an agent that asks the same thing three times in a turn pays once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from attngs.selection import ExtractLayout
from attngs.types import Marking


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A compressed memory."""

    text: str
    marking: Marking
    """Scores of all sentences, from which a still shorter text can be cut."""
    layout: ExtractLayout
    """How it is shown."""


class Recall:
    """The last answers by key, safe from many threads. A copy starts empty: it can be computed again."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Recalled] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Recall], tuple[int]]:
        return Recall, (self._size,)

    def get(self, key: tuple[object, ...]) -> Recalled | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[object, ...], value: Recalled) -> None:
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def of_text(self, text: str) -> Recalled | None:
        """The answer that had this text."""
        with self._lock:
            return next((value for value in reversed(self._kept.values()) if value.text == text), None)

    def clear(self, session: str) -> None:
        """Forget all keys that begin with the session."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == session]:
                del self._kept[key]
