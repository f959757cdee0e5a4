"""A LlamaIndex LLM as the writer: the seam, the prompt, budgets and failures."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM
from llama_index.core.prompts import PromptTemplate
from llama_nodes import GARDEN, KITCHEN, QUESTION, RecordingLLM, node, three_nodes

from attngs.errors import ChatError
from attngs.testing import count_words
from attngs.types import Message, Usage
from attngs.writing.prompts import GUIDED
from llama_index_attngs import AttnGSPostprocessor, LlamaIndexChat

ASKED = [Message("system", "Be short."), Message("user", "Which pills? \ud800")]


def texts(prompt: str) -> str:
    """An LLM that repeats what is marked."""
    return " ".join(part.split("<end_important>")[0] for part in prompt.split("<start_important>")[1:])


def echo(messages: list[ChatMessage]) -> str:
    return texts(messages[-1].content or "")


def test_one_node_for_all(settings: dict[str, Any]) -> None:
    llm = RecordingLLM("Her pills are blue. She takes the pills at nine.")
    post = AttnGSPostprocessor(**settings, mode="rewrite", output="merged", chat=llm)
    [one] = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert one.get_content() == "Her pills are blue. She takes the pills at nine."
    assert [child.node_id for child in one.node.child_nodes or []] == ["kitchen", "garden"]
    entry = json.loads(one.node.metadata["attngs"])
    assert entry["method"] == "rewrite"
    where = {"kitchen": KITCHEN, "garden": GARDEN}
    assert [where[part["node"]][a:b].strip() for part in entry["from"] for a, b in part["spans"]] == [
        "Her pills are blue.",
        "She takes the pills at nine.",
    ]
    [messages] = llm.sent
    assert messages[0].content == GUIDED.system
    assert "<start_important>Her pills are blue.<end_important>" in str(messages[1].content)


def test_a_node_for_each(settings: dict[str, Any]) -> None:
    llm = RecordingLLM(echo)
    post = AttnGSPostprocessor(**settings, mode="rewrite", chat=llm)
    out = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert [(n.node.node_id, n.get_content(), n.score) for n in out] == [
        ("kitchen", "Her pills are blue.", 0.9),
        ("garden", "She takes the pills at nine.", 0.8),
    ]
    assert [json.loads(n.node.metadata["attngs"])["method"] for n in out] == ["rewrite"] * 2
    assert [n.node.start_char_idx for n in out] == [None] * 2  # type: ignore[attr-defined]
    assert len(llm.sent) == 2
    assert not any("Paris" in prompt for prompt in llm.prompts)
    awaited = asyncio.run(post.apostprocess_nodes(three_nodes(), query_str=QUESTION))
    assert [n.to_dict() for n in awaited] == [n.to_dict() for n in out]


@pytest.mark.parametrize(
    "reply", ["", "word " * 50, "The pills cost 900 dollars.", "<start_important>", TimeoutError("slow"), "I cannot help."]
)
@pytest.mark.parametrize("output", ["separate", "merged"])
def test_whatever_it_writes_the_budget_holds_and_nothing_is_made_up(settings: dict[str, Any], reply: Any, output: str) -> None:
    post = AttnGSPostprocessor(**settings | {"target_tokens": 14}, mode="rewrite", output=output, chat=RecordingLLM(reply))
    out = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    text = "\n\n".join(n.get_content() for n in out)
    assert count_words(text) <= 14
    assert "Her pills are blue." in text
    assert "900" not in text
    assert "word" not in text


@pytest.mark.parametrize("output", ["separate", "merged"])
def test_errors_can_be_had(settings: dict[str, Any], output: str) -> None:
    post = AttnGSPostprocessor(**settings, mode="rewrite", output=output, chat=RecordingLLM(TimeoutError("slow")), on_chat_error="raise")
    with pytest.raises(ChatError, match="TimeoutError"):
        post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    with pytest.raises(ChatError, match="TimeoutError"):
        asyncio.run(post.apostprocess_nodes(three_nodes(), query_str=QUESTION))


def test_the_hosts_llm_is_asked_when_there_is_no_other(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    llm = RecordingLLM(echo)
    monkeypatch.setattr(Settings, "_llm", llm)
    AttnGSPostprocessor(**settings).postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert not llm.sent
    AttnGSPostprocessor(**settings, mode="rewrite").postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert llm.sent


def test_with_the_hosts_own_mock(settings: dict[str, Any]) -> None:
    post = AttnGSPostprocessor(**settings, mode="rewrite", chat=MockLLM(max_tokens=9))  # it says "text text text"
    assert post.postprocess_nodes(three_nodes(), query_str=QUESTION)[0].get_content() == "Her pills are blue."


def test_a_prompt_of_ones_own_and_texts_that_look_like_fields(settings: dict[str, Any]) -> None:
    llm = RecordingLLM(echo)
    post = AttnGSPostprocessor(**settings | {"target_tokens": 9}, mode="rewrite", output="merged", chat=llm)
    post.update_prompts({"template": PromptTemplate("Q {query_str} IN {target_tokens} OF {context_str}")})
    braces = node("The {query_str} and {context_str} of pills. Not <start_important>this one<end_important>. Nor this.", "braces")
    post.postprocess_nodes([braces], query_str="Which {target_tokens} pills?")
    assert llm.prompts == [
        "Q Which {target_tokens} pills? IN 9 OF [1]\n<start_important>The {query_str} and {context_str} of pills.<end_important> "
        "Not ‹start_important>this one‹end_important>. Nor this."
    ]


def reply_of(raw: Any = None, additional: dict[str, Any] | None = None) -> Any:
    class Raw(RecordingLLM):
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            message = ChatMessage(role="assistant", content="Blue.")
            return ChatResponse(message=message, raw=raw, additional_kwargs=additional or {})

    return LlamaIndexChat(Raw()).complete(ASKED)


def test_usage_and_reason_are_read_where_they_are() -> None:
    raw = {"choices": [{"finish_reason": "length"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    objects = SimpleNamespace(choices=[SimpleNamespace(finish_reason="stop")], usage=SimpleNamespace(input_tokens=5, output_tokens=1))
    assert (reply_of(raw).finish_reason, reply_of(raw).usage) == ("length", Usage(3, 2))
    assert (reply_of(objects).finish_reason, reply_of(objects).usage) == ("stop", Usage(5, 1))
    assert reply_of(None, {"prompt_tokens": 7, "completion_tokens": 1}).usage == Usage(7, 1)
    assert (reply_of().finish_reason, reply_of().usage, reply_of().text) == (None, None, "Blue.")


def test_failures_have_a_status() -> None:
    class Busy(Exception):
        status_code = 429
        response = SimpleNamespace(status_code=429, headers={"retry-after": "3"})

    chat = LlamaIndexChat(RecordingLLM(Busy("later")))
    for call in (lambda: chat.complete(ASKED), lambda: asyncio.run(chat.acomplete(ASKED))):
        with pytest.raises(ChatError) as caught:
            call()
        assert (caught.value.retryable, caught.value.status, caught.value.retry_after) == (True, 429, 3.0)
        assert isinstance(caught.value.__cause__, Busy)


async def test_messages_arrive_as_they_were_meant() -> None:
    llm = RecordingLLM("Blue.")
    assert (await LlamaIndexChat(llm).acomplete(ASKED)).text == "Blue."
    assert [(m.role.value, m.content) for m in llm.sent[0]] == [("system", "Be short."), ("user", "Which pills? \ufffd")]
    assert repr(LlamaIndexChat(llm)) == "LlamaIndexChat(custom_llm)" or "RecordingLLM" in repr(LlamaIndexChat(llm))
    assert LlamaIndexChat(llm).context_window == 8192
