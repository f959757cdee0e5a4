"""Names in a host's configuration -> one marker a process, whose copies share its weights.

Hosts copy and pickle what they are given. A marker holds a model, locks and a thread: its copy is itself, and what is pickled of it is
where to find it again.
"""

from __future__ import annotations

import copyreg
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakValueDictionary

from attngs.errors import ConfigError
from attngs.marking.marker import Marker
from attngs.reading.forks import ForkSafeLock

MarkerLike = str | Path | Marker

_by_name: dict[str, Marker] = {}
_by_key: WeakValueDictionary[str, Marker] = WeakValueDictionary()
_keys: WeakKeyDictionary[Marker, str] = WeakKeyDictionary()
_lock = ForkSafeLock(threading.RLock)


def find_marker(marker: MarkerLike) -> Marker:
    """The marker itself, or the one of that name: `default`, a model on the hub, or a folder.

    A name is loaded once in a process, with the settings of `Marker.from_pretrained`; for others, make the marker and pass it.

    Raises:
        ModelNotFoundError: Nothing by that name could be loaded.
        UnsupportedModelError: Its attention cannot be read.
        MissingDependencyError: The embedded marker's weights are not installed.
    """
    if isinstance(marker, Marker):
        return marker
    from attngs.marking.assembly import EMBEDDED  # brings torch

    name = str(marker)
    with _lock.held():
        if name not in _by_name:
            _by_name[name] = Marker.default() if name == EMBEDDED else Marker.from_pretrained(name)
        return _by_name[name]


def recall_marker(key: str) -> Marker:
    """The marker that a copy or a pickle was made of: by name, or by its key in this process.

    Raises:
        ConfigError: It was made in another process, which had it from nobody's name.
    """
    kind, _, value = key.partition(":")
    if kind == "name":
        return find_marker(value)
    with _lock.held():
        found = _by_key.get(value)
    if found is None:
        raise ConfigError("a pickled `marker` was an object of another process, or is gone; pass `marker` by its name or folder instead.")
    return found


def _reduced(marker: Marker) -> tuple[Callable[[str], Marker], tuple[str]]:
    with _lock.held():
        name = next((name for name, known in _by_name.items() if known is marker), None)
        if name is not None:
            return recall_marker, (f"name:{name}",)
        key = _keys.setdefault(marker, uuid4().hex)
        _by_key[key] = marker
    return recall_marker, (f"key:{key}",)


copyreg.pickle(Marker, _reduced)
