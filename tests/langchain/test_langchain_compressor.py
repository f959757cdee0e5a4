"""`AttnGSCompressor` in mode extract: what comes back, what stays as it was, and what is refused."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError

from attngs import Marker, Splitter
from attngs.errors import ConfigError, InputError, ModelNotFoundError
from attngs.hosts.markers import find_marker
from attngs.testing import FakeScorer, check_compressor, count_words
from attngs.types import Document as Text
from attngs.types import ScoreRequest
from langchain_attngs import AttnGSCompressor

QUERY = "What does she drink?"


class SureScorer(FakeScorer):
    """Is sure by a fifth for each of its words."""

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> list[float]:
        return [score / 5 for score in scores]


@pytest.fixture
def sure_marker() -> Marker:
    """The marker, with probabilities."""
    return Marker(SureScorer("key", "Lisbon", "pills", "tea"), splitter=Splitter(unit="sentence"))


def compressor_of(marker: object, /, target_tokens: int = 9, **settings: Any) -> AttnGSCompressor:
    return AttnGSCompressor(**{"marker": marker, "target_tokens": target_tokens, "counter": count_words, **settings})


class Host:
    """LangChain's documents, for the checks that all frameworks share."""

    def __init__(self, marker: Marker, counter: Callable[[str], int] | None) -> None:
        self._marker, self._counter = marker, counter

    def wrap(self, documents: Sequence[Text]) -> list[Document]:
        return [Document(id=d.id, page_content=d.text, metadata=dict(copy.deepcopy(d.metadata))) for d in documents]

    def read(self, document: Document) -> Text:
        metadata = {key: value for key, value in document.metadata.items() if key not in ("attngs", "relevance_score")}
        return Text(id=document.id or "", text=document.page_content, metadata=metadata)

    def compress(self, documents: Sequence[Document], query: str, target_tokens: int) -> list[Document]:
        return compressor_of(self._marker, target_tokens, counter=self._counter).compress_documents(documents, query)

    async def acompress(self, documents: Sequence[Document], query: str, target_tokens: int) -> list[Document]:
        return await compressor_of(self._marker, target_tokens, counter=self._counter).acompress_documents(documents, query)


def test_the_contract(marker: Marker) -> None:
    check_compressor(Host(marker, count_words), counter=count_words)


def test_the_contract_with_a_real_marker(default_marker: Marker) -> None:
    assert default_marker.counter is not None
    counter = default_marker.counter
    check_compressor(Host(default_marker, None), counter=lambda text: counter.count([text])[0])


def test_what_comes_back(sure_marker: Marker, documents: list[Document]) -> None:
    first, second = compressor_of(sure_marker).compress_documents(documents, QUERY)
    assert (first.id, first.page_content) == ("a", "Anna likes tea.")
    assert first.metadata == {
        "page": 1,
        "tags": ["x", {"y": 1}],
        "relevance_score": 0.2,
        "attngs": {"method": "extract", "tokens": 3, "original_tokens": 11, "spans": [[0, 16]], "scores": [1.0]},
    }
    assert (second.id, second.page_content) == (None, "She takes her pills with tea.")
    assert second.metadata["relevance_score"] == 0.4
    assert second.metadata["attngs"]["previous_score"] == 0.5
    start, end = second.metadata["attngs"]["spans"][0]
    assert documents[2].page_content[start:end].strip() == second.page_content


def test_copies_share_nothing_that_can_be_changed(marker: Marker, documents: list[Document]) -> None:
    before = copy.deepcopy(documents)
    for settings in ({}, {"output": "merged"}, {"target_tokens": 500}, {"target_tokens": 500, "output": "merged"}):
        out = compressor_of(marker, **settings).compress_documents(documents, QUERY)  # type: ignore[arg-type]
        for document in out:
            origins = [source["metadata"] for source in document.metadata["attngs"].get("sources", [])]
            for metadata in [document.metadata, *origins]:
                metadata.get("tags", [None, {}])[1]["y"] = "changed"
    assert documents == before


def test_the_score_is_the_best_probability_of_what_was_kept(documents: list[Document]) -> None:
    marker = Marker(SureScorer("dog", "Rex", "tea"), splitter=Splitter(unit="sentence"))
    [document, *_] = compressor_of(marker, 17, neighbors=2).compress_documents(documents, QUERY)
    assert document.metadata["attngs"]["scores"] == [1.0, 0.0, 2.0]
    assert document.metadata["relevance_score"] == 0.4


@pytest.mark.parametrize("output", ["separate", "merged"])
def test_without_probabilities_the_score_that_a_document_came_with_stays(marker: Marker, documents: list[Document], output: str) -> None:
    out = compressor_of(marker, 12, output=output).compress_documents(documents, QUERY)
    found = out[0].metadata["attngs"]["sources"] if output == "merged" else [{"metadata": document.metadata} for document in out]
    assert [source["metadata"].get("relevance_score") for source in found] == [None, 0.5]
    assert not any("previous_score" in document.metadata["attngs"] for document in out)


def test_what_fits_comes_back_as_it_is_without_a_score(marker: Marker, documents: list[Document]) -> None:
    out = compressor_of(marker, 500).compress_documents(documents, QUERY)
    assert [d.page_content for d in out] == [d.page_content for d in documents]
    assert "relevance_score" not in out[0].metadata
    assert out[2].metadata["relevance_score"] == 0.5
    assert out[0].metadata["attngs"] == {"method": "passthrough", "tokens": 11, "original_tokens": 11}


def test_one_document_for_all(sure_marker: Marker, documents: list[Document]) -> None:
    [document] = compressor_of(sure_marker, 12, output="merged").compress_documents(documents, QUERY)
    assert document.page_content == "[a]\nAnna likes tea.\n\n[3]\nShe takes her pills with tea."
    assert document.id is None
    assert document.metadata["relevance_score"] == 0.4
    entry = document.metadata["attngs"]
    assert (entry["method"], entry["tokens"], entry["original_tokens"]) == ("extract", 11, 30)
    assert [(source["label"], source["id"]) for source in entry["sources"]] == [("a", "a"), ("3", None)]
    assert entry["sources"][1]["metadata"] == {"page": 3, "relevance_score": 0.5}
    for source, origin in zip(entry["sources"], (documents[0], documents[2]), strict=True):
        for start, end in source["spans"]:
            assert origin.page_content[start:end].strip() in document.page_content


@pytest.mark.parametrize("output", ["separate", "merged"])
def test_the_best_words_are_left_when_no_sentence_fits(marker: Marker, documents: list[Document], output: str) -> None:
    [document] = compressor_of(marker, 1, output=output).compress_documents(documents, QUERY)
    assert document.page_content == "pills"
    assert document.metadata["attngs"]["method"] == "extract"
    assert "[[14, 19]]" in str(document.metadata["attngs"])
    assert compressor_of(marker, output=output).compress_documents([], QUERY) == []
    blank = [Document(page_content=" \n"), Document(page_content="")]
    assert [d.page_content for d in compressor_of(marker, output=output).compress_documents(blank, QUERY)] in ([" \n", ""], [])


def test_earlier_entries_are_kept(marker: Marker, documents: list[Document]) -> None:
    once = compressor_of(marker).compress_documents(documents, QUERY)
    twice = compressor_of(marker, 4).compress_documents(once, QUERY)
    [before] = [document for document in once if document.id == twice[0].id]
    assert twice[0].metadata["attngs"]["previous"] == before.metadata["attngs"]


def test_settings_reach_the_selection(marker: Marker, documents: list[Document]) -> None:
    out = compressor_of(marker, 13, must_keep=("bus",)).compress_documents(documents, QUERY)
    assert [d.page_content for d in out] == ["Anna likes tea.", "The bus was late.", "She takes her pills with tea."]


@pytest.mark.parametrize("documents", [None, "text", [1], [Document(page_content="x"), {"page_content": "y"}]])
async def test_what_are_no_documents(marker: Marker, documents: Any) -> None:
    with pytest.raises(InputError, match="documents"):
        compressor_of(marker).compress_documents(documents, QUERY)
    with pytest.raises(InputError, match="documents"):
        await compressor_of(marker).acompress_documents(documents, QUERY)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target_tokens": 0}, "greater than or equal to 1"),
        ({"target_tokens": "9"}, "valid integer"),
        ({"target_tokens": True}, "valid integer"),
        ({"target_token": 9}, "Extra inputs"),
        ({"mode": "summary"}, "'extract' or 'rewrite'"),
        ({"mode": "rewrite"}, "`chat` is needed"),
        ({"marker": " "}, "`marker` is empty"),
        ({"marker": 3}, "marker"),
        ({"counter": 3}, "counter"),
        ({"chat": "gpt-4o"}, "chat"),
        ({"on_chat_error": "ignore"}, "on_chat_error"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"output": "one"}, "output"),
    ],
)
def test_settings_are_checked(marker: Marker, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        compressor_of(settings.pop("marker", marker), **settings)


def test_settings_cannot_be_changed_behind_its_back(marker: Marker) -> None:
    compressor = compressor_of(marker)
    with pytest.raises(ValidationError, match="frozen"):
        compressor.target_tokens = 5
    assert compressor.model_copy(update={"target_tokens": 5}).target_tokens == 5


def test_a_marker_without_a_tokenizer_needs_a_counter(marker: Marker, documents: list[Document]) -> None:
    with pytest.raises(ConfigError, match="`counter` is needed"):
        compressor_of(marker, counter=None).compress_documents(documents, QUERY)


def test_an_unknown_marker(documents: list[Document], tmp_path: Any) -> None:
    for name in ("nobody/nothing", tmp_path / "nothing"):
        with pytest.raises(ModelNotFoundError, match="nothing"):
            AttnGSCompressor(marker=name, target_tokens=9).compress_documents(documents, QUERY)


def test_names_are_loaded_once() -> None:
    one, two = AttnGSCompressor(target_tokens=9), AttnGSCompressor(target_tokens=5, marker="default")
    assert one.found_marker() is two.found_marker()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles_share_the_marker(
    again: Callable[[AttnGSCompressor], AttnGSCompressor], marker: Marker, documents: list[Document]
) -> None:
    compressor = compressor_of(marker)
    other = again(compressor)
    assert other is not compressor
    assert other.found_marker() is marker
    assert other.compress_documents(documents, QUERY) == compressor.compress_documents(documents, QUERY)


def test_a_copy_of_what_holds_it_shares_the_marker_too(marker: Marker) -> None:
    held = {"compressor": compressor_of(marker), "marker": marker}
    other = copy.deepcopy(held)
    assert other["marker"] is marker
    assert other["compressor"].found_marker() is marker  # type: ignore[union-attr]


def test_a_pickle_travels_to_another_process_by_the_marker_s_name(marker: Marker) -> None:
    compressors = [AttnGSCompressor(target_tokens=9, marker=find_marker("default"), counter=count_words), compressor_of(marker)]
    code = """
import pickle, sys
from attngs.errors import ConfigError
named, unnamed = pickle.load(sys.stdin.buffer), sys.stdin.buffer.read()
print(type(named.found_marker().scorer).__name__)
try:
    pickle.loads(unnamed)
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], input=b"".join(map(pickle.dumps, compressors)), capture_output=True, check=False)
    scorer, error = done.stdout.decode().splitlines()
    assert scorer == "EmbeddedScorer", done.stderr
    assert "pass `marker` by its name" in error


class NoCopy:
    def __deepcopy__(self, memo: dict[int, Any]) -> NoCopy:
        raise RuntimeError("there is only one of me")


@pytest.mark.parametrize("target_tokens", [9, 500])
@pytest.mark.parametrize("output", ["separate", "merged"])
def test_metadata_that_cannot_be_copied_is_handed_on(marker: Marker, output: str, target_tokens: int) -> None:
    lock, odd = threading.Lock(), NoCopy()
    metadata = {"lock": lock, "deep": {"list": [odd, ["x"]]}}
    texts = ["Anna likes tea. It rained. Nobody came here at all.", "The bus was late and nobody knew why that was."]
    documents = [Document(page_content=text, metadata=metadata) for text in texts]
    [out, *_] = compressor_of(marker, target_tokens, output=output).compress_documents(documents, QUERY)
    found = out.metadata["attngs"]["sources"][0]["metadata"] if output == "merged" else out.metadata
    assert found["lock"] is lock
    assert found["deep"]["list"][0] is odd
    found["deep"]["list"][1].append("y")
    found["deep"]["new"] = 1
    assert metadata == {"lock": lock, "deep": {"list": [odd, ["x"]]}}


@pytest.mark.parametrize("value", ["text", None, {}, {"documents": [], "question": "x"}, [Document(page_content="x")]])
async def test_a_chain_that_passes_something_else_is_told_so(marker: Marker, value: Any) -> None:
    with pytest.raises(InputError, match=r'takes `\{"documents"'):
        compressor_of(marker).as_runnable().invoke(value)
    with pytest.raises(InputError, match=r'takes `\{"documents"'):
        await compressor_of(marker).as_runnable().ainvoke(value)


@pytest.mark.parametrize("target_tokens", [9, 500])
def test_either_all_have_a_score_or_none_has(sure_marker: Marker, documents: list[Document], target_tokens: int) -> None:
    del documents[2].metadata["relevance_score"]
    out = compressor_of(sure_marker, target_tokens).compress_documents(documents, QUERY)
    assert {"relevance_score" in document.metadata for document in out} == {target_tokens == 9}
    order = sorted(out, key=lambda document: document.metadata.get("relevance_score", 0), reverse=True)
    assert [out.index(document) for document in order] == ([1, 0] if target_tokens == 9 else [0, 1, 2])
