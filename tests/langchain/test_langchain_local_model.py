"""`LocalChatModel`: a model in this process, where LangChain wants one of its own kind."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from attngs import LocalChat
from attngs.errors import InputError
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Message
from langchain_attngs import LocalChatModel

ASKED = [SystemMessage("Be brief."), HumanMessage("What does she drink?"), AIMessage("Tea."), HumanMessage("And now?")]


@pytest.fixture(scope="module")
def chat() -> LocalChat:
    return LocalChat(tiny_model("qwen2"), tiny_tokenizer(), max_tokens=6)


async def test_it_says_what_the_local_chat_says(chat: LocalChat) -> None:
    model = LocalChatModel(chat=chat)
    reply = chat.complete([Message(role, str(m.text)) for role, m in zip(("system", "user", "assistant", "user"), ASKED, strict=True)])
    answer = model.invoke(ASKED)
    assert (answer.text, answer.response_metadata["finish_reason"]) == (reply.text, "length")
    assert reply.usage is not None
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == reply.usage
    assert "".join(str(chunk.text) for chunk in model.stream(ASKED)) == reply.text
    assert "".join([str(chunk.text) async for chunk in model.astream(ASKED)]) == reply.text
    assert (await model.ainvoke(ASKED)).text == reply.text
    assert "LocalChat(" not in repr(model)


def test_messages_of_tools_are_refused(chat: LocalChat) -> None:
    with pytest.raises(InputError, match="type 'tool'"):
        LocalChatModel(chat=chat).invoke([ToolMessage("x", tool_call_id="1")])
