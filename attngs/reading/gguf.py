"""A GGUF file, as llama.cpp and Ollama use it -> a folder of safetensors that loads in seconds.

transformers reads GGUF, but slowly: minutes for a large file. So a file is unpacked once, into a folder of a cache that is named by the
file's content. The folder appears whole or not at all, and of several processes that want the same file one unpacks it while the others
wait. Delete the cache whenever you like; what is missing is unpacked again.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from filelock import FileLock
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig
from transformers.utils.hub import cached_file

from attngs.errors import (
    AssetError,
    AttngsError,
    ConfigError,
    MissingDependencyError,
    ModelNotFoundError,
    OutOfMemoryError,
    UnsupportedModelError,
)
from attngs.reading.progress import tell

logger = logging.getLogger(__name__)

SUFFIX = ".gguf"

FORMAT = "1"
"""Part of a folder's name: what is unpacked in another way must not be found under the old name."""

_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8_192}
"""How Llama 3.1 and later stretch their positions. A GGUF holds only what comes of it, one number for each pair of dimensions."""


def named(name_or_path: str | Path, gguf_file: str | None) -> str:
    """The name of a model, or of a GGUF file in a folder or a repository: `owner/repository/model.gguf`.

    Raises:
        ConfigError: `gguf_file` names no GGUF file.
    """
    if gguf_file is None:
        return str(name_or_path)
    if not is_gguf(gguf_file):
        raise ConfigError(f"`gguf_file` must be the name of a file that ends in `{SUFFIX}`, got {gguf_file!r}.")
    return f"{name_or_path}/{gguf_file}"


def is_gguf(name: str) -> bool:
    """Whether a model's name is that of a GGUF file."""
    return name.lower().endswith(SUFFIX) and not Path(name).is_dir()


def cache_folder() -> Path:
    """Where unpacked models are kept: `ATTNGS_CACHE`, or this system's folder for caches."""
    if chosen := os.environ.get("ATTNGS_CACHE"):
        return Path(chosen).expanduser() / "models"
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "attngs" / "models"


def unpacked(name: str, revision: str | None = None) -> Path:
    """The folder with the model of a GGUF file; the first call for a file takes seconds to minutes.

    Args:
        name: A path, or `owner/repository/file.gguf` on the hub.
        revision: Branch, tag or commit on the hub.

    Raises:
        ModelNotFoundError: There is no such file.
        MissingDependencyError: The extra `gguf` is not installed.
        AssetError: The file is damaged, or the cache cannot be written to.
        UnsupportedModelError: transformers cannot read this architecture from a GGUF file.
    """
    path = _find(name, revision)
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise AssetError(f"`{name}` is no GGUF file: it does not begin as one. Download it again, or pass another file.")
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssetError(f"`{name}` cannot be read: {error.strerror or error}.") from error
    folder = cache_folder() / f"{digest}-{FORMAT}"
    if folder.is_dir():
        return folder
    if missing := [package for package in ("gguf", "accelerate") if find_spec(package) is None]:
        raise MissingDependencyError(f"a GGUF file needs {' and '.join(missing)}: pip install 'attngs[gguf]'")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder.with_suffix(".lock"), mode=0o600):
            if not folder.is_dir():
                _unpack(path, name, folder)
    except OSError as error:
        raise AssetError(
            f"`{name}` cannot be unpacked into `{folder.parent}`: {error.strerror or error}. Make room there, or set ATTNGS_CACHE to a "
            "folder that can be written to."
        ) from error
    return folder


def _find(name: str, revision: str | None) -> Path:
    """The file on this machine, fetched from the hub if need be."""
    path = Path(name)
    if path.is_file():
        return path
    owner, repository, file = [*name.split("/", 2), "", ""][:3]
    if not (owner and repository and file) or path.is_absolute() or path.parent.is_dir():
        raise ModelNotFoundError(f"there is no file `{name}`. Pass the path of a GGUF file, or `owner/repository/file.gguf` of the hub.")
    try:
        found = cached_file(f"{owner}/{repository}", file, revision=revision)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"`{name}` is neither a file nor one that could be fetched from the hub. Check the spelling, the network or your access to "
            f"the hub; without a network pass the path of a file. ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
        ) from error
    assert found is not None
    return Path(found)


def _unpack(path: Path, name: str, folder: Path) -> None:
    """Fill a folder beside the final one, and move it into its place; first remove what a crash left."""
    logger.info("unpacking %s once into %s", name, folder)
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        with _explained(name), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that read the file, to their own developers
            _convert(path, name, part)
        for file in part.iterdir():
            file.chmod(0o600)
            with file.open("r+b") as written:
                os.fsync(written.fileno())  # or a power cut could leave a whole folder of empty files
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _convert(path: Path, name: str, folder: Path) -> None:
    """Write config, weights and tokenizer of a GGUF file as safetensors into a folder."""
    work = f"unpacking {path.name}, only this once"
    tell(work, 0, 3)
    from gguf import GGUFReader

    reader: Any = GGUFReader(path)
    _check_parts(reader, name)
    source: dict[str, Any] = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    config = AutoConfig.from_pretrained(**source, trust_remote_code=False)
    _stretch_positions(config, reader, name)
    tell(work, 1, 3)
    tokenizer = AutoTokenizer.from_pretrained(**source, trust_remote_code=False)
    tell(work, 2, 3)
    if hasattr(transformers, "GgufConfig"):  # newer versions could leave the weights packed
        source["quantization_config"] = transformers.GgufConfig(dequantize=True)
    factory: Any = AutoModelForCausalLM
    model, report = factory.from_pretrained(
        **source, config=config, dtype=_dtype(reader), trust_remote_code=False, output_loading_info=True
    )
    if absent := sorted(report["missing_keys"]):
        raise AssetError(f"`{name}` lacks {len(absent)} weights of a `{config.model_type}`, such as {absent[0]}; use another file.")
    _forget_origin(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tell(work, 3, 3)


def _check_parts(reader: Any, name: str) -> None:
    parts = _field(reader, "split.count") or 1
    if parts > 1:
        raise UnsupportedModelError(
            f"`{name}` is one of {parts} parts of a model. Join them first: `llama-gguf-split --merge FIRST-PART model.gguf`."
        )


def _stretch_positions(config: PretrainedConfig, reader: Any, name: str) -> None:
    """Put the scaling of rotary positions into the config: transformers does not read it from the file.

    Raises:
        UnsupportedModelError: They are scaled in a way that the file does not say in full.
    """
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    prefix = f"{_field(reader, 'general.architecture')}.rope.scaling"
    kind = _field(reader, f"{prefix}.type")
    known: dict[str, Any] = getattr(config.get_text_config(), "rope_parameters", None) or {}
    parameters = known.get("full_attention", known)  # where layers differ, those with a window are not scaled
    if "rope_freqs.weight" in tensors:
        factors = torch.from_numpy(tensors["rope_freqs.weight"].data.astype("float32").copy()).flatten()
        wanted = {"rope_type": "llama3", "factor": float(factors.max()), **_LLAMA3}
        if not torch.allclose(factors, _llama3_factors(len(factors), parameters["rope_theta"], wanted), rtol=1e-3):
            raise _unknown_scaling(name, "a table of its own")
        parameters.update(wanted)
    elif any(name.startswith("rope_factors") for name in tensors):
        raise _unknown_scaling(name, "longrope")
    elif kind in ("linear", "yarn"):
        parameters.update(rope_type=kind, factor=float(_field(reader, f"{prefix}.factor")))
        if original := _field(reader, f"{prefix}.original_context_length"):
            parameters["original_max_position_embeddings"] = int(original)
    elif kind not in (None, "none") and parameters.get("rope_type", "default") == "default":
        raise _unknown_scaling(name, str(kind))


def _llama3_factors(pairs: int, base: float, wanted: Mapping[str, Any]) -> Tensor:
    """By what the frequency of each pair of dimensions is divided, `(pairs,)`."""
    waves = 2 * math.pi * base ** (torch.arange(pairs) / pairs)  # length of each wave in tokens
    low, high, tokens = wanted["low_freq_factor"], wanted["high_freq_factor"], wanted["original_max_position_embeddings"]
    smooth = ((tokens / waves - low) / (high - low)).clamp(0, 1)
    factors: Tensor = 1 / ((1 - smooth) / wanted["factor"] + smooth)
    return factors


def _unknown_scaling(name: str, kind: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"`{name}` scales its positions by {kind}, which cannot be read from a GGUF file. Use the model's repository with safetensors."
    )


def _dtype(reader: Any) -> torch.dtype:
    """The type that loses nothing that counts: that of plain numbers, and float16 for blocks.

    The scales of blocks are float16.
    """
    types = {tensor.tensor_type.name for tensor in reader.tensors}
    if types <= {"F32"}:
        return torch.float32
    return torch.bfloat16 if types <= {"F32", "BF16"} else torch.float16


def _forget_origin(model: Any) -> None:
    """Let the unpacked model be saved: transformers refuses as long as it is called a GGUF model."""
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _field(reader: Any, key: str) -> Any:
    """A value of the file's header, `None` where it has none."""
    field = reader.get_field(key)
    return None if field is None else field.contents()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what gguf, tokenizers and transformers raise over a file into errors with a remedy.

    Errors of the disk come through.
    """
    try:
        yield
    except AttngsError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(f"`{name}` does not fit into memory while it is unpacked; use a smaller model.") from error
    except Exception as error:  # tokenizers raises nothing more exact
        if isinstance(error, OSError) and error.errno:
            raise
        reason = str(error).partition("\n")[0]
        if "not supported" in reason:
            raise UnsupportedModelError(
                f"`{name}` cannot be read by this version of transformers: {reason} Use the model's repository with safetensors."
            ) from error
        raise AssetError(
            f"`{name}` is damaged, incomplete or no language model ({type(error).__name__}: {reason}). Download it again, or use another."
        ) from error
