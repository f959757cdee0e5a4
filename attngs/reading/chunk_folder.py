"""Keys and values of contexts in a folder, for processes that come later.

A decoder takes seconds to minutes to read a long context, and what it has read is the same in each process. A file holds each chunk, named
by the digest of the weights and of all tokens up to its end. Each namespace has a folder of its own, so that everything of one user can be
deleted. The oldest files go first. A file that is damaged or cannot be written is only missed: what it held is read again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_hex

import torch
from safetensors.torch import load, save
from torch import Tensor

from attngs.errors import UnavailableError, check_whole
from attngs.reading.context_cache import Key, digest
from attngs.reading.key_values import Chunk, PackedTensor

logger = logging.getLogger(__name__)

NOTHING = digest(b"")
"""As long as every digest."""

ENDING = ".chunk"
"""Of a file: the digest of the rest, then tensors in safetensors."""


class ChunkFolder:
    """Chunks in files; processes and threads may share a folder.

    Args:
        path: The folder; made if it does not exist, and then readable by its owner only.
        max_bytes: Bound of all files together.

    Raises:
        UnavailableError: The folder cannot be made or written to.
        ConfigError: The bound is not a whole number of at least 1.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int) -> None:
        self.path, self.max_bytes = Path(path), check_whole("cache_folder_bytes", max_bytes)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"`cache_folder` {self.path} cannot be made: {error.strerror}. Name a folder that can be.") from error

    def get_run(self, keys: Sequence[Key], device: torch.device) -> list[Chunk]:
        """The chunks of the first keys, up to the first one that is not here."""
        run = list[Chunk]()
        for key in keys:
            chunk = self._get(self._file(key), device)
            if chunk is None:
                break
            run.append(chunk)
        return run

    def put(self, keys: Sequence[Key], chunks: Sequence[Chunk]) -> None:
        """Keep chunks, and delete the oldest files that no longer fit."""
        for key, chunk in zip(keys, chunks, strict=True):
            if chunk.nbytes <= self.max_bytes:
                self._put(self._file(key), chunk)
        self._trim()

    def clear(self, namespace: str | None = None) -> None:
        """Delete everything of a namespace, or all files; their bytes are overwritten before.

        Raises:
            UnavailableError: A file cannot be deleted.
        """
        folders = [self._folder(namespace)] if namespace is not None else [each for each in self.path.iterdir() if each.is_dir()]
        for file in (file for folder in folders for file in folder.glob(f"*{ENDING}*")):
            try:
                with suppress(FileNotFoundError):  # another process was faster
                    with file.open("r+b") as opened:
                        opened.write(bytes(file.stat().st_size))
                        opened.flush()
                        os.fsync(opened.fileno())
                    file.unlink()
            except OSError as error:
                raise UnavailableError(f"{file} holds what was read of a context and cannot be deleted: {error.strerror}.") from error

    def _get(self, file: Path, device: torch.device) -> Chunk | None:
        try:
            chunk = _chunk_of(file.read_bytes(), device)
            os.utime(file)  # now the most recently used
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be read, and what it held is read anew: %s", file, type(error).__name__)
            with suppress(OSError):
                file.unlink()
            return None
        return chunk

    def _put(self, file: Path, chunk: Chunk) -> None:
        part = file.with_name(f"{file.name}.{token_hex(8)}")
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(_bytes_of(chunk))
            part.replace(file)
        except OSError as error:
            logger.warning("%s cannot be written, and the next process reads it anew: %s", file, error.strerror)
            with suppress(OSError):
                part.unlink()

    def _trim(self) -> None:
        """Delete the oldest files until all fit."""
        ages = list[tuple[float, int, Path]]()
        for file in self.path.glob(f"*/*{ENDING}*"):
            with suppress(FileNotFoundError):
                about = file.stat()
                ages.append((about.st_mtime, about.st_size, file))
        room = self.max_bytes - sum(size for _, size, _ in ages)
        for _, size, file in sorted(ages):
            if room >= 0:
                break
            with suppress(OSError):
                file.unlink()
                room += size

    def _folder(self, namespace: str) -> Path:
        return self.path / digest("namespace", namespace).hex()

    def _file(self, key: Key) -> Path:
        return self._folder(key.namespace) / f"{key.digest.hex()}{ENDING}"


def _bytes_of(chunk: Chunk) -> bytes:
    """A chunk as a file has it."""
    tensors = dict[str, Tensor]()
    for name, layers in (("keys", chunk.keys), ("values", chunk.values)):
        for layer, packed in enumerate(layers):
            tensors[f"{name}.{layer}"] = packed.data.cpu().contiguous()
            if packed.scale is not None:
                tensors[f"{name}.{layer}.scale"] = packed.scale.cpu().contiguous()
    data = save(tensors)
    return digest(data) + data


def _chunk_of(data: bytes, device: torch.device) -> Chunk:
    """The chunk of a file.

    Raises:
        ValueError: The file is damaged.
    """
    name, data = data[: len(NOTHING)], data[len(NOTHING) :]
    if digest(data) != name:
        raise ValueError("its bytes are not those that were written")
    tensors = {name: tensor.to(device) for name, tensor in load(data).items()}

    def layers(name: str) -> tuple[PackedTensor, ...]:
        numbers = range(next(number for number in count() if f"{name}.{number}" not in tensors))
        return tuple(PackedTensor(tensors[f"{name}.{number}"], tensors.get(f"{name}.{number}.scale")) for number in numbers)

    return Chunk(layers("keys"), layers("values"))
