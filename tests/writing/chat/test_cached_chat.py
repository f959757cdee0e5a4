"""The same messages, the same reply, asked once: users, failures, and what is kept."""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextCompressor, Marker
from attngs.errors import AssetError, ChatError, ConfigError
from attngs.protocols import AsyncChatModel, ChatModel, Namespaced
from attngs.reading.context_cache import digest
from attngs.testing import NASTY_TEXTS, FakeChat, FakeScorer, count_words
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.cached import CachedChat
from attngs.writing.chat.callable_chat import CallableChat
from attngs.writing.chat.replies import MemoryResults, SqliteResults

MESSAGES = [Message("system", "Be short."), Message("user", "Ana likes tea.")]


def ask(text: str) -> list[Message]:
    return [Message("user", text)]


def cached(chat: ChatModel | AsyncChatModel, *, name: str = "fake") -> CachedChat:
    return CachedChat(chat, MemoryResults(), name=name)


class OnlyAwaited:
    """Cannot be called."""

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        return ChatReply(text="x", finish_reason="stop")


# one after the other


def test_the_second_reply_is_the_first_and_costs_nothing() -> None:
    chat = FakeChat(ChatReply(text="Tea.", finish_reason="stop", usage=Usage(9, 2)), "Coffee.")
    writer = cached(chat)
    assert writer.complete(MESSAGES) == ChatReply(text="Tea.", finish_reason="stop", usage=Usage(9, 2))
    assert writer.complete(tuple(MESSAGES)) == ChatReply(text="Tea.", finish_reason="stop", usage=Usage(0, 0))
    assert chat.calls == [tuple(MESSAGES)]


async def test_awaited_replies_are_the_same_ones() -> None:
    chat = FakeChat("Tea.", "Coffee.")
    writer = cached(chat)
    assert (await writer.acomplete(MESSAGES)).text == "Tea."
    assert (writer.complete(MESSAGES).text, (await writer.acomplete(MESSAGES)).text) == ("Tea.", "Tea.")
    assert len(chat.calls) == 1


@pytest.mark.parametrize("text", [*filter(str.strip, NASTY_TEXTS), "two halves \ud83d\ude00 and one 😀"])
def test_text_comes_back_as_it_was(text: str, tmp_path: Path) -> None:
    results = SqliteResults(tmp_path / "results")
    first = CachedChat(FakeChat(ChatReply(text=text)), results, name="fake").complete(ask(text))
    again = CachedChat(FakeChat(RuntimeError("not asked")), results, name="fake").complete(ask(text))
    assert (again.text, again.finish_reason) == (first.text, None) == (text, None)


@pytest.mark.parametrize(
    "reply",
    [
        ChatReply(text=""),
        ChatReply(text=" \n"),
        *(ChatReply(text="Te", finish_reason=r) for r in ("length", "content_filter", "tool_calls", "refusal")),
    ],
)
def test_what_did_not_end_well_is_asked_again(reply: ChatReply) -> None:
    writer = cached(FakeChat(reply, "Tea."))
    assert [writer.complete(MESSAGES) for _ in range(3)] == [
        reply,
        ChatReply(text="Tea.", finish_reason="stop"),
        ChatReply(text="Tea.", finish_reason="stop", usage=Usage(0, 0)),
    ]


def test_everything_that_a_reply_depends_on_tells_requests_apart() -> None:
    results = MemoryResults()
    requests = [
        MESSAGES,
        ask("Ana likes tea."),
        [Message("system", "Ana likes tea.")],
        ask("Ana likes tea.") * 2,
        ask("Ana"),
        [],
        ask("a\ud800"),
    ]
    for name in ("small", "large"):
        chat = FakeChat(*(f"{name} {i}" for i in range(len(requests))))
        replies = [CachedChat(chat, results, name=name).complete(messages).text for messages in requests * 2]
        assert replies == [f"{name} {i}" for i in range(len(requests))] * 2


@given(requests=st.lists(st.tuples(st.sampled_from(["", "ana", "ben"]), st.sampled_from("abc")), max_size=12))
def test_users_never_share_a_reply(requests: list[tuple[str, str]]) -> None:
    chat = FakeChat(*map(str, range(99)))
    writer = cached(chat)
    replies = [writer.for_namespace(namespace).complete(ask(text)).text for namespace, text in requests]
    assert len(chat.calls) == len(set(requests)) == len(set(replies))
    first = dict(reversed(list(zip(requests, replies, strict=True))))
    assert replies == [first[request] for request in requests]


def test_a_user_is_forgotten(tmp_path: Path) -> None:
    results = SqliteResults(tmp_path / "results")
    writer = CachedChat(FakeChat("Ana drinks tea.", "Ben drinks tea.", "Ana drinks milk."), results, name="fake")
    ana, ben = writer.for_namespace("ana"), writer.for_namespace("ana").for_namespace("ben")
    assert [view.complete(MESSAGES).text for view in (ana, ben, ana)] == ["Ana drinks tea.", "Ben drinks tea.", "Ana drinks tea."]
    results.clear("ana")
    assert [view.complete(MESSAGES).text for view in (ana, ben)] == ["Ana drinks milk.", "Ben drinks tea."]


def test_it_is_what_the_seams_ask_for() -> None:
    writer = cached(FakeChat("x"))
    assert isinstance(writer, ChatModel)
    assert isinstance(writer, AsyncChatModel)
    assert isinstance(writer, Namespaced)
    assert writer.context_window is None
    assert cached(CallableChat(lambda _: "x", context_window=4096)).for_namespace("ana").context_window == 4096


async def test_functions_are_writers() -> None:
    asked = list[str]()

    async def write(messages: Sequence[Message]) -> str:
        asked.append(messages[-1].content)
        return "Tea."

    writer = CachedChat(write, MemoryResults(), name="mine")
    assert [(await writer.acomplete(MESSAGES)).text for _ in range(2)] == ["Tea."] * 2
    assert await asyncio.to_thread(writer.complete, ask("And?")) == ChatReply(text="Tea.")
    assert asked == ["Ana likes tea.", "And?"]


async def test_a_compressor_cannot_tell() -> None:
    chat = FakeChat("Ana likes green tea a lot.", "never")
    marker = Marker(FakeScorer("tea"))
    compressor = ContextCompressor(marker, cached(chat), counter=count_words)
    documents = ["Ana likes green tea. It rained all day long. The car is red."]
    results = [compressor.compress(documents, "What?", target_tokens=6), await compressor.acompress(documents, "What?", target_tokens=6)]
    assert [(result.text, result.method) for result in results] == [("Ana likes green tea a lot.", "rewrite")] * 2
    assert len(chat.calls) == 1


async def test_a_compressor_keeps_its_users_apart() -> None:
    chat = FakeChat("She likes tea.")
    compressor = ContextCompressor(Marker(FakeScorer("tea")), cached(chat), counter=count_words)
    for namespace in ("ana", "ben", "ana", ""):
        compressor.compress(["She likes green tea. It rained all day long. The car is red."], "What?", target_tokens=6, namespace=namespace)
    await compressor.acompress(["She likes green tea. It rained all day long. The car is red."], "What?", target_tokens=6, namespace="ben")
    assert len(chat.calls) == 3


COPIES = """
import copy
from attngs import CachedChat, ContextCompressor, Marker, MemoryResults, OpenAIChat
from attngs.writing.chat.callable_chat import CallableChat
from attngs.testing import FakeScorer, count_words
marker, function, endpoint = Marker(FakeScorer("tea")), CallableChat(str), OpenAIChat("m", base_url="http://127.0.0.1/v1")
cached = CachedChat(function, MemoryResults(), name="x")
for each in (marker, function, endpoint, cached, ContextCompressor(marker, cached, counter=count_words)):
    assert copy.copy(each) is copy.deepcopy([each])[0] is each
"""


def test_copies_share_the_model_and_the_connections() -> None:
    """In a process of their own, because hosts' adapters register how markers are pickled."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", COPIES], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_the_object_in_this_process_and_an_error_in_another(protocol: int) -> None:
    marker = Marker(FakeScorer("tea"))
    shared = [CallableChat(str), cached(FakeChat("x")), ContextCompressor(marker, counter=count_words)]
    pickled = [pickle.dumps(each, protocol) for each in shared]
    assert [id(pickle.loads(data)) for data in pickled] == [id(each) for each in shared]
    code = "import pickle, sys; pickle.load(sys.stdin.buffer)"
    done = subprocess.run([sys.executable, "-c", code], input=pickled[-1], capture_output=True, check=False)
    assert b"ConfigError: a pickled `ContextCompressor` was an object of another process" in done.stderr
    shared.pop()
    gc.collect()
    with pytest.raises(ConfigError, match="or is gone"):
        pickle.loads(pickled[-1])


# bad input


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="or be a function, got int"):
        CachedChat(5, MemoryResults(), name="x")  # type: ignore[arg-type]
    for name in ("", " ", None):
        with pytest.raises(ConfigError, match="`name` must say which model"):
            CachedChat(FakeChat("x"), MemoryResults(), name=name)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`namespace` must be a str, got None"):
        cached(FakeChat("x")).for_namespace(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`chat` can only be awaited; call `acomplete`"):
        cached(OnlyAwaited()).complete(MESSAGES)


class NoReply:
    def complete(self, messages: Sequence[Message]) -> ChatReply:
        return "Tea."  # type: ignore[return-value]


async def test_what_is_no_reply_is_an_error_and_not_kept() -> None:
    writer = cached(NoReply())
    for _ in range(2):
        with pytest.raises(ChatError, match="the writer returned str; it must return a `ChatReply`"):
            writer.complete(MESSAGES)
        with pytest.raises(ChatError, match="the writer returned str"):
            await writer.acomplete(MESSAGES)


@pytest.mark.parametrize("value", [b"", b"Tea.", b"\xff", b"[]", b"{}", b'{"text":"Tea."}', b'{"text":5,"finish_reason":null}'])
def test_results_that_nobody_put_there_are_an_error(value: bytes) -> None:
    results = MemoryResults()
    results.put("", digest("chat reply 1", "fake", "user", "x"), value)
    with pytest.raises(AssetError, match="returned something that was not put there"):
        CachedChat(FakeChat("Tea."), results, name="fake").complete(ask("x"))


# at the same time


async def test_many_users_many_questions_none_crossed() -> None:
    class Echo:
        async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
            await asyncio.sleep(0)
            return ChatReply(text=f"reply to {messages[-1].content}", finish_reason="stop")

    writer = cached(Echo())
    requests = [(f"user {i % 7}", f"user {i % 7} asks {i % 11}") for i in range(300)]
    replies = await asyncio.gather(*(writer.for_namespace(user).acomplete(ask(text)) for user, text in requests))
    assert [reply.text for reply in replies] == [f"reply to {text}" for _, text in requests]
