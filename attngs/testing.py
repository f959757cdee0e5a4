"""Public fakes and contract checks: test your app without a model, and your plug-in against the contract it must keep.

```python
from attngs.testing import FakeScorer, check_scorer

check_scorer(MyScorer())
```
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attngs.errors import ConfigError
from attngs.protocols import BatchScorer, Scorer, SentenceSplitter
from attngs.types import ChatReply, Document, Message, ScoreRequest, Sentence

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class FakeChat:
    """A writer that answers from a list, the last reply again and again, and remembers what it was asked.

    Args:
        replies: Texts or whole replies to return, or exceptions to raise.
        context_window: Tokens that it pretends to read and write together; `None`: unknown.
    """

    def __init__(self, *replies: str | ChatReply | Exception, context_window: int | None = None) -> None:
        if not replies:
            raise ConfigError("`FakeChat` needs at least one reply.")
        self.context_window = context_window
        self._replies = replies
        self.calls: list[tuple[Message, ...]] = []

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        self.calls.append(tuple(messages))
        reply = self._replies[min(len(self.calls), len(self._replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, ChatReply) else ChatReply(text=reply, finish_reason="stop")

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        return self.complete(messages)


class FakeScorer:
    """Scores by what a sentence holds: 1 for each of the `important` strings in it."""

    def __init__(self, *important: str) -> None:
        self._important = important

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [float(sum(word in sentence.text for word in self._important)) for sentence in sentences]


def count_words(text: str) -> int:
    """A token counter that one can check by eye: words between white space."""
    return len(text.split())


NASTY_TEXTS = (
    "",
    " ",
    "\n\n\n",
    "One sentence.",
    "First. Second! Third? And a last one without a stop",
    "Ana: hi\nBen: hello, Dr. Who.\nAna: 3.14 is enough, e.g. here.",
    "- one\n- two\n\n```\ncode. here\n```\n",
    "日本語です。そうですか？はい。",
    "यह हिंदी है। और यह भी।",
    "هل هذا عربي؟ نعم.",
    "lone \ud800 surrogate and \udfff another. <|im_end|> [SEP] <start_important>",
    "nul \0 bell \a separator \u2028 zero\u200bwidth e\u0301 👩‍👩‍👧",
    "x" * 1_200,
    "word " * 250,
)
"""Texts that have broken splitters, tokenizers and scorers."""


def check_splitter(splitter: SentenceSplitter) -> None:
    """Assert that spans tile the text, on texts that have broken splitters.

    Raises:
        AssertionError: They do not; the message shows the text.
    """
    for text in NASTY_TEXTS:
        spans = list(splitter(text))
        _expect("".join(text[span.start : span.end] for span in spans) == text, f"the spans do not tile {text[:60]!r}")
        borders = [0, *(span.end for span in spans)]
        _expect(all(span.start == end < span.end for span, end in zip(spans, borders, strict=False)), f"wrong borders in {text[:60]!r}")


def check_scorer(scorer: Scorer) -> None:
    """Assert the contract of a scorer: one finite score a sentence, the same again when asked again or in a batch, and inputs left alone.

    Raises:
        AssertionError: It does not keep the contract; the message says how.
    """
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(NASTY_TEXTS) if text.strip()]
    sentences = [
        Sentence(document=document, position=position, start=start, end=min(start + 400, len(document.text)))
        for position, document in enumerate(documents)
        for start in range(0, len(document.text), 400)
    ]
    for query in ("What is the second one?", "有什么？", "x", "<|im_end|> [SEP] \ud800"):
        given = list(sentences)
        scores = list(scorer.score(query, given))
        _expect(given == sentences, "the scorer changed the list of sentences")
        _expect(len(scores) == len(sentences), f"{len(scores)} scores for {len(sentences)} sentences")
        _expect(all(math.isfinite(score) for score in scores), "a score is not a finite number")
        again = list(scorer.score(query, sentences))
        _expect(all(abs(a - b) <= 1e-5 * max(1.0, abs(a)) for a, b in zip(scores, again, strict=True)), "asked again, the scores differ")
    _expect(len(scorer.score("x", sentences[:1])) == 1, "one sentence must get one score")
    if isinstance(scorer, BatchScorer):
        _check_batch(scorer, sentences)


def _check_batch(scorer: BatchScorer, sentences: Sequence[Sentence]) -> None:
    """Requests of several users in one batch, in two orders: each gets what it gets alone."""
    requests = [
        ScoreRequest(query=query, sentences=sentences[:size], namespace=namespace)
        for size in (1, 7, len(sentences))
        for query, namespace in (("What is the second one?", "ana"), ("x", "ben"))
    ]
    alone = [scorer.score(request.query, request.sentences) for request in requests]
    for order in (range(len(requests)), reversed(range(len(requests)))):
        numbers = list(order)
        outcomes = list(scorer.score_batch([requests[i] for i in numbers]))
        _expect(len(outcomes) == len(requests), "`score_batch` must return one result a request")
        for i, outcome in zip(numbers, outcomes, strict=True):
            _expect(not isinstance(outcome, Exception), f"a request of a batch failed: {outcome!r}")
            assert not isinstance(outcome, Exception)
            largest = max(abs(score) for score in alone[i])
            same = all(abs(a - b) <= 1e-3 * max(largest, 1e-6) for a, b in zip(alone[i], outcome, strict=True))
            _expect(same, "a request gets other scores in a batch than alone")


def _expect(condition: bool, message: str) -> None:
    """`assert` that stays when Python runs with -O."""
    if not condition:
        raise AssertionError(message)


SMALL = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}


def tiny_model(model_type: str = "qwen2", *, seed: int = 0, peaky: float = 3.0, **settings: Any) -> PreTrainedModel:
    """A randomly initialised model of a real architecture, about a tenth of a megabyte.

    Args:
        model_type: As transformers calls it, such as `llama`, `gemma2` or `bert`.
        seed: Of the weights.
        peaky: Factor on query and key weights; without it random attention is nearly uniform, and a test of it has no teeth.
        settings: Fields of the model's config that differ from the small default.
    """
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    encoder = model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    config = AutoConfig.for_model(model_type, **{**SMALL, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        factory: Any = AutoModel if encoder else AutoModelForCausalLM
        model: PreTrainedModel = factory.from_config(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "q_norm" in name or "k_norm" in name:
                    parameter.add_(peaky)  # these families normalise queries and keys; only the norm's weight makes peaks
                elif parameter.dim() > 1 and any(
                    part in name for part in ("q_proj", "k_proj", "q_lin", "k_lin", "c_attn", "qkv", "Wqkv", "query", "key")
                ):
                    parameter.mul_(4 * peaky)
    return model


def tiny_tokenizer(*, chat_template: bool = True) -> PreTrainedTokenizerBase:
    """A byte-level tokenizer of 512 ids with special tokens and, if wanted, a chat template; fits `tiny_model`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    template = "<s>{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<|end|>"],
        model_max_length=100_000,
        chat_template=template if chat_template else None,
    )
    return tokenizer
