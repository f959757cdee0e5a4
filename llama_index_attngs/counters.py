"""Counters by name, and what a saved configuration says of settings that are objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from llama_index.core.utils import get_tokenizer

from attngs.errors import ConfigError
from attngs.marker import Marker
from attngs.protocols import TokenCounter
from attngs.tokens import TiktokenCounter, as_counter

MARKER_TOKENS = "marker"
"""Name of the counter that counts as the marker's own tokenizer does."""

CounterLike = str | TokenCounter | Callable[[str], int] | None


class HostCounter:
    """Counts as LlamaIndex itself does: with `Settings.tokenizer`, whatever it is at that moment."""

    name = "llama-index"

    def count(self, texts: Sequence[str]) -> list[int]:
        tokenize = get_tokenizer()
        return [len(tokenize(text.encode("utf-8", errors="replace").decode("utf-8"))) for text in texts]


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
    if isinstance(value, Path):
        return str(value)
    return value if value is None or isinstance(value, str) else f"<object {getattr(value, 'name', type(value).__name__)}>"


def restorable(value: object, argument: str) -> object:
    """The setting, unless it is the note that `plain_name` left of an object.

    Raises:
        ConfigError: It is, and the object must be passed again.
    """
    if isinstance(value, str) and value.startswith("<object "):
        raise ConfigError(f"`{argument}` was {value} when this was saved; pass it again, as in `from_dict(data, {argument}=...)`.")
    return value
