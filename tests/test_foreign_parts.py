"""Counters, selectors, scorers and splitters are anybody's: what a wrong one does is a typed error, in sync and async alike."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from attngs import ContextCompressor, Marker, Selection
from attngs.errors import ConfigError, InputError, ModelError
from attngs.testing import FakeScorer, count_words
from attngs.types import Sentence, Span

DOCUMENTS = ["One lift. Two lifts. Three stairs here.", "It rained all day. And night."]


class Counter:
    """A counter that returns what it is told to."""

    name = "odd"

    def __init__(self, returned: Callable[[int], Any]) -> None:
        self._returned = returned

    def count(self, texts: list[str]) -> Any:
        return self._returned(len(texts))


class Selector:
    """A selector that returns what it is told to."""

    def __init__(self, returned: Callable[[], Any]) -> None:
        self._returned = returned

    def select(self, marking: object, *, target_tokens: int, counter: object) -> Any:
        return self._returned()


class Scorer:
    """A scorer that returns what it is told to."""

    def __init__(self, returned: Callable[[int], Any]) -> None:
        self._returned = returned

    def score(self, query: str, sentences: list[Sentence]) -> Any:
        return self._returned(len(sentences))


def stop(*arguments: object) -> Any:
    return next(iter(()))


def choice(kept: tuple[int, ...], dropped: tuple[int, ...], text: Any = "One lift.", tokens: int = 2) -> Callable[[], Selection]:
    return lambda: Selection(kept=kept, dropped=dropped, text=text, tokens=tokens)


def errors(*, scorer: Any = None, splitter: Any = None, **settings: Any) -> Iterator[Exception]:
    """What compressing raises, in sync and then in async."""
    compressor = ContextCompressor(Marker(scorer or FakeScorer(), splitter=splitter), **{"counter": count_words, **settings})
    with pytest.raises(Exception, match=r".") as caught:
        compressor.compress(DOCUMENTS, "lift", target_tokens=5)
    yield caught.value
    with pytest.raises(Exception, match=r".") as caught:
        asyncio.run(asyncio.wait_for(compressor.acompress(DOCUMENTS, "lift", target_tokens=5), 10))
    yield caught.value


@pytest.mark.parametrize(
    "returned",
    [
        lambda n: [1.5] * n,
        lambda n: [math.nan] * n,
        lambda n: [-1] * n,
        lambda n: ["5"] * n,
        lambda n: [True] * n,
        lambda n: [1] * (n + 1),
        lambda n: [],
        lambda n: None,
        stop,
    ],
)
def test_a_counter_that_does_not_count(returned: Callable[[int], Any]) -> None:
    for error in errors(counter=Counter(returned)):
        assert isinstance(error, InputError)
        assert "the token counter `odd` r" in str(error)


def test_a_function_that_stops_does_not_count() -> None:
    assert all(isinstance(error, InputError) for error in errors(counter=stop))


@pytest.mark.parametrize(
    "returned",
    [
        lambda: None,
        lambda: [0, 1],
        choice((99,), (0, 1, 2, 3)),
        choice((-1,), (0, 1, 2, 3)),
        choice((0, 0), (1, 2, 3)),
        choice((0,), ()),
        choice((0,), (1, 2, 3, 4), text=None),
        choice((0,), (1, 2, 3, 4), tokens=6),
        stop,
    ],
)
def test_a_selector_that_does_not_select(returned: Callable[[], Any]) -> None:
    for error in errors(selector=Selector(returned)):
        assert isinstance(error, ConfigError)
        assert "`selector` (Selector)" in str(error)


@pytest.mark.parametrize(
    "returned", [lambda n: None, lambda n: ["a"] * n, lambda n: [[1.0]] * n, lambda n: [1j] * n, lambda n: [10**400] * n, stop]
)
def test_a_scorer_that_does_not_score(returned: Callable[[int], Any]) -> None:
    assert all(isinstance(error, ModelError) for error in errors(scorer=Scorer(returned)))


@pytest.mark.parametrize("splitter", [lambda text: None, lambda text: [(0.0, 1.0 * len(text))], lambda text: [0, len(text)]])
def test_a_splitter_that_does_not_split(splitter: Any) -> None:
    assert all(isinstance(error, InputError) for error in errors(splitter=splitter))


def test_a_splitter_that_stops() -> None:
    assert all(isinstance(error, ModelError) for error in errors(splitter=stop))


@pytest.mark.parametrize("namespace", [None, 5, ["ana"], b"ana"])
def test_a_namespace_is_a_str(namespace: Any) -> None:
    compressor = ContextCompressor(Marker(FakeScorer()), counter=count_words)
    with pytest.raises(InputError, match="`namespace` must be a str"):
        compressor.compress(DOCUMENTS, "lift", target_tokens=5, namespace=namespace)
    with pytest.raises(InputError, match="`namespace` must be a str"):
        Marker(FakeScorer()).mark(DOCUMENTS, "lift", namespace=namespace)


def test_a_marking_is_whole() -> None:
    compressor = ContextCompressor(marker := Marker(FakeScorer()), counter=count_words)
    marking = marker.mark(DOCUMENTS, "lift")
    first, *others = marking.sentences
    broken: list[Any] = [
        "marking",
        replace(marking, scores=marking.scores[:1]),
        replace(marking, marked=()),
        replace(marking, sentences=(replace(first, end=10**9), *others)),
        replace(marking, sentences=(replace(first, position=-1), *others)),
    ]
    for given in broken:
        with pytest.raises(InputError, match="`marking`"):
            compressor.compress(DOCUMENTS, "lift", target_tokens=5, marking=given)
    with pytest.raises(ModelError, match="is nan"):
        compressor.compress(DOCUMENTS, "lift", target_tokens=5, marking=replace(marking, scores=(math.nan,) * len(marking.scores)))


def test_spans_are_plain_numbers() -> None:
    marker = Marker(FakeScorer(), splitter=lambda text: [Span(False, True), Span(1, len(text))])
    assert [(type(sentence.start), sentence.text) for sentence in marker.mark("abc", "b").sentences] == [(int, "a"), (int, "bc")]


def test_a_compressor_and_its_marker_are_copied_as_themselves() -> None:
    compressor = ContextCompressor(marker := Marker(FakeScorer()), counter=count_words)
    for each in (compressor, marker):
        assert copy.copy(each) is each
        assert copy.deepcopy({"a": each})["a"] is each
