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
    from attngs.chat.cached import CachedChat
    from attngs.chat.local_chat import LocalChat
    from attngs.chat.openai_chat import OpenAIChat
    from attngs.chat.replies import MemoryResults, SqliteResults
    from attngs.compressor import ContextCompressor
    from attngs.errors import AttngsError
    from attngs.learning.evaluation import Evaluation, evaluate
    from attngs.learning.fitting.report import FitResult
    from attngs.learning.fitting.run import fit
    from attngs.learning.labelled import LabelledExample, read_examples
    from attngs.learning.training.run import train
    from attngs.learning.training.settings import TrainingSettings
    from attngs.marking.marker import Marker, MarkRequest
    from attngs.marking.probe import Probe
    from attngs.marking.scorers.attention import AttentionConfig
    from attngs.reading.tokens import TiktokenCounter
    from attngs.result.result import CompressedContext, Statement
    from attngs.selection import GreedySelector
    from attngs.text.sentences import Splitter
    from attngs.types import Document, Marking, Selection, Sentence, Source, Span
    from attngs.writing.plan import Plan, Rates
    from attngs.writing.statements import FaithfulnessFloor

__version__ = "0.1.0"

_HOMES = {
    "AttentionConfig": "attngs.marking.scorers.attention",
    "AttngsError": "attngs.errors",
    "CachedChat": "attngs.chat.cached",
    "CompressedContext": "attngs.result.result",
    "ContextCompressor": "attngs.compressor",
    "Document": "attngs.types",
    "Evaluation": "attngs.learning.evaluation",
    "FaithfulnessFloor": "attngs.writing.statements",
    "FitResult": "attngs.learning.fitting.report",
    "GreedySelector": "attngs.selection",
    "LabelledExample": "attngs.learning.labelled",
    "LocalChat": "attngs.chat.local_chat",
    "MarkRequest": "attngs.marking.marker",
    "Marker": "attngs.marking.marker",
    "Marking": "attngs.types",
    "OpenAIChat": "attngs.chat.openai_chat",
    "MemoryResults": "attngs.chat.replies",
    "Plan": "attngs.writing.plan",
    "Probe": "attngs.marking.probe",
    "Rates": "attngs.writing.plan",
    "Selection": "attngs.types",
    "Sentence": "attngs.types",
    "Source": "attngs.types",
    "Span": "attngs.types",
    "Splitter": "attngs.text.sentences",
    "SqliteResults": "attngs.chat.replies",
    "Statement": "attngs.result.result",
    "TiktokenCounter": "attngs.reading.tokens",
    "TrainingSettings": "attngs.learning.training.settings",
    "train": "attngs.learning.training.run",
    "evaluate": "attngs.learning.evaluation",
    "fit": "attngs.learning.fitting.run",
    "read_examples": "attngs.learning.labelled",
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
