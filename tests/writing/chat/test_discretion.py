"""What a client's exception quotes of a document reaches no message, no result and no log above DEBUG."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from llama_index.core.llms import MockLLM
from llama_index.core.schema import NodeWithScore, TextNode

from attngs import ContextCompressor, Marker
from attngs.errors import ChatError
from attngs.testing import FakeChat, FakeScorer, count_words
from attngs.types import Message
from attngs.writing.chat.failures import without_request
from langchain_attngs import AttnGSCompressor
from llama_index_attngs import AttnGSPostprocessor

SECRET = "Ana keeps walnuts in the cellar."
TEXT = f"{SECRET} It rained all day long. The car needs new tyres, says the garage. Nobody came to choir practice."
QUERY = "Where are the walnuts?"


class Quotes(Exception):
    """Of a client that puts the request into its errors, and the server's words beside it."""

    def __init__(self, prompt: str, body: object = None) -> None:
        super().__init__(f"could not send {prompt!r}")
        self.status_code, self.body = 400, body


def fail(messages: Any) -> Any:
    raise Quotes(str(messages), {"error": {"message": f"Invalid prompt: {SECRET}"}})


class Model(BaseChatModel):
    """LangChain's."""

    @property
    def _llm_type(self) -> str:
        return "fails"

    def _generate(self, messages: Any, *arguments: Any, **named: Any) -> Any:
        fail(messages)


class Llm(MockLLM):
    """LlamaIndex's."""

    def chat(self, messages: Any, **named: Any) -> Any:
        fail(messages)


def core(caplog: pytest.LogCaptureFixture) -> str:
    compressor = ContextCompressor(Marker(FakeScorer("walnuts")), fail, counter=count_words)
    return str(compressor.compress([TEXT], QUERY, target_tokens=9).reason)


def langchain(caplog: pytest.LogCaptureFixture) -> str:
    compressor = AttnGSCompressor(marker=Marker(FakeScorer("walnuts")), counter=count_words, target_tokens=9, mode="rewrite", chat=Model())
    compressor.compress_documents([Document(TEXT)], QUERY)
    return caplog.text


def llama_index(caplog: pytest.LogCaptureFixture) -> str:
    post = AttnGSPostprocessor(marker=Marker(FakeScorer("walnuts")), counter=count_words, target_tokens=9, mode="rewrite", chat=Llm())
    post.postprocess_nodes([NodeWithScore(node=TextNode(text=TEXT))], query_str=QUERY)
    return caplog.text


@pytest.mark.parametrize("host", [core, langchain, llama_index])
def test_what_an_exception_quotes_is_not_logged(host: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reason = host(caplog)
    assert ("raised Quotes with status 400: its words repeat the request" if host is core else "6 ") in reason  # hosts log numbers
    assert "walnuts" not in reason + caplog.text


def test_the_whole_is_the_cause() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("walnuts")), fail, counter=count_words, on_chat_error="raise")
    with pytest.raises(ChatError) as caught:
        compressor.compress([TEXT], QUERY, target_tokens=9)
    assert "walnuts" not in str(caught.value)
    assert SECRET in str(caught.value.__cause__)


async def test_awaited_it_is_the_same() -> None:
    class Fails(FakeChat):
        def complete(self, messages: Sequence[Message]) -> Any:
            raise ValueError(f"no {messages[-1].content}")

        async def acomplete(self, messages: Sequence[Message]) -> Any:
            raise ValueError(f"no {messages[-1].content}")

    compressor = ContextCompressor(Marker(FakeScorer("walnuts")), Fails(""), counter=count_words)
    result = await compressor.acompress([TEXT], QUERY, target_tokens=9)
    assert result.fallback_reason == (
        "the writer failed: `Fails` raised ValueError; what it says is in `__cause__`, and in the log at DEBUG."
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("You exceeded your current quota.", True),
        ("This model's maximum context length is 4096 tokens.", True),
        ("The model `tiny` does not exist", True),
        ("it was walnuts in the cellar that failed", False),
        ("unexpected token 'walnuts'", False),
        ("unexpected token \u201cWALNUTS\u201d", False),
        ("Fehler bei \u732b\u304c\u597d\u304d", False),
    ],
)
def test_a_server_s_words_are_shown_where_they_repeat_nothing(line: str, shown: bool) -> None:
    assert (without_request(line, [TEXT, "\u79c1\u306f\u732b\u304c\u597d\u304d\u3067\u3059"]) == line) is shown
