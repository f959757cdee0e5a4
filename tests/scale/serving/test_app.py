"""Texts over HTTP, health, OpenAPI, and errors in OpenAI's shape."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from servers import Counter, bearer, client_of, settings_of

from attngs import Marker
from attngs.errors import ConfigError
from attngs.scale.serving.app import create_app
from attngs.scale.serving.hosts import check_host
from attngs.scale.serving.limits import Limits
from attngs.scale.serving.settings import ServerSettings, Upstream

TEXTS = [
    {"id": "m1", "text": "The cat is Milo. It rained all day.", "metadata": {"date": "2026-03-14"}},
    "She may eat no nuts. The bus was late.",
]


async def test_compress_keeps_what_matters_with_its_place() -> None:
    async with client_of() as client:
        reply = await client.post("/v1/compress", json={"documents": TEXTS, "query": "What of the cat?", "target_tokens": 12})
    found = reply.json()
    assert reply.status_code == 200
    assert found["text"] == "[m1]\nThe cat is Milo.\n\n[document-2]\nShe may eat no nuts."
    assert found["compressed_tokens"] <= found["target_tokens"] == 12
    assert found["original_tokens"] > 12
    places = [(source["document_id"], source["position"], source["start"], source["end"]) for source in found["sources"]]
    assert places == [("m1", 0, 0, 17), ("document-2", 1, 0, 21)]


async def test_mark_scores_every_sentence() -> None:
    async with client_of() as client:
        found = (await client.post("/v1/mark", json={"documents": TEXTS, "query": "The cat?"})).json()["sentences"]
    assert [(row["text"].strip(), row["marked"]) for row in found] == [
        ("The cat is Milo.", True),
        ("It rained all day.", False),
        ("She may eat no nuts.", True),
        ("The bus was late.", False),
    ]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"documents": TEXTS, "query": " "}, "`query` is empty"),
    ({"documents": TEXTS}, "`query` cannot be used: Field required"),
    ({"documents": [], "query": "q"}, "`documents` cannot be used"),
    ({"documents": [{"text": 3}], "query": "q"}, "`documents.0.Text.text` cannot be used"),
    ({"documents": TEXTS, "query": "q", "target_tokens": 0}, "`target_tokens` cannot be used"),
    ({"documents": TEXTS, "query": "q", "target_tokens": True}, "`target_tokens` cannot be used"),
    ({"documents": TEXTS, "query": "q", "target_tokens": "20"}, "`target_tokens` cannot be used"),
    ({"documents": TEXTS, "query": "q", "min_score": True}, "`min_score` cannot be used"),
    ({"documents": TEXTS, "query": "q", "min_score": 2}, "`min_score` cannot be used"),
    ({"documents": TEXTS, "query": "q", "min_score": 0.5}, "`min_score`"),
    ({"documents": TEXTS, "query": "q", "tokens": 3}, "`tokens` cannot be used"),
]


@pytest.mark.parametrize(("body", "message"), BAD)
async def test_what_cannot_be_used_is_a_400_that_names_it(body: dict[str, Any], message: str) -> None:
    async with client_of() as client:
        reply = await client.post("/v1/compress", json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (400, "invalid_request_error")
    assert message in error["message"]
    assert "Milo" not in reply.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"documents": ["\xff\xfe"], "query": "q"}', "the body cannot be used: it is not UTF-8"),
        (b'{"documents": ["x"', "the body cannot be used: it is no JSON from character 18 on"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(content: bytes, message: str) -> None:
    async with client_of() as client:
        reply = await client.post("/v1/compress", content=content, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_value")
    assert message in reply.json()["error"]["message"]


async def test_the_header_of_a_missing_token_is_the_right_one() -> None:
    settings = ServerSettings(tokens=settings_of(tokens=True).tokens, upstream=Upstream(base_url="http://127.0.0.1:1/v1", pass_key=True))
    async with client_of(settings) as client:
        reply = await client.post("/v1/mark", json={"documents": TEXTS, "query": "q"})
    assert (reply.status_code, "`X-Attngs-Token: Bearer TOKEN`" in reply.json()["error"]["message"]) == (401, True)


async def test_no_json_and_odd_texts() -> None:
    async with client_of() as client:
        assert (await client.post("/v1/compress", content=b"{", headers={"content-type": "application/json"})).status_code == 400
        text = '{"documents": ["The cat \\ud800 is here. \\u0000 And more of it is there."], "query": "cat", "target_tokens": 5}'
        reply = await client.post("/v1/compress", content=text, headers={"content-type": "application/json"})
        assert reply.json()["text"] == "The cat \ufffd is here."
        long = await client.post("/v1/compress", json={"documents": ["cat " * 250_000], "query": "cat", "target_tokens": 5})
    assert long.json()["compressed_tokens"] <= 5


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", "/v1/compress", 405), ("GET", "/v1/memory", 501)]
)
async def test_paths_that_are_not_there(method: str, path: str, status: int) -> None:
    async with client_of() as client:
        reply = await client.request(method, path)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_a_page_in_a_browser_cannot_send_json_without_asking_first(kind: str | None) -> None:
    """What browsers send to other sites without asking them is no JSON."""
    content, headers = json.dumps({"documents": TEXTS, "query": "q"}), {"content-type": kind} if kind else {}
    async with client_of() as client:
        reply = await client.post("/v1/mark", content=content, headers=headers)
    assert reply.status_code == 400
    assert "`Content-Type: application/json`" in reply.json()["error"]["message"]


async def test_health_and_metrics() -> None:
    async with client_of() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        await client.post("/v1/compress", json={"documents": TEXTS, "query": "What of the cat?", "target_tokens": 10})
        page = (await client.get("/metrics")).text
    assert 'attngs_http_requests_total{method="POST",route="/v1/compress",status="200"} 1.0' in page
    assert 'attngs_tokens_total{kind="saved"}' in page


async def test_openapi_describes_everything() -> None:
    async with client_of() as client:
        page = (await client.get("/openapi.json")).json()
    paths = {path: sorted(methods) for path, methods in page["paths"].items()}
    assert paths == {
        "/v1/chat/completions": ["post"],
        "/v1/compress": ["post"],
        "/v1/mark": ["post"],
        "/v1/models": ["get"],
        "/v1/memory": ["delete", "get", "post"],
        "/v1/memory/ask": ["post"],
        "/v1/memory/{id}": ["delete", "get", "put"],
        "/healthz": ["get"],
        "/readyz": ["get"],
        "/metrics": ["get"],
    }
    assert all(call["description"] for methods in page["paths"].values() for call in methods.values())
    assert "4XX" in page["paths"]["/v1/compress"]["post"]["responses"]
    fields = page["components"]["schemas"]["CompressRequest"]["properties"]
    assert all("description" in field for field in fields.values())
    assert "examples" in fields["query"]
    assert {"HTTPBearer", "APIKeyHeader"} <= page["components"]["securitySchemes"].keys()


async def test_a_token_is_asked_for_and_nothing_tells_tokens_apart() -> None:
    async with client_of(settings_of(tokens=True)) as client:
        body = {"documents": TEXTS, "query": "The cat?"}
        replies = [
            await client.post("/v1/mark", json=body, headers=headers) for headers in ({}, bearer("wrong"), {"Authorization": "Basic x"})
        ]
        assert [reply.status_code for reply in replies] == [401, 401, 401]
        assert replies[0].headers["www-authenticate"] == "Bearer"
        assert replies[1].json()["error"]["type"] == "authentication_error"
        assert (await client.post("/v1/mark", json=body, headers=bearer("token-of-ana"))).status_code == 200
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        other = await client.post("/v1/mark?user=bob", json=body, headers=bearer("token-of-ana"))
        assert (other.status_code, other.json()["error"]["code"]) == (403, "other_namespace")
        assert (await client.post("/v1/mark?user=ana", json=body, headers=bearer("token-of-ana"))).status_code == 200


async def test_without_tokens_only_this_machine_is_answered() -> None:
    async with client_of() as client:
        for host, status in (
            ("localhost:8000", 200),
            ("127.0.0.1", 200),
            ("[::1]:8000", 200),
            ("evil.example", 403),
            ("[", 403),
            ("", 403),
        ):
            reply = await client.post("/v1/mark", json={"documents": TEXTS, "query": "The cat?"}, headers={"Host": host})
            assert reply.status_code == status, host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_without_tokens_nothing_listens_where_others_reach_it(host: str) -> None:
    with pytest.raises(ConfigError, match="without tokens anybody could read every memory"):
        check_host(host, None)
    check_host(host, settings_of(tokens=True).tokens)
    for own in ("127.0.0.1", "::1", "localhost"):
        check_host(own, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits(at_once=0), "`at_once` must be a whole number of at least 1, got 0"),
        (lambda: Limits(seconds=float("nan")), "`seconds` must be a number above 0"),
        (lambda: ServerSettings(namespace=" "), "`namespace` is empty"),
        (lambda: ServerSettings(target_tokens=0), "`target_tokens`"),
        (lambda: Upstream(base_url="nothing"), "must be a URL"),
        (lambda: Upstream(base_url="http://h/v1", key="line\nbreak"), "the upstream's key must be printable ASCII"),
        (lambda: Upstream(base_url="http://h/v1", key="key", pass_key=True), "choose one of the two"),
    ],
)
def test_settings_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_no_secret_is_shown() -> None:
    settings = settings_of("http://127.0.0.1:1/v1", tokens=True)
    shown = repr(settings) + repr(Upstream(base_url="http://127.0.0.1:1/v1", key="sk-secret-123"))
    assert "sk-secret" not in shown
    assert "token-of" not in shown


class Wrong:
    """A scorer that fails as nobody expects."""

    def score(self, query: str, sentences: Any) -> list[float]:
        raise RuntimeError("The cat is Milo.")


async def test_an_error_that_nobody_expects_is_json_too_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    transport = httpx.ASGITransport(create_app(ServerSettings(), Marker(Wrong(), counter=Counter())))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.post("/v1/mark", json={"documents": TEXTS, "query": "The cat?"})
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "server_error"
    assert "Milo" not in reply.text + "".join(record.getMessage() for record in caplog.records if record.levelname != "DEBUG")


async def test_many_at_once_get_their_own() -> None:
    async with client_of() as client:
        bodies = [
            {"documents": [f"The cat number {number} is here. It rained."], "query": "cat", "target_tokens": 6} for number in range(20)
        ]
        replies = await asyncio.gather(*(client.post("/v1/compress", json=body) for body in bodies))
    assert [json.loads(reply.text)["text"] for reply in replies] == [f"The cat number {number} is here." for number in range(20)]
