"""What is read of a unit before any question, and kept on disk.

It is the unit's words, and an encoder's states with their sum.

States are kept as the encoder gave them, so a score does not depend on whether they were read now or long ago. A marker without an
encoder, such as one of words alone, has none. Its units are found by their words.
"""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs import __version__
from attngs.marking.marker import Marker
from attngs.memory.store import Reading
from attngs.protocols import TokenCounter
from attngs.reading.sentence_states import SentenceStates
from attngs.text.words import words
from attngs.types import Sentence

SAMPLE = "On 3 May, Ana moved from Porto to Lyon, because her sister has a small house there."
"""Whoever reads it as before is the same encoder; a digest of weights would not be the same on other devices."""
SAME = 1 - 1e-4
"""Cosine from which two readings are of the same encoder."""
IN_RAM = 2**26
"""Bytes of readings that wait in RAM until they are written; more wait in a nameless file."""
LONGEST = 2**24
"""Bytes of states that are kept of one unit; a unit that is longer, as only a splitter of a user's own makes them, is read each time."""

Numbers = NDArray[np.uint32]


class UnitReader:
    """Reads units for a marker, and hands the marker what was read before.

    Args:
        marker: Whose scorer has an encoder, or not.
        counter: Counts the units in the file.
        namespace: Whose units.
    """

    def __init__(self, marker: Marker, counter: TokenCounter, namespace: str) -> None:
        self._marker, self._counter, self._namespace = marker, counter, namespace
        self._states = states_of(marker.scorer)

    def identity(self) -> str:
        """Who reads: what is kept of units is used only by a reader that `is_same`."""
        splitter = self._marker.splitter
        cut = getattr(splitter, "__qualname__", None) or f"{type(splitter).__qualname__} {getattr(splitter, 'unit', '')}".strip()
        sample = self.states([SAMPLE])[0].float().sum(dim=0).half().numpy().tobytes()
        return json.dumps(
            {
                "marker": self._marker.name,
                "sample": b64encode(sample).decode(),
                "splitter": cut,
                "counter": self._counter.name,
                "attngs": __version__,
            }
        )

    def states(self, texts: Sequence[str]) -> list[Tensor]:
        """The states of each text `(T, D)`; no rows without an encoder."""
        if self._states is None:
            return [torch.empty(0, 0) for _ in texts]
        return self._states.states(texts, self._namespace)

    def read(self, units: Sequence[Sentence]) -> Iterator[Reading]:
        """What is kept of each unit; the encoder reads all of them together."""
        texts = [unit.text for unit in units]
        states = [None] * len(texts) if self._states is None else self._states.states(texts, self._namespace)
        for text, state in zip(texts, states, strict=True):
            yield Reading(numbered(words(text)).tobytes(), *_as_bytes(state))

    def recall(self, texts: Sequence[str], load: Callable[[list[int]], Sequence[bytes | None]]) -> None:
        """Have the marker find what was read of these texts before.

        Args:
            texts: Of units.
            load: From the positions of texts that the marker does not hold in RAM to the bytes of their states, where there are any.
        """
        if (states := self._states) is not None:
            states.recall(texts, self._namespace, lambda missing: [_from_bytes(data, states.width) for data in load(missing)])


@contextmanager
def spooled(readings: Iterable[Reading]) -> Iterator[Iterator[Reading]]:
    """The same readings, all of them read already.

    Nobody should wait for an encoder while a file is locked.
    """
    form = struct.Struct("<QQQ")
    with tempfile.SpooledTemporaryFile(max_size=IN_RAM) as spool:
        for reading in readings:
            spool.write(form.pack(*map(len, (reading.words, reading.vector, reading.states))))
            spool.write(reading.words + reading.vector + reading.states)
        spool.seek(0)

        def kept() -> Iterator[Reading]:
            while sizes := spool.read(form.size):
                yield Reading(*(spool.read(size) for size in form.unpack(sizes)))

        yield kept()


def states_of(part: object) -> SentenceStates | None:
    """The states of an encoder that a scorer is made of, if there is one."""
    states = getattr(part, "states", None)
    if isinstance(states, SentenceStates):
        return states
    return next((found for each in getattr(part, "parts", ()) if (found := states_of(each)) is not None), None)


def is_same(one: str, other: str) -> bool:
    """Whether two identities are of readers that read everything alike."""
    mine, theirs = json.loads(one), json.loads(other)
    return {**mine, "sample": ""} == {**theirs, "sample": ""} and has_same_encoder(one, other)


def has_same_encoder(one: str, other: str) -> bool:
    """Whether what one of two readers read can be used by the other."""
    mine, theirs = (_sample(json.loads(identity)) for identity in (one, other))
    if mine.shape != theirs.shape:
        return False
    return not len(mine) or float(mine @ theirs) >= SAME * float(np.linalg.norm(mine) * np.linalg.norm(theirs))


def numbered(bag: Sequence[str]) -> Numbers:
    """Words as numbers, in their order."""
    return np.array([zlib.crc32(word.encode(errors="surrogatepass")) for word in bag], dtype=np.uint32)


def _sample(identity: Mapping[str, str]) -> NDArray[np.float64]:
    return np.frombuffer(b64decode(identity["sample"]), dtype=np.float16).astype(np.float64)


def _as_bytes(state: Tensor | None) -> tuple[bytes, bytes]:
    """The sum of states and the states themselves."""
    if state is None:
        return b"", b""
    vector = state.float().sum(dim=0).to(torch.float16).numpy().tobytes()
    return vector, state.numpy().tobytes() if state.nbytes <= LONGEST else b""


def _from_bytes(data: bytes | None, width: int) -> Tensor | None:
    if not data:
        return None
    return torch.frombuffer(bytearray(data), dtype=torch.float16).view(-1, width)
