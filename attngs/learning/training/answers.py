"""How likely a decoder finds an answer, in the prompt that the marker reads: the ground of the objectives `answer` and `perce`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from attngs.errors import UnsupportedModelError
from attngs.learning.training.examples import TrainingExample, context_of
from attngs.learning.training.objective import most_evidence, randomness
from attngs.learning.training.settings import TrainingSettings
from attngs.reading.loading import LoadedModel
from attngs.reading.segments import ReadingPrompt, Segment, Segmenter
from attngs.reading.token_batch import TokenBatch


class PerceObjective:
    """The weighted cross-entropy. Weights are computed anew when they are `refresh_every` steps old, at the price of a second pass."""

    def __init__(self, reader: AnswerReader, settings: TrainingSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._kept: dict[int, tuple[int, Tensor]] = {}  # by example: the step of its weights, and the weights (n,)

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        informed = self._reader.with_context(batch, step)
        self._refresh(batch, informed, step)
        losses = [perce(tokens, self._kept[example.number][1]) for tokens, example in zip(informed, batch, strict=True)]
        return torch.stack(losses).mean()

    def _refresh(self, batch: Sequence[TrainingExample], informed: Sequence[Tensor], step: int) -> None:
        old = [i for i, example in enumerate(batch) if self._age(example, step) >= self._settings.refresh_every]
        uninformed = self._reader.without_context([batch[i] for i in old]) if old else []
        for i, tokens in zip(old, uninformed, strict=True):
            weights = contrast(informed[i], tokens, self._settings.weight_floor, self._settings.weight_cap)
            self._kept[batch[i].number] = step, weights

    def _age(self, example: TrainingExample, step: int) -> float:
        return step - self._kept[example.number][0] if example.number in self._kept else float("inf")


def contrast(informed: Tensor, uninformed: Tensor, floor: float, cap: float) -> Tensor:
    """The weights `(n,)`: how much more likely the context makes each token, clipped; no gradient flows through them."""
    return (informed.detach() - uninformed.detach()).clamp(floor, cap)


def perce(informed: Tensor, weights: Tensor) -> Tensor:
    """The loss of one answer."""
    return -(weights * informed).mean()


ANSWER_TOKENS = 256
"""Of an answer that is longer, or longer than an eighth of the window, the beginning is learned: a marker looks before the first word."""


class AnswerReader:
    """Log probabilities of the answers' tokens, the end of the answer included.

    Raises:
        UnsupportedModelError: The model is an encoder, which writes no answers.
    """

    def __init__(self, loaded: LoadedModel, prompt: ReadingPrompt, settings: TrainingSettings) -> None:
        if not loaded.causal:
            raise UnsupportedModelError(
                f"`{loaded.name}` is an encoder, which writes no answers; train it with the objective `evidence`, or pass a decoder."
            )
        self._model = loaded.model
        self._settings = settings
        self._longest = max(1, min(ANSWER_TOKENS, loaded.window // 8))
        self._segmenter = Segmenter(loaded.tokenizer, window=loaded.window - self._longest, causal=True, prompt=prompt)
        self._end = [loaded.tokenizer.eos_token_id] if loaded.tokenizer.eos_token_id is not None else []
        self._keeps_places = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    def with_context(self, batch: Sequence[TrainingExample], step: int) -> list[Tensor]:
        """The log of p(y_i | context, question, y_<i), one `(n,)` an example, with its graph."""
        return self._log_probabilities([self._prompt(example, step) for example in batch], batch)

    def without_context(self, batch: Sequence[TrainingExample]) -> list[Tensor]:
        """The log of p(y_i | question, y_<i), one `(n,)` an example, without a graph."""
        with torch.no_grad():
            return self._log_probabilities([self._segmenter.bare(example.row.query) for example in batch], batch)

    def _prompt(self, example: TrainingExample, step: int) -> Segment:
        sentences, labels = context_of(example, self._settings, randomness(self._settings.seed, step, example))
        return most_evidence(self._segmenter.segments(example.row.query, sentences, "last"), labels)

    def _log_probabilities(self, prompts: Sequence[Segment], batch: Sequence[TrainingExample]) -> list[Tensor]:
        answers = [self._answer(example) for example in batch]
        begins = [prompt.batch.input_ids.shape[1] for prompt in prompts]
        tokens = TokenBatch.stack([prompt.batch.answered(answer[None]) for prompt, answer in zip(prompts, answers, strict=True)])
        tokens = tokens.to(self._model.device)
        # a token is predicted one place before its own; the logits of other places would take most of the memory
        places = [torch.arange(begin - 1, begin - 1 + len(answer)) for begin, answer in zip(begins, answers, strict=True)]
        wanted = torch.cat(places).unique()
        options = {"logits_to_keep": wanted.to(self._model.device)} if self._keeps_places else {}
        logits = self._model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, use_cache=False, **options).logits
        found = []
        for row, (place, answer) in enumerate(zip(places, answers, strict=True)):
            index = torch.searchsorted(wanted, place) if self._keeps_places else place
            scores = logits[row, index.to(logits.device)].float().log_softmax(dim=-1)  # (n, V)
            found.append(scores.gather(1, answer.to(scores.device)[:, None])[:, 0])
        return found

    def _answer(self, example: TrainingExample) -> Tensor:
        text = self._segmenter.answer_begin + (example.row.answer or "").strip()
        ids = self._segmenter.encoder.encode([text])[0].ids
        return torch.from_numpy(np.concatenate([ids, np.asarray(self._end, dtype=np.int64)])[: self._longest])


class AnswerObjective:
    """`-(1/n) sum_i log p(y_i | context, question, y_<i)`, the mean over examples."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        return torch.stack([-tokens.mean() for tokens in self._reader.with_context(batch, step)]).mean()
