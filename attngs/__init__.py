"""attngs makes long personal context short: a local model's attention marks the sentences that matter, under a hard token budget.

```python
from attngs import ContextCompressor, Marker

compressor = ContextCompressor(Marker.default())
result = compressor.compress(documents, "What may she not eat?", target_tokens=256)
```

Importing attngs loads neither torch nor transformers and changes nothing outside it; names are loaded when they are first used.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attngs.cached_chat import CachedChat
    from attngs.chat.local_chat import LocalChat
    from attngs.chat.openai_chat import OpenAIChat
    from attngs.compressor import ContextCompressor
    from attngs.errors import AttngsError
    from attngs.fitting.run import fit
    from attngs.fitting.summary import FitResult
    from attngs.judging import Evaluation, evaluate
    from attngs.labelled import LabelledExample, read_examples
    from attngs.marker import Marker, MarkRequest
    from attngs.probe import Probe
    from attngs.result import CompressedContext, Statement
    from attngs.result_cache import MemoryResults, SqliteResults
    from attngs.scorers.attention import AttentionConfig
    from attngs.selection import GreedySelector
    from attngs.sentences import Splitter
    from attngs.statements import FaithfulnessFloor
    from attngs.tokens import TiktokenCounter
    from attngs.training.run import train
    from attngs.training.settings import TrainingSettings
    from attngs.types import Document, Marking, Selection, Sentence, Source, Span
    from attngs.worth import Plan, Rates

__version__ = "0.1.0"

_HOMES = {
    "AttentionConfig": "attngs.scorers.attention",
    "AttngsError": "attngs.errors",
    "CachedChat": "attngs.cached_chat",
    "CompressedContext": "attngs.result",
    "ContextCompressor": "attngs.compressor",
    "Document": "attngs.types",
    "Evaluation": "attngs.judging",
    "FaithfulnessFloor": "attngs.statements",
    "FitResult": "attngs.fitting.summary",
    "GreedySelector": "attngs.selection",
    "LabelledExample": "attngs.labelled",
    "LocalChat": "attngs.chat.local_chat",
    "MarkRequest": "attngs.marker",
    "Marker": "attngs.marker",
    "Marking": "attngs.types",
    "OpenAIChat": "attngs.chat.openai_chat",
    "MemoryResults": "attngs.result_cache",
    "Plan": "attngs.worth",
    "Probe": "attngs.probe",
    "Rates": "attngs.worth",
    "Selection": "attngs.types",
    "Sentence": "attngs.types",
    "Source": "attngs.types",
    "Span": "attngs.types",
    "Splitter": "attngs.sentences",
    "SqliteResults": "attngs.result_cache",
    "Statement": "attngs.result",
    "TiktokenCounter": "attngs.tokens",
    "TrainingSettings": "attngs.training.settings",
    "train": "attngs.training.run",
    "evaluate": "attngs.judging",
    "fit": "attngs.fitting.run",
    "read_examples": "attngs.labelled",
}

__all__ = [
    "AttentionConfig",
    "AttngsError",
    "CachedChat",
    "CompressedContext",
    "ContextCompressor",
    "Document",
    "Evaluation",
    "FaithfulnessFloor",
    "FitResult",
    "GreedySelector",
    "LabelledExample",
    "LocalChat",
    "MarkRequest",
    "Marker",
    "Marking",
    "MemoryResults",
    "OpenAIChat",
    "Plan",
    "Probe",
    "Rates",
    "Selection",
    "Sentence",
    "Source",
    "Span",
    "Splitter",
    "SqliteResults",
    "Statement",
    "TiktokenCounter",
    "TrainingSettings",
    "__version__",
    "evaluate",
    "fit",
    "read_examples",
    "train",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module `attngs` has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
