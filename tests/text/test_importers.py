"""Chats and records in the shapes that people export: their texts, ids, dates and metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attngs.errors import InputError
from attngs.text.files import parse_file
from attngs.text.sentences import Splitter
from attngs.types import Document


def from_json(value: object, name: str = "a.json") -> list[Document]:
    return parse_file(json.dumps(value).encode(), name)


def from_lines(*values: object, name: str = "a.jsonl") -> list[Document]:
    return parse_file("\n".join(map(json.dumps, values)).encode(), name)


def units(document: Document) -> list[tuple[str, list[str]]]:
    text, found = document.text, Splitter().read(document)
    return [(text[u.start : u.end].strip(), [text[found[h].start : found[h].end].strip() for h in u.heads]) for u in found]


# --- records ---


@pytest.mark.parametrize(
    ("value", "text", "id", "metadata"),
    [
        ("Ana feeds the cat.", "Ana feeds the cat.", "a.jsonl:1", {}),
        ({"text": "Tea.", "id": 7, "metadata": {"page": 3}, "date": "2024-03-01"}, "Tea.", "7", {"date": "2024-03-01", "page": 3}),
        ({"content": "Tea.", "author": "Ana"}, "Tea.", "a.jsonl:1", {"author": "Ana"}),
        (
            {"page_content": "Tea.", "metadata": {"source": "x.pdf"}, "type": "Document"},
            "Tea.",
            "a.jsonl:1",
            {"source": "x.pdf", "type": "Document"},
        ),
        ({"lc": 1, "id": ["langchain", "Document"], "kwargs": {"page_content": "Tea.", "metadata": {}}}, "Tea.", "a.jsonl:1", {}),
        ({"id_": "n1", "text": "Tea.", "embedding": [0.1] * 64, "metadata": {"p": 1}}, "Tea.", "n1", {"p": 1}),
        ({"node": {"id_": "n1", "text": "Tea."}, "score": 0.5}, "Tea.", "n1", {}),
        ({"kind": "Memory", "content": {"content": "Tea."}}, "Tea.", "a.jsonl:1", {"kind": "Memory"}),
        (
            {"id": "m", "memory": "Tea.", "created_at": "2024-03-01T09:00:00Z", "updated_at": None},
            "Tea.",
            "m",
            {"created_at": "2024-03-01T09:00:00Z"},
        ),
        ({"fact": "Tea.", "uuid": "f", "valid_at": "2024"}, "Tea.", "f", {"valid_at": "2024"}),
        ({"namespace": ["m", "u"], "key": "k", "value": {"text": "Tea."}}, "Tea.", "k", {"namespace": ["m", "u"]}),
        ({"key": "k", "value": {"kind": "Memory", "content": {"content": "Tea."}}}, "Tea.", "k", {"kind": "Memory"}),
        ({"key": "k", "value": {"name": "Ana", "age": 30}}, '{"name": "Ana", "age": 30}', "k", {}),
        ({"key": "k", "value": "Tea."}, "Tea.", "k", {}),
        ({"title": "Drinks", "content": "Tea."}, "# Drinks\n\nTea.", "a.jsonl:1", {"title": "Drinks"}),
        ({"title": "Tea", "content": "Tea."}, "Tea.", "a.jsonl:1", {"title": "Tea"}),
        ({"text": "Tea.", "metadata": None}, "Tea.", "a.jsonl:1", {}),
    ],
)
def test_records_of_every_shape(value: object, text: str, id: str, metadata: dict[str, Any]) -> None:
    assert from_lines(value) == [Document(text=text, id=id, metadata=metadata)]


def test_an_array_and_an_export_hold_records() -> None:
    records: list[object] = [{"memory": "Ana lives in Porto.", "id": "m1"}, {"memory": "Ana has a cat."}]
    expected = [Document(text="Ana lives in Porto.", id="m1"), Document(text="Ana has a cat.", id="a.json:2")]
    assert from_json(records) == expected
    assert from_json({"count": 2, "results": records}) == expected
    assert from_json({"memories": records}) == expected
    assert [document.text for document in from_json(["Tea.", "Cake."])] == ["Tea.", "Cake."]
    assert from_json({"text": "Tea.", "id": "t"}) == [Document(text="Tea.", id="t")]


def test_json_lines_in_a_json_file() -> None:
    assert [document.text for document in from_lines({"text": "Tea."}, {"text": "Cake."}, name="a.json")] == ["Tea.", "Cake."]


@pytest.mark.parametrize(
    "value",
    [
        {"pets": [{"name": "Milo", "kind": "cat"}], "city": "Gent"},
        [{"name": "torque", "value": "12"}, {"name": "mass", "value": "40"}],
        [["a", 1], ["b", 2]],
        {"data": {"content": "x", "size": 3}},
        {"messages": 3},
        {"mapping": {"a": "b"}},
        [],
        {},
        3,
        None,
    ],
)
def test_other_json_is_one_document_as_it_is(value: object) -> None:
    text = json.dumps(value)
    assert from_json(value) == [Document(text=text, id="a.json", metadata={"source": "a.json"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"text": "Tea."}\n{"name": "Milo", "age": 3}',
            "a.jsonl, line 2` is an object with the fields `name`, `age`.*`text`, `content`, `memory`",
        ),
        (b"{}", "line 1` is an object with no fields"),
        (b'{"memory": null, "id": 1}', "`memory` must be a string, got null"),
        (b'{"content": ["a"]}', "`content` must be a string, got list"),
        (b'{"text": "Tea."}\n\n{"text": "Te', "line 3` is not JSON"),
        (b'{"text": "Tea.", "uuid": 1.5}', "`uuid` must be a string or a whole number, got float"),
        (b"1" * 5000, "line 1` is not JSON"),
    ],
)
def test_an_unknown_line_names_what_was_found_and_what_is_known(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_file(content, "a.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n "a": 1,\n "b" 2}', "a.json, line 3` is not JSON"),
        (b"[" * 100_000, "`a.json` is not JSON"),
        (b'[{"text": "Tea."}, {"oops": 1}]', "`a.json, item 2` is an object with the fields `oops`"),
        (b'[{"messages": [{"role": "user", "content": "Hi."}]}, {"oops": 1}]', "`a.json, item 2` is no conversation"),
    ],
)
def test_a_broken_json_file_names_the_place(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_file(content, "a.json")


# --- chats ---


def node(role: str, text: object, parent: str, time: float | None = None, **facts: object) -> dict[str, object]:
    content = text if isinstance(text, dict) else {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, "create_time": time, "recipient": "all", "metadata": {}, **facts}
    return {"message": message, "parent": parent}


CHATGPT: dict[str, object] = {
    "title": "Dinner for  Ana",
    "create_time": 1714550000.25,
    "update_time": 1714553600.0,
    "id": "c-1",
    "current_node": "6",
    "mapping": {
        "0": {"message": None, "parent": None},
        "1": node("system", "", "0"),
        "2": node("user", "Plan a dinner. Ana eats no walnuts.", "1", 1.0),
        "3": node("assistant", {"content_type": "thoughts", "thoughts": [{"content": "Hm."}]}, "2", 2.0),
        "3b": node("assistant", 'search("x")', "3", 2.5, recipient="web"),
        "3c": node("tool", "a page", "3b", 2.6),
        "4": node("assistant", "Sure!\n\n## Menu\n\n- risotto\n\nUser: not a turn.", "3c", 3.0),
        "5": node("user", "An old branch.", "4", 9.0),
        "5b": node(
            "user", {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "And dessert?"]}, "4", 4.0
        ),
        "6": node("assistant", "Lemon tart.", "5b", 5.0),
    },
}


def test_a_chatgpt_conversation_is_the_branch_that_was_seen_last() -> None:
    [document] = from_json([CHATGPT], "conversations.json")
    assert document == Document(
        text="# Dinner for Ana\n\nUser:\nPlan a dinner. Ana eats no walnuts.\n\n"
        "Assistant:\nSure!\n\n## Menu\n\n- risotto\n\n> User: not a turn.\n\nUser:\nAnd dessert?\n\nAssistant:\nLemon tart.",
        id="c-1",
        metadata={
            "source": "conversations.json",
            "content_type": "text/x-chat",
            "title": "Dinner for Ana",
            "created_at": "2024-05-01T07:53:20+00:00",
            "updated_at": "2024-05-01T08:53:20+00:00",
        },
    )
    assert all(heads == ["# Dinner for Ana"] for _, heads in units(document)[1:])
    assert units(document)[1][0] == "User:\nPlan a dinner. Ana eats no walnuts."


def test_without_a_current_node_the_newest_message_is_the_last() -> None:
    [document] = from_json({**CHATGPT, "current_node": None})
    assert document.text.endswith("User:\nAn old branch.")


def test_a_tree_that_runs_in_a_circle_ends() -> None:
    nodes = {"1": node("user", "Tea?", "2"), "2": node("assistant", "Yes.", "1")}
    [document] = from_json({"mapping": nodes, "current_node": "2"})
    assert document.text == "User:\nTea?\n\nAssistant:\nYes."


def test_a_claude_export_without_its_empty_conversations() -> None:
    said = [
        {
            "sender": "human",
            "text": "",
            "content": [{"type": "text", "text": "My lock code is 9120."}],
            "created_at": "2024-05-01T10:00:00Z",
        },
        {"sender": "assistant", "text": "Noted.", "created_at": "2024-05-01T10:00:05Z"},
    ]
    first, second = (
        {"uuid": f"c{n}", "name": "Bike", "created_at": "2024-05-01T10:00:00Z", "chat_messages": m} for n, m in ((1, []), (2, said))
    )
    [document] = from_json([first, second])
    assert (document.id, document.text) == ("c2", "# Bike\n\nUser:\nMy lock code is 9120.\n\nAssistant:\nNoted.")
    assert document.metadata["created_at"] == "2024-05-01T10:00:00Z"
    assert document.metadata["updated_at"] == "2024-05-01T10:00:05Z"


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Where is the key?"}, {"role": "assistant", "content": "In drawer 4."}],
        [
            {"role": "user", "content": [{"type": "text", "text": "Where is the key?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "x"},
                    {"type": "text", "text": "In drawer 4."},
                    {"type": "tool_use", "input": {}},
                ],
            },
        ],
        [
            {"role": "user", "content": [{"type": "input_text", "text": "Where is the key?"}, {"type": "input_image", "image_url": "x"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "In drawer 4."}]},
        ],
        [{"role": "user", "parts": [{"text": "Where is the key?"}]}, {"role": "model", "parts": [{"text": "In drawer 4."}]}],
        [{"type": "human", "data": {"content": "Where is the key?"}}, {"type": "ai", "data": {"content": "In drawer 4."}}],
        [{"type": "human", "content": "Where is the key?"}, {"type": "ai", "content": "In drawer 4."}],
        [{"from": "human", "value": "Where is the key?"}, {"from": "gpt", "value": "In drawer 4."}],
    ],
)
def test_messages_of_every_api(messages: list[object]) -> None:
    text = "User:\nWhere is the key?\n\nAssistant:\nIn drawer 4."
    metadata = {"source": "a.jsonl", "content_type": "text/x-chat"}
    assert from_lines(*messages) == [Document(text=text, id="a.jsonl", metadata=metadata)]
    for value in (messages, {"messages": messages}, [{"conversations": messages}]):
        assert [document.text for document in from_json(value)] == [text]
    assert [document.id for document in from_lines({"messages": messages}, {"messages": messages, "id": "x"})] == ["a.jsonl:1", "x"]


def test_lines_of_several_conversations_are_told_apart() -> None:
    lines = [
        {"session_id": s, "role": "user", "content": c, "created_at": f"2024-03-0{n}"}
        for n, (s, c) in enumerate([("s1", "Tea."), ("s2", "Cake."), ("s1", "Milk.")], 1)
    ]
    documents = from_lines(*lines, {"text": "A note."})
    assert [(document.id, document.text) for document in documents] == [
        ("a.jsonl:4", "A note."),
        ("s1", "User:\nTea.\n\nUser:\nMilk."),
        ("s2", "User:\nCake."),
    ]
    assert documents[1].metadata["created_at"] == "2024-03-01"
    assert documents[1].metadata["updated_at"] == "2024-03-03"


def test_a_tool_speaks_for_itself() -> None:
    [document] = from_lines(
        {"role": "user", "content": "Where is the key?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "drawer 4"},
        {"role": "assistant", "content": "In drawer 4."},
    )
    assert [text for text, _ in units(document)] == ["User:\nWhere is the key?", "Tool:\ndrawer 4", "Assistant:\nIn drawer 4."]


TELEGRAM = {
    "name": "Iris",
    "id": 77,
    "type": "personal_chat",
    "messages": [
        {
            "type": "message",
            "date": "2024-03-01T10:15:00",
            "from": "Iris",
            "text": ["see ", {"type": "link", "text": "x.org"}, " for the code"],
        },
        {"type": "service", "date": "2024-03-01T10:15:30", "actor": "Iris", "action": "pin_message", "text": ""},
        {"type": "message", "date": "2024-03-01T10:16:00", "from": "Bram: B", "text": "it is 4471 now"},
    ],
}
PEOPLE = "[2024-03-01, 10:15] Iris: see x.org for the code\n[2024-03-01, 10:16] Bram B: it is 4471 now"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (TELEGRAM, f"# Iris\n\n{PEOPLE}"),
        ({"chats": {"list": [TELEGRAM]}}, f"# Iris\n\n{PEOPLE}"),
        (
            [
                {"type": "message", "user": "Iris", "ts": "1709288100.000200", "text": "see x.org for the code"},
                {"type": "message", "user": "Bram B", "ts": "1709288160.1", "text": "it is 4471 now"},
            ],
            PEOPLE,
        ),
        (
            {
                "messages": [
                    {
                        "author": {"name": "iris1", "nickname": "Iris"},
                        "timestamp": "2024-03-01T10:15:00.1+00:00",
                        "content": "see x.org for the code",
                    },
                    {"author": {"name": "Bram B"}, "timestamp": "2024-03-01T10:16:00.1+00:00", "content": "it is 4471 now"},
                ]
            },
            PEOPLE,
        ),
        (
            {
                "participants": [],
                "messages": [
                    {"sender_name": "Bram B", "timestamp_ms": 1709288160000, "content": "it is 4471 now"},
                    {"sender_name": "Iris", "timestamp_ms": 1709288100000, "content": "see x.org for the code"},
                ],
            },
            PEOPLE,
        ),
    ],
)
def test_chats_between_people(value: object, text: str) -> None:
    [document] = from_json(value)
    assert document.text == text
    assert units(document)[-1][0] == "[2024-03-01, 10:16] Bram B: it is 4471 now"


def test_a_chat_in_which_nobody_says_anything_is_no_document() -> None:
    assert from_json([CHATGPT, {**CHATGPT, "mapping": {"0": {"message": None}}, "current_node": "0", "id": "c-2"}])[-1].id == "c-1"
