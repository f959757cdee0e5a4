"""What OpenTelemetry is told, and that nothing a user wrote is in it unless somebody asks for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from attngs import ContextCompressor, Document, Marker, OpenAIChat
from attngs.errors import ChatError, InputError, ModelError
from attngs.memory.memory import Memory
from attngs.reading.telemetry import CAPTURE, capture_content, operation
from attngs.testing import FakeChat, FakeScorer, count_words
from attngs.types import ChatReply, Message, Usage

SECRET = "walnuts"
DOCUMENTS = [
    Document(text=f"Ana keeps {SECRET} in the cellar. It rained all day long.", id="cellar-note"),
    Document(text="The car needs new tyres, says the garage. Nobody came to choir practice.", id="car-note"),
]
QUERY = f"Where are the {SECRET}?"


class Counter:
    """Counts words, and has a name."""

    name = "words"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [count_words(text) for text in texts]


@dataclass(frozen=True)
class Watched:
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """By name; those that end first come first."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The points of a metric, by the values of their attributes."""
        data = self.reader.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return {tuple((point.attributes or {}).values()): point for metric in found for point in metric.data.data_points}

    @property
    def everything(self) -> str:
        data = self.reader.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.exporter.get_finished_spans()), data.to_json() if data else ""])


@pytest.fixture(scope="module")
def providers() -> Iterator[Watched]:
    """A process has one provider of each kind, so all tests of this module share theirs."""
    watched = Watched(InMemorySpanExporter(), InMemoryMetricReader())
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(watched.exporter))
    trace.set_tracer_provider(tracing)
    metering = MeterProvider([watched.reader])
    metrics.set_meter_provider(metering)
    yield watched
    tracing.shutdown()  # they stay for the process, and keep nothing of the tests that follow
    metering.shutdown()


@pytest.fixture
def watched(providers: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.delenv(CAPTURE, raising=False)
    providers.exporter.clear()
    yield providers
    capture_content(None)


def reply(messages: Sequence[Message]) -> ChatReply:
    return ChatReply(text=f"Ana keeps {SECRET} in the cellar.", finish_reason="stop", usage=Usage(120, 9))


def compressor(chat: Any = None, **settings: Any) -> ContextCompressor:
    return ContextCompressor(Marker(FakeScorer(), name="fake"), chat, counter=count_words, **settings)


def test_a_compression_is_a_span_with_the_markers_and_the_writers_below_it(watched: Watched) -> None:
    result = compressor(reply).compress(DOCUMENTS, QUERY, target_tokens=12)
    spans = watched.spans
    assert list(spans) == ["mark_context fake", "chat", "compress_context"]
    whole = spans["compress_context"]
    assert {spans[name].parent.span_id for name in ("mark_context fake", "chat")} == {whole.context.span_id}  # type: ignore[union-attr]
    assert dict(whole.attributes or {}) == {
        "gen_ai.operation.name": "compress_context",
        "attngs.tokens.original": result.original_tokens,
        "attngs.tokens.sent": result.compressed_tokens,
        "attngs.tokens.saved": result.original_tokens - result.compressed_tokens,
        "attngs.method": "rewrite",
        "attngs.target_tokens": 12,
        "attngs.sentences.kept": len(result.kept),
        "attngs.sentences.dropped": len(result.dropped),
        "attngs.silent": False,
    }
    assert (whole.kind, spans["chat"].kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert dict(spans["chat"].attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "CallableChat",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 9,
    }


def test_awaited_compressions_have_the_same_spans_and_do_not_mix(watched: Watched) -> None:
    async def both() -> None:
        async def one(name: str) -> None:
            with operation(name):
                await compressor(reply).acompress(DOCUMENTS, QUERY, target_tokens=12)

        await asyncio.gather(one("first"), one("second"))

    asyncio.run(both())
    spans = watched.exporter.get_finished_spans()
    by_id = {span.context.span_id: span.name for span in spans}
    below = sorted((span.name, by_id[span.parent.span_id]) for span in spans if span.parent)
    assert below == sorted(
        [(name, "compress_context") for name in ("mark_context fake", "chat")] * 2
        + [("compress_context", "first"), ("compress_context", "second")]
    )
    assert len({span.context.trace_id for span in spans}) == 2


def test_nothing_that_a_user_wrote_is_recorded(watched: Watched) -> None:
    compressor(reply).compress(DOCUMENTS, QUERY, target_tokens=12, namespace="ana@example.org")
    compressor(FakeChat([ChatError(f"could not send {SECRET}")])).compress(DOCUMENTS, QUERY, target_tokens=12)
    assert len(watched.spans) == 3
    for written in (SECRET, "cellar", "ana@", "note"):
        assert written not in watched.everything


@pytest.mark.parametrize("value", ["true", "TRUE", "span_only", "SPAN_AND_EVENT"])
def test_an_operator_may_ask_for_texts(watched: Watched, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(CAPTURE, value)
    result = compressor(reply).compress(DOCUMENTS, QUERY, target_tokens=12, namespace="ana")
    whole, chat = (watched.spans[name].attributes or {} for name in ("compress_context", "chat"))
    assert (whole["attngs.query.text"], whole["attngs.context.text"], whole["attngs.namespace"]) == (QUERY, result.text, "ana")
    assert json.loads(str(chat["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": f"Ana keeps {SECRET} in the cellar."}], "finish_reason": "stop"}
    ]
    assert {message["role"] for message in json.loads(str(chat["gen_ai.input.messages"]))} <= {"system", "user"}


@pytest.mark.parametrize("value", ["", "false", "no_content", "event_only"])
def test_other_values_ask_for_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(CAPTURE, value)
    compressor().compress(DOCUMENTS, QUERY, target_tokens=12)
    assert SECRET not in watched.everything


def test_code_has_the_last_word_on_texts(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CAPTURE, "true")
    capture_content(False)
    compressor().compress(DOCUMENTS, QUERY, target_tokens=12)
    assert SECRET not in watched.everything
    capture_content(True)
    compressor().compress(DOCUMENTS, "A lone \ud800 surrogate?", target_tokens=12)
    assert (watched.spans["compress_context"].attributes or {})["attngs.query.text"] == "A lone ? surrogate?"


def test_a_failure_names_its_kind_and_not_its_message(watched: Watched) -> None:
    def fail(query: str, sentences: Any) -> Any:
        raise ModelError(f"about {SECRET}")

    scorer = FakeScorer()
    scorer.score = fail  # type: ignore[method-assign]
    with pytest.raises(ModelError):
        ContextCompressor(Marker(scorer, name="fake"), counter=count_words).compress(DOCUMENTS, QUERY, target_tokens=12)
    for span in watched.spans.values():
        assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
        assert (span.attributes or {})["error.type"] == "ModelError"
    assert SECRET not in watched.everything


def test_a_writer_that_fails_is_told_though_the_extract_is_returned(watched: Watched) -> None:
    chat = FakeChat([ChatError("busy", status=503)])
    assert compressor(chat).compress(DOCUMENTS, QUERY, target_tokens=12).method == "extract"
    assert watched.spans["chat"].status.status_code is StatusCode.ERROR
    assert watched.spans["compress_context"].status.status_code is StatusCode.UNSET


def test_tokens_are_a_ledger(watched: Watched) -> None:
    before = {key: point.value for key, point in watched.points("attngs.context.tokens").items()}
    result = compressor().compress(DOCUMENTS, QUERY, target_tokens=12)
    after = {key: point.value for key, point in watched.points("attngs.context.tokens").items()}
    gained = {key[-1]: value - before.get(key, 0) for key, value in after.items()}
    assert gained == {
        "original": result.original_tokens,
        "sent": result.compressed_tokens,
        "saved": result.original_tokens - result.compressed_tokens,
    }


def test_seconds_and_the_writers_tokens_are_measured(watched: Watched) -> None:
    compressor(reply).compress(DOCUMENTS, QUERY, target_tokens=12)
    assert {"compress_context", "mark_context", "chat"} <= {key[0] for key in watched.points("gen_ai.client.operation.duration")}
    usage = {key[-1]: point for key, point in watched.points("gen_ai.client.token.usage").items()}
    assert usage["input"].max == 120
    assert usage["output"].min == 9


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory.open(tmp_path / "memory.db", namespace="ana", marker=Marker(FakeScorer(SECRET), counter=Counter())) as memory:
        yield memory


def test_what_a_memory_does_has_the_names_of_the_conventions(watched: Watched, memory: Memory) -> None:
    memory.add(DOCUMENTS)
    memory.ask(QUERY, target_tokens=12)
    memory.update("car-note", "The car is sold.")
    memory.delete(names=["car-note"])
    memory.delete(iter(["cellar-note"]))
    memory.clear()
    with pytest.raises(InputError):
        memory.delete("nobody")
    spans = [span for span in watched.exporter.get_finished_spans() if span.parent is None]
    seen = [(span.name, (span.attributes or {}).get("gen_ai.memory.record.count")) for span in spans]
    assert seen == [
        ("create_memory", 2),
        ("search_memory", 1),
        ("update_memory", 1),
        ("delete_memory", 1),
        ("delete_memory", None),
        ("delete_memory_store", None),
        ("delete_memory", None),
    ]
    assert (spans[1].attributes or {})["attngs.tokens.original"] == 26
    assert (spans[-1].attributes or {})["error.type"] == "InputError"
    for written in (SECRET, "note", "ana"):
        assert written not in watched.everything


def test_what_a_memory_holds_is_recorded_where_it_is_asked_for(watched: Watched, memory: Memory) -> None:
    capture_content(True)
    memory.add(DOCUMENTS)
    memory.ask(QUERY, target_tokens=12)
    added, asked = (watched.spans[name].attributes or {} for name in ("create_memory", "search_memory"))
    assert json.loads(str(added["gen_ai.memory.record.id"])) == ["cellar-note", "car-note"]
    assert (asked["gen_ai.memory.store.id"], asked["gen_ai.memory.query.text"]) == ("ana", QUERY)
    assert SECRET in json.loads(str(asked["gen_ai.memory.records"]))[0]["content"]


def test_an_endpoint_is_named_with_its_model() -> None:
    assert OpenAIChat.provider == "openai"


SILENT = """
import sys
from attngs.reading.telemetry import operation
with operation("compress_context") as watched:
    watched.context_tokens(original=3, sent=1)
assert not [name for name in sys.modules if name.startswith("opentelemetry")]

from opentelemetry import metrics, trace
with operation("compress_context") as other:
    assert other is watched
assert "opentelemetry.sdk" not in sys.modules
"""


def test_without_a_provider_nothing_is_imported_and_nothing_made() -> None:
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
