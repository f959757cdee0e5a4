"""Labels from the model itself: a sentence is evidence if the answer is much less likely without it.

    contrast_i = 1/K sum_k [ log p(a_k | context, question, a_<k) - log p(a_k | context without i, question, a_<k) ]

over the K tokens of the known answer, in the manner of PerContrast (`research/papers.md`: the contrast with and without personal context).
Parts are left out from coarse to fine, so that passes stay few: documents first (or runs of sentences, where there is one document), then
the sentences of the parts that matter most.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median
from typing import Any

import torch

from attngs.errors import InputError, ModelError
from attngs.learning.labelled import LabelledExample
from attngs.marking.cutting import Cutter
from attngs.reading.batches import Outcome, in_batches
from attngs.reading.context_cache import ContextCache
from attngs.reading.failures import model_failures
from attngs.reading.loading import LoadedModel
from attngs.reading.progress import listening, track
from attngs.reading.segments import Segmenter
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
    """Each example with the sentences that its answer needs as evidence; `None` where none stands out, or the context is too long.

    Args:
        examples: With an `answer`.
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
        self._cutter = Cutter(Splitter("auto"), ContextCache(0))

    def label(self, example: LabelledExample) -> LabelledExample | None:
        """The example with evidence.

        Raises:
            ModelError: The model failed.
        """
        sentences = self._sentences(example)
        parts = _parts(sentences)
        if len(parts) < 2:
            return None
        drops = self.drops(example, sentences, parts)
        if drops is None:
            return None
        best = sorted(range(len(parts)), key=lambda i: -drops[i])[:BEST]
        single = [[i] for number in sorted(best) if drops[number] >= LEAST for i in parts[number]]
        if not single:
            return None
        fine = self.drops(example, sentences, single) or []
        chosen = [single[i][0] for i in standing_out(fine)]
        evidence = tuple((sentences[i].position, sentences[i].start, sentences[i].end) for i in chosen)
        return replace(example, evidence=evidence) if evidence else None

    def _sentences(self, example: LabelledExample) -> list[Sentence]:
        return [sentence for sentence in self._cutter.cut(example.documents, "") if sentence.text.strip()]

    def drops(self, example: LabelledExample, sentences: Sequence[Sentence], parts: Sequence[Sequence[int]]) -> list[float] | None:
        """Nats per token that the answer loses without each part; `None` when the context does not fit the window.

        Raises:
            ModelError: The model failed.
        """
        answer = self._segmenter.encoder.encode([" " + (example.answer or "").strip()])[0].ids[:ANSWER_TOKENS].tolist()
        prompts = list[list[int]]()
        for left_out in (set[int](), *map(set, parts)):
            context = _joined([sentence for i, sentence in enumerate(sentences) if i not in left_out])
            try:
                segments = self._segmenter.segments(example.query, context, "last")
            except InputError:  # the question leaves no room
                return None
            if len(segments) != 1 or segments[0].batch.input_ids.shape[1] + len(answer) > self._loaded.window:
                return None
            prompts.append(segments[0].batch.input_ids[0].tolist())
        likely = self._likelihoods(prompts, answer)
        return [likely[0] - value for value in likely[1:]]

    def _likelihoods(self, prompts: Sequence[list[int]], answer: list[int]) -> list[float]:
        """Mean log probability of the answer's tokens after each prompt."""
        outcomes = in_batches(
            [len(prompt) + len(answer) for prompt in prompts],
            lambda batch, spare: self._forward([prompts[i] for i in batch], answer),
            max_batch_tokens=self._loaded.max_batch_tokens,
        )
        found = list[float]()
        for outcome in outcomes:
            if isinstance(outcome, ModelError):
                raise outcome
            found.append(outcome)
        return found

    @torch.inference_mode()
    def _forward(self, prompts: Sequence[list[int]], answer: list[int]) -> list[Outcome[float]]:
        model: Any = self._loaded.model
        rows = [torch.tensor([*prompt, *answer]) for prompt in prompts]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)  # causal: nothing real looks at the padding
        with model_failures(model, tuple(ids.shape)):
            hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            places = torch.tensor([[len(prompt) - 1 + k for k in range(len(answer))] for prompt in prompts], device=model.device)
            wanted = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))  # (B, K, D): only these need the vocabulary
            logs = model.get_output_embeddings()(wanted).float().log_softmax(dim=-1)  # (B, K, V)
        targets = torch.tensor(answer, device=model.device).expand(len(prompts), -1)[..., None]
        means = logs.gather(-1, targets)[..., 0].mean(dim=1).tolist()
        name = self._loaded.name
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
