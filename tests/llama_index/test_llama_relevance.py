"""How probable it is that a node or a memory matters: its score, the floor, and what came later."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode
from llama_nodes import RecordingLLM, node, three_nodes

from attngs.errors import ConfigError
from llama_index_attngs import AttnGSMemoryBlock, AttnGSPostprocessor

PILLS = "Which pills does she take?"
TRAINS = "How fast is a train to Osaka?"
SHED = [
    "The key to the shed hangs behind the kitchen door.",
    "The neighbours came over for tea on Sunday.",
    "It rained all week.",
    "Juno hates her piano lessons.",
    "The bus was late again.",
    "We had pancakes on Friday.",
    "Otto repairs boats.",
    "The flat has a balcony.",
]


def entry(scored: NodeWithScore) -> dict[str, Any]:
    return dict(json.loads(scored.node.metadata["attngs"]))


def test_the_score_is_the_probability_of_what_was_kept() -> None:
    nodes = [node(text, str(number), 7.0 + number) for number, text in enumerate(SHED)]
    kept = AttnGSPostprocessor(target_tokens=24).postprocess_nodes(nodes, query_str="Where is the key to the shed?")
    scores = {scored.node.node_id: scored.score or 0.0 for scored in kept}
    assert scores["0"] == max(scores.values()) > 0.5
    assert all(0 <= score < scores["0"] for name, score in scores.items() if name != "0")
    assert [entry(scored)["previous_score"] for scored in kept] == [7.0 + int(name) for name in scores]
    assert [scored.score for scored in nodes] == [7.0 + number for number in range(len(SHED))]
    [merged] = AttnGSPostprocessor(target_tokens=24, output="merged").postprocess_nodes(nodes, query_str="Where is the key to the shed?")
    assert merged.score == scores["0"]


def test_without_probabilities_the_retrievers_score_stays(settings: dict[str, Any]) -> None:
    for scored in AttnGSPostprocessor(**settings).postprocess_nodes(three_nodes(), query_str=PILLS):
        assert scored.score in {0.9, 0.8}
        assert "previous_score" not in entry(scored)
    with pytest.raises(ConfigError, match="min_score"):
        AttnGSPostprocessor(**settings, min_score=0.5).postprocess_nodes(three_nodes(), query_str=PILLS)


@pytest.mark.parametrize("output", ["separate", "merged"])
def test_below_the_floor_nothing_comes_back_and_no_llm_is_asked(output: str) -> None:
    llm = RecordingLLM()
    nodes = [node(text, str(number)) for number, text in enumerate(SHED)]
    settings: dict[str, Any] = {"target_tokens": 20, "output": output, "mode": "rewrite", "chat": llm}
    assert AttnGSPostprocessor(**settings, min_score=0.5).postprocess_nodes(nodes, query_str=TRAINS) == []
    assert not llm.sent
    assert AttnGSPostprocessor(**settings).postprocess_nodes(nodes, query_str=TRAINS)  # documents have no floor unless set


async def test_a_memory_has_a_floor_unless_it_is_turned_off() -> None:
    idle, asked = ([ChatMessage(role="user", content=text)] for text in ("What is 17 times 23?", "Where is the key to the shed?"))
    said = [ChatMessage(role="user", content=text) for text in SHED]
    quiet, loud = AttnGSMemoryBlock(target_tokens=40), AttnGSMemoryBlock(target_tokens=40, min_score=0)
    for block in (quiet, loud):
        await block.aput(said)
        assert SHED[0] in await block.aget(asked)
    assert await quiet.aget(idle) == ""
    assert await loud.aget(idle)


async def test_an_idle_turn_asks_no_llm() -> None:
    llm = RecordingLLM("The key hangs behind the kitchen door.")
    block = AttnGSMemoryBlock(target_tokens=40, mode="rewrite", chat=llm)
    await block.aput([ChatMessage(role="user", content=text) for text in SHED])
    assert await block.aget([ChatMessage(role="user", content="What is 17 times 23?")]) == ""
    assert not llm.sent
    assert "kitchen door" in await block.aget([ChatMessage(role="user", content="Where is the key to the shed?")])


NOTES = ["Omar rents a room in Ghent.", "Omar plays the cello.", "Omar moved to a flat in Bruges.", "Omar's son likes maths."]


def notes(**metadata: list[str]) -> list[NodeWithScore]:
    """Notes with a value each of every field, in an order that says nothing of their time."""
    found = [
        NodeWithScore(
            node=TextNode(
                text=text,
                id_=f"note-{number}",
                metadata={name: values[number] for name, values in metadata.items()},
                excluded_llm_metadata_keys=[*metadata],
            ),
            score=0.5,
        )
        for number, text in enumerate(NOTES)
    ]
    return found[::-1]


@pytest.mark.parametrize("field", ["date", "created_at", "last_modified_date", "creation_date"])
@pytest.mark.parametrize("output", ["separate", "merged"])
def test_what_is_out_of_date_names_what_came_later(field: str, output: str) -> None:
    days = [f"2026-05-0{number + 1}" for number in range(4)]
    kept = AttnGSPostprocessor(target_tokens=28, output=output).postprocess_nodes(
        notes(**{field: days}), query_str="In which town does Omar rent?"
    )
    text = " ".join(scored.node.get_content() for scored in kept)
    assert NOTES[2] in text
    named = [later for scored in kept for later in entry(scored).get("superseded_by", [])]
    if NOTES[0] in text:
        assert [(later["node"], later["by"]) for later in named] == [("note-2", [0, len(NOTES[2])])]


def test_the_order_of_a_search_is_no_order_in_time() -> None:
    same_day = notes(date=["2026-05-01"] * 4)
    kept = AttnGSPostprocessor(target_tokens=28).postprocess_nodes(same_day[::-1], query_str="In which town does Omar rent?")
    assert not any("superseded_by" in entry(scored) for scored in kept)


def test_a_node_can_be_asked_for_by_the_name_of_its_file() -> None:
    texts = {"harbour.md": "The pumps are checked by Ida.", "mill.md": "The pumps are checked by Otto.", "farm.md": "It rained all week."}
    nodes = [
        NodeWithScore(node=TextNode(text=text, metadata={"file_name": name}, excluded_llm_metadata_keys=["file_name"]))
        for name, text in texts.items()
    ]
    [one] = AttnGSPostprocessor(target_tokens=9).postprocess_nodes(nodes, query_str="Who checks the pumps, according to mill.md?")
    assert one.node.get_content() == texts["mill.md"]


def test_the_entry_says_how_much_is_left(settings: dict[str, Any]) -> None:
    first, _ = AttnGSPostprocessor(**settings).postprocess_nodes(three_nodes(), query_str=PILLS)
    assert (entry(first)["tokens"], entry(first)["original_tokens"]) == (4, 16)
    [merged] = AttnGSPostprocessor(**settings, output="merged").postprocess_nodes(three_nodes(), query_str=PILLS)
    assert entry(merged)["tokens"] <= 12 < entry(merged)["original_tokens"]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What happened on 2026-03-18?", [{"date": f"2026-03-{day}"} for day in (17, 18, 19, 20)]),
        ("What happened on 18 March 2026?", [{"last_modified_date": f"2026-03-{day}"} for day in (17, 18, 19, 20)]),
        ("According to handbook.pdf, what is there?", [{"file_name": f"{name}.pdf"} for name in ("boat", "handbook", "tour", "menu")]),
        (
            "According to handbook.pdf, what is there?",
            [{"file_path": f"/docs/{name}.pdf"} for name in ("boat", "handbook", "tour", "menu")],
        ),
        ("What does the Sailing Guide say?", [{"document_title": name} for name in ("Letters", "Sailing Guide", "Notes", "Recipes")]),
    ],
)
@pytest.mark.parametrize("output", ["separate", "merged"])
def test_a_node_can_be_asked_for_by_its_date_or_name(question: str, named: list[dict[str, Any]], output: str) -> None:
    nodes = [node(text, f"{number:032x}", metadata=metadata) for number, (text, metadata) in enumerate(zip(SHED[2:], named, strict=False))]
    for scored in nodes:
        scored.node.excluded_llm_metadata_keys = list(scored.node.metadata)
    [kept] = AttnGSPostprocessor(target_tokens=8, output=output).postprocess_nodes(nodes, query_str=question)
    assert SHED[3] in kept.get_content()


def test_a_node_without_a_name_can_be_asked_for_by_an_id_that_people_chose() -> None:
    nodes = [node(text, name) for text, name in zip(SHED[2:], ("boat-log", "piano-diary", "bus-notes", "menu-card"), strict=False)]
    [kept] = AttnGSPostprocessor(target_tokens=5).postprocess_nodes(nodes, query_str="What does the piano diary say?")
    assert kept.node.node_id == "piano-diary"
