"""One model as marker and writer: how well it predicts the answer from what each method leaves of the context.

All methods have the same prompt around the context, and the same tokens of question and answer. Where keys and values are reused, the
tokens before the context are too, since they hold the attention sinks. Every token keeps its position, or all close up.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.models.llama.modeling_llama import rotate_half

from attngs.marking.algorithm import score_sentences
from attngs.marking.scorers.attention import AttentionConfig
from attngs.protocols import Scorer
from attngs.reading.anatomy import layers_at
from attngs.reading.attention import AttentionReader
from attngs.reading.key_values import Chunk, Past
from attngs.reading.loading import wrap_model
from attngs.reading.segments import Segmenter
from attngs.selection.selector import fill
from attngs.types import Document, Sentence
from benchmarks.reuse.data import Question

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SHARES = (0.1, 0.3, 0.5)
"""Of the context's tokens, how many a method may leave."""

LAYERS = (0.6, 0.7, 0.8)
"""What the marks by attention are read from, at the question's tokens: the layers that rank evidence best in small decoders."""

DRAWS = 3
"""Random choices, of which the mean is taken."""

OWN_ANSWER = 24
"""Tokens that the model writes from the full context where nobody gave an answer."""

NOTHING, FULL, RANDOM = "nothing", "full context", "random KV"
EXTRACT, MARKED, CLOSED = "extract, read anew", "marked KV", "marked KV closed up"

Ids = NDArray[np.int64]


class Writer:
    """A decoder that marks a context, and answers from all or some of the keys and values that the marker has read.

    Args:
        model: In evaluation mode, with its language model head.
        tokenizer: Its tokenizer.

    Attributes:
        layers: The layers whose attention marks, as indices into `reader.depths`.
        marking_layers: How many layers a marker of this model runs and keeps when nobody writes with its memory.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        loaded = wrap_model(model, tokenizer)
        self.model = model
        self.reader = AttentionReader(model)
        self.segmenter = Segmenter(tokenizer, window=loaded.window, causal=True)
        self.layers = layers_at(LAYERS, len(self.reader.depths))
        self.marking_layers = max(layers_at(AttentionConfig().layers, len(self.reader.depths))) + 1
        self._windows = [self.reader.windows.get(depth) for depth in range(model.config.get_text_config().num_hidden_layers)]

    def read(self, ids: Tensor) -> list[Chunk]:
        """Keys and values of all layers for tokens `(T,)`."""
        past = Past([[]], self._windows)
        self.reader.prefill(ids[None], past)
        return past.take(0, 0, len(ids), None)

    def scores(self, query: str, sentences: Sequence[Sentence], chunks: Sequence[Chunk]) -> list[float]:
        """Of each sentence, by the attention that the question's tokens pay to it."""
        [segment] = self.segmenter.segments(query, sentences, "query")
        [mass] = self.reader.read(segment.batch, self.layers, Past([chunks], self._windows))
        return [float(score) for score in score_sentences(mass.double().numpy(), segment.tokens.astype(np.float64))]

    def logits(self, ids: Tensor, past: DynamicCache, position: int) -> Tensor:
        """Logits `(T, V)` of tokens `(T,)` that stand at `position` and later, behind a past."""
        positions = torch.arange(position, position + len(ids))[None]
        with torch.inference_mode():
            output = self.model(input_ids=ids[None], past_key_values=past, position_ids=positions, use_cache=True)
        logits: Tensor = output.logits[0]
        return logits

    def nll(self, question: Tensor, answer: Tensor, past: DynamicCache, position: int) -> float:
        """Mean negative log-likelihood of the answer's tokens behind past and question, in nats."""
        logits = self.logits(torch.cat([question, answer[:-1]]), past, position)
        return float(cross_entropy(logits[len(question) - 1 :].float(), answer))

    def greedy(self, question: Tensor, past: DynamicCache, position: int, tokens: int) -> Tensor:
        """The first tokens of the model's own answer."""
        written = list[Tensor]()
        ids = question
        for _ in range(tokens):
            logits = self.logits(ids, past, position)
            position += len(ids)
            ids = logits[-1:].argmax(dim=-1)
            written.append(ids)
        return torch.cat(written)


def key(method: str, share: float, marks: str = "") -> str:
    """The name of a method at a share, with marks of one kind."""
    return f"{method} {share:.0%}{f' by {marks}' if marks else ''}"


def closed_up(model: PreTrainedModel, past: DynamicCache, kept: Tensor) -> DynamicCache:
    """The same past with its keys rotated to positions without gaps, for a model with rotary positions.

    Args:
        model: What read the past.
        past: Keys and values of the kept tokens.
        kept: Which tokens of the context these are, a mask `(T,)`.
    """
    positions = kept.nonzero()[:, 0]
    shift = torch.arange(len(positions)) - positions
    rotation: Any = model.base_model.rotary_emb
    moved = DynamicCache()
    for number, layer in enumerate(past.layers):
        assert isinstance(layer, DynamicLayer)
        assert layer.keys is not None
        assert layer.values is not None
        cosine, sine = rotation(layer.keys, shift[None])
        moved.update(layer.keys * cosine + rotate_half(layer.keys) * sine, layer.values, number)
    return moved


def only(chunks: Sequence[Chunk], kept: Tensor) -> DynamicCache:
    """A copy of the kept tokens' keys and values, a mask `(T,)`; the chunks stay as they are."""
    past = DynamicCache()
    parts = kept.split([chunk.tokens for chunk in chunks])
    for layer in range(len(chunks[0].keys)):
        keys = torch.cat([chunk.keys[layer].data[:, part] for chunk, part in zip(chunks, parts, strict=True)], dim=1)
        values = torch.cat([chunk.values[layer].data[:, part] for chunk, part in zip(chunks, parts, strict=True)], dim=1)
        past.update(keys[None], values[None], layer)
    return past


def choose(scores: Sequence[float], tokens: Sequence[int], budget: float) -> frozenset[int]:
    """The sentences that fit, best first."""
    kept, room = set[int](), budget

    def take(i: int) -> bool:
        nonlocal room
        if tokens[i] > room:
            return False
        kept.add(i)
        room -= tokens[i]
        return True

    fill(scores, sorted(range(len(scores)), key=lambda i: -scores[i]), take)
    return frozenset(kept)


def extract(sentences: Sequence[Sentence], kept: Collection[int]) -> list[Sentence]:
    """The kept sentences as documents of their own, with nothing between them."""
    texts: dict[int, str] = {}
    for i in sorted(kept):
        texts[sentences[i].position] = texts.get(sentences[i].position, "") + sentences[i].text
    shown = [Document(text=text) for text in texts.values()]
    return [Sentence(document=document, position=i, start=0, end=len(document.text)) for i, document in enumerate(shown)]


def losses(writer: Writer, embedded: Scorer, question: Question, seed: int) -> dict[str, float]:
    """Mean negative log-likelihood of the answer's tokens, by method and share as `key` names them.

    Args:
        writer: The model.
        embedded: Another opinion on which sentences matter, so that the model's own marks are not the only ones.
        question: With its context, which fits the model's window.
        seed: Of the random choices.
    """
    [segment] = writer.segmenter.segments(question.query, question.sentences, "query")
    ids, context = segment.batch.input_ids[0], segment.context
    owner, tokens = segment.batch.owner[0, :context], segment.tokens.tolist()
    frame, asked = owner == segment.batch.n_sentences, ids[context:]
    chunks = writer.read(ids[:context])
    everything = only(chunks, torch.ones(context, dtype=torch.bool))
    if question.answer:
        answer = torch.from_numpy(writer.segmenter.encoder.encode([question.answer])[0].ids)
    else:
        answer = writer.greedy(asked, copy.deepcopy(everything), context, OWN_ANSWER)

    def mask(kept: Collection[int]) -> Tensor:
        return frame | torch.isin(owner, torch.tensor(sorted(kept)))

    def reused(kept: Collection[int]) -> float:
        return writer.nll(asked, answer, only(chunks, mask(kept)), context)

    def moved(kept: Collection[int]) -> float:
        past = closed_up(writer.model, only(chunks, mask(kept)), mask(kept))
        return writer.nll(asked, answer, past, past.get_seq_length())

    def reread(kept: Collection[int]) -> float:
        shown = extract(question.sentences, kept)
        [short] = writer.segmenter.segments(question.query, shown, "query") if shown else [writer.segmenter.bare(question.query)]
        return writer.nll(short.batch.input_ids[0], answer, DynamicCache(), 0)

    found = {NOTHING: reread(()), FULL: writer.nll(asked, answer, everything, context)}
    marks = {
        "attention": writer.scores(question.query, question.sentences, chunks),
        "embedded": [float(score) for score in embedded.score(question.query, question.sentences)],
    }
    draw = random.Random(seed)
    chance = [[draw.random() for _ in tokens] for _ in range(DRAWS)]
    for share in SHARES:
        pick = partial(choose, tokens=tokens, budget=share * sum(tokens))
        for name, scores in marks.items():
            kept = pick(scores)
            found[key(EXTRACT, share, name)] = reread(kept)
            found[key(MARKED, share, name)] = reused(kept)
            found[key(CLOSED, share, name)] = moved(kept)
        found[key(RANDOM, share)] = float(np.mean([reused(pick(scores)) for scores in chance]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the first token costs when the marker's memory is warm."""

    context: int
    method: str
    share: float
    seconds: float
    """CPU time until the logits of the first token of the reply."""
    bytes: int
    """Keys and values that the writer holds while it writes, besides the marker's own."""


def costs(writer: Writer, context: int, *, asked: int = 32, rounds: int = 3) -> Iterator[Cost]:
    """Time and memory with random tokens, since neither depends on what they say.

    The full context cold is measured once; everything else is the median of the rounds.
    """
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(10, writer.model.config.get_text_config().vocab_size, (context + asked,), generator=draw)
    begin = time.process_time()
    chunks = writer.read(ids[:context])
    cold = time.process_time() - begin
    per_token = sum(chunk.nbytes for chunk in chunks) // context
    everything = torch.ones(context, dtype=torch.bool)

    def reused(kept: Tensor) -> object:
        return writer.logits(ids[context:], only(chunks, kept), context)

    def reread(tokens: int) -> object:
        return writer.logits(torch.cat([ids[:tokens], ids[context:]]), DynamicCache(), 0)

    def median(work: Callable[[], object]) -> float:
        taken = list[float]()
        for _ in range(rounds):
            begin = time.process_time()
            work()
            taken.append(time.process_time() - begin)
        return float(np.median(taken))

    warm = median(partial(reused, everything))
    yield Cost(context=context, method="full context, read anew", share=1, seconds=cold + warm, bytes=per_token * context)
    yield Cost(context=context, method="full context, marker's KV", share=1, seconds=warm, bytes=per_token * context)
    for share in SHARES:
        size = int(share * context)
        kept = torch.rand(context, generator=draw).argsort() < size
        yield Cost(context=context, method=EXTRACT, share=share, seconds=median(partial(reread, size)), bytes=per_token * size)
        yield Cost(context=context, method=MARKED, share=share, seconds=median(partial(reused, kept)), bytes=per_token * size)
