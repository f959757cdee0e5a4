"""Labels from the model itself: a sentence is evidence if the answer is much less likely without it.

    contrast_i = 1/K sum_k [ log p(a_k | context, question, a_<k) - log p(a_k | context without i, question, a_<k) ]

over the K tokens of the known answer, after PerContrast, which compares with and without the whole personal context. Parts are left out
from coarse to fine, so that passes stay few: first documents, or runs of sentences where there is one document, then the sentences of the
parts that matter most.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

import torch
from torch import Tensor

from attngs.errors import InputError, ModelError
from attngs.learning.answers import AnswerLikelihood
from attngs.learning.labelled import LabelledExample
from attngs.marking.cutting import Cutter
from attngs.reading.batches import Outcome, in_batches
from attngs.reading.context_cache import ContextCache
from attngs.reading.failures import model_failures
from attngs.reading.loading import LoadedModel
from attngs.reading.progress import listening, track
from attngs.reading.segments import Segmenter
from attngs.reading.token_batch import TokenBatch
from attngs.text.sentences import Splitter
from attngs.types import Document, Sentence

logger = logging.getLogger(__name__)

PARTS = 64
"""Parts of a context that are left out in turn."""

BEST = 3
"""Parts whose sentences are then left out one by one."""

LEAST = 0.1
"""Nats per token of the answer below which nothing counts as evidence."""

ANSWER_TOKENS = 64
"""Of a longer answer the beginning decides."""


def label_by_contrast(examples: Sequence[LabelledExample], loaded: LoadedModel) -> list[LabelledExample | None]:
    """Give each example the sentences that its answer needs as evidence.

    An example becomes `None` where no sentence stands out, or where the context is too long.

    Args:
        examples: Each with an `answer`.
        loaded: A decoder with its language model head.

    Raises:
        ModelError: The model failed.
        InputError: The model cannot give probabilities of words.
    """
    if not loaded.causal or not loaded.model.can_generate():
        raise InputError(f"`{loaded.name}` gives no probabilities of words, so it cannot find evidence for answers. Use a decoder.")
    contrast = Contrast(loaded)
    found = list[LabelledExample | None]()
    for example in track(examples, "finding evidence"):
        with listening(lambda what, done, total: None):  # one bar for all
            found.append(contrast.label(example))
    missing = sum(example is None for example in found)
    logger.info("%d of %d answers gave no label: no sentence stands out, or the context is too long", missing, len(found))
    return found


class Contrast:
    """Measures how much less likely an answer is without a part of the context.

    Args:
        loaded: A decoder with its language model head.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._segmenter = Segmenter(loaded.tokenizer, window=loaded.window, causal=True)
        self._likelihood = AnswerLikelihood(loaded, self._segmenter)
        self._cutter = Cutter(Splitter("auto"), ContextCache(0))

    def label(self, example: LabelledExample) -> LabelledExample | None:
        """The example with evidence; `None` where no sentence stands out, or the context is too long.

        Raises:
            ModelError: The model failed.
        """
        sentences = [sentence for sentence in self._cutter.cut(example.documents, "") if sentence.text.strip()]
        parts = _parts(sentences)
        if len(parts) < 2:
            return None
        drops = self._drops(example, sentences, parts)
        if drops is None:
            return None
        best = sorted(range(len(parts)), key=lambda i: -drops[i])[:BEST]
        single = [[i] for number in sorted(best) if drops[number] >= LEAST for i in parts[number]]
        if not single:
            return None
        fine = self._drops(example, sentences, single) or []
        chosen = [single[i][0] for i in standing_out(fine)]
        evidence = tuple((sentences[i].position, sentences[i].start, sentences[i].end) for i in chosen)
        return replace(example, evidence=evidence) if evidence else None

    def _drops(self, example: LabelledExample, sentences: Sequence[Sentence], parts: Sequence[Sequence[int]]) -> list[float] | None:
        """Nats per token that the answer loses without each part; `None` if the context is too long."""
        answer = self._likelihood.tokens(example.answer or "")[:ANSWER_TOKENS]
        prompts = list[TokenBatch]()
        for left_out in (set[int](), *map(set, parts)):
            context = _joined([sentence for i, sentence in enumerate(sentences) if i not in left_out])
            try:
                segments = self._segmenter.segments(example.query, context, "last")
            except InputError:  # the question leaves no room
                return None
            if len(segments) != 1 or segments[0].batch.input_ids.shape[1] + len(answer) > self._loaded.window:
                return None
            prompts.append(segments[0].batch)
        outcomes = in_batches(
            [prompt.input_ids.shape[1] + len(answer) for prompt in prompts],
            lambda batch, spare: self._nats([prompts[i] for i in batch], answer),
            max_batch_tokens=self._loaded.max_batch_tokens,
        )
        nats = list[float]()
        for outcome in outcomes:
            if isinstance(outcome, ModelError):
                raise outcome
            nats.append(outcome)
        return [nats[0] - value for value in nats[1:]]

    def _nats(self, prompts: Sequence[TokenBatch], answer: Tensor) -> list[Outcome[float]]:
        """The mean log probability of the answer's tokens behind each prompt."""
        model, name = self._loaded.model, self._loaded.name
        longest = max(prompt.input_ids.shape[1] for prompt in prompts)
        with model_failures(model, (len(prompts), longest + len(answer))), torch.inference_mode():
            found = self._likelihood(prompts, [answer] * len(prompts))
            means = torch.stack([tokens.mean() for tokens in found]).tolist()
        return [m if m == m else ModelError(f"the probabilities of `{name}` are not numbers; load it in float32.") for m in means]


def standing_out(drops: Sequence[float]) -> list[int]:
    """The sentences without which the answer loses clearly more than without most others.

    That is at least half of the largest loss, and four times the median absolute deviation above the median.
    """
    if not drops:
        return []
    middle = median(drops)
    spread = 1.4826 * median(abs(drop - middle) for drop in drops)
    bar = max(LEAST, 0.5 * max(drops), middle + 4 * spread if len(drops) > 4 else LEAST)
    return [i for i, drop in enumerate(drops) if drop >= bar]


def _joined(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Each document made of these sentences alone, as one unit."""
    whole = list[Sentence]()
    for position, members in groupby(sentences, key=lambda sentence: sentence.position):
        text = "".join(sentence.text for sentence in members)
        whole.append(Sentence(document=Document(text=text), position=position, start=0, end=len(text)))
    return whole


def _parts(sentences: Sequence[Sentence]) -> list[list[int]]:
    """Documents, or runs of about equally many sentences where there are too few or too many of those."""
    documents = [[i for i, _ in group] for _, group in groupby(enumerate(sentences), key=lambda pair: pair[1].position)]
    if 2 <= len(documents) <= PARTS:
        return documents
    size = max(1, -(-len(sentences) // min(PARTS, max(2, round(len(sentences) ** 0.5)))))
    return [list(range(start, min(start + size, len(sentences)))) for start in range(0, len(sentences), size)]
