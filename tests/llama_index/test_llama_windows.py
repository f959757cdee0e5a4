"""Sentence windows and overlapping chunks: what they share is shown once, and no node's id is lost."""

from __future__ import annotations

import json

from llama_index.core import Document
from llama_index.core.node_parser import SentenceWindowNodeParser
from llama_index.core.postprocessor import MetadataReplacementPostProcessor
from llama_index.core.schema import NodeWithScore

from attngs import Marker, Splitter
from attngs.testing import FakeScorer, count_words
from llama_index_attngs import AttnGSPostprocessor

TEXT = "The mill has a wheel. The miller is called Rosa. She bakes on Fridays. The ferry leaves at noon. Dogs travel free."
QUESTION = "Who is the miller, and when does the ferry leave?"


def windows() -> list[NodeWithScore]:
    parser = SentenceWindowNodeParser.from_defaults(
        window_size=1, sentence_splitter=lambda text: [f"{part}. " for part in text.rstrip(". ").split(". ")]
    )
    return [NodeWithScore(node=node, score=1.0) for node in parser.get_nodes_from_documents([Document(text=TEXT, id_="mill")])]


def postprocessor(**settings: object) -> AttnGSPostprocessor:
    marker = Marker(FakeScorer("miller", "ferry"), splitter=Splitter(unit="sentence"))
    return AttnGSPostprocessor(**{"marker": marker, "counter": count_words, "target_tokens": 12, **settings})  # type: ignore[arg-type]


def test_windows_that_were_put_in_place_before_are_shown_once_and_name_each_other() -> None:
    nodes = MetadataReplacementPostProcessor(target_metadata_key="window").postprocess_nodes(windows(), query_str=QUESTION)
    for output in ("separate", "merged"):
        kept = postprocessor(output=output, target_tokens=14).postprocess_nodes(nodes, query_str=QUESTION)
        text = " ".join(scored.node.get_content() for scored in kept)
        assert text.count("Rosa") == text.count("ferry") == 1
        assert sum(count_words(scored.node.get_content()) for scored in kept) <= 14
        named = {other["node"] for scored in kept for other in json.loads(scored.node.metadata["attngs"]).get("also_in", [])}
        shown = {scored.node.node_id for scored in kept}
        holds = {scored.node.node_id for scored in nodes if "Rosa" in scored.node.get_content() or "ferry" in scored.node.get_content()}
        if output == "separate":
            assert named | shown == holds
        else:
            assert named < holds


def test_a_window_beside_a_node_is_neither_shown_nor_counted() -> None:
    kept = postprocessor().postprocess_nodes(windows(), query_str=QUESTION)
    assert [scored.node.get_content().strip() for scored in kept] == ["The miller is called Rosa.", "The ferry leaves at noon."]
    assert all("window" in scored.node.metadata for scored in kept)
