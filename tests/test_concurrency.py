"""Many callers, several users, one worker: the same results as alone, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from attngs import ContextCompressor, Marker, Marking, MarkRequest
from attngs.errors import InputError, ModelError, OutOfMemoryError
from attngs.marking.micro_batcher import MOST, MicroBatcher
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.differential import DifferentialScorer
from attngs.marking.scorers.encoder import EmbeddedScorer
from attngs.marking.scorers.fusion import FusedScorer
from attngs.reading.attention import AttentionReader
from attngs.reading.sentence_states import SentenceStates
from attngs.testing import FakeScorer, tiny_model, tiny_tokenizer
from attngs.types import ScoreRequest, Sentence

TOPICS = ("tea and cake", "a red car", "the long way home", "what she said", "three cats")


def decoder(**options: object) -> Marker:
    return Marker.from_model(tiny_model(max_position_embeddings=4096), tiny_tokenizer(), **options)  # type: ignore[arg-type]


def encoder() -> Marker:
    return Marker.from_model(tiny_model("bert"), tiny_tokenizer())


def request_of(number: int) -> MarkRequest:
    user = number % 7
    documents = [f"User {user} likes {topic}. Day {day} was fine. " * (1 + user % 3) for day, topic in enumerate(TOPICS)]
    return MarkRequest(documents=documents, query=f"What about {TOPICS[number % 5]}, number {number % 11}?", namespace=f"user-{user}")


def close(a: Marking, b: Marking) -> bool:
    scores, expected = torch.tensor(a.scores), torch.tensor(b.scores)
    return a.sentences == b.sentences and bool(torch.allclose(scores, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())))


@pytest.mark.parametrize("make", [decoder, encoder])
async def test_two_hundred_callers_get_what_they_would_get_alone(make: type[Marker]) -> None:
    requests = [request_of(number) for number in range(200)]
    alone = [make().mark(request.documents, request.query) for request in requests[:12]]
    marker = make()
    together = await asyncio.gather(*(marker.amark(r.documents, r.query, namespace=r.namespace) for r in requests))
    assert [marking.query for marking in together] == [request.query for request in requests]
    assert all(close(a, b) for a, b in zip(together, alone, strict=False))
    again = [marker.mark(r.documents, r.query, namespace=r.namespace) for r in requests]
    assert all(close(a, b) for a, b in zip(together, again, strict=True))


async def test_compressing_side_by_side_is_compressing_one_by_one() -> None:
    compressor = ContextCompressor(encoder())
    requests = [request_of(number) for number in range(40)]
    together = await asyncio.gather(
        *(compressor.acompress(r.documents, r.query, target_tokens=150, namespace=r.namespace) for r in requests)
    )
    one_by_one = [compressor.compress(r.documents, r.query, target_tokens=150, namespace=r.namespace) for r in requests]
    assert [result.text for result in together] == [result.text for result in one_by_one]


@pytest.mark.parametrize("make", [decoder, encoder])
def test_a_failing_item_fails_alone(make: type[Marker]) -> None:
    good = request_of(1)
    bad = [
        MarkRequest(documents=[good.documents, 3], query="What?"),  # type: ignore[list-item]
        MarkRequest(documents="Some text.", query="  "),
        MarkRequest(documents="", query="Anything?"),
    ]
    outcomes = make().mark_batch([good, *bad, good])
    assert [type(outcome) for outcome in outcomes] == [Marking, InputError, InputError, Marking, Marking]


def test_a_question_too_long_for_the_window_fails_alone() -> None:
    marker = decoder(window=700)
    good = request_of(1)
    outcomes = marker.mark_batch([good, MarkRequest(documents=["Some text. " * 60], query="why " * 150), good])
    assert [type(outcome) for outcome in outcomes] == [Marking, InputError, Marking]
    with pytest.raises(InputError, match="`query` takes"):
        marker.mark(["Some text. " * 60], "why " * 150)


class Picky:
    """Raises, or says NaN, or too little, for some questions."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        if query == "raise":
            raise RuntimeError("no")
        return [float("nan")] * len(sentences) if query == "nan" else [0.5] * (len(sentences) - (query == "short"))


@pytest.mark.parametrize("wrap", [lambda s: s, DifferentialScorer, lambda s: FusedScorer((s, 1.0), (FakeScorer("a"), 1.0))])
def test_a_scorer_without_batches_is_asked_one_by_one(wrap: type) -> None:
    marker = Marker(wrap(Picky()))
    queries = ("fine", "raise", "nan", "fine")
    outcomes = marker.mark_batch([MarkRequest(documents="A b. C d.", query=query) for query in queries])
    assert [type(outcome) for outcome in outcomes] == [Marking, RuntimeError, ModelError, Marking]
    assert isinstance(Marker(Picky()).mark_batch([MarkRequest(documents="A b. C d.", query="short")])[0], ModelError)


class Careless:
    """A batch scorer of somebody else's that raises for all, or forgets one."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        raise NotImplementedError

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[list[float] | Exception]:
        queries = [request.query for request in requests]
        if "raise" in queries:
            raise RuntimeError("no")
        return [[1.0] * len(request.sentences) for request in requests][: -1 if "forget" in queries else None]


def test_a_careless_batch_scorer_fails_nobody_else() -> None:
    marker = Marker(Careless())
    asked = [MarkRequest(documents="A b.", query=query) for query in ("fine", "raise", "fine")]
    assert [type(outcome) for outcome in marker.mark_batch(asked)] == [Marking, RuntimeError, Marking]
    with pytest.raises(ModelError, match="0 results for 1 requests"):
        marker.mark("A b.", "forget")


class Gate:
    """A scorer that waits until it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()
        self.asked: list[str] = []

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[list[float] | Exception]:
        self.begun.set()
        assert self.open.wait(20)
        self.asked += [request.query for request in requests]
        return [[1.0] * len(request.sentences) for request in requests]

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        raise NotImplementedError


async def until_begun(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.begun.wait, 20)


async def test_the_event_loop_goes_on_while_the_marker_works() -> None:
    gate = Gate()
    waiting = asyncio.ensure_future(Marker(gate).amark("Some text.", "what"))
    await until_begun(gate)  # were the loop blocked, nobody could open the gate
    gate.open.set()
    assert (await waiting).scores == (1.0,)


async def test_cancelled_and_timed_out_calls_leave_nothing_stuck() -> None:
    gate = Gate()
    marker = Marker(gate)
    running = asyncio.ensure_future(marker.amark("Some text.", "running"))
    await until_begun(gate)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(marker.amark("Some text.", "timed out"), 0.01)
    queued = asyncio.ensure_future(marker.amark("Some text.", "queued"))
    await asyncio.sleep(0)
    queued.cancel()
    running.cancel()
    await asyncio.gather(queued, running, return_exceptions=True)
    assert (queued.cancelled(), running.cancelled()) == (True, True)
    gate.open.set()
    assert (await marker.amark("Some text.", "after")).scores == (1.0,)
    assert gate.asked == ["running", "after"]  # what was cancelled before it began was never worked on


async def test_bad_input_is_refused_at_once() -> None:
    with pytest.raises(InputError):
        await Marker(FakeScorer("a")).amark([3], "what")  # type: ignore[list-item]
    with pytest.raises(InputError, match="`query`"):
        await Marker(FakeScorer("a")).amark("text", "")


def test_a_marker_outlives_event_loops() -> None:
    marker = encoder()
    markings = [asyncio.run(marker.amark("Some text. And more.", "what")) for _ in range(3)]
    assert markings[0] == markings[1] == markings[2]


def test_a_batcher_answers_every_request_of_a_long_queue() -> None:
    sizes: list[int] = []

    def work(numbers: list[int]) -> list[int | Exception]:
        sizes.append(len(numbers))
        return [ValueError(str(n)) if n == 3 else n + 1 for n in numbers]

    batcher: MicroBatcher[int, int] = MicroBatcher(work)
    futures = [batcher.submit(n) for n in range(3 * MOST)]
    assert [(future.exception() and str(future.exception())) or future.result() for future in futures[:4]] == [1, 2, 3, "3"]
    assert [future.result() for future in futures[4:]] == list(range(5, 3 * MOST + 1))
    assert max(sizes) <= MOST
    assert len(sizes) < 20


def test_work_that_raises_leaves_nobody_waiting() -> None:
    def work(numbers: list[int]) -> list[int]:
        raise OSError("gone")

    batcher: MicroBatcher[int, int] = MicroBatcher(work)
    for future in [batcher.submit(n) for n in range(3)]:
        with pytest.raises(OSError, match="gone"):
            future.result(5)


def small_memory(reader: AttentionReader, monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    """Let forward passes of more than so many tokens fail as a full GPU does."""
    own = reader._body.forward

    def forward(**inputs: torch.Tensor) -> object:
        if inputs["input_ids"].numel() > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return own(**inputs)

    monkeypatch.setattr(reader._body, "forward", forward)


def test_out_of_memory_is_met_with_smaller_passes_and_then_with_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = decoder(config=AttentionConfig.paper())
    texts = ["One two three. Four five six. " * n for n in (12, 13, 13, 12)]
    alone = [marker.mark(text, "Which?") for text in texts]
    monkeypatch.setattr("attngs.reading.context_reader.SPARING", 150)
    for room in (2_000, 600, 200):
        tight = decoder(config=AttentionConfig.paper())
        small_memory(tight.scorer.reader, monkeypatch, room)  # type: ignore[attr-defined]
        outcomes = tight.mark_batch([MarkRequest(documents=text, query="Which?") for text in texts])
        assert all(isinstance(o, Marking) and close(o, expected) for o, expected in zip(outcomes, alone, strict=True))
    tight = decoder(config=AttentionConfig.paper())
    small_memory(tight.scorer.reader, monkeypatch, 50)  # type: ignore[attr-defined]
    with pytest.raises(OutOfMemoryError, match="max_batch_tokens"):
        tight.mark(texts[0], "Which?")


def test_states_of_many_requests_are_read_in_few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    own = SentenceStates._forward

    def forward(self: SentenceStates, rows: Sequence[list[int]]) -> object:
        passes.append(len(rows))
        return own(self, rows)

    marker = encoder()
    marker.scorer = EmbeddedScorer(marker.scorer.states)  # type: ignore[attr-defined]
    marker.mark("Anything.", "what?")  # reads what is read once for all
    monkeypatch.setattr(SentenceStates, "_forward", forward)
    outcomes = marker.mark_batch([request_of(number) for number in range(7)])
    assert all(isinstance(outcome, Marking) for outcome in outcomes)
    assert len(passes) < 7


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), StopIteration(3)])
async def test_an_error_that_means_something_to_a_loop_reaches_who_asked_as_one_of_ours(error: BaseException) -> None:
    class Odd:
        def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
            if query == "odd":
                raise error
            return [1.0] * len(sentences)

    marker = Marker(Odd())
    with pytest.raises(ModelError, match=type(error).__name__):
        await marker.amark("Some text.", "odd")
    assert (await marker.amark("Some text.", "fine")).scores == (1.0,)


def test_too_few_answers_and_no_thread_leave_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda numbers: numbers[:-1] if 0 in numbers else numbers)
    with pytest.raises(ModelError, match="0 answers"):
        batcher.submit(0).result(5)
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        patch.setattr(batcher._worker, "submit", refuse)
        while batcher._at_work:
            time.sleep(0.001)
        with pytest.raises(RuntimeError, match="thread"):
            batcher.submit(1)
    assert batcher.submit(2).result(5) == 2


FORK = """
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from attngs.marking.micro_batcher import MicroBatcher

workers = set()
batcher = MicroBatcher(lambda numbers: workers.add(threading.get_ident()) or numbers)
busy, go_on = threading.Event(), threading.Event()
slow = MicroBatcher(lambda numbers: busy.set() or go_on.wait(20) and numbers)
assert batcher.submit(1).result(5) == 1
asked = slow.submit(2)
assert busy.wait(5)
if (child := os.fork()) == 0:
    signal.alarm(20)
    workers.clear()
    go_on.set()
    sys.setswitchinterval(1e-6)
    gate = threading.Barrier(8)
    with ThreadPoolExecutor(8) as askers:
        futures = list(askers.map(lambda number: gate.wait() and None or batcher.submit(number), range(8)))
    ok = [future.result(5) for future in futures] == list(range(8)) and slow.submit(3).result(5) == 3
    os._exit(0 if ok and len(workers) == 1 else 1)
_, status = os.waitpid(child, 0)
go_on.set()
print(status, asked.result(5))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_gets_one_worker_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("0 2\n", 0), done.stderr


IN_THE_MIDDLE = """
import os, signal, threading
import numpy as np
import torch
from attngs import Marker
from attngs.hosts.markers import find_marker
from attngs.marking.features.text import TextFeatures
from attngs.marking.scales import Layout
from attngs.marking.scorers.similarities import KnownContext, Similarities
from attngs.reading.attention_function import installed
from attngs.reading.context_cache import ContextCache
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Document, ScoreRequest, Sentence

begun, go_on = threading.Event(), threading.Event()


def wait():
    begun.set()
    go_on.wait(30)


class SlowList(list):
    def __iter__(self):
        wait()
        return super().__iter__()

    def __len__(self):
        wait()
        return super().__len__()


class SlowCache(ContextCache):
    def remember(self, *arguments, **settings):
        wait()
        return super().remember(*arguments, **settings)


class SlowModel(torch.nn.Module):
    config = tiny_model().config

    @property
    def base_model(self):
        return self

    def set_attn_implementation(self, name):
        wait()


class SlowName(str):
    def __str__(self):
        return self

    def __hash__(self):
        wait()
        return 1


def states():
    return torch.nn.functional.normalize(torch.ones(1, 4), dim=-1)


def layout():
    return Layout(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64))


def known():
    return KnownContext([states()], request().sentences)


def request():
    document = Document(text="A cat.")
    return ScoreRequest(query="cat", sentences=[Sentence(document=document, position=0, start=0, end=6)])


def install(model):
    with installed(model):
        return True


def find(name):
    try:
        find_marker(name)
    except Exception:
        return True


CASES = {
    "similarities": (
        lambda: Similarities(states(), SlowList([states()]), known()).late("sentence"),
        lambda: Similarities(states(), [states()], known()).late("sentence"),
    ),
    "layout": (lambda: Layout(SlowList([0]), [1]).place, lambda: layout().place),
    "text features": (lambda: TextFeatures(SlowCache()).read([request()]), lambda: TextFeatures().read([request()])),
    "attention": (
        lambda: install(SlowModel()),
        lambda: Marker.from_model(tiny_model(), tiny_tokenizer()).mark("A cat. A dog.", "cat"),
    ),
    "markers": (lambda: find(SlowName("nowhere")), lambda: find("/nowhere")),
}
for name, (slow, quick) in CASES.items():
    begun.clear()
    go_on.clear()
    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(20)
    if (child := os.fork()) == 0:
        signal.alarm(10)
        quick()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    go_on.set()
    thread.join()
    print(name, status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_never_waits_for_what_a_thread_of_its_parent_was_doing() -> None:
    done = subprocess.run([sys.executable, "-c", IN_THE_MIDDLE], capture_output=True, text=True, timeout=120, check=False)
    expected = "".join(f"{name} 0\n" for name in ("similarities", "layout", "text features", "attention", "markers"))
    assert (done.stdout, done.returncode) == (expected, 0), done.stderr


def test_nothing_is_computed_behind_a_lock_that_a_fork_inherits() -> None:
    """On Python 3.11 `functools.cached_property` computes behind one lock for all instances: whoever forks meanwhile gets it shut."""
    root = Path(__file__).parents[1]
    packages = ("attngs", "langchain_attngs", "llama_index_attngs")
    files = [path for package in packages for path in (root / package).rglob("*.py")]
    assert len(files) > 100
    assert [str(path) for path in files if re.search(r"(@|functools\.|import )cached_property", path.read_text(encoding="utf-8"))] == []


def test_every_lock_is_renewed_in_a_child() -> None:
    """A module that makes a lock says what becomes of it in a fork."""
    root = Path(__file__).parents[1]
    packages = ("attngs", "langchain_attngs", "llama_index_attngs")
    texts = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8") for package in packages for path in (root / package).rglob("*.py")
    }
    locks = {path for path, text in texts.items() if re.search(r"threading\.(R?Lock|Condition|Semaphore)\(", text)}
    assert {path for path in locks if not re.search(r"renewed_in_children|register_at_fork|os\.getpid", texts[path])} == set()


def test_writing_an_answer_may_run_out_of_memory_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = decoder(config=AttentionConfig(answer_tokens=2))
    model = marker.scorer._loaded.model  # type: ignore[attr-defined]
    own = model.generate

    def generate(**inputs: torch.Tensor) -> object:
        if inputs["input_ids"].shape[1] > 400:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(**inputs)

    monkeypatch.setattr(model, "generate", generate)
    requests = [MarkRequest(documents="A b c. " * n, query="Which?") for n in (2, 60, 2)]
    assert [type(outcome) for outcome in marker.mark_batch(requests)] == [Marking, OutOfMemoryError, Marking]


def test_what_a_failed_pass_held_is_free_before_the_next_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[object]] = []
    held: list[bool] = []
    marker = decoder(max_batch_tokens=4_000, config=AttentionConfig.paper())
    reader = marker.scorer.reader  # type: ignore[attr-defined]
    own = reader._body.forward

    class Activations:
        pass

    def forward(**inputs: torch.Tensor) -> object:
        held.append(any(reference() is not None for reference in alive))
        activations = Activations()
        alive.append(weakref.ref(activations))
        if inputs["input_ids"].shape[0] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(**inputs)

    monkeypatch.setattr(reader._body, "forward", forward)
    outcomes = marker.mark_batch([MarkRequest(documents=f"A b c {n}. D e f.", query="Which?") for n in range(2)])
    assert all(isinstance(outcome, Marking) for outcome in outcomes)
    assert held == [False, False, False]
