"""One writer behind an endpoint for many: threads, event loops, forks, cancelled and closed in the middle, and the interpreter's end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from attngs.errors import ChatError, ConfigError
from attngs.types import ChatReply
from tests.loopback.asking import ask, chat_of
from tests.loopback.server import LoopbackServer
from tests.loopback.turns import HANG, Turn, always, script, seeded


async def test_cancelling_ends_the_request(loopback: LoopbackServer) -> None:
    loopback.plan = script(HANG)
    with chat_of(loopback, max_concurrency=1) as chat:
        task = asyncio.create_task(chat.acomplete(ask("hi")))
        await _until(lambda: len(loopback.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _until(lambda: loopback.gone == 1)
        assert (await chat.acomplete(ask("next"))).text == "next", "the slot is free again"


async def test_who_was_told_to_come_back_later_is_in_nobodys_way(loopback: LoopbackServer) -> None:
    later = Turn(status=429, text="later", headers={"retry-after": "30"})
    loopback.plan = script(later, later)
    with chat_of(loopback, max_concurrency=2, timeout=60.0) as chat:
        pausing = [asyncio.create_task(chat.acomplete(ask("later"))) for _ in range(2)]
        await _until(lambda: len(loopback.requests) == 2)
        async with asyncio.timeout(20):
            assert (await chat.acomplete(ask("now"))).text == "now"
        assert not any(task.done() for task in pausing)
        for task in pausing:
            task.cancel()
        await asyncio.wait(pausing)


async def test_closing_answers_those_who_wait(loopback: LoopbackServer) -> None:
    loopback.plan = always(HANG)
    before = threading.enumerate()
    chat = chat_of(loopback)
    waiting = [asyncio.create_task(chat.acomplete(ask("a"))), asyncio.create_task(asyncio.to_thread(chat.complete, ask("b")))]
    await _until(lambda: len(loopback.requests) == 2)
    await asyncio.to_thread(chat.close)
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, ChatError), error
    chat.close()
    with pytest.raises(ConfigError, match="closed"):
        chat.complete(ask("c"))
    assert not any(thread.name == "attngs-chat" and thread not in before for thread in threading.enumerate())


async def test_64_at_once_each_gets_its_own(loopback: LoopbackServer) -> None:
    loopback.plan = seeded(5)
    with chat_of(loopback, max_concurrency=7) as chat:
        replies = await asyncio.gather(*(chat.acomplete(ask(f"from {number}")) for number in range(64)))
    assert [reply.text for reply in replies] == [f"from {number}" for number in range(64)]
    assert loopback.most_at_once <= 7
    assert len(loopback.requests) > 64, "the plan did inject faults"


def test_threads_and_loops_share_one_chat(loopback: LoopbackServer) -> None:
    with chat_of(loopback) as chat:

        def in_a_loop(number: int) -> str:
            async def both() -> list[ChatReply]:
                return list(await asyncio.gather(chat.acomplete(ask(f"{number} a")), chat.acomplete(ask(f"{number} b"))))

            return " ".join(reply.text for reply in asyncio.run(both()))

        with ThreadPoolExecutor(8) as pool:
            sync = [pool.submit(chat.complete, ask(f"{number}")) for number in range(12)]
            loops = [pool.submit(in_a_loop, number) for number in range(6)]
            assert [future.result().text for future in sync] == [str(number) for number in range(12)]
            assert [future.result() for future in loops] == [f"{number} a {number} b" for number in range(6)]
    assert loopback.most_at_once <= 8


@pytest.mark.parametrize("end", ["", "chat.close()", "del chat", "raise SystemExit"])
def test_it_ends_with_the_interpreter_and_without_a_word(loopback: LoopbackServer, end: str) -> None:
    code = f"""
from attngs import OpenAIChat
from attngs.types import Message
chat = OpenAIChat("m", base_url={loopback.url!r})
print(chat.complete([Message("user", "hi")]).text)
{end}
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("hi\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_has_a_connection_of_its_own(loopback: LoopbackServer) -> None:
    code = f"""
import os
from attngs import OpenAIChat
from attngs.types import Message
chat = OpenAIChat("m", base_url={loopback.url!r})
print(chat.complete([Message("user", "parent")]).text, flush=True)
if (child := os.fork()) == 0:
    print(chat.complete([Message("user", "child")]).text, flush=True)
    chat.close()
    os._exit(0)
os.waitpid(child, 0)
print(chat.complete([Message("user", "parent again")]).text)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("parent\nchild\nparent again\n", "")


async def _until(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
