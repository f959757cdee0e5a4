"""A name for the weights that a model has right now, so that nothing is answered from what other weights have read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attngs.context_cache import digest


def weights_version(model: nn.Module) -> bytes:
    """Changes when weights or buffers are written to or replaced (training, merging, `load_state_dict`) and when an adapter is switched.

    torch counts the writes to a tensor, but not those through `.data`, as merging an adapter does, and a freed tensor's place is used
    again. So one number of each tensor counts too; comparing them all would cost more than it saves. This runs for every question, and so
    goes by the modules' own dictionaries, which is ten times as fast as `parameters()`.
    """
    marks: list[object] = []
    tensors: list[Tensor] = []
    for module in model.modules():
        tensors += [tensor for tensor in (*module._parameters.values(), *module._buffers.values()) if tensor is not None]
        if isinstance(getattr(type(module), "disable_adapters", None), property):  # a layer of peft; on a whole model it is a method
            marks += [getattr(module, name, None) for name in ("active_adapters", "disable_adapters", "merged_adapters", "scaling")]
    marks += [(tensor.data_ptr(), -1 if tensor.is_inference() else tensor._version) for tensor in tensors]
    return digest(repr(marks), *_samples(tensors))


def _samples(tensors: list[Tensor]) -> list[bytes]:
    """The number in the middle of each plain tensor, fetched at once from each device."""
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    with torch.inference_mode():
        for tensor in tensors:
            if type(tensor) in (Tensor, nn.Parameter) and tensor.numel():
                middle = tensor[tuple(size // 2 for size in tensor.shape)]
                alike.setdefault((tensor.device, tensor.dtype), []).append(middle)
        return [torch.stack(numbers).double().cpu().numpy().tobytes() for numbers in alike.values()]
