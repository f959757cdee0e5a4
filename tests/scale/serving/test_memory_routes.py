"""What is remembered over HTTP: each token's own, on disk when the reply is there, and in chats as long as it is true."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import bearer, client_of, marker_of, running, settings_of

from attngs import Memory
from attngs.errors import AssetError, UnavailableError
from attngs.scale.serving.failures import as_response
from tests.loopback.server import LoopbackServer

ANA, BOB = bearer("token-of-ana"), bearer("token-of-bob")
FACTS = {"tea": "She drinks green tea.", "nuts": "She may eat no nuts.", "cat": "The cat is Milo.", "boat": "The boat is called Heron."}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
async def client(file: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_of(tokens=True, memory=file), *FACTS) as client:
        yield client


async def add(client: httpx.AsyncClient, *documents: Any, headers: Any = ANA) -> list[str]:
    reply = await client.post("/v1/memory", json={"documents": list(documents)}, headers=headers)
    assert reply.status_code == 201, reply.text
    ids: list[str] = reply.json()["ids"]
    return ids


async def test_what_is_added_is_listed_changed_and_deleted(client: httpx.AsyncClient, file: Path) -> None:
    ids = await add(client, FACTS["nuts"], {"id": "a/b c", "text": FACTS["cat"], "metadata": {"date": "2026-03-14"}})
    assert ids[1] == "a/b c"
    with Memory.open(file, namespace="ana", marker=marker_of(*FACTS)) as memory:
        assert memory.get(ids[0]).text == FACTS["nuts"], "it is on disk"
    listed = (await client.get("/v1/memory", headers=ANA)).json()
    assert [document["id"] for document in listed["documents"]] == ids
    assert listed["total"] == 2
    paged = (await client.get("/v1/memory?limit=1&offset=1", headers=ANA)).json()
    assert [document["id"] for document in paged["documents"]] == ids[1:]
    found = (await client.get("/v1/memory/a%2Fb%20c", headers=ANA)).json()
    assert (found["text"], found["metadata"]) == (FACTS["cat"], {"date": "2026-03-14"})
    changed = await client.put("/v1/memory/a%2Fb%20c", json={"text": "The cat is Otto."}, headers=ANA)
    assert changed.json() == {"id": "a/b c", "text": "The cat is Otto.", "metadata": {"date": "2026-03-14"}}
    assert (await client.delete(f"/v1/memory/{ids[0]}", headers=ANA)).status_code == 204
    for method in ("GET", "DELETE"):
        gone = await client.request(method, f"/v1/memory/{ids[0]}", headers=ANA)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "no_such_document")
    assert (await client.delete("/v1/memory", headers=ANA)).status_code == 204
    assert (await client.get("/v1/memory", headers=ANA)).json() == {"documents": [], "total": 0}


async def test_a_question_is_answered_from_what_bears_on_it(client: httpx.AsyncClient) -> None:
    await add(client, *FACTS.values())
    reply = await client.post("/v1/memory/ask", json={"query": "What of the cat?", "target_tokens": 5}, headers=ANA)
    assert reply.json()["compressed_tokens"] <= 5
    assert reply.json()["sources"]
    empty = await client.post("/v1/memory/ask", json={"query": "What of the cat?"}, headers=BOB)
    assert (empty.status_code, empty.json()["text"]) == (200, "")


async def test_nobody_reaches_the_memory_of_others(client: httpx.AsyncClient) -> None:
    [name] = await add(client, FACTS["cat"])
    for method, path, body in (
        ("GET", f"/v1/memory/{name}", None),
        ("PUT", f"/v1/memory/{name}", {"text": "mine"}),
        ("DELETE", f"/v1/memory/{name}", None),
    ):
        assert (await client.request(method, path, json=body, headers=BOB)).status_code == 404
        assert (await client.request(method, f"{path}?user=ana", json=body, headers=BOB)).status_code == 403
        assert (await client.request(method, path, json=body)).status_code == 401
    assert (await client.get("/v1/memory", headers=BOB)).json()["total"] == 0
    await client.delete("/v1/memory", headers=BOB)
    assert (await client.get("/v1/memory", headers=ANA)).json()["total"] == 1


@pytest.mark.parametrize(
    "body", [{"documents": [" "]}, {"documents": []}, {"documents": [{"id": "x", "text": "a"}, {"id": "x", "text": "b"}]}]
)
async def test_what_cannot_be_kept_is_a_400(client: httpx.AsyncClient, body: Any) -> None:
    reply = await client.post("/v1/memory", json=body, headers=ANA)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
    assert (await client.get("/v1/memory", headers=ANA)).json()["total"] == 0


async def test_a_document_cannot_be_made_blank(client: httpx.AsyncClient) -> None:
    [name] = await add(client, FACTS["cat"])
    reply = await client.put(f"/v1/memory/{name}", json={"text": " "}, headers=ANA)
    assert (reply.status_code, reply.json()["error"]["message"].startswith("`text` is empty")) == (400, True)
    assert (await client.get(f"/v1/memory/{name}", headers=ANA)).json()["text"] == FACTS["cat"]


async def test_a_file_that_is_damaged_is_an_error_and_not_an_empty_memory(client: httpx.AsyncClient, file: Path) -> None:
    file.write_bytes(b"no database" * 400)
    reply = await client.get("/v1/memory", headers=ANA)
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "asset_error")
    assert (await client.get("/readyz")).status_code == 500


@pytest.mark.parametrize("kind", ["text", "other database", "cut off", "folder"])
def test_a_file_that_is_no_memory_is_named_before_anything_is_served(file: Path, kind: str) -> None:
    if kind == "folder":
        file.mkdir()
    elif kind == "other database":
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE notes (text)")
    elif kind == "cut off":
        with Memory.open(file, namespace="default", marker=marker_of(*FACTS)) as memory:
            memory.add(list(FACTS.values()))
        file.write_bytes(file.read_bytes()[:5_000])
    else:
        file.write_text("No memory at all. " * 100)
    with pytest.raises((AssetError, UnavailableError), match=r"memory\.db"):
        client_of(settings_of(memory=file), *FACTS)


def test_a_file_that_cannot_be_used_now_is_a_503() -> None:
    reply = as_response(UnavailableError("the file is locked."))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


async def test_users_are_told_apart_without_tokens(file: Path) -> None:
    async with client_of(settings_of(memory=file), *FACTS) as client:
        for user in ("ana", "bob"):
            await client.post(f"/v1/memory?user={user}", json={"documents": [f"The cat of {user} is here."]})
        await client.post("/v1/memory", json={"documents": ["Nobody's cat is here."]})
        texts = [
            [document["text"] for document in (await client.get(f"/v1/memory{query}")).json()["documents"]]
            for query in ("?user=ana", "?user=bob", "", "?user=default")
        ]
    assert texts == [["The cat of ana is here."], ["The cat of bob is here."], ["Nobody's cat is here."], ["Nobody's cat is here."]]


@pytest.mark.parametrize(("query", "named"), [("?usr=ana", "'usr' is unknown here; it knows `user`"), ("?user=", "`user` is empty")])
async def test_a_mistyped_or_empty_user_never_reaches_the_shared_memory(file: Path, query: str, named: str) -> None:
    async with client_of(settings_of(memory=file), *FACTS) as client:
        await client.post("/v1/memory", json={"documents": [FACTS["cat"]]})
        for method, path, body in (
            ("DELETE", "/v1/memory", None),
            ("POST", "/v1/memory", {"documents": [FACTS["tea"]]}),
            ("POST", "/v1/memory/ask", {"query": "What of the cat?"}),
            ("GET", "/v1/memory/cat", None),
            ("POST", "/v1/mark", {"documents": [FACTS["tea"]], "query": "Tea?"}),
        ):
            reply = await client.request(method, path + query, json=body)
            assert (reply.status_code, named in reply.json()["error"]["message"]) == (400, True), reply.text
        assert (await client.get(f"/v1/memory{query}&limit=1")).status_code == 400
        assert (await client.get("/v1/memory?limit=5")).json()["total"] == 1


async def test_every_route_names_the_parameters_that_it_knows(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/memory?usr=ana", headers=ANA)).json()["error"]["message"]
    assert "`limit`, `offset`, `user`" in listed
    assert "it knows none" in (await client.get("/healthz?user=ana")).json()["error"]["message"]
    empty = await client.get("/v1/memory?user=", headers=ANA)
    assert (empty.status_code, "`user` is empty" in empty.text) == (400, True)


def test_a_chat_names_its_user_in_the_body(loopback: LoopbackServer, file: Path) -> None:
    with running(settings_of(loopback.url, memory=file), *FACTS) as server:
        messages = [{"role": "user", "content": "What of the cat?"}]
        for query, body in (("?user=ana", {}), ("", {"user": ""})):
            reply = httpx.post(f"{server.url}/v1/chat/completions{query}", json={"messages": messages, **body})
            assert (reply.status_code, "`user`" in reply.json()["error"]["message"]) == (400, True)
    assert not loopback.requests


async def test_many_writers_and_readers_at_once(client: httpx.AsyncClient) -> None:
    names = await asyncio.gather(*(add(client, f"The cat number {number}.", headers=(ANA, BOB)[number % 2]) for number in range(12)))
    assert len(names) == 12
    for headers in (ANA, BOB):
        texts = [document["text"] for document in (await client.get("/v1/memory", headers=headers)).json()["documents"]]
        assert len(texts) == 6


class Chat:
    """A chat through the proxy, whose client sends the whole of it each time."""

    def __init__(self, url: str, loopback: LoopbackServer, headers: Any = ANA) -> None:
        self._http = httpx.Client(base_url=url, headers=headers)
        self._loopback = loopback
        self.messages: list[Any] = [{"role": "system", "content": "Be kind."}]
        self.sent = list[str]()

    def ask(self, text: str, **fields: Any) -> str:
        """What the upstream was sent for a question."""
        self.messages.append({"role": "user", "content": text})
        reply = self._http.post("/v1/chat/completions", json={"messages": self.messages, **fields})
        assert reply.status_code == 200, reply.text
        self.messages.append({"role": "assistant", "content": f"I see, it was {len(self.messages)}."})
        self.sent.append(json.dumps(self._loopback.requests[-1].body["messages"])[:-1])
        return self.sent[-1]

    def call(self, method: str, path: str, **given: Any) -> Any:
        reply = self._http.request(method, path, **given)
        assert reply.status_code < 300, reply.text
        return reply

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def chat(loopback: LoopbackServer, file: Path) -> Iterator[Chat]:
    with running(settings_of(loopback.url, tokens=True, memory=file, target_tokens=12, history=None), *FACTS) as server:
        chat = Chat(server.url, loopback)
        chat.call("POST", "/v1/memory", json={"documents": [{"id": key, "text": text} for key, text in FACTS.items()]})
        yield chat
        chat.close()


def test_memory_stands_in_the_turn_and_the_shared_beginning_grows(chat: Chat, loopback: LoopbackServer) -> None:
    for number in range(8):
        chat.ask(f"{number}: what of the cat, the tea and the nuts?")
    assert FACTS["nuts"] in chat.sent[0]
    assert all(after.startswith(before) for before, after in pairwise(chat.sent))
    assert loopback.requests[-1].body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert loopback.requests[-1].body["messages"][-1]["content"].endswith("7: what of the cat, the tea and the nuts?")
    assert [message["role"] for message in loopback.requests[-1].body["messages"]] == ["system", *["user", "assistant"] * 7, "user"]


def test_what_is_changed_or_deleted_is_shown_no_more_at_once(chat: Chat) -> None:
    assert "Milo" in chat.ask("What of the cat?")
    chat.call("PUT", "/v1/memory/cat", json={"text": "The cat is Otto."})
    again = chat.ask("And the cat?")
    assert "Milo" not in again
    assert "Otto" in again
    chat.call("DELETE", "/v1/memory/cat")
    assert "Otto" not in chat.ask("And the cat now?")


def test_the_token_wins_over_the_user_of_a_chat(chat: Chat, loopback: LoopbackServer) -> None:
    bob = Chat(str(chat._http.base_url), loopback, BOB)
    assert "Milo" not in bob.ask("What of the cat?", user="ana")
    assert loopback.requests[-1].body["user"] == "ana", "the field goes on as it is"
    bob.close()
    assert "Milo" in chat.ask("What of the cat?", user="bob")


STEPS = st.lists(st.sampled_from([("ask", key) for key in FACTS] + [("delete", "cat"), ("edit", "tea")]), min_size=2, max_size=8)


@pytest.fixture
def local(loopback: LoopbackServer, file: Path) -> Iterator[str]:
    """A server without tokens, which keeps users apart by their names."""
    with running(settings_of(loopback.url, memory=file, target_tokens=12), *FACTS) as server:
        yield server.url


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_the_beginning_stays_unless_something_shown_is_gone(loopback: LoopbackServer, local: str, steps: Any) -> None:
    user = f"user-{len(loopback.requests)}-{steps}"
    chat, left, changed = Chat(local, loopback), dict(FACTS), False
    chat.call("POST", "/v1/memory", params={"user": user}, json={"documents": [{"id": key, "text": text} for key, text in FACTS.items()]})
    for number, (step, key) in enumerate(steps):
        if step == "ask":
            sent = chat.ask(f"{number}: what of the {key}?", user=user)
            assert changed or sent.startswith(chat.sent[-2] if len(chat.sent) > 1 else "")
            assert not any(text in sent for name, text in FACTS.items() if left.get(name) != text)
            changed = False
        elif key in left:
            changed, text = True, left.pop(key)
            if step == "edit":
                left[key] = f"{text[:-1]} no more."
                chat.call("PUT", f"/v1/memory/{key}", params={"user": user}, json={"text": left[key]})
            else:
                chat.call("DELETE", f"/v1/memory/{key}", params={"user": user})
    chat.close()
