"""A tokenizer of whole words: with a few hundred of them a small model learns in minutes what matters here."""

from __future__ import annotations

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from attngs.reading.segments import ReadingPrompt
from benchmarks.decoder.task import texts

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")

WINDOW = 2_048
"""Tokens that the model may read."""


def word_tokenizer() -> PreTrainedTokenizerBase:
    """Lower-case words and punctuation of the task and of the prompt that markers read it in."""
    prompt = ReadingPrompt()
    frame = (prompt.instruction, prompt.context_heading, prompt.query_heading, prompt.answer_heading)
    split, lower = pre_tokenizers.Whitespace(), normalizers.Lowercase()
    words = {word for text in (*frame, *texts()) for word, _ in split.pre_tokenize_str(lower.normalize_str(text))}
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate((*SPECIAL, *sorted(words)))}, unk_token="<unk>"))
    backend.normalizer, backend.pre_tokenizer = lower, split
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>", model_max_length=WINDOW
    )
    return tokenizer
