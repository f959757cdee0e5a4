"""The values of structure: units that tile a text, and the readers that find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attngs.types import Unit


@dataclass(frozen=True, slots=True)
class Structure:
    """A text as units that tile it.

    The first starts at 0, each starts where the one before ends, the last ends with the text.
    """

    format: str
    """Name of the reader that found them."""
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: how to recognise it, and how to read it.

    A reader never raises because of a text: broken input is read as far as it goes, or left to the next reader.
    """

    name: str
    recognises: Callable[[str], bool]
    """Whether the opening of a text (whole lines, `SAMPLE` characters at most) is in this format. Not asked if metadata names it."""
    read: Callable[[str], Structure | None]
    """The structure of a whole text; `None` if it is not in this format after all."""
    suffixes: tuple[str, ...] = ()
    """Endings of file names, in lower case with their dot, that name this format."""
    content_types: tuple[str, ...] = ()
    """MIME types that name this format."""
