"""What was not read of a folder or an archive, in one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from attngs.errors import InputError, MissingDependencyError
from attngs.text.importers.formats import suffix_of
from attngs.text.importers.office import INSTALL

_KINDS = {
    **dict.fromkeys(".png .jpg .jpeg .gif .webp .heic .svg .bmp .tif .tiff .ico".split(), "image"),
    **dict.fromkeys(".mp3 .m4a .wav .opus .ogg .flac .aac".split(), "recording"),
    **dict.fromkeys(".mp4 .mov .mkv .webm .avi .3gp".split(), "video"),
}
_SHOWN = 3
"""Errors that are told, each in one clause."""
_CLAUSE = re.compile(r"[.;:] ")


class Skipped:
    """Collects what is skipped, and why.

    Args:
        place: The folder or archive.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._unknown = Counter[str]()
        self._unconverted = Counter[str]()
        self._links = self._copies = 0
        self._errors = list[str]()

    def unknown(self, name: str) -> None:
        """A file of a kind that nobody reads."""
        self._unknown[suffix_of(name)] += 1

    def link(self) -> None:
        """A link that leads out of the folder."""
        self._links += 1

    def copy(self) -> None:
        """A page that shows again what another file of the export holds."""
        self._copies += 1

    def failed(self, name: str, error: InputError | MissingDependencyError) -> None:
        """A file, or a line or item of one, that cannot be read."""
        if isinstance(error, MissingDependencyError):
            self._unconverted[suffix_of(name)] += 1
        else:
            self._errors.append(_CLAUSE.split(str(error).replace(f"`{self._place}/", "`"))[0].rstrip("."))

    def line(self) -> str:
        """All of it; empty if nothing was skipped.

        Such as `` `notes`: 3 skipped: 2 images (.png); 1 link out of the folder ``.
        """
        links = [f"{_number(self._links, 'link')} out of the folder (name such a file itself)"] if self._links else []
        copies = [f"{_number(self._copies, 'page')} that only shows the chats again"] if self._copies else []
        unconverted = [f"{', '.join(_kinds(self._unconverted))} (to read: {INSTALL})"] if self._unconverted else []
        more = len(self._errors) - _SHOWN
        errors = [*self._errors[:_SHOWN], *([f"{more} more that cannot be read"] if more > 0 else [])]
        total = self._unknown.total() + self._unconverted.total() + self._links + self._copies + len(self._errors)
        parts: Sequence[str] = [*_kinds(self._unknown), *unconverted, *links, *copies, *errors]
        return f"`{self._place}`: {total} skipped: {'; '.join(parts)}" if total else ""


def _kinds(suffixes: Counter[str]) -> list[str]:
    """Such as `2 images (.jpg, .png)` and `1 .key`; the most frequent first."""
    kinds = dict[str, Counter[str]]()
    for suffix, times in suffixes.items():
        kinds.setdefault(_KINDS.get(suffix, suffix), Counter())[suffix] += times
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1].total(), kind[0]))
    return [_kind(kind, found) for kind, found in ordered]


def _kind(kind: str, found: Counter[str]) -> str:
    if not kind:
        return f"{_number(found.total(), 'file')} without a suffix"
    return f"{found.total()} {kind}" if kind in found else f"{_number(found.total(), kind)} ({', '.join(sorted(found))})"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"
