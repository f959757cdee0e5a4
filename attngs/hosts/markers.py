"""Names in a host's configuration -> one marker a process, whose copies share its weights.

Hosts copy and pickle what they are given. A marker that came by a name is pickled as that name, so that another process can load it.
"""

from __future__ import annotations

import copyreg
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attngs.marking.marker import Marker
from attngs.reading.forks import ForkSafeLock

MarkerLike = str | Path | Marker

_by_name: dict[str, Marker] = {}
_lock = ForkSafeLock(threading.RLock)


def find_marker(marker: MarkerLike) -> Marker:
    """The marker itself, or the one of that name: `default`, a model on the hub, a folder or a GGUF file.

    A name is loaded once in a process, with the settings of `Marker.from_pretrained`; for others, make the marker and pass it.

    Raises:
        ModelNotFoundError: Nothing by that name could be loaded.
        UnsupportedModelError: Its attention cannot be read.
        MissingDependencyError: The embedded marker's weights, or what reads a GGUF file, are not installed.
        AssetError: A GGUF file is damaged.
    """
    if isinstance(marker, Marker):
        return marker
    from attngs.marking.assembly import EMBEDDED  # brings torch

    name = str(marker)
    with _lock.held():
        if name not in _by_name:
            _by_name[name] = Marker.default() if name == EMBEDDED else Marker.from_pretrained(name)
        return _by_name[name]


def _reduced(marker: Marker) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """A marker with a name travels by it, to other processes too."""
    with _lock.held():
        name = next((name for name, known in _by_name.items() if known is marker), None)
    return marker.__reduce__() if name is None else (find_marker, (name,))


copyreg.pickle(Marker, _reduced)
