"""Train a LoRA adapter for the embedded marker's encoder on generated memories.

    python -m training.embedded --out out/embedded

Every step takes one memory (`pools.py`): its sentences and questions are encoded with gradients, and the loss is the listwise
cross-entropy of the two scores that the marker sums, cosine and late attention, for all questions at once. Anchors, snatches of talk that
ask nothing, are compared with the same sentences, and their distributions are held near to those of the untrained encoder by a
Kullback-Leibler term, so that nothing is unlearned. Topics in `HELD_OUT` are never trained on. `--strength` scales the finished adapter
towards the untrained encoder.

The result is a folder for `--adapter`; `python -m benchmarks.evidence DATA --adapter DIR` says what it is worth.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn.functional import log_softmax, normalize, softmax

from attngs.learning.training.lora import with_lora
from attngs.learning.training.settings import TrainingSettings
from attngs.marking.scorers.late_attention import TEMPERATURE
from attngs.marking.scorers.states import owners
from attngs.reading.embedded import load_embedded
from attngs.reading.lora import identity
from attngs.reading.sentence_states import SentenceStates
from attngs.text.files import write_whole
from training.bank import HELD_OUT, load_bank
from training.pools import Pool, anchors, pools

SAVED_EVERY = 50
"""Steps after which the adapter is written as it is."""

LATE_SHARPNESS = 2.0
"""What log lifts are multiplied by before their softmax."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of one run."""

    steps: int = 400
    learning_rate: float = 2e-4
    rank: int = 16
    lowest_layer: int = 3
    """Layers below it stay as they are: they know words, and what is to be learned is which of them are worth comparing."""
    facts: tuple[int, int] = (10, 22)
    """Items of one memory, least and most."""
    anchors: int = 12
    """Of each step."""
    anchor_weight: float = 3.0
    cosine_temperature: float = 0.05
    strength: float = 0.6
    """LoRA's scale is multiplied by it once training is over; `lora_alpha` of `adapter_config.json` can be changed at any time after."""
    seed: int = 0


class Comparison:
    """Questions against the sentences of a pool: cosine and log lift of late attention, `(Q, S)` each, with their graph."""

    def __init__(self, asked: Sequence[Tensor], context: Sequence[Tensor], cosine_temperature: float) -> None:
        keys, owner = torch.cat(list(context)), owners(context)  # (T, D), (T,)
        sums = keys.new_zeros(len(context), keys.shape[1]).index_add(0, owner, keys)  # (S, D)
        means = torch.stack([normalize(states.sum(dim=0), dim=0) for states in asked])  # (Q, D)
        attention = (torch.cat(list(asked)) @ keys.T / TEMPERATURE).softmax(dim=-1)  # (R, T)
        rows = torch.tensor([len(states) for states in asked], device=keys.device)
        mean = keys.new_zeros(len(asked), len(keys)).index_add(0, owners(asked), attention) / rows[:, None]  # (Q, T)
        mass = keys.new_zeros(len(asked), len(context)).index_add(1, owner, mean)  # (Q, S)
        tokens = torch.tensor([len(states) for states in context], device=keys.device)
        self.cosine = means @ normalize(sums, dim=-1).T / cosine_temperature
        self.late = LATE_SHARPNESS * (mass * len(keys) / tokens.clamp(min=1)).clamp(min=1e-9).log()

    def listwise(self, labels: Tensor) -> Tensor:
        """Cross-entropy against the labelled sentences, of both scores."""
        wanted = labels / labels.sum(dim=1, keepdim=True)
        return -(wanted * (log_softmax(self.cosine, dim=-1) + log_softmax(self.late, dim=-1))).sum(dim=1).mean()

    def divergence(self, base: Comparison) -> Tensor:
        """KL from the untrained encoder's distributions, of both scores."""
        pairs = ((self.cosine, base.cosine), (self.late, base.late))
        return sum(
            ((softmax(old, -1) * (log_softmax(old, -1) - log_softmax(new, -1))).sum(1).mean() for new, old in pairs), torch.zeros(())
        )


def train(recipe: Recipe, folder: Path, console: Console) -> None:
    """Train, and write the adapter with what is needed to do it again."""
    chance = random.Random(recipe.seed)
    torch.manual_seed(recipe.seed)
    items = [item for item in load_bank() if item.topic not in HELD_OUT]
    talk = anchors(items, chance)
    loaded = load_embedded()
    belongs = identity(loaded)
    model = with_lora(loaded, _lora(recipe, loaded.model.config.num_hidden_layers), top=None)
    states = SentenceStates(loaded)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _cosine(step, recipe.steps))
    stream = pools(items, seed=1_000 + recipe.seed, facts=recipe.facts)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    record = {"base": "default", "model": belongs, "recipe": asdict(recipe), "items": len(items), "held_out": sorted(HELD_OUT)}
    write_whole(folder / "marker.json", json.dumps(record, indent=2) + "\n")
    log = (folder / "log.jsonl").open("w", encoding="utf-8", buffering=1)  # a line at a time, so that one can watch it
    for step in track(range(recipe.steps), description="training", console=console):
        pool = next(stream)
        held = chance.sample(talk[pool.language], min(recipe.anchors, len(talk[pool.language])))
        with torch.autocast("cpu", dtype=torch.bfloat16):  # twice as fast where the CPU has it
            encoded = states.states_with_gradient([*pool.sentences, *pool.questions, *held])
            with torch.no_grad(), model.disable_adapter():
                untrained = states.states_with_gradient([*pool.sentences, *held])
        listwise, divergence = _losses(encoded, untrained, pool, recipe)
        optimiser.zero_grad()
        (listwise + recipe.anchor_weight * divergence).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        seconds = round(time.perf_counter() - began, 1)
        entry = {"step": step + 1, "listwise": listwise.item(), "divergence": divergence.item(), "seconds": seconds}
        log.write(json.dumps(entry) + "\n")
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == recipe.steps:
            _save(model, recipe, folder)
    log.close()
    console.print(f"written to {folder}: {sum(weight.numel() for weight in weights):,} weights")


def _save(model: Any, recipe: Recipe, folder: Path) -> None:
    """The adapter at the recipe's strength; training goes on at full strength."""
    config = model.peft_config["default"]
    full = config.lora_alpha
    config.base_model_name_or_path = "default"  # what `--adapter` alone stands on
    config.lora_alpha = full * recipe.strength
    model.save_pretrained(str(folder), save_embedding_layers=False)
    config.lora_alpha = full


def _lora(recipe: Recipe, layers: int) -> TrainingSettings:
    upper = range(recipe.lowest_layer, layers)
    names = tuple(f"layer.{layer}.attention.self.{part}" for layer in upper for part in ("query", "key", "value"))
    return TrainingSettings(rank=recipe.rank, alpha=2 * recipe.rank, seed=recipe.seed, target_modules=names)


def _losses(encoded: Sequence[Tensor], untrained: Sequence[Tensor], pool: Pool, recipe: Recipe) -> tuple[Tensor, Tensor]:
    size, questions = len(pool.sentences), len(pool.questions)
    context, asked, held = encoded[:size], encoded[size : size + questions], encoded[size + questions :]
    listwise = Comparison(asked, context, recipe.cosine_temperature).listwise(pool.labels)
    now = Comparison(held, context, recipe.cosine_temperature)
    return listwise, now.divergence(Comparison(untrained[size:], untrained[:size], recipe.cosine_temperature))


def _cosine(step: int, steps: int) -> float:
    warmup = max(1, steps // 10)
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a LoRA adapter for the embedded marker on generated memories.")
    parser.add_argument("--out", type=Path, required=True, help="the folder that is written")
    for name, value in asdict(Recipe()).items():
        if not isinstance(value, tuple):
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--threads", type=int, default=2)
    options = vars(parser.parse_args(arguments))
    torch.set_num_threads(options.pop("threads"))
    train(Recipe(**{name: value for name, value in options.items() if name != "out"}), options["out"], Console(file=sys.stderr))


if __name__ == "__main__":
    main()
