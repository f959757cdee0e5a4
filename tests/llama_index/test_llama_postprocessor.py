"""The node postprocessor: what it keeps, what it leaves alone, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import pickle
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_
from hypothesis import strategies as st
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import (
    Document,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.core.utils import get_tokenizer
from llama_nodes import GARDEN, KITCHEN, QUESTION, RecordingLLM, node, three_nodes
from pydantic import Field

from attngs import Marker
from attngs.errors import ConfigError, InputError
from attngs.testing import FakeScorer, count_words
from llama_index_attngs import AttnGSPostprocessor


def shown(nodes: list[NodeWithScore]) -> str:
    """What LlamaIndex's synthesizers make of the nodes."""
    return "\n\n".join(n.node.get_content(metadata_mode=MetadataMode.LLM).strip() for n in nodes)


def test_it_keeps_what_matters_of_all_nodes_under_one_budget(settings: dict[str, Any]) -> None:
    out = AttnGSPostprocessor(**settings).postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert [(n.node.node_id, n.node.get_content(), n.score) for n in out] == [
        ("kitchen", "Her pills are blue.", 0.9),
        ("garden", "She takes the pills at nine.", 0.8),
    ]
    assert out[0].node.ref_doc_id == "doc-kitchen"


def test_sync_and_async_give_the_same(settings: dict[str, Any]) -> None:
    for output in ("separate", "merged"):
        post = AttnGSPostprocessor(**settings, output=output)
        alone = post.postprocess_nodes(three_nodes(), query_bundle=QueryBundle(QUESTION))
        awaited = asyncio.run(post.apostprocess_nodes(three_nodes(), query_bundle=QueryBundle(QUESTION)))
        assert [n.to_dict() for n in alone] == [n.to_dict() for n in awaited]


def test_nothing_that_came_in_is_changed(settings: dict[str, Any]) -> None:
    nodes = three_nodes()
    nodes[0].node.metadata = {"nested": {"list": [1]}}
    before = deepcopy([n.to_dict() for n in nodes])
    for output in ("separate", "merged"):
        out = AttnGSPostprocessor(**settings, output=output).postprocess_nodes(nodes, query_str=QUESTION)
        for n in out:
            n.node.metadata.setdefault("nested", {"list": []})["list"].append(2)
            n.node.relationships.clear()
        assert [n.to_dict() for n in nodes] == before


def test_offsets_stay_only_where_they_are_true(settings: dict[str, Any]) -> None:
    source = "Before. " + KITCHEN
    kitchen = node(KITCHEN, "kitchen", start_char_idx=8, end_char_idx=8 + len(KITCHEN), embedding=[1.0, 2.0])
    [one] = AttnGSPostprocessor(**settings | {"target_tokens": 4}).postprocess_nodes([kitchen], query_str=QUESTION)
    assert isinstance(one.node, TextNode)
    assert source[one.node.start_char_idx : one.node.end_char_idx] == one.node.text == "Her pills are blue."
    assert one.node.embedding is None

    marker = Marker(FakeScorer("kitchen", "pills"))
    [two] = AttnGSPostprocessor(**settings | {"target_tokens": 8, "marker": marker, "must_keep": ("window",)}).postprocess_nodes(
        [kitchen], query_str=QUESTION
    )
    assert isinstance(two.node, TextNode)
    assert two.node.text == "The kitchen needs paint.\nThe window is open."
    assert (two.node.start_char_idx, two.node.end_char_idx) == (None, None)
    entry = json.loads(two.node.metadata["attngs"])
    assert [source[entry["offset"] + start : entry["offset"] + end].strip() for start, end in entry["spans"]] == two.node.text.split("\n")


def test_the_entry_is_flat_and_hidden_from_llm_and_embedding(settings: dict[str, Any]) -> None:
    for output in ("separate", "merged"):
        for n in AttnGSPostprocessor(**settings, output=output).postprocess_nodes(three_nodes(), query_str=QUESTION):
            assert isinstance(n.node.metadata["attngs"], str)
            for mode in (MetadataMode.LLM, MetadataMode.EMBED):
                assert n.node.get_content(metadata_mode=mode) == n.node.get_content(metadata_mode=MetadataMode.NONE)
            assert "attngs" in n.node.get_content(metadata_mode=MetadataMode.ALL)


def test_compressed_again_the_first_places_are_kept(settings: dict[str, Any]) -> None:
    once = AttnGSPostprocessor(**settings).postprocess_nodes(three_nodes(), query_str=QUESTION)
    [twice] = AttnGSPostprocessor(**settings | {"target_tokens": 4}).postprocess_nodes(once, query_str=QUESTION)
    entry = json.loads(twice.node.metadata["attngs"])
    assert json.loads(entry["previous"]) == json.loads(once[0].node.metadata["attngs"])
    assert twice.node.excluded_llm_metadata_keys == ["attngs"]


def test_metadata_that_the_reader_is_shown_counts(settings: dict[str, Any]) -> None:
    nodes = three_nodes()
    for n in nodes:
        n.node.metadata = {"file": "a b c d e f"}  # 7 words a node
    out = AttnGSPostprocessor(**settings).postprocess_nodes(nodes, query_str=QUESTION)
    assert [n.node.node_id for n in out] == ["kitchen"]
    assert shown(out) == "file: a b c d e f\n\nHer pills are blue."
    assert count_words(shown(out)) <= 12
    nodes[0].node.excluded_llm_metadata_keys = nodes[1].node.excluded_llm_metadata_keys = ["file"]
    out = AttnGSPostprocessor(**settings).postprocess_nodes(nodes, query_str=QUESTION)
    assert [n.node.node_id for n in out] == ["kitchen", "garden"]


def test_a_template_of_the_nodes_own_is_kept(settings: dict[str, Any]) -> None:
    framed = node(KITCHEN, "kitchen", metadata={"by": "Ana"}, text_template="<<{metadata_str}>> {content} <<end>>")
    out = AttnGSPostprocessor(**settings | {"target_tokens": 7}).postprocess_nodes([framed], query_str=QUESTION)
    assert shown(out) == "<<by: Ana>> Her pills are blue. <<end>>"


@settings_(deadline=None)  # the first count loads an encoding
@given(
    st.lists(st.sampled_from([KITCHEN, GARDEN, "One. Two.", "", " ", "x" * 900, "日本語です。薬は青い。"]), max_size=6),
    st.integers(1, 60),
    st.data(),
)
def test_the_budget_is_never_exceeded(texts: list[str], target: int, data: st.DataObject) -> None:
    nodes = [
        node(text, str(i), metadata=data.draw(st.sampled_from([{}, {"page": "4"}, {"author": "Ana Paz", "page": "12 of 14"}])))
        for i, text in enumerate(texts)
    ]
    post = AttnGSPostprocessor(
        marker=Marker(FakeScorer("pills", "Two", "薬")), target_tokens=target, output=data.draw(st.sampled_from(["separate", "merged"]))
    )
    out = post.postprocess_nodes(nodes, query_str=QUESTION)
    if post.output == "merged" and len(out) == 1 and not any(text.strip() for text in texts):
        return
    assert len(get_tokenizer()(shown(out))) <= target
    assert [n.node.node_id for n in out if post.output == "separate"] == sorted(n.node.node_id for n in out if post.output == "separate")


@pytest.mark.parametrize("target", range(38, 46))
def test_blank_nodes_count_with_the_blank_lines_around_them(target: int) -> None:
    texts = ["", "", "", "", "日本語です。薬は青い。", "日本語です。薬は青い。"]
    nodes = [node(text, str(i), metadata={"page": "4"} if i > 2 else {}) for i, text in enumerate(texts)]
    post = AttnGSPostprocessor(marker=Marker(FakeScorer("薬")), target_tokens=target)
    assert len(get_tokenizer()(shown(post.postprocess_nodes(nodes, query_str=QUESTION)))) <= target


def test_what_fits_comes_back_as_it_is(settings: dict[str, Any]) -> None:
    nodes = three_nodes()
    out = AttnGSPostprocessor(**settings | {"target_tokens": 100}).postprocess_nodes(nodes, query_str=QUESTION)
    assert all(a is b for a, b in zip(out, nodes, strict=True))


def test_the_beginning_of_the_best_sentence_is_left_where_none_fits(settings: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="llama_index_attngs"):
        [left] = AttnGSPostprocessor(**settings | {"target_tokens": 1}).postprocess_nodes(three_nodes(), query_str=QUESTION)
        whole = {scored.node.node_id: scored.node.get_content() for scored in three_nodes()}[left.node.node_id]
        assert left.node.get_content() == whole[left.node.start_char_idx : left.node.end_char_idx] != ""  # type: ignore[attr-defined]
        fused = AttnGSPostprocessor(**settings | {"target_tokens": 1}, output="merged")
        assert [scored.node.get_content() for scored in fused.postprocess_nodes(three_nodes(), query_str=QUESTION)] == [
            left.node.get_content()
        ]
    assert "nothing fits" in caplog.text
    assert "pills" not in caplog.text


def test_without_nodes_or_question(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings)
    assert post.postprocess_nodes([]) == []
    assert asyncio.run(post.apostprocess_nodes([])) == []
    for bundle in (None, QueryBundle("  ")):
        with pytest.raises(InputError, match="query_str="):
            post.postprocess_nodes(three_nodes(), query_bundle=bundle)
        with pytest.raises(InputError, match="query_str="):
            asyncio.run(post.apostprocess_nodes(three_nodes(), query_bundle=bundle))


def test_chunks_that_overlap_are_kept_once(settings: dict[str, Any]) -> None:
    text = "One is here. Her pills are blue. The pills are big. Two is there."
    cut = text.index("The pills")
    first = node(text[: cut + 20].rstrip(), "a", relationships={}, start_char_idx=0, end_char_idx=len(text[: cut + 20].rstrip()))
    second = node(text[13:], "b", relationships={}, start_char_idx=13, end_char_idx=len(text))
    for n in (first, second):
        n.node.relationships = {NodeRelationship.SOURCE: Document(text=text, id_="doc").as_related_node_info()}
    out = AttnGSPostprocessor(**settings | {"target_tokens": 8}).postprocess_nodes([first, second], query_str=QUESTION)
    assert [n.get_content() for n in out] == ["Her pills are blue. The pills are big."]
    second.node.relationships = {}  # of an unknown document: what is said twice is said once all the same
    out = AttnGSPostprocessor(**settings | {"target_tokens": 8}).postprocess_nodes([first, second], query_str=QUESTION)
    assert [n.get_content() for n in out] == ["Her pills are blue. The pills are big."]


def test_media_pass_and_other_kinds_of_text_are_cut(settings: dict[str, Any]) -> None:
    picture = NodeWithScore(node=ImageNode(text="pills", image_url="http://127.0.0.1/x.png"), score=0.1)
    both = NodeWithScore(node=Node(text_resource=MediaResource(text=GARDEN), image_resource=MediaResource(url="http://127.0.0.1/y.png")))
    whole = NodeWithScore(node=Document(text=KITCHEN, id_="doc"))
    engine = object()
    index = NodeWithScore(node=IndexNode(text=GARDEN, index_id="i", obj=engine))
    out = AttnGSPostprocessor(**settings).postprocess_nodes([picture, whole, both, index], query_str=QUESTION)
    assert out[0] is picture
    assert out[2] is both
    assert (out[1].node.node_id, out[1].get_content()) == ("doc", "Her pills are blue.")
    assert isinstance(out[3].node, IndexNode)
    assert out[3].node.obj is engine
    assert out[3].get_content() == "She takes the pills at nine."


def test_fused_there_is_one_node_with_its_children(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings | {"target_tokens": 14}, output="merged")
    [one] = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    [again] = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    [other] = post.postprocess_nodes(three_nodes(), query_str="Where are the pills?")
    assert one.get_content() == "[1]\nHer pills are blue.\n\n[2]\nShe takes the pills at nine."
    assert one.score == 0.9
    assert one.node.node_id == again.node.node_id != other.node.node_id
    assert [child.node_id for child in one.node.child_nodes or []] == ["kitchen", "garden"]
    assert one.node.source_node is None  # they come from two documents
    entry = json.loads(one.node.metadata["attngs"])
    texts = {"kitchen": KITCHEN, "garden": GARDEN}
    kept = [texts[part["node"]][start:end].strip() for part in entry["from"] for start, end in part["spans"]]
    assert kept == ["Her pills are blue.", "She takes the pills at nine."]
    assert TextNode.from_json(one.node.to_json()).child_nodes == one.node.child_nodes


def test_fused_of_one_document_it_is_the_source(settings: dict[str, Any]) -> None:
    nodes = three_nodes()
    nodes[1].node.relationships = nodes[0].node.relationships
    nodes[1].node.start_char_idx = nodes[1].node.end_char_idx = None  # type: ignore[attr-defined]
    [one] = AttnGSPostprocessor(**settings | {"target_tokens": 14}, output="merged").postprocess_nodes(nodes, query_str=QUESTION)
    assert one.node.ref_doc_id == "doc-kitchen"


def test_saved_and_restored_it_has_no_secret() -> None:
    post = AttnGSPostprocessor(
        target_tokens=7,
        mode="rewrite",
        output="merged",
        chat=RecordingLLM("sk-secret"),
        counter="gpt-4o",
        must_keep=("a",),
        namespace="ana",
    )
    assert "chat" not in post.to_dict()
    assert "RecordingLLM" not in repr(post)
    for restored in (
        AttnGSPostprocessor.from_dict(post.to_dict()),
        AttnGSPostprocessor.from_json(post.to_json()),
        pickle.loads(pickle.dumps(post)),
    ):
        assert restored.to_dict() == post.to_dict()


def test_objects_must_be_passed_again(settings: dict[str, Any]) -> None:
    saved = AttnGSPostprocessor(**settings).to_dict()
    with pytest.raises(ValueError, match="from_dict\\(data, marker="):
        AttnGSPostprocessor.from_dict(saved, counter=count_words)
    restored = AttnGSPostprocessor.from_dict(saved, marker=settings["marker"], counter=count_words)
    assert restored.postprocess_nodes(three_nodes(), query_str=QUESTION)[0].get_content() == "Her pills are blue."


@pytest.mark.parametrize(
    "wrong",
    [{"target_tokens": 0}, {"mode": "x"}, {"output": "x"}, {"must_keep": ("(",)}, {"tokens": 3}, {"marker": 3}, {"max_concurrency": 0}],
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AttnGSPostprocessor(**{"target_tokens": 5, **wrong})


def test_a_marker_without_tokenizer_cannot_count(pills: Marker) -> None:
    with pytest.raises(ConfigError, match="tiktoken"):
        AttnGSPostprocessor(target_tokens=5, marker=pills, counter="marker").postprocess_nodes(three_nodes(), query_str=QUESTION)


def test_prompts_through_the_mixin(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings)
    assert set(post.get_prompts()["template"].template_vars) == {"query_str", "context_str", "target_tokens"}
    other = PromptTemplate("{query_str}: {context_str}")
    post.update_prompts({"template": other})
    assert post.get_prompts()["template"].get_template() == "{query_str}: {context_str}"
    assert AttnGSPostprocessor(**settings).get_prompts()["template"] != other


class Events(BaseEventHandler):
    seen: list[Any] = Field(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)


async def test_both_ways_are_traced(settings: dict[str, Any]) -> None:
    events, spans, root = Events(), SimpleSpanHandler(), get_dispatcher()
    root.add_event_handler(events)
    root.add_span_handler(spans)
    try:
        post = AttnGSPostprocessor(**settings)
        post.postprocess_nodes(three_nodes(), query_str=QUESTION)
        await post.apostprocess_nodes(three_nodes(), query_str=QUESTION)
    finally:
        root.event_handlers.remove(events)
        root.span_handlers.remove(spans)
    names = [span.id_.rsplit("-", 5)[0] for span in spans.completed_spans]
    assert names == ["AttnGSPostprocessor._postprocess_nodes", "AttnGSPostprocessor._apostprocess_nodes"]
    ours = [event for event in events.seen if event.class_name().startswith("Compression")]
    assert [event.class_name() for event in ours] == ["CompressionStartEvent", "CompressionEndEvent"] * 2
    assert [event.span_id for event in ours] == [span.id_ for span in spans.completed_spans for _ in range(2)]
    end = ours[-1]
    assert (end.nodes, end.original_tokens, end.compressed_tokens, end.method) == (2, 43, 10, "extract")
    assert "pills" not in str([event.model_dump() for event in ours])


async def test_many_at_once_get_their_own(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings | {"target_tokens": 5})

    async def one(i: int) -> str:
        [out] = await post.apostprocess_nodes([node(f"Nothing here. The pills are number {i}. Nor here.", f"n{i}")], query_str=QUESTION)
        return f"{out.node.node_id} {out.get_content()}"

    assert await asyncio.gather(*map(one, range(50))) == [f"n{i} The pills are number {i}." for i in range(50)]


def test_the_embedded_marker_by_its_name() -> None:
    post = AttnGSPostprocessor(target_tokens=8)
    out = post.postprocess_nodes(three_nodes(), query_str="When does she take her medicine?")
    assert [n.get_content() for n in out] == ["She takes the pills at nine."]
