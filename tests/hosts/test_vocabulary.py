"""One vocabulary: a setting has the same name, default and description in the core and in LangChain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from attngs import ContextCompressor, GreedySelector, Marker
from attngs.hosts.settings import SETTINGS, check_marker_name, described
from attngs.testing import FakeScorer, count_words
from langchain_attngs import AttnGSCompressor, AttnGSRetriever, LocalChatModel

CORE: Mapping[str, Callable[..., Any]] = {
    "marker": ContextCompressor,
    "chat": ContextCompressor,
    "counter": ContextCompressor,
    "template": ContextCompressor,
    "floor": ContextCompressor,
    "on_chat_error": ContextCompressor,
    "must_keep": GreedySelector,
    "neighbors": GreedySelector,
    "min_per_document": GreedySelector,
    "min_score": GreedySelector,
    "target_tokens": ContextCompressor.compress,
    "namespace": ContextCompressor.compress,
}
"""Where the core takes each setting. The others are a host's: it makes the marker, and hands on several documents."""


def own_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields that are ours, and not the framework's."""
    return {name: field for name, field in model.model_fields.items() if name in vars(model)["__annotations__"]}


@pytest.mark.parametrize("name", SETTINGS)
def test_langchain_has_the_setting(name: str) -> None:
    field = AttnGSCompressor.model_fields[name]
    assert (... if field.is_required() else field.default) == SETTINGS[name].default
    assert field.description == described(name)


def test_langchain_has_no_other_setting() -> None:
    assert [*own_fields(AttnGSCompressor)] == [*SETTINGS]


@pytest.mark.parametrize("name", CORE)
def test_the_core_uses_the_same_name(name: str) -> None:
    parameter = inspect.signature(CORE[name]).parameters[name]
    if parameter.default is not inspect.Parameter.empty and parameter.default is not None:  # None stands for the default
        assert parameter.default == SETTINGS[name].default


def test_the_core_takes_every_setting_that_is_no_host_s() -> None:
    assert {*SETTINGS} - {*CORE} == {"mode", "max_concurrency", "output"}


@pytest.mark.parametrize("model", [AttnGSCompressor, AttnGSRetriever, LocalChatModel])
def test_every_field_is_described(model: type[BaseModel]) -> None:
    assert own_fields(model)
    for name, field in own_fields(model).items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_the_core_and_langchain_take_the_same_choices() -> None:
    core, host = get_type_hints(ContextCompressor.__init__), get_type_hints(AttnGSCompressor)
    assert get_args(core["on_chat_error"]) == get_args(host["on_chat_error"]) == ("extract", "raise")


def test_descriptions_are_sentences_that_fit_on_a_line() -> None:
    for name, setting in SETTINGS.items():
        assert setting.description.endswith("."), name
        assert len(setting.description) < 120, name


def test_the_page_on_langchain_lists_them() -> None:
    rows = [
        line
        for line in (Path(__file__).parents[2] / "docs/langchain.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    for name, setting in SETTINGS.items():
        [row] = [row for row in rows if row.startswith(f"| `{name}` |")]
        assert setting.description in row


def test_a_marker_has_a_name() -> None:
    marker = Marker(FakeScorer())
    assert [check_marker_name(value) for value in ("default", marker)] == ["default", marker]
    with pytest.raises(ValueError, match="`marker` is empty"):
        check_marker_name(" ")


def test_langchain_s_own_names_are_taken_too() -> None:
    model = RunnableLambda(lambda messages: "x")
    marker: dict[str, Any] = {"marker": Marker(FakeScorer()), "counter": count_words, "target_tokens": 9}
    compressor = AttnGSCompressor(mode="rewrite", llm=model, **marker)
    assert compressor.chat is model
    assert compressor == AttnGSCompressor(mode="rewrite", chat=model, **marker)
    with pytest.raises(ValidationError, match="Extra inputs"):
        AttnGSCompressor(mode="rewrite", llm=model, chat=model, **marker)
    search: Any = RunnableLambda(lambda query: [])
    named = AttnGSRetriever(base_retriever=search, base_compressor=compressor)
    assert (named.retriever, named.compressor) == (search, compressor)
    assert named == AttnGSRetriever(retriever=search, compressor=compressor)
