"""The weights of the small decoder on disk: trained when they are not there, or were trained by another recipe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from attngs.reading.loading import best_device
from attngs.text.files import write_whole
from benchmarks.decoder.pretrain import LENGTHS, Encoder, Recipe, accuracy, pretrain
from benchmarks.decoder.vocabulary import word_tokenizer

RECORD = "pretraining.json"


def pretrained(recipe: Recipe, folder: Path, device: str | None, say: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """The folder of the model, and what is known of its training.

    Args:
        recipe: How it is trained.
        folder: Where it lies or will lie.
        device: What it is trained on; the best there is when not given.
        say: Told how it goes.
    """
    model_folder, record = folder / "model", folder / RECORD
    wanted = json.loads(json.dumps(asdict(recipe)))
    if record.is_file() and (told := json.loads(record.read_text("utf-8")))["recipe"] == wanted:
        say(f"the decoder in {model_folder} was trained by this recipe; delete the folder to train it again")
        return model_folder, told
    tokenizer, log = word_tokenizer(), list[str]()

    def note(line: str) -> None:
        log.append(line)
        say(line)

    began, wall = time.process_time(), time.perf_counter()
    model: Any = pretrain(recipe, torch.device(device) if device else best_device(), note)
    spent = {"cpu_seconds": round(time.process_time() - began), "seconds": round(time.perf_counter() - wall)}
    encoder = Encoder(tokenizer)
    right = {
        words: {
            f"{lines[0]} to {lines[1]}": accuracy(model, encoder, "test", lines, recipe.judged, new_wording=new)
            for lines in LENGTHS.values()
        }
        for words, new in (("trained wordings", False), ("new wordings", True))
    }
    model.eval().set_attn_implementation("sdpa")
    model.save_pretrained(model_folder)
    tokenizer.save_pretrained(model_folder)
    told = {"recipe": wanted, "parameters": model.num_parameters(), "accuracy": right, **spent, "log": log}
    write_whole(record, json.dumps(told, indent=2) + "\n")
    return model_folder, told
