"""A LoRA adapter of `attngs train` -> merged into its model, so marking costs the same as before."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from attngs.errors import AssetError, ConfigError, MissingDependencyError
from attngs.reading.loading import LoadedModel

RECORD, UNFINISHED = "marker.json", "run.json"
"""The record of a finished training run, and that of an unfinished one."""

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

SAMPLES = 64
"""How many numbers of the embedding table are compared."""

_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_[A-Za-z_]+(\.weight)?")
_LAYER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """A LoRA adapter on disk."""

    folder: Path
    base: str
    """The name that the model had when the adapter was trained on it."""
    revision: str | None
    record: Mapping[str, Any]
    """The content of `marker.json`; empty for an adapter that attngs did not train."""


def find_lora(folder: str | Path) -> Lora:
    """The adapter in a folder.

    Raises:
        AssetError: There is none, or one of its files is damaged.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        if (folder / UNFINISHED).is_file():
            raise AssetError(f"the training in `{folder}` is not finished; go on with `attngs train ... --out {folder} --resume`.")
        raise AssetError(f"`adapter` names `{folder}`, which holds no `{CONFIG}`; give the folder that `attngs train --out` wrote.")
    config, record = _json(folder / CONFIG), _json(folder / RECORD) if (folder / RECORD).is_file() else {}
    base = config.get("base_model_name_or_path")
    if config.get("peft_type") != "LORA" or not isinstance(base, str):
        raise AssetError(f"`{folder / CONFIG}` does not describe a LoRA adapter with the model that it belongs to.")
    return Lora(folder=folder, base=base, revision=config.get("revision"), record=record)


def is_lora(name_or_path: str | Path) -> bool:
    """Whether a folder holds an adapter, or an unfinished one, instead of a model."""
    folder = Path(name_or_path)
    return not (folder / "config.json").is_file() and any((folder / name).is_file() for name in (CONFIG, UNFINISHED))


def identity(loaded: LoadedModel) -> dict[str, Any]:
    """What tells models apart wherever they are stored: family, layers, width, samples of the embeddings."""
    config = loaded.model.config.get_text_config()
    embeddings: Any = loaded.model.get_input_embeddings()
    table: torch.Tensor = embeddings.weight.detach().flatten()
    places = torch.linspace(0, len(table) - 1, SAMPLES, device="cpu", dtype=torch.float64).long()
    return {
        "model_type": config.model_type,
        "layers": loaded.layers or config.num_hidden_layers,
        "width": config.hidden_size,
        "samples": [round(float(number), 8) for number in table[places.to(table.device)].float()],
    }


def merged(loaded: LoadedModel, lora: Lora) -> LoadedModel:
    """The model with the adapter merged into its weights, as far as its layers are loaded.

    Raises:
        MissingDependencyError: peft is not installed.
        ConfigError: The adapter belongs to another model.
        AssetError: Its files are damaged.
    """
    if find_spec("peft") is None:
        raise MissingDependencyError("an adapter needs peft: pip install 'attngs[train]'")
    from peft import LoraConfig, PeftModel, set_peft_model_state_dict

    _check_identity(loaded, lora)
    try:
        config = LoraConfig.from_pretrained(str(lora.folder))
        state = _for_model(load_file(lora.folder / WEIGHTS), loaded, lora)
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise AssetError(f"the adapter in `{lora.folder}` cannot be read: {error}") from error
    config.target_modules, config.layers_to_transform = {_module(key) for key in state}, None
    config.inference_mode = True
    if not state:
        return loaded
    try:
        with torch.random.fork_rng(), without_deprecations():  # peft draws weights before it loads them
            model: Any = PeftModel(loaded.model, config)
        outcome: Any = set_peft_model_state_dict(model, state)
        unexpected = outcome.unexpected_keys
        model = model.merge_and_unload(safe_merge=True)
    except (RuntimeError, ValueError) as error:
        raise _refusal(loaded, lora, str(error).partition("\n")[0]) from error
    if unexpected:
        raise _refusal(loaded, lora, f"there is no place for {unexpected[0]}")
    return replace(loaded, model=model.eval())


@contextmanager
def without_deprecations() -> Iterator[None]:
    """Silence deprecation warnings inside peft: they are for its authors, not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _for_model(state: Mapping[str, torch.Tensor], loaded: LoadedModel, lora: Lora) -> dict[str, torch.Tensor]:
    """The weights under this model's names.

    A body without its head, or a text part alone, lacks the prefixes of the whole.
    """
    modules, prefix = dict(loaded.model.named_modules()), f"{loaded.model.base_model_prefix}."
    depth = int(loaded.model.config.get_text_config().num_hidden_layers)
    found: dict[str, torch.Tensor] = {}
    for key, tensor in state.items():
        if not _KEY.fullmatch(key):
            raise AssetError(f"`{lora.folder / WEIGHTS}` holds {key}, which is no LoRA weight.")
        module = _module(key)
        inside = module.rpartition("language_model.")[2]  # of a model that also takes images
        own = next((name for name in (module, module.removeprefix(prefix), prefix + module, inside) if name in modules), None)
        layer = _LAYER.search(f".{module}.")
        if own is not None:
            found[key.replace(module, own, 1)] = tensor
        elif layer is None or not depth <= int(layer[1]) < (loaded.layers or depth):
            raise _refusal(loaded, lora, f"this model has no `{module}`")
    return found


def _module(key: str) -> str:
    match = _KEY.fullmatch(key)
    assert match
    return match["module"]


def _check_identity(loaded: LoadedModel, lora: Lora) -> None:
    """Refuse another model. Half precision changes numbers by up to 0.4 %, other training by more."""
    expected = lora.record.get("model")
    if not expected:
        return
    mine = identity(loaded)
    for name in ("model_type", "layers", "width"):
        if mine[name] != expected.get(name):
            raise _refusal(loaded, lora, f"its `{name}` is {expected.get(name)}, that of this model {mine[name]}")
    here, there = torch.tensor(mine["samples"]), torch.tensor(expected["samples"])
    if not torch.allclose(here, there, rtol=0.01, atol=1e-3 * float(there.abs().max())):
        raise _refusal(loaded, lora, "the shape is the same, but the weights are others")


def _refusal(loaded: LoadedModel, lora: Lora, reason: str) -> ConfigError:
    return ConfigError(
        f"the adapter in `{lora.folder}` was trained for `{lora.base}`, not for `{loaded.name}`: {reason}. "
        "Load it with the model that it was trained for, or train one for this model."
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AssetError(f"`{path}` cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise AssetError(f"`{path}` must hold a JSON object.")
    return content
