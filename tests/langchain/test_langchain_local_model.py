"""`LocalChatModel`: a model in this process, where LangChain wants one of its own kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from attngs import LocalChat
from attngs.errors import InputError
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import ChatReply, Message
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


class Pieces:
    """A writer that hands on these pieces, and counts them."""

    def __init__(self, *pieces: str) -> None:
        self.pieces, self.taken = pieces, 0

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        return ChatReply(text="".join(self.pieces), finish_reason="length")

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        for piece in self.pieces:
            self.taken += 1
            yield piece


@pytest.mark.parametrize(
    ("pieces", "stop", "text", "taken"),
    [
        (("Par", "is.\nHum", "an: and", " Rome?"), ["\nHuman:"], "Paris.", 3),
        (("Paris.\n", "\nHuman: and Rome?"), ["\nHuman:", "Rome"], "Paris.\n", 2),
        (("Paris.\nHum", "bug."), ["\nHuman:"], "Paris.\nHumbug.", 2),
        (("Paris.\nHuman",), ["\nHuman:"], "Paris.\nHuman", 1),
        (("aab", "c"), ["ab", "b"], "a", 1),
        (("Paris.", " Rome."), ["", "x"], "Paris. Rome.", 2),
        (("Paris.", " Rome."), None, "Paris. Rome.", 2),
    ],
)
def test_it_stops_at_a_stop_sequence(pieces: tuple[str, ...], stop: list[str] | None, text: str, taken: int) -> None:
    chat = Pieces(*pieces)
    answer = LocalChatModel(chat=chat).invoke(ASKED, stop=stop)
    assert (answer.text, answer.response_metadata["finish_reason"]) == (text, "length" if text == "".join(pieces) else "stop")
    assert "".join(str(chunk.text) for chunk in LocalChatModel(chat=chat).stream(ASKED, stop=stop)) == text
    assert chat.taken == taken
