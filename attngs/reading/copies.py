"""Objects with a model, threads or connections, whose copies are the object itself.

So is a pickle, within the process.

Hosts copy and pickle what they are given. The copy may be the object, because nobody changes these objects after they are made. What is
pickled is a key under which this process finds the object again; no other process can.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakValueDictionary

from attngs.errors import ConfigError
from attngs.reading.forks import ForkSafeLock


class Shared:
    """Base of what is shared between copies."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[[str, str], Shared], tuple[str, str]]:
        with _lock.held():
            key = _keys.setdefault(self, uuid4().hex)
            _by_key[key] = self
        return recall, (key, type(self).__name__)


_by_key: WeakValueDictionary[str, Shared] = WeakValueDictionary()
_keys: WeakKeyDictionary[Shared, str] = WeakKeyDictionary()
_lock = ForkSafeLock(threading.Lock)


def recall(key: str, kind: str) -> Shared:
    """The object that was pickled.

    Raises:
        ConfigError: It belonged to another process, or is gone.
    """
    with _lock.held():
        found = _by_key.get(key)
    if found is None:
        raise ConfigError(
            f"a pickled `{kind}` was an object of another process, or is gone. Make it where it is needed; an adapter makes its own if you "
            "pass `marker` by its name or folder."
        )
    return found
