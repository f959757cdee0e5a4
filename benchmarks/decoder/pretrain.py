"""A small Llama that learns from nothing to answer from a memory.

It reads the very prompt that markers read (`ReadingPrompt`). One memory is read once for several questions: their branches see the memory
and themselves, not each other, and stand at the positions at which each would stand alone, so that training equals later reading. The loss
is that of the answers, and a light one of the memory itself. Memories grow while the model learns, since matching one of a few sentences is
found much sooner than one of forty.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attngs.reading.segments import Segmenter
from attngs.types import Sentence
from benchmarks.decoder.task import Memory, Question, Split, stream
from benchmarks.decoder.vocabulary import WINDOW, word_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

IGNORED = -100

NEAR = 0.4
"""Share of the pairs of a rotary embedding that turn so quickly that they tell near words from far ones."""

DRAWN_TOGETHER = 8
"""Batches."""

FORGOTTEN = 1.0
"""The mean loss that a new length of memories begins with: it takes many right answers to get it down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that the weights depend on, besides the machine's arithmetic."""

    seed: int = 0
    layers: int = 4
    heads: int = 4
    width: int = 128
    nearness: float = 1.3
    """How strongly the lower half begins by looking at near words; see `new_model`."""
    steps: int = 3_000
    tokens: int = 1_280
    """Of a batch, about."""
    questions: int = 12
    """For each memory."""
    lengths: tuple[tuple[int, int], ...] = ((3, 6), (4, 12), (5, 24), (6, 40))
    """Least and most lines of a memory; the next pair comes when the answers are right, ..."""
    deadlines: tuple[float, ...] = (0.45, 0.6, 0.75)
    """... at the latest after this share of the steps."""
    learned: float = 0.12
    """Loss of the answers, a mean over some steps, from which they count as right."""
    learning_rate: float = 2e-3
    """Of the layers' matrices."""
    embedding_rate: float = 4e-3
    """Of the rest."""
    warm_up: int = 100
    context_weight: float = 0.1
    """Of the loss on the memory."""
    judged: int = 60
    """Held-out users, for each length of memory, on whom accuracy is told."""


class Curriculum:
    """How long memories are: longer as soon as the answers about shorter ones are right."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._level = 0
        self._loss = FORGOTTEN

    @property
    def lines(self) -> tuple[int, int]:
        """Least and most lines now."""
        return self._recipe.lengths[self._level]

    def learn(self, step: int, loss: float) -> None:
        """Take note of the loss of a step."""
        self._loss = 0.97 * self._loss + 0.03 * loss
        if self._level == len(self._recipe.lengths) - 1:
            return
        if self._loss < self._recipe.learned or step >= self._recipe.deadlines[self._level] * self._recipe.steps:
            self._level += 1
            self._loss = FORGOTTEN


def new_model(recipe: Recipe, vocabulary: int) -> PreTrainedModel:
    """Random weights in the architecture of Llama, with one help: heads of the lower half begin by looking at near words.

    Queries and keys of these heads share a constant part in the quickly turning pairs of the rotary embedding (the biases), so that
    attention falls with distance, as with ALiBi (arXiv 2108.12409). It says nothing about what a question is about; without it, finding
    out that the words of a sentence belong together takes many times as long.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=recipe.width, intermediate_size=2 * recipe.width, num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads, num_key_value_heads=recipe.heads, max_position_embeddings=WINDOW,
        attention_bias=True, tie_word_embeddings=True, bos_token_id=2, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    model: Any = LlamaForCausalLM(config)
    pairs = recipe.width // recipe.heads // 2
    near = torch.arange(pairs) < NEAR * pairs
    with torch.no_grad():
        for layer in model.model.layers[: recipe.layers // 2]:
            bias = recipe.nearness * near * torch.randn(recipe.heads, 2, pairs).sign()
            layer.self_attn.q_proj.bias.copy_(bias.flatten())
            layer.self_attn.k_proj.bias.copy_(bias.flatten())
    model.set_attn_implementation("eager")  # on short rows faster than the CPU's fused kernel with a mask
    untrained: PreTrainedModel = model
    return untrained


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A memory with its questions as one row of tokens `(T,)`."""

    ids: Tensor
    positions: Tensor
    branch: Tensor
    """0 for the memory, else the number of the question."""
    targets: Tensor
    """The next token of an answer where one is to be predicted, else `IGNORED`."""


class Encoder:
    """Memories and questions -> tokens, through the segmenter that markers use."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._segmenter = Segmenter(tokenizer, window=WINDOW, causal=True)
        self._end = int(tokenizer.convert_tokens_to_ids("</s>"))  # type: ignore[arg-type]

    def encode(self, memory: Memory, questions: Sequence[Question]) -> Example:
        documents = memory.documents
        units = [
            Sentence(document=documents[number], position=number, start=start, end=start + len(line.text))
            for number, start, line in memory.lines
        ]
        ids, positions, branch, targets = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
        for number, question in enumerate(questions, start=1):
            (segment,) = self._segmenter.segments(question.example.query, units, "last")
            prompt, shared = segment.batch.input_ids[0], segment.context
            if number == 1:
                ids.append(prompt[:shared])
                positions.append(torch.arange(shared))
                branch.append(torch.zeros(shared, dtype=torch.long))
                targets.append(torch.full((shared,), IGNORED))
            answer = torch.tensor([*self._segmenter.encoder.encode([question.example.answer or ""])[0].ids.tolist(), self._end])
            asked = torch.cat([prompt[shared:], answer[:-1]])
            ids.append(asked)
            positions.append(torch.arange(shared, shared + len(asked)))
            branch.append(torch.full((len(asked),), number))
            targets.append(torch.cat([torch.full((len(asked) - len(answer),), IGNORED), answer]))
        return Example(torch.cat(ids), torch.cat(positions), torch.cat(branch), torch.cat(targets))


def batches(recipe: Recipe, encoder: Encoder, curriculum: Curriculum) -> Iterator[list[Example]]:
    """The batch of each step. Several are drawn together and sorted, so that the rows of one are about equally long."""
    shuffle = random.Random(recipe.seed)
    streams = dict[tuple[int, int], Iterator[tuple[Memory, list[Question]]]]()
    while True:
        lines = curriculum.lines
        if lines not in streams:
            streams[lines] = stream("train", seed=recipe.seed, lines=lines, questions=recipe.questions)
        drawn, tokens = list[Example](), 0
        while tokens < DRAWN_TOGETHER * recipe.tokens:
            drawn.append(encoder.encode(*next(streams[lines])))
            tokens += len(drawn[-1].ids)
        ready, batch = list[list[Example]](), list[Example]()
        for row in sorted(drawn, key=lambda row: len(row.ids)):
            batch.append(row)
            if len(row.ids) * len(batch) >= recipe.tokens:  # what it takes with padding
                ready.append(batch)
                batch = []
        yield from shuffle.sample(ready, len(ready))


def collate(batch: Sequence[Example]) -> dict[str, Tensor]:
    """Padded on the right: ids, positions, targets `(B, T)`, what sees what `(B, 1, T, T)`, and branches."""
    pad: Callable[..., Tensor] = torch.nn.utils.rnn.pad_sequence
    branch = pad([row.branch for row in batch], batch_first=True, padding_value=-1)
    same = branch[:, :, None] == branch[:, None, :]
    seen = (same | (branch == 0)[:, None, :]).tril()
    return {
        "input_ids": pad([row.ids for row in batch], batch_first=True),
        "position_ids": pad([row.positions for row in batch], batch_first=True),
        "attention_mask": torch.where(seen, 0.0, torch.finfo(torch.float32).min)[:, None],
        "targets": pad([row.targets for row in batch], batch_first=True, padding_value=IGNORED),
        "branch": branch,
    }


def losses(model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Of the answers and of the memory, means over their tokens."""
    ids, memory, logits = inputs["input_ids"], inputs["branch"] == 0, _logits(model, inputs)
    answers = torch.nn.functional.cross_entropy(logits.flatten(0, 1), inputs["targets"].flatten(), ignore_index=IGNORED)
    told = memory[:, 1:] & memory[:, :-1]
    context = torch.nn.functional.cross_entropy(logits[:, :-1][told], ids[:, 1:][told])
    return answers, context


def _logits(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    told = {name: inputs[name] for name in ("input_ids", "position_ids", "attention_mask")}
    logits: Tensor = model(**told, use_cache=False).logits
    return logits


def pretrain(recipe: Recipe, device: torch.device, say: Callable[[str], None], every: int = 200) -> PreTrainedModel:
    """Train from nothing; `say` is told how it goes every so many steps."""
    tokenizer = word_tokenizer()
    encoder = Encoder(tokenizer)
    model: Any = new_model(recipe, len(tokenizer))
    model.to(device).train()
    optimizers = _optimizers(model, recipe)
    rates = [torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe)) for optimizer in optimizers]
    began = time.perf_counter()
    curriculum = Curriculum(recipe)
    for step, batch in zip(range(1, recipe.steps + 1), batches(recipe, encoder, curriculum), strict=False):
        inputs = {name: value.to(device) for name, value in collate(batch).items()}
        with torch.autocast(device.type, dtype=torch.bfloat16):
            answers, context = losses(model, inputs)
        loss = answers + recipe.context_weight * context
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss of step {step} is {loss.item()}; lower `learning_rate`.")
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, rate in zip(optimizers, rates, strict=True):
            optimizer.step()
            rate.step()
        curriculum.learn(step, answers.item())
        if step % every == 0 or step == recipe.steps:
            right = {name: accuracy(model, encoder, "validation", lines, recipe.judged) for name, lines in LENGTHS.items()}
            told = ", ".join(f"{name} {share:.3f}" for name, share in right.items())
            at = f"step {step}: up to {curriculum.lines[1]} lines"
            loss_now = f"answers {answers.item():.3f}, memory {context.item():.3f}"
            say(f"{at}, {loss_now}; {told}; {time.perf_counter() - began:.0f} s")
    trained: PreTrainedModel = model.eval()
    return trained


def _optimizers(model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, which learn to match a third as many questions as with AdamW; AdamW for the rest."""
    named = list(model.named_parameters())
    matrices = [weight for name, weight in named if weight.dim() == 2 and "embed" not in name]
    others = [weight for name, weight in named if weight.dim() != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=recipe.learning_rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=recipe.embedding_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


LENGTHS = {"short": (3, 6), "middle": (10, 15), "long": (30, 40)}
"""Lines of a memory for which accuracy is told."""


@torch.no_grad()
def accuracy(model: Any, encoder: Encoder, split: Split, lines: tuple[int, int], users: int, *, new_wording: bool = False) -> float:
    """The share of held-out questions, in trained or in new wordings, of which every token of the answer is the likeliest."""
    model.eval()
    right = list[bool]()
    for memory, drawn in itertools.islice(stream(split, seed=1, lines=lines, questions=8), users):
        questions = [question for question in drawn if (question.wording != "known") == new_wording]
        if questions:
            inputs = {name: value.to(model.device) for name, value in collate([encoder.encode(memory, questions)]).items()}
            targets = inputs["targets"][0]
            wrong = (_logits(model, inputs)[0].argmax(-1) != targets) & (targets != IGNORED)
            right.extend(not bool(wrong[inputs["branch"][0] == number].any()) for number in range(1, len(questions) + 1))
    model.train()
    return sum(right) / max(len(right), 1)


def _rate(step: int, recipe: Recipe) -> float:
    """Warm-up, then half a cosine down to a tenth."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    done = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return 0.55 + 0.45 * math.cos(math.pi * min(1.0, done))
