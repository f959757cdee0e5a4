"""What operators watch: spans and metrics of OpenTelemetry, where the app has set it up.

attngs needs only OpenTelemetry's API (extra `otel`), and never imports it before the app does: without a provider that the app has set,
an operation costs two look-ups. Spans and metrics have the names of the `gen_ai.*` conventions where those have one; what they do not
know, such as a context made short, begins with `attngs.`.

Nothing that a user wrote is recorded: neither documents nor questions, nor namespaces, ids and the messages of errors. Who wants texts
calls `capture_content`, or sets the environment variable that the conventions name for it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

Value = str | int | float | bool | Sequence[str]

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The environment variable by which an operator asks for texts."""

_CAPTURING = frozenset({"true", "1", "span_only", "span_and_event"})
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_TOKENS = [4.0**power for power in range(14)]

_captured: bool | None = None
_tracer: tuple[TracerProvider, Tracer] | None = None
_instruments: tuple[MeterProvider, _Instruments] | None = None


def capture_content(wanted: bool | None) -> None:
    """Say for this process whether spans hold texts; `None` leaves it to the environment.

    Texts are documents, questions, replies, ids and namespaces.
    """
    global _captured
    _captured = wanted


class Operation(AbstractContextManager["Operation"]):
    """Something that is under way and that nobody watches; what is noted of it is lost."""

    def note(self, attributes: Mapping[str, Value | None]) -> None:
        """Numbers and names, without those that are `None`."""

    def content(self, name: str, value: Callable[[], object]) -> None:
        """What a user wrote; it is asked for only where the operator wants it. What is no text becomes JSON."""

    def failed(self, error: BaseException) -> None:
        """It ended with an error that is not raised."""

    def context_tokens(self, *, original: int, sent: int) -> None:
        """A context of `original` tokens was made into one of `sent`."""

    def chat_tokens(self, *, read: int, written: int) -> None:
        """What a chat model says it read and wrote."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


_UNWATCHED = Operation()


def operation(
    name: str, attributes: Mapping[str, Value | None] | None = None, *, model: str = "", remote: bool = False
) -> AbstractContextManager[Operation]:
    """A span with this name for the block, and a measurement of its seconds.

    Args:
        name: The conventions' name of the operation, such as `search_memory`.
        attributes: What is known when it begins; samplers see it.
        model: The model that works on it; it stands in the span's name, as the conventions have it.
        remote: Whether the work is usually done by another process.
    """
    tracer, instruments = _find_tracer(), _find_instruments()
    if tracer is None and instruments is None:
        return _UNWATCHED
    given = {"gen_ai.operation.name": name, "gen_ai.request.model": model or None, **(attributes or {})}
    return _watched({key: value for key, value in given.items() if value is not None}, remote, tracer, instruments)


class _Watched(Operation):
    def __init__(self, span: Span | None, instruments: _Instruments | None, labels: Mapping[str, Value]) -> None:
        self._span, self._instruments, self._labels, self._error = span, instruments, labels, ""

    @property
    def labels(self) -> dict[str, Value]:
        """What its measurements are told apart by."""
        return {**self._labels, **({"error.type": self._error} if self._error else {})}

    def note(self, attributes: Mapping[str, Value | None]) -> None:
        if self._span is not None:
            self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def content(self, name: str, value: Callable[[], object]) -> None:
        if self._span is not None and self._span.is_recording() and _captures():
            content = value()
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
            self._span.set_attribute(name, text.encode(errors="replace").decode())  # no exporter can send a lone surrogate

    def failed(self, error: BaseException) -> None:
        self._error = type(error).__name__
        if self._span is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)  # without the message, which may quote a text
            self._span.set_attribute("error.type", self._error)

    def context_tokens(self, *, original: int, sent: int) -> None:
        counts = {"original": original, "sent": sent, "saved": max(0, original - sent)}
        self.note({f"attngs.tokens.{kind}": tokens for kind, tokens in counts.items()})
        if self._instruments is not None:
            for kind, tokens in counts.items():
                self._instruments.context_tokens.add(tokens, {**self._labels, "attngs.token.kind": kind})

    def chat_tokens(self, *, read: int, written: int) -> None:
        self.note({"gen_ai.usage.input_tokens": read, "gen_ai.usage.output_tokens": written})
        if self._instruments is not None:
            for kind, tokens in (("input", read), ("output", written)):
                self._instruments.chat_tokens.record(tokens, {**self._labels, "gen_ai.token.type": kind})


@contextmanager
def _watched(attributes: Mapping[str, Value], remote: bool, tracer: Tracer | None, instruments: _Instruments | None) -> Iterator[Operation]:
    labels = {key: value for key, value in attributes.items() if key in _LABELS}
    began = time.perf_counter()
    with _span(attributes, remote, tracer) as span:
        watched = _Watched(span, instruments, labels)
        try:
            yield watched
        except BaseException as error:
            watched.failed(error)
            raise
        finally:
            if instruments is not None:
                instruments.seconds.record(time.perf_counter() - began, watched.labels)


_LABELS = frozenset({"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"})
"""Attributes that measurements have too; each has few values."""


@contextmanager
def _span(attributes: Mapping[str, Value], remote: bool, tracer: Tracer | None) -> Iterator[Span | None]:
    if tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind

    title = " ".join(str(attributes[key]) for key in ("gen_ai.operation.name", "gen_ai.request.model") if key in attributes)
    kind = SpanKind.CLIENT if remote else SpanKind.INTERNAL
    with tracer.start_as_current_span(
        title, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def _captures() -> bool:
    return _captured if _captured is not None else os.environ.get(CAPTURE, "").strip().lower() in _CAPTURING


def _find_tracer() -> Tracer | None:
    """A tracer, if the app has set a provider."""
    global _tracer
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    if _is_of_the_api(provider):
        return None
    if _tracer is None or _tracer[0] is not provider:
        _tracer = provider, provider.get_tracer("attngs", _version())
    return _tracer[1]


def _find_instruments() -> _Instruments | None:
    """What measures, if the app has set a provider."""
    global _instruments
    if "opentelemetry.metrics" not in sys.modules:
        return None
    from opentelemetry import metrics

    provider = metrics.get_meter_provider()
    if _is_of_the_api(provider):
        return None
    if _instruments is None or _instruments[0] is not provider:
        _instruments = provider, _Instruments.of(provider)
    return _instruments[1]


def _is_of_the_api(provider: object) -> bool:
    """Whether a provider stands for one that nobody has set: those of the API record nothing."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


@dataclass(frozen=True, slots=True)
class _Instruments:
    seconds: Histogram
    context_tokens: Counter
    chat_tokens: Histogram

    @classmethod
    def of(cls, provider: MeterProvider) -> _Instruments:
        meter = provider.get_meter("attngs", _version())
        return cls(
            meter.create_histogram(
                "gen_ai.client.operation.duration",
                unit="s",
                description="Seconds of an operation.",
                explicit_bucket_boundaries_advisory=_SECONDS,
            ),
            meter.create_counter(
                "attngs.context.tokens", unit="{token}", description="Tokens of contexts: original, sent, and saved, their difference."
            ),
            meter.create_histogram(
                "gen_ai.client.token.usage",
                unit="{token}",
                description="Tokens that a chat model read and wrote.",
                explicit_bucket_boundaries_advisory=_TOKENS,
            ),
        )


def _version() -> str:
    from attngs import __version__

    return __version__
