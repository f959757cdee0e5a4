"""Part `cold`: a first question over a context that nobody has read yet, beside the floor, eager attention and the rivals.

Everyone gets the same text. Forward passes get the very tokens that our marker puts through the model, as ids that lie on the device
already; our own time, like a rival's, begins with the text and ends with the marks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from attngs.marking.marker import Marker
from attngs.types import Document
from benchmarks.speed import forwards
from benchmarks.speed.forwards import EAGER, EAGER_WHOLE, FLOOR, eager_bytes
from benchmarks.speed.rivals import NAMES as RIVALS
from benchmarks.speed.rivals import Rivals
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import Contender, summarise, take_turns
from benchmarks.speed.workbench import Reading, Workbench

OURS = "attngs"
EVERY_LAYER = "attngs, every layer read"
NAMES = (*forwards.NAMES, OURS, EVERY_LAYER, *RIVALS)
WARM_UP = 128
"""Tokens of the context that everyone reads once before the clock runs; on a GPU, whose kernels depend on the size, the context itself."""


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """One case a size: seconds of everyone, and their ratio to the floor."""
    rivals = Rivals(bench)
    for tokens in settings.sizes:
        documents = bench.corpus.context(tokens)
        reading = bench.read(documents, bench.corpus.question(0))
        left_out = {name: reason for name in NAMES if (reason := why_not(bench, rivals, name, reading))}
        left_out |= _warm_up(bench, rivals, tokens if bench.device == "cuda" else WARM_UP, left_out)
        field = [contender(bench, rivals, name, documents, reading) for name in NAMES if name not in left_out]
        with settings.progress(f"cold, {tokens:,} tokens", settings.rounds * len(field)) as advance:
            measured = take_turns(field, settings.rounds, base=FLOOR, synchronize=bench.synchronize, advance=advance)
        yield (
            str(tokens),
            {
                "tokens_read": reading.ids.shape[1],
                "layers": reading.layers,
                "methods": summarise(measured, FLOOR, {one.name: one.note for one in field}),
                "left_out": left_out,
            },
        )


def contender(bench: Workbench, rivals: Rivals, name: str, documents: Sequence[Document], reading: Reading) -> Contender:
    """The one of that name; nobody else's model or package is loaded."""
    if name == OURS:
        return ours(bench, documents)
    if name == EVERY_LAYER:
        last = bench.shape.layers - 1
        return ours(bench, documents, name, layers=tuple(layer / last for layer in range(last + 1)))
    if name in forwards.NAMES:
        return forwards.forward(bench, name, reading)
    return rivals.contender(name, documents)


def ours(bench: Workbench, documents: Sequence[Document], name: str = OURS, **settings: Any) -> Contender:
    """A marker that was made for this round and has read nothing."""
    markers: list[Marker] = []

    def prepare(number: int) -> None:
        markers[:] = [bench.marker(**settings)]

    def run(number: int) -> object:
        return markers[0].mark(documents, bench.corpus.question(number))

    return Contender(name=name, prepare=prepare, run=run, note="Marker.mark: text in, marks out; what was read is kept")


def why_not(bench: Workbench, rivals: Rivals, name: str, reading: Reading) -> str | None:
    """The reason to leave somebody out at this size."""
    if name in (EAGER, EAGER_WHOLE):
        layers = reading.layers if name == EAGER else bench.shape.layers
        return forwards.why_not(eager_bytes(bench.shape, layers, reading.ids.shape[1]), bench.free_bytes())
    return rivals.why_not(name, reading.ids.shape[1])


def _warm_up(bench: Workbench, rivals: Rivals, tokens: int, left_out: Collection[str]) -> dict[str, str]:
    """Everyone reads once before the clock runs. A rival that cannot is left out; a failure of our own ends the benchmark."""
    documents = bench.corpus.context(tokens)
    reading = bench.read(documents, bench.corpus.question(0))
    failed: dict[str, str] = {}
    for name in NAMES:
        try:
            if name not in left_out:
                one = contender(bench, rivals, name, documents, reading)
                one.prepare(0)
                one.run(0)
        except Exception as error:
            if name not in RIVALS:
                raise
            failed[name] = f"it failed with {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    bench.synchronize()
    return failed
