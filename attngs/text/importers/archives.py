"""`.zip` files, as WhatsApp and ChatGPT export them: read like a folder, up to a size."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from attngs.errors import InputError

MOST_BYTES = 512 * 2**20
"""What the files that are read of an archive may unpack to, together."""


def check_size(parts: Iterable[zipfile.ZipInfo], path: str, most: int) -> None:
    """Make sure that parts of an archive unpack to at most `most` bytes.

    Python's `zipfile` never gives more of a part than the archive says it has, so what it says can be trusted here.

    Raises:
        InputError: They take more.
    """
    if (total := sum(part.file_size for part in parts)) > most:
        raise InputError(f"`{path}` unpacks to {total:,} bytes, and at most {most:,} are read; unpack what you need.")


def visible(name: str) -> bool:
    """Whether no part of a path is hidden or a system's own."""
    return not any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


class Archive:
    """The visible files of a `.zip` file.

    Raises:
        InputError: It is no such file, or is damaged.
    """

    def __init__(self, data: bytes, path: str) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise InputError(f"`{path}` cannot be read as .zip: {error}.") from error
        self.names = sorted(name for name in self._zip.namelist() if not name.endswith("/") and visible(name))

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes | InputError]]:
        """These files with their content, or with the error that tells why it cannot be read.

        Raises:
            InputError: Together they unpack to more than `MOST_BYTES`.
        """
        parts = [self._zip.getinfo(name) for name in names]
        check_size(parts, self._path, MOST_BYTES)
        for part in parts:
            try:
                yield part.filename, self._zip.read(part)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError, NotImplementedError) as error:
                yield part.filename, InputError(f"`{self._path}/{part.filename}` cannot be unpacked: {error}.")
