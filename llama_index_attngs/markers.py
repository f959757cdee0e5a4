"""What a host's configuration can hold -> the marker and the counter that it stands for.

A name is loaded once in a process and shared: engines, agents and memory blocks hold copies of their settings, never of the weights.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from llama_index.core.utils import get_tokenizer

from attngs.errors import ConfigError
from attngs.marker import Marker
from attngs.marker_loading import EMBEDDED
from attngs.protocols import TokenCounter
from attngs.tokens import TiktokenCounter, as_counter

MARKER_TOKENS = "marker"
"""Name of the counter that counts as the marker's own tokenizer does."""

MarkerLike = str | Marker
CounterLike = str | TokenCounter | Callable[[str], int] | None

_loaded: dict[str, Marker] = {}
_loading = threading.Lock()


class HostCounter:
    """Counts as LlamaIndex itself does: with `Settings.tokenizer`, whatever it is at that moment."""

    name = "llama-index"

    def count(self, texts: Sequence[str]) -> list[int]:
        tokenize = get_tokenizer()
        return [len(tokenize(text.encode("utf-8", errors="replace").decode("utf-8"))) for text in texts]


def find_marker(marker: MarkerLike) -> Marker:
    """The marker itself, or the one of that name: `default` for the embedded one, else a model on the hub or a folder.

    Raises:
        ModelNotFoundError: Nothing by that name could be loaded.
        UnsupportedModelError: Its attention cannot be read.
        MissingDependencyError: The embedded marker's weights are not installed.
    """
    if isinstance(marker, Marker):
        return marker
    with _loading:
        if marker not in _loaded:
            _loaded[marker] = Marker.default() if marker == EMBEDDED else Marker.from_pretrained(marker)
        return _loaded[marker]


def find_counter(counter: CounterLike, marker: Marker) -> TokenCounter:
    """A counter from its name: of a tiktoken model or encoding, or `marker`; LlamaIndex's own when there is none.

    Raises:
        ConfigError: tiktoken does not know the name, or the marker has no tokenizer.
    """
    if counter is None:
        return HostCounter()
    if counter == MARKER_TOKENS:
        if marker.counter is None:
            raise ConfigError(f"`counter` is {MARKER_TOKENS!r}, but the marker {marker.name} has no tokenizer; name a tiktoken model.")
        return marker.counter
    return TiktokenCounter(counter) if isinstance(counter, str) else as_counter(counter)


def plain_name(value: object) -> object:
    """What a saved configuration says of a setting: names as they are, objects by a note that `restorable` refuses."""
    return value if value is None or isinstance(value, str) else f"<object {getattr(value, 'name', type(value).__name__)}>"


def restorable(value: object, argument: str) -> object:
    """The setting, unless it is the note that `plain_name` left of an object.

    Raises:
        ConfigError: It is, and the object must be passed again.
    """
    if isinstance(value, str) and value.startswith("<object "):
        raise ConfigError(f"`{argument}` was {value} when this was saved; pass it again, as in `from_dict(data, {argument}=...)`.")
    return value
