"""The writer in front of a server that is not ours: `transformers serve` with a tiny model, offline."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attngs import LocalChat, OpenAIChat
from attngs.errors import ChatError
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Message

ASKED = [Message("system", "Be brief."), Message("user", "What does she drink?")]
LAUNCH = "from transformers.cli.transformers import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-c", LAUNCH, "serve", str(folder), "--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        said = []
        try:
            for line in server.stderr:
                said.append(line)
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    yield f"{found[1]}/v1"
                    return
            raise AssertionError("".join(said))
        finally:
            server.kill()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_writes_through_transformers_serve(served: str, folder: Path) -> None:
    with OpenAIChat(str(folder), base_url=served, max_tokens=5, timeout=60.0) as chat:
        reply = chat.complete(ASKED)
    alone = LocalChat.from_pretrained(folder, device="cpu", max_tokens=5).complete(ASKED)
    assert reply.finish_reason == alone.finish_reason == "length"
    assert reply.usage == alone.usage


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_its_errors_are_ours(served: str) -> None:
    with OpenAIChat("nobody/has-this-model", base_url=served, max_retries=0, timeout=60.0) as chat, pytest.raises(ChatError) as caught:
        chat.complete(ASKED)
    assert caught.value.status is not None
    assert caught.value.status >= 400
