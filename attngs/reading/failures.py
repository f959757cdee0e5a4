"""Errors inside a model -> our own errors, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from attngs.errors import ModelError, OutOfMemoryError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def model_failures(model: PreTrainedModel, shape: tuple[int, ...]) -> Iterator[None]:
    """Translate the errors of a forward pass over `shape` tokens.

    Raises:
        OutOfMemoryError: The pass did not fit.
        ModelError: It failed in another way, or the model is in training mode.
    """
    name = model.config.model_type
    if model.training:
        raise ModelError(f"`{name}` is in training mode, where dropout makes scores random; call `model.eval()` first.")
    try:
        yield
    except (RuntimeError, IndexError, MemoryError) as error:
        if is_out_of_memory(error):
            error.__traceback__ = None  # its frames hold what filled the memory
            raise OutOfMemoryError(
                f"`{name}` ran out of memory on {shape} tokens: {str(error).partition(chr(10))[0]}. Pass a smaller `window`, "
                "`max_batch_tokens` or `cache_bytes`."
            ) from error
        raise ModelError(f"`{name}` failed on {shape} tokens: {error}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: CUDA has a type for it, the CPU's allocator and MPS only a message."""
    words = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in words or "can't allocate memory" in words
