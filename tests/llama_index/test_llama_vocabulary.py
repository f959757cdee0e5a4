"""The settings have attngs' names, defaults and descriptions; LlamaIndex's names are taken too."""

from __future__ import annotations

import pickle
import re
from copy import deepcopy
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from llama_nodes import QUESTION, RecordingLLM, three_nodes
from pydantic import BaseModel

from attngs import Marker
from attngs.errors import ConfigError
from attngs.hosts.settings import SETTINGS
from attngs.types import Sentence
from attngs.writing.prompts import CITED, GUIDED, GuidedPrompt
from attngs.writing.statements import FaithfulnessFloor
from llama_index_attngs import AttnGSMemoryBlock, AttnGSPostprocessor

HOSTS: list[type[BaseModel]] = [AttnGSPostprocessor, AttnGSMemoryBlock]
OF_NODES_ALONE = {"namespace", "output", "max_concurrency"}  # a memory has sessions, and is one text
SHORT = GuidedPrompt(name="short-1", system="Be short.", user="{query} in {target_tokens}: {context}")


def about_pills(sentence: Sentence) -> bool:
    return "pills" in sentence.text


@pytest.mark.parametrize("host", HOSTS)
def test_every_shared_setting_is_there_with_its_default_and_description(host: type[BaseModel]) -> None:
    shared = set(SETTINGS) - (OF_NODES_ALONE if host is AttnGSMemoryBlock else set())
    for name in shared:
        field = host.model_fields[name]
        default = ... if name == "target_tokens" else field.default  # it, or a budget, must be given
        assert (name, default, field.description) == (name, SETTINGS[name].default, SETTINGS[name].description)


@pytest.mark.parametrize("host", HOSTS)
def test_every_setting_of_ours_is_described(host: type[BaseModel]) -> None:
    theirs = {name for base in host.__mro__ if base.__module__.startswith("llama_index.") for name in getattr(base, "model_fields", {})}
    for name in set(host.model_fields) - theirs | {"name", "priority"} & set(host.model_fields):
        assert host.model_fields[name].description, name


def test_the_frameworks_own_names_are_taken(settings: dict[str, Any]) -> None:
    llm = RecordingLLM("Her pills are blue.")
    post = AttnGSPostprocessor(**settings, mode="rewrite", llm=llm, num_workers=2)
    copies = [post, deepcopy(post), post.model_copy(), pickle.loads(pickle.dumps(post))]
    copies.append(AttnGSPostprocessor.from_dict(post.to_dict(), marker=settings["marker"], counter=settings["counter"], llm=llm))
    for each in copies:
        assert isinstance(each.chat, RecordingLLM)
        assert each.max_concurrency == 2
        assert each.postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert "max_concurrency" in post.to_dict()
    assert not {"llm", "chat", "num_workers"} & set(post.to_dict())
    assert AttnGSMemoryBlock(**settings, llm=llm).chat is llm


@pytest.mark.parametrize("two", [{"max_concurrency": 2, "num_workers": 3}, {"chat": RecordingLLM(), "llm": RecordingLLM()}])
def test_two_names_for_one_setting_are_an_error(two: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(two)[1]):
        AttnGSPostprocessor(target_tokens=9, **two)


def test_the_floor_is_saved_and_holds(settings: dict[str, Any]) -> None:
    floor = FaithfulnessFloor(unsupported="drop", max_unsupported=1.0)
    llm = RecordingLLM("Her pills are blue. The pills cost 900 dollars.")
    post = AttnGSPostprocessor(**settings, output="merged", mode="rewrite", chat=llm, floor=floor)
    assert [n.get_content() for n in post.postprocess_nodes(three_nodes(), query_str=QUESTION)] == ["Her pills are blue."]
    restored = AttnGSPostprocessor.from_json(post.to_json(), marker=settings["marker"], counter=settings["counter"])
    assert restored.floor == floor


def test_every_document_keeps_its_best(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings | {"target_tokens": 14}, min_per_document=1)
    out = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert [n.node.node_id for n in out] == ["kitchen", "garden", "paris"]


@pytest.mark.parametrize("must", ["(?i)WINDOW", re.compile("WINDOW", re.IGNORECASE), lambda sentence: "window" in sentence.text])
def test_must_keep_takes_what_a_selector_takes(settings: dict[str, Any], must: Any) -> None:
    post = AttnGSPostprocessor(**settings | {"target_tokens": 5}, must_keep=(must,))
    assert [n.get_content() for n in post.postprocess_nodes(three_nodes(), query_str=QUESTION)] == ["The window is open."]


@pytest.mark.parametrize(
    "pattern", [re.compile("a.b", re.IGNORECASE | re.DOTALL), re.compile("(?m)^a", re.IGNORECASE), re.compile("(?x) a  b"), re.compile("a")]
)
def test_a_pattern_is_saved_by_its_source(pattern: re.Pattern[str]) -> None:
    post = AttnGSPostprocessor(target_tokens=9, must_keep=(pattern, "b"))
    for restored in (AttnGSPostprocessor.from_json(post.to_json()), pickle.loads(pickle.dumps(post))):
        first, second = map(re.compile, restored.must_keep)
        assert (first.flags, second.pattern) == (pattern.flags, "b")


def test_a_function_must_be_passed_again() -> None:
    saved = AttnGSPostprocessor(target_tokens=9, must_keep=("a", about_pills)).to_dict()
    assert saved["must_keep"] == ["a", "<not saved: about_pills>"]
    with pytest.raises(ValueError, match="from_dict\\(data, must_keep="):
        AttnGSPostprocessor.from_dict(saved)
    assert AttnGSPostprocessor.from_dict(saved, must_keep=(about_pills,)).must_keep == (about_pills,)


def test_a_template_is_ours_or_the_frameworks(settings: dict[str, Any]) -> None:
    llm = RecordingLLM("Her pills are blue.")
    settings = settings | {"mode": "rewrite", "output": "merged", "chat": llm}
    for template, begins in [
        (None, "Question:"),
        (SHORT, f"{QUESTION} in 12: "),
        (PromptTemplate("{query_str} IN {context_str}"), f"{QUESTION} IN "),
    ]:
        post = AttnGSPostprocessor(**settings, template=template)
        post.postprocess_nodes(three_nodes(), query_str=QUESTION)
        assert (llm.sent[-1][-1].content or "").startswith(begins)
        shown = post.get_prompts()["template"].format_messages(query_str="Q", context_str="C", target_tokens="9")
        assert "Q" in (shown[-1].content or "")
        assert "template" not in post.to_dict()
        assert "Be short" not in repr(post)
    assert [m[0].content for m in llm.sent[:2]] == [GUIDED.system, SHORT.system]
    cited = AttnGSPostprocessor(**settings, template=CITED)
    assert pickle.loads(pickle.dumps(cited)).template == cited.template == cited.model_copy().template == CITED


@pytest.mark.parametrize(
    "wrong", [{"template": "no template"}, {"floor": 3}, {"counter": 3}, {"marker": " "}, {"min_per_document": -1}, {"must_keep": "a"}]
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    for host in HOSTS:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            host(target_tokens=9, **wrong)


def test_a_memory_counts_as_it_is_told(pills: Marker) -> None:
    with pytest.raises(ConfigError, match="tiktoken"):
        AttnGSMemoryBlock(target_tokens=9, marker=pills, counter="marker").found_counter()
    assert AttnGSMemoryBlock(target_tokens=9, marker=pills).found_counter().name == "llama-index"
    assert AttnGSMemoryBlock(target_tokens=9, marker=pills, counter=len).found_counter().count(["abc"]) == [3]


@pytest.mark.parametrize("setting", [{"must_keep": (lambda sentence: True,)}, {"counter": lambda text: 1}])
def test_a_setting_that_cannot_be_pickled_is_named_and_not_lost(setting: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(target_tokens=9, **setting)
    with pytest.raises(ConfigError, match=next(iter(setting))):
        pickle.dumps(post)
    assert {name: getattr(post, name) for name in setting} == setting
