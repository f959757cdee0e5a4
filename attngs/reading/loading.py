"""A model name or folder -> weights and tokenizer on the right device; no remote code, no pickle."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from packaging.version import Version
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from attngs.errors import (
    AssetError,
    ConfigError,
    MissingDependencyError,
    ModelError,
    ModelNotFoundError,
    UnsupportedModelError,
    check_whole,
)
from attngs.reading.anatomy import Truncation, position_table, text_part, truncated
from attngs.reading.attention import AttentionReader
from attngs.reading.gguf import is_gguf, unpacked
from attngs.reading.key_values import Storage, check_storage

logger = logging.getLogger(__name__)

_GGUF_HINT = "In a repository of GGUF files, say which one with `gguf_file`. "

OLDEST_TRANSFORMERS = "5.8"
"""The oldest version that reads every model exactly; the embedded marker alone runs on older ones."""

DEFAULT_WINDOW = 16_384
"""Tokens read at once when the model allows more: time grows with the square of the window, and few texts need a longer look back."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LoadedModel:
    """A model ready to be read."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    causal: bool
    window: int
    """Tokens that are read together, including question and template."""
    max_batch_tokens: int
    """Tokens of one forward pass over several inputs, including padding."""
    cache_storage: Storage | None = None
    """How keys and values are kept."""
    readable_layers: int | None = None
    """Attention layers of the whole model when only the lower ones were loaded."""
    layers: int | None = None
    """All layers of the whole model, loaded or not; `None` when all are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Where a model runs and how much it reads at once. `None` is what suits the model and the device."""

    device: str | torch.device | None = None
    """`cuda`, `mps`, `cpu`, ...; the best one there is when not given."""
    dtype: torch.dtype | None = None
    """bfloat16 on CUDA, float16 on MPS and float32 on CPU when not given."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    window: int | None = None
    """Tokens that are read together; the model's own limit, at most `DEFAULT_WINDOW`, when not given."""
    max_batch_tokens: int | None = None
    """Tokens of one forward pass over several inputs; by device when not given."""
    cache_storage: str | None = None
    """How keys and values are kept: as computed, `bfloat16` or `int8`."""


def load_model(
    name_or_path: str | Path,
    settings: ModelSettings = ModelSettings(),
    *,
    decoder_layers: Sequence[float] | None = None,
    encoder_layers: Sequence[float] | None = None,
) -> LoadedModel:
    """Load a decoder (`...ForCausalLM`) or a BERT-like encoder with its tokenizer.

    Args:
        name_or_path: A model on the Hugging Face hub, a local folder, or a GGUF file: its path, or `owner/repository/file.gguf`.
        settings: Where it runs and how much it reads at once.
        decoder_layers: The only layers that will be read if it is a decoder, as fractions of the depth; the layers above them and the
            language model head are not loaded. Everything when not given.
        encoder_layers: The same if it is an encoder.

    Raises:
        ModelNotFoundError: Nothing by that name could be loaded.
        UnsupportedModelError: It needs code of its own, or is neither a decoder nor an encoder.
        AssetError: A GGUF file is damaged, or there is no room to unpack it.
        MissingDependencyError: A GGUF file needs the extra `gguf`, quantised weights the package that reads them, and every model needs
            `OLDEST_TRANSFORMERS`.
        ConfigError: The window is larger than the model allows.
    """
    _check_transformers()
    name = str(name_or_path)
    started = time.perf_counter()
    try:
        chosen = torch.device(settings.device) if settings.device is not None else best_device()
    except RuntimeError as error:
        raise ConfigError(f"`device` {settings.device!r} is none that torch knows; use 'cpu', 'cuda', 'cuda:1' or 'mps'.") from error
    source, revision = (str(unpacked(name, settings.revision)), None) if is_gguf(name) else (name, settings.revision)
    try:
        # explicit, because transformers would ask on standard input, and a piped "y" would run the code
        config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
        causal = _is_causal(config)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        options: dict[str, Any] = {
            "revision": revision,
            "dtype": settings.dtype or best_dtype(chosen),
            "trust_remote_code": False,
            "use_safetensors": True,  # the other format is pickle
        }
        layers = decoder_layers if causal else encoder_layers
        cut = truncated(config, layers) if layers else None
        model: Any = _load_cut(source, cut, options) if cut else None
        if model is None:
            model = _factory(config, causal).from_pretrained(source, config=config, **options)
            cut = None
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise (_explain(name, error) if source == name else _damaged_copy(name, source, error)) from error
    try:
        model = model.to(chosen).eval()
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ConfigError(f"`device` {str(chosen)!r} cannot hold `{name}`: {str(error).partition(chr(10))[0]}") from error
    logger.debug("loaded %s on %s in %.1f s", name, chosen, time.perf_counter() - started)
    loaded = wrap_model(model, tokenizer, settings, name=name)
    return replace(
        loaded, causal=causal, readable_layers=cut.readable_layers if cut else None, layers=config.get_text_config().num_hidden_layers
    )


def wrap_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: ModelSettings = ModelSettings(), *, name: str | None = None
) -> LoadedModel:
    """Take a model that is in memory already; it is neither moved nor changed.

    Args:
        model: A decoder or an encoder.
        tokenizer: Its tokenizer.
        settings: How much it reads at once; where it runs is decided already.
        name: What is shown to people; the config's own when not given.

    Raises:
        ConfigError: A setting is outside its range, the model is in training mode, where dropout makes scores random, or some of its
            weights are offloaded.
        UnsupportedModelError: The model is neither a decoder nor an encoder.
        MissingDependencyError: transformers is older than `OLDEST_TRANSFORMERS`.
    """
    _check_transformers()
    if model.training:
        raise ConfigError("the model is in training mode, where dropout makes scores random; call `model.eval()` first.")
    if any(weight.is_meta for weight in model.parameters()):
        raise ConfigError(
            "some weights of the model are on the `meta` device: offloaded to the CPU or the disk, and fetched for each pass, which a read "
            "that ends early would leave half done. Load the model with a `device_map` that offloads nothing, quantised if need be."
        )
    if settings.max_batch_tokens is not None:
        check_whole("max_batch_tokens", settings.max_batch_tokens)
    limit, window = window_limit(model, tokenizer), settings.window
    if window is not None and not 16 <= window <= limit:
        raise ConfigError(f"`window` must lie in 16 ... {limit} for this model, got {window!r}.")
    return LoadedModel(
        name=name or model.config.name_or_path or model.config.model_type,
        model=model,
        tokenizer=tokenizer,
        causal=_is_causal(model.config),
        window=window or min(limit, DEFAULT_WINDOW),
        max_batch_tokens=settings.max_batch_tokens or best_batch(model.device),
        cache_storage=check_storage(settings.cache_storage),
    )


def _check_transformers() -> None:
    if Version(transformers.__version__) < Version(OLDEST_TRANSFORMERS):
        raise MissingDependencyError(
            f"transformers {transformers.__version__} runs the embedded marker alone, `Marker.default()`; for other models: pip install "
            f"'transformers>={OLDEST_TRANSFORMERS}'"
        )


def best_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """The fastest safe type: most CPUs are two to three times slower in half precision."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def best_batch(device: torch.device) -> int:
    """Tokens of a batch: beyond these a CPU gains nothing, and a GPU little."""
    return 4_096 if device.type == "cpu" else 32_768


def _load_cut(name: str, cut: Truncation, options: dict[str, Any]) -> PreTrainedModel | None:
    """The lower layers alone, or `None` if they turn out to need the layers above them."""
    with quiet():
        try:
            model: PreTrainedModel = AutoModel.from_pretrained(name, config=cut.config, **options)
            readable = AttentionReader(model.eval()).depths
        except (RuntimeError, UnsupportedModelError, ModelError) as error:
            logger.debug("%s is loaded whole: %s", name, error)
            return None
    return text_part(model) if readable == cut.depths else None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' warnings, for instance about weights that are left out on purpose."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_causal(config: PretrainedConfig) -> bool:
    """Whether it is a decoder or an encoder. BERT is registered as both; the checkpoint's own word wins."""
    if config.is_encoder_decoder or config.get_text_config().is_encoder_decoder:
        raise UnsupportedModelError(
            f"`{config.model_type}` is an encoder-decoder; use a decoder-only or an encoder-only model, or `Marker.default()`."
        )
    architecture = (config.architectures or [""])[0]
    if architecture.endswith(("ForCausalLM", "LMHeadModel")) or getattr(config, "is_decoder", False):
        return True
    if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return False
    whole = config.model_type.removesuffix("_text")  # of which this may be the text part
    if config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or whole in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return True
    raise UnsupportedModelError(
        f"`{config.model_type}` is neither a causal language model nor a BERT-like encoder in this version of transformers. "
        "Use one of those, or `Marker.default()`."
    )


def _factory(config: PretrainedConfig, causal: bool) -> Any:
    """What loads the whole model, with the head that a decoder writes with."""
    if not causal:
        return AutoModel
    return AutoModelForCausalLM if config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else AutoModelForImageTextToText


def window_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The smallest limit of config, tokenizer and position table."""
    text_config = model.config.get_text_config()
    limits = [int(getattr(text_config, "max_position_embeddings", 0) or DEFAULT_WINDOW), int(tokenizer.model_max_length)]
    if (table := position_table(model)) is not None:
        limits.append(table.size)
    if "longrope" in str(getattr(text_config, "rope_parameters", None)):
        # beyond this length all positions are encoded in another way: what was read of a short text would be wrong in a long one
        limits.append(int(_original_positions(text_config) or DEFAULT_WINDOW))
    return min(limit for limit in limits if limit > 0)


def _original_positions(config: PretrainedConfig) -> int | None:
    own = getattr(config, "original_max_position_embeddings", None)
    return own or (config.rope_parameters or {}).get("original_max_position_embeddings")


def _damaged_copy(name: str, folder: str, error: Exception) -> AssetError:
    return AssetError(
        f"the unpacked copy of `{name}` cannot be loaded: {str(error).partition(chr(10))[0]} "
        f"Delete the folder `{folder}`; the next call unpacks it again."
    )


def _explain(name: str, error: Exception) -> ModelNotFoundError | UnsupportedModelError | MissingDependencyError:
    if "trust_remote_code" in str(error):
        return UnsupportedModelError(
            f"`{name}` runs code of its own when it is loaded, which attngs never allows. Use a model that transformers has built in."
        )
    reason = str(error).partition("\n")[0]  # the rest is transformers' own advice
    if isinstance(error, ImportError):
        return MissingDependencyError(f"`{name}` needs a package that is not installed, for instance one for quantised weights: {reason}")
    if (Path(name) / "marker.json").is_file():
        return ModelNotFoundError(
            f"the folder `{name}` holds what attngs wrote for a model, not a model. Name the model it was made for; `marker.json` has it."
        )
    if packed := sorted(path.name for path in Path(name).glob("*.gguf")):
        return ModelNotFoundError(f"the folder `{name}` holds GGUF files; say which one with `gguf_file`: {', '.join(packed[:5])}.")
    if Path(name).is_dir():
        return ModelNotFoundError(f"the folder `{name}` holds no model that transformers can load: {reason}")
    return ModelNotFoundError(
        f"`{name}` is neither a local folder nor a model that could be fetched. Check the spelling, the network or your access to the "
        f"hub; without a network pass a local folder, or use `Marker.default()`. {_GGUF_HINT if 'gguf' in name.lower() else ''}"
        f"({type(error).__name__}: {reason})"
    )
