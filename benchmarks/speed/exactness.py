"""Part `exactness`: the largest difference from eager attention on a tiny model of every architecture, whatever the speed is worth.

Models, batches and the eager reference are those of `tests/reading/test_attention.py`; here over all layers, heads and sentences, unpadded
and padded on either side.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from attngs.reading.attention import AttentionReader
from attngs.testing import tiny_model
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.workbench import Workbench


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """One case: architecture -> largest absolute difference. On the CPU in float32, where exact means something."""
    cases = _attention_tests()
    errors: dict[str, float] = {}
    names = list(cases.ARCHITECTURES)[: 3 if settings.quick else None]
    with settings.progress("exactness", len(names)) as advance:
        for name in names:
            model = tiny_model(name, **cases.ARCHITECTURES[name])
            reader = AttentionReader(model)
            batches = [cases.batch_of((60,) if side == "none" else cases.LENGTHS, side) for side in ("none", "right", "left")]
            everything = range(len(reader.depths))
            errors[name] = max(float((reader.read(b, everything) - cases.eager_mass(model, b)).abs().max()) for b in batches)
            advance()
    yield "largest difference from eager attention", {"errors": errors}


def _attention_tests() -> ModuleType:
    """The tests' list of architectures and their eager reference: one list, whoever asks."""
    path = Path(__file__).parents[2] / "tests" / "reading" / "test_attention.py"
    spec = importlib.util.spec_from_file_location("attention_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
