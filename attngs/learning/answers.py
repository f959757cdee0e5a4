"""How likely a decoder finds an answer.

Training on answers makes this number larger. The search for evidence looks for the sentences without which it is much smaller.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor

from attngs.reading.loading import LoadedModel
from attngs.reading.segments import Segmenter
from attngs.reading.token_batch import TokenBatch


class AnswerLikelihood:
    """Log probabilities of an answer's tokens behind a prompt.

    Args:
        loaded: A decoder with its language model head.
        segmenter: Made the prompts.
    """

    def __init__(self, loaded: LoadedModel, segmenter: Segmenter) -> None:
        self._model = loaded.model
        self._encoder = segmenter.encoder
        self._begin = segmenter.answer_begin
        self._keeps_places = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    def tokens(self, answer: str) -> Tensor:
        """The ids of an answer as they follow a prompt `(n,)`."""
        return torch.from_numpy(self._encoder.encode([self._begin + answer.strip()])[0].ids)

    def __call__(self, prompts: Sequence[TokenBatch], answers: Sequence[Tensor]) -> list[Tensor]:
        """The log of p(y_i | prompt, y_<i), one `(n,)` an answer; with its graph where gradients are wanted."""
        begins = [prompt.input_ids.shape[1] for prompt in prompts]
        batch = TokenBatch.stack([prompt.answered(answer[None]) for prompt, answer in zip(prompts, answers, strict=True)])
        batch = batch.to(self._model.device)
        # a token is predicted one place before its own; the logits of other places would take most of the memory
        places = [torch.arange(begin - 1, begin - 1 + len(answer)) for begin, answer in zip(begins, answers, strict=True)]
        wanted = torch.cat(places).unique()
        options = {"logits_to_keep": wanted.to(self._model.device)} if self._keeps_places else {}
        logits = self._model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False, **options).logits  # (B, W, V)
        found = []
        for row, (place, answer) in enumerate(zip(places, answers, strict=True)):
            index = torch.searchsorted(wanted, place) if self._keeps_places else place
            scores = logits[row, index.to(logits.device)].float().log_softmax(dim=-1)  # (n, V)
            found.append(scores.gather(1, answer.to(scores.device)[:, None])[:, 0])
        return found
