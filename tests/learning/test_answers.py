"""The likelihood of an answer is the model's own, whatever its head does to the logits and whatever shares the pass."""

from __future__ import annotations

import pytest
import torch

from attngs.learning.answers import AnswerLikelihood
from attngs.reading.loading import wrap_model
from attngs.reading.segments import Segmenter
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Document, Sentence


@pytest.mark.parametrize(
    ("model_type", "settings"), [("qwen2", {}), ("granite", {"logits_scaling": 8.0}), ("gemma2", {"final_logit_softcapping": 0.5})]
)
def test_answers_are_as_likely_as_the_model_says(model_type: str, settings: dict[str, float]) -> None:
    loaded = wrap_model(tiny_model(model_type, **settings), tiny_tokenizer())
    segmenter = Segmenter(loaded.tokenizer, window=512, causal=True)
    likelihood = AnswerLikelihood(loaded, segmenter)
    prompts, answers = [], []
    for text, answer in (("Her pills are blue.", "blue"), ("It rained, and nobody left the house.", "no one knows")):
        sentence = Sentence(document=Document(text=text), position=0, start=0, end=len(text))
        prompts.append(segmenter.segments("Which pills?", [sentence], "last")[0].batch)
        answers.append(likelihood.tokens(answer))
    with torch.no_grad():
        found = likelihood(prompts, answers)
        for prompt, answer, logs in zip(prompts, answers, found, strict=True):
            ids = torch.cat([prompt.input_ids, answer[None]], dim=1)
            expected = loaded.model(input_ids=ids).logits[0, -len(answer) - 1 : -1].float().log_softmax(dim=-1)
            torch.testing.assert_close(logs, expected.gather(1, answer[:, None])[:, 0], atol=1e-4, rtol=1e-4)
