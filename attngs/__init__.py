"""Make long personal context short: keep the sentences that matter, under a hard token budget.

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
    from attngs.checking.verify import Verdict, verify
    from attngs.compressor import ContextCompressor
    from attngs.errors import (
        AccessError,
        AssetError,
        AttngsError,
        ChatError,
        ConfigError,
        InputError,
        MissingDependencyError,
        ModelError,
        ModelNotFoundError,
        OutOfMemoryError,
        RefusedError,
        UnavailableError,
        UnsupportedModelError,
        WorkerError,
    )
    from attngs.hosts.budget import ContextBudget
    from attngs.hosts.composing import ComposedContext, acompose, compose
    from attngs.hosts.gate import GateDecision, GateVerdict, SafetyGate, as_request
    from attngs.hosts.message_shortener import MessageShortener, ShortMessages
    from attngs.hosts.shortening import History, ToolResults
    from attngs.learning.evaluation import Evaluation, evaluate
    from attngs.learning.fitting.report import FitResult
    from attngs.learning.fitting.run import fit
    from attngs.learning.judged import JudgedAnswers
    from attngs.learning.judging import judge_answers
    from attngs.learning.labelled import LabelledExample, read_examples
    from attngs.learning.training.run import train
    from attngs.learning.training.settings import TrainingSettings
    from attngs.marking.algorithm import AlphaRule, Percentile, Threshold, TopK, TopP
    from attngs.marking.followups import as_question
    from attngs.marking.marker import Marker, MarkRequest
    from attngs.marking.probe import Probe
    from attngs.marking.scorers.attention import AttentionConfig
    from attngs.marking.scorers.cross_encoder import CrossEncoderScorer
    from attngs.marking.scorers.embeddings import EmbeddingScorer
    from attngs.marking.scorers.fusion import FusedScorer
    from attngs.memory.memory import Memory
    from attngs.memory.migration import stored_memories
    from attngs.memory.opened import OpenMemories
    from attngs.protocols import Likeness
    from attngs.reading.context_cache import ContextCache
    from attngs.reading.telemetry import capture_content
    from attngs.reading.tokens import TiktokenCounter
    from attngs.result.report import render_html
    from attngs.result.result import CompressedContext, Statement
    from attngs.scale.endpoint import ray_endpoint
    from attngs.scale.ray import ScaleReport, compress_rows
    from attngs.scale.serving.app import create_app
    from attngs.scale.serving.mcp import MemoryServer
    from attngs.scale.serving.metrics import ServerMetrics
    from attngs.scale.serving.settings import ServerSettings
    from attngs.selection.layout import ExtractLayout
    from attngs.selection.periods import Periods
    from attngs.selection.selector import GreedySelector
    from attngs.text.files import read_documents
    from attngs.text.sentences import Splitter, split_sentences
    from attngs.text.structure.outline import Outline
    from attngs.text.structure.units import Reader
    from attngs.types import (
        ChatReply,
        Claim,
        Document,
        MarkedMemory,
        Marking,
        Message,
        Question,
        Selection,
        Sentence,
        Source,
        Span,
        Usage,
    )
    from attngs.writing.chat.cached import CachedChat
    from attngs.writing.chat.local_chat import LocalChat
    from attngs.writing.chat.openai_chat import OpenAIChat
    from attngs.writing.chat.replies import MemoryResults, SqliteResults
    from attngs.writing.plan import Plan, Rates
    from attngs.writing.prompts import CITED, GUIDED, REASONED, SUMMARY, GuidedPrompt
    from attngs.writing.statements import FaithfulnessFloor

__version__ = "0.2.0"

_MODULES = {
    "attngs.checking.verify": "Verdict verify",
    "attngs.compressor": "ContextCompressor",
    "attngs.errors": (
        "AccessError AssetError AttngsError ChatError ConfigError InputError MissingDependencyError "
        "ModelError ModelNotFoundError OutOfMemoryError RefusedError UnavailableError UnsupportedModelError WorkerError"
    ),
    "attngs.hosts.budget": "ContextBudget",
    "attngs.hosts.composing": "ComposedContext acompose compose",
    "attngs.hosts.gate": "GateDecision GateVerdict SafetyGate as_request",
    "attngs.hosts.message_shortener": "MessageShortener ShortMessages",
    "attngs.hosts.shortening": "History ToolResults",
    "attngs.learning.evaluation": "Evaluation evaluate",
    "attngs.learning.fitting.report": "FitResult",
    "attngs.learning.fitting.run": "fit",
    "attngs.learning.judged": "JudgedAnswers",
    "attngs.learning.judging": "judge_answers",
    "attngs.learning.labelled": "LabelledExample read_examples",
    "attngs.learning.training.run": "train",
    "attngs.learning.training.settings": "TrainingSettings",
    "attngs.marking.algorithm": "AlphaRule Percentile Threshold TopK TopP",
    "attngs.marking.followups": "as_question",
    "attngs.marking.marker": "Marker MarkRequest",
    "attngs.marking.probe": "Probe",
    "attngs.marking.scorers.attention": "AttentionConfig",
    "attngs.marking.scorers.cross_encoder": "CrossEncoderScorer",
    "attngs.marking.scorers.embeddings": "EmbeddingScorer",
    "attngs.marking.scorers.fusion": "FusedScorer",
    "attngs.memory.memory": "Memory",
    "attngs.memory.migration": "stored_memories",
    "attngs.memory.opened": "OpenMemories",
    "attngs.protocols": "Likeness",
    "attngs.reading.context_cache": "ContextCache",
    "attngs.reading.telemetry": "capture_content",
    "attngs.reading.tokens": "TiktokenCounter",
    "attngs.result.report": "render_html",
    "attngs.result.result": "CompressedContext Statement",
    "attngs.scale.endpoint": "ray_endpoint",
    "attngs.scale.ray": "ScaleReport compress_rows",
    "attngs.scale.serving.app": "create_app",
    "attngs.scale.serving.mcp": "MemoryServer",
    "attngs.scale.serving.metrics": "ServerMetrics",
    "attngs.scale.serving.settings": "ServerSettings",
    "attngs.selection.layout": "ExtractLayout",
    "attngs.selection.periods": "Periods",
    "attngs.selection.selector": "GreedySelector",
    "attngs.text.files": "read_documents",
    "attngs.text.sentences": "Splitter split_sentences",
    "attngs.text.structure.outline": "Outline",
    "attngs.text.structure.units": "Reader",
    "attngs.types": "ChatReply Claim Document MarkedMemory Marking Message Question Selection Sentence Source Span Usage",
    "attngs.writing.chat.cached": "CachedChat",
    "attngs.writing.chat.local_chat": "LocalChat",
    "attngs.writing.chat.openai_chat": "OpenAIChat",
    "attngs.writing.chat.replies": "MemoryResults SqliteResults",
    "attngs.writing.plan": "Plan Rates",
    "attngs.writing.prompts": "CITED GUIDED REASONED SUMMARY GuidedPrompt",
    "attngs.writing.statements": "FaithfulnessFloor",
}
"""Where each public name is at home."""
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "CITED",
    "GUIDED",
    "REASONED",
    "SUMMARY",
    "AccessError",
    "AlphaRule",
    "AssetError",
    "AttentionConfig",
    "AttngsError",
    "CachedChat",
    "ChatError",
    "ChatReply",
    "Claim",
    "ComposedContext",
    "CompressedContext",
    "ConfigError",
    "ContextBudget",
    "ContextCache",
    "ContextCompressor",
    "CrossEncoderScorer",
    "Document",
    "EmbeddingScorer",
    "Evaluation",
    "ExtractLayout",
    "FaithfulnessFloor",
    "FitResult",
    "FusedScorer",
    "GateDecision",
    "GateVerdict",
    "GreedySelector",
    "GuidedPrompt",
    "History",
    "InputError",
    "JudgedAnswers",
    "LabelledExample",
    "Likeness",
    "LocalChat",
    "MarkRequest",
    "MarkedMemory",
    "Marker",
    "Marking",
    "Memory",
    "MemoryResults",
    "MemoryServer",
    "Message",
    "MessageShortener",
    "MissingDependencyError",
    "ModelError",
    "ModelNotFoundError",
    "OpenAIChat",
    "OpenMemories",
    "OutOfMemoryError",
    "Outline",
    "Percentile",
    "Periods",
    "Plan",
    "Probe",
    "Question",
    "Rates",
    "Reader",
    "RefusedError",
    "SafetyGate",
    "ScaleReport",
    "Selection",
    "Sentence",
    "ServerMetrics",
    "ServerSettings",
    "ShortMessages",
    "Source",
    "Span",
    "Splitter",
    "SqliteResults",
    "Statement",
    "Threshold",
    "TiktokenCounter",
    "ToolResults",
    "TopK",
    "TopP",
    "TrainingSettings",
    "UnavailableError",
    "UnsupportedModelError",
    "Usage",
    "Verdict",
    "WorkerError",
    "__version__",
    "acompose",
    "as_question",
    "as_request",
    "capture_content",
    "compose",
    "compress_rows",
    "create_app",
    "evaluate",
    "fit",
    "judge_answers",
    "ray_endpoint",
    "read_documents",
    "read_examples",
    "render_html",
    "split_sentences",
    "stored_memories",
    "train",
    "verify",
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
