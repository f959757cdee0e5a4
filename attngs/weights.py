"""A name for the weights that a model has right now, so that nothing is answered from what other weights have read."""

from __future__ import annotations

from torch import nn

from attngs.context_cache import digest


def weights_version(model: nn.Module) -> bytes:
    """Changes when a weight is written to or replaced (training, merging, `load_state_dict`) and when an adapter is switched.

    torch counts the writes to a tensor; comparing the weights themselves would cost more than it saves. This runs for every question, so
    it goes by the modules' own dictionaries: `parameters()` takes ten times as long.
    """
    marks: list[object] = []
    for module in model.modules():
        weights = [weight for weight in module._parameters.values() if weight is not None]
        marks += [(weight.data_ptr(), -1 if weight.is_inference() else weight._version) for weight in weights]
        if hasattr(type(module), "disable_adapters"):
            marks.append((module.active_adapters, module.disable_adapters))
    return digest(repr(marks))
