"""The folder of results: a file is there whole or not at all, and its rows are done when it is there.

Workers write into `.pending`, and the one process that drives the run moves what it has been told of into the folder. So a worker that
dies, and is replaced by one that does its rows again, leaves no second copy; and a run that dies leaves nothing that the next one would
count. `.attngs.json` says how the results were made: a folder never mixes two recipes.

Ray Data has checkpoints of its own, but turns them off with no more than a warning for data that was not read from files, lists what is
done beside the results instead of in them, and leaves a file that is half written where readers look for whole ones.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from attngs.errors import AssetError, ConfigError
from attngs.reading.context_cache import digest
from attngs.text.files import check_folder, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""Of the rows."""
PENDING = ".pending"
SETTINGS = ".attngs.json"
LOCK = ".lock"

Digests = npt.NDArray[np.bytes_]
"""Names of ids, all of one length, sorted: workers of one machine share them in memory and look them up by halving."""


def schema() -> pa.Schema:
    """Columns of the results.

    `kept` has characters of the documents; `error` is null where all went well.
    """
    import pyarrow as pa

    places = [("document_id", pa.string()), ("position", pa.int32()), ("start", pa.int64()), ("end", pa.int64())]
    values = [("score", pa.float64()), ("probability", pa.float64()), ("marked", pa.bool_()), ("head", pa.bool_())]
    return pa.schema(
        [
            ("id", pa.string()),
            ("text", pa.string()),
            ("tokens", pa.int64()),
            ("original_tokens", pa.int64()),
            ("method", pa.string()),
            ("reason", pa.string()),
            ("kept", pa.list_(pa.struct([*places, *values]))),
            ("error", pa.struct([("type", pa.string()), ("message", pa.string())])),
        ]
    )


def write_pending(folder: Path, rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows where nobody counts them yet, and return the file's name.

    Raises:
        AssetError: They cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    name = f"{uuid4().hex}.parquet"
    try:
        with open(folder / PENDING / name, "wb") as file:
            parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema()), file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AssetError(f"`{folder}` cannot be written to: {error.strerror or error}. All machines must share it.") from error
    return name


class ResultFolder:
    """The folder as the process that drives the run knows it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self, settings: Mapping[str, object]) -> Iterator[None]:
        """Have the folder alone, for results of these settings.

        Raises:
            InputError: Nothing can be written there.
            ConfigError: It holds results of other settings, or something else.
            AssetError: Another run writes to it.
        """
        from filelock import FileLock, Timeout

        check_folder(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise AssetError(f"another run writes to `{self.path}`; wait for its end, or write to another folder.") from error
        try:
            self._claim(settings)
            self._clear()
            (self.path / PENDING).mkdir()
            yield
        finally:
            self._clear()
            lock.release()

    def commit(self, name: str) -> None:
        """The rows of this file are done."""
        os.replace(self.path / PENDING / name, self.path / name)

    def done(self) -> Digests:
        """The ids of all rows that are done.

        Raises:
            AssetError: A file is damaged.
        """
        from pyarrow import ArrowException, parquet

        names = list[bytes]()
        for path in sorted(self.path.glob("*.parquet")):
            try:
                names += map(name_of, parquet.read_table(path, columns=["id"])["id"].to_pylist())
            except (ArrowException, OSError, KeyError) as error:
                raise AssetError(f"`{path}` is damaged; delete it, and its rows are done again.") from error
        return np.array(sorted(names), dtype="S40")

    def _claim(self, settings: Mapping[str, object]) -> None:
        """Write down what the results are made with, or make sure that it is the same."""
        wanted, path = {"format": FORMAT, **settings}, self.path / SETTINGS
        if not path.exists():
            if others := sorted(each.name for each in self.path.iterdir() if each.name != LOCK):
                raise ConfigError(f"`{self.path}` is not empty (`{others[0]}`); name a new folder, or one that holds results.")
            write_whole(path, json.dumps(wanted, indent=1) + "\n")
            return
        try:
            found = dict[str, object](json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise AssetError(f"`{path}` is damaged; write to another folder.") from error
        if different := sorted(name for name in wanted if found.get(name) != wanted[name]):
            name = different[0]
            raise ConfigError(
                f"`{self.path}` holds results with `{name}` {found.get(name)!r}, not {wanted[name]!r}; write to another folder."
            )

    def _clear(self) -> None:
        shutil.rmtree(self.path / PENDING, ignore_errors=True)


def name_of(identity: str) -> bytes:
    """What stands for an id among `Digests`."""
    return digest(identity).hex().encode()


def among(identities: Sequence[str], done: Digests) -> npt.NDArray[np.bool_]:
    """For each id, whether it is done."""
    if not len(done):
        return np.zeros(len(identities), dtype=bool)
    names = np.array([name_of(identity) for identity in identities], dtype="S40")
    places = np.minimum(np.searchsorted(done, names), len(done) - 1)
    return np.asarray(done[places] == names)
