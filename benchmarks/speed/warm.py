"""Part `warm`: a further question over a context that was read before; also after the context grew, and after it was edited.

The base is the same question over the same context with nothing kept. Beside us stands the floor of a warm question: the stock model on the
question's tokens behind a stock cache that holds the context.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from attngs.marking.marker import Marker
from attngs.types import Document
from benchmarks.speed.cold import ours
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import Contender, summarise, take_turns
from benchmarks.speed.workbench import Workbench

COLD = "first question"
WARM = "further question"
STOCK = "stock forward, stock cache"
APPENDED = "question after an append"
EDITED = "question after an edit in the middle"
APPEND_TOKENS = 200
OTHER_QUESTIONS = 500
"""Added to a round's number, for a question that was not asked before."""


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """One case a size: seconds as a share of the first question's, tokens that went through the model, bytes of what is kept."""
    for tokens in settings.sizes:
        documents = bench.corpus.context(tokens)
        appended, edited = bench.corpus.appended(documents, APPEND_TOKENS), bench.corpus.edited(documents)
        kept = bench.marker()
        warmth = kept.warm(documents)
        question = bench.corpus.question(OTHER_QUESTIONS)
        whole = bench.read(documents, question)
        read = {COLD: whole.ids.shape[1], WARM: bench.read(documents, question, kept).ids.shape[1]}
        read |= {name: _tokens_read_after(bench, documents, changed) for name, changed in ((APPENDED, appended), (EDITED, edited))}
        contenders = [
            ours(bench, documents, COLD),
            Contender(name=WARM, run=_ask(bench, kept, documents)),
            _stock(bench, whole.ids, whole.layers, read[WARM]),
            _changed(bench, APPENDED, documents, appended),
            _changed(bench, EDITED, documents, edited),
        ]
        with settings.progress(f"warm, {tokens:,} tokens", settings.rounds * len(contenders)) as advance:
            measured = take_turns(contenders, settings.rounds, base=COLD, synchronize=bench.synchronize, advance=advance)
        notes = {name: f"{count:,} tokens through the model" for name, count in read.items()}
        yield (
            str(tokens),
            {
                "context_tokens": warmth.tokens,
                "kept_tokens": warmth.kept,
                "kept_bytes": warmth.bytes,
                "bytes_per_token": round(warmth.bytes / warmth.kept, 1),
                "tokens_read": read,
                "methods": summarise(measured, COLD, notes | {STOCK: f"{read[WARM]:,} tokens, {whole.layers} layers, to their end"}),
            },
        )


def _ask(bench: Workbench, marker: Marker, documents: Sequence[Document]) -> Callable[[int], object]:
    def run(number: int) -> object:
        return marker.mark(documents, bench.corpus.question(OTHER_QUESTIONS + number))

    return run


def _changed(bench: Workbench, name: str, before: Sequence[Document], after: Sequence[Document]) -> Contender:
    """A marker that has read the context as it was, asked about the context as it is."""
    marker = bench.marker()

    def prepare(number: int) -> None:
        marker.forget()
        marker.warm(before)

    return Contender(name=name, prepare=prepare, run=_ask(bench, marker, after))


def _tokens_read_after(bench: Workbench, before: Sequence[Document], after: Sequence[Document]) -> int:
    marker = bench.marker()
    marker.warm(before)
    return bench.read(after, bench.corpus.question(OTHER_QUESTIONS), marker).ids.shape[1]


def _stock(bench: Workbench, ids: Tensor, layers: int, behind: int) -> Contender:
    """The last `behind` tokens; each round on its own copy of the cache, which the stock model would otherwise leave changed."""
    body = bench.bare(layers)
    with torch.no_grad():
        read = body(input_ids=ids[:, :-behind], past_key_values=DynamicCache(), use_cache=True).past_key_values
    copies: list[DynamicCache] = []

    def prepare(number: int) -> None:
        copies[:] = [copy.deepcopy(read)]

    def run(number: int) -> object:
        with torch.inference_mode():
            return body(input_ids=ids[:, -behind:], past_key_values=copies[0], use_cache=True).last_hidden_state

    return Contender(name=STOCK, prepare=prepare, run=run)
