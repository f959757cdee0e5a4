"""A writer behind OpenAI's protocol: OpenAI, vLLM, Ollama, LM Studio, `transformers serve`, gateways."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from attngs.errors import ChatError, ConfigError, MissingDependencyError, check_whole
from attngs.reading.copies import Shared
from attngs.types import ChatReply, Message
from attngs.writing.chat.background import BackgroundLoop
from attngs.writing.chat.completion import read_completion
from attngs.writing.chat.credentials import Mask, api_key_for, checked_secret, host_of, shown_url
from attngs.writing.chat.failures import is_retryable, own_words, retry_after, with_retries, without_request
from attngs.writing.chat.messages import clean_messages

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

CONNECT_SECONDS = 5.0
"""Longest wait for a connection, so that an unreachable server does not use up the whole timeout."""

MOST_BYTES = 16 * 2**20
"""Of a reply: more than any writer has to say, and an end for a server that never stops talking."""

_OURS = ("model", "messages", "stream", "n")


class _Session(NamedTuple):
    client: AsyncOpenAI
    slots: asyncio.Semaphore


class OpenAIChat(Shared):
    """A writer behind an OpenAI-compatible endpoint (extra `openai`).

    `complete` and `acomplete` are safe from any number of threads and event loops; all requests run in one background thread, over one
    pool of connections. A forked process opens its own. `close`, a `with` block or the interpreter's end closes it. Only what
    is set here is sent: no temperature and no token limit unless you give them, because some models refuse them. The documents leave this
    machine for `base_url`, and no redirect takes them anywhere else.

    Args:
        model: As the endpoint calls it.
        base_url: Of the API, usually ending in `/v1`; `OPENAI_BASE_URL`, then OpenAI's own when not given.
        api_key: Sent to `base_url`; `OPENAI_API_KEY` when not given. A server of your own may need none.
        timeout: Seconds until a call has its reply or fails, including the wait for a free slot, all attempts and the pauses between them.
        max_retries: Further attempts after a timeout, a lost connection, or status 408, 409, 429 or 5xx. `Retry-After` is kept to.
        max_concurrency: Requests under way at once.
        temperature: Sent when given.
        max_tokens: Bound of the reply, sent when given.
        context_window: Tokens that the model reads and writes together, where you know it.
        extra_body: Further fields of the request, such as `{"max_completion_tokens": 512}`.
        headers: Further HTTP headers. Like the key, their values are never shown.

    Raises:
        ConfigError: A setting is outside its range, or there is no key for OpenAI.
        MissingDependencyError: The `openai` package is not installed.
    """

    provider = "openai"
    """What OpenTelemetry calls endpoints that speak this protocol."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 2,
        max_concurrency: int = 8,
        temperature: float | None = None,
        max_tokens: int | None = None,
        context_window: int | None = None,
        extra_body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(model, str) or not model.strip():
            raise ConfigError(f"`model` must be the name of a model, got {model!r}.")
        if not _is_number(timeout) or not 0 < timeout < math.inf:
            raise ConfigError(f"`timeout` must be a number of seconds above 0, got {timeout!r}.")
        check_whole("max_retries", max_retries, least=0)
        check_whole("max_concurrency", max_concurrency, least=1)
        if temperature is not None and not (_is_number(temperature) and 0 <= temperature < math.inf):
            raise ConfigError(f"`temperature` must be a number of at least 0, got {temperature!r}.")
        for name, value in (("max_tokens", max_tokens), ("context_window", context_window)):
            if value is not None:
                check_whole(name, value, least=1)
        extra = dict(extra_body or {})
        if taken := [name for name in _OURS if name in extra]:
            raise ConfigError(f"`extra_body` must not hold {taken[0]!r}: that field is set by attngs.")
        try:
            import openai  # noqa: F401 - the background thread needs it, and here the error finds its reader
        except ImportError as error:
            raise MissingDependencyError("`OpenAIChat` needs the openai package: pip install 'attngs[openai]'") from error
        if base_url is None:  # an empty `base_url` is refused: it is a missing setting, not a wish to send anything to OpenAI
            base_url = os.environ.get("OPENAI_BASE_URL") or None
        self.model = model
        self.context_window = context_window
        self._url = shown_url(base_url)
        key = api_key_for(base_url, api_key)
        sent = {name: checked_secret(f"the header {name!r}", value) for name, value in (headers or {}).items()}
        self._mask = Mask(key, *sent.values())
        self._timeout = timeout
        self._max_retries = max_retries
        self._max_concurrency = max_concurrency
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._extra = extra
        options = {"base_url": base_url, "api_key": key, "default_headers": sent, "timeout": timeout}
        self._background = BackgroundLoop(partial(_session, options, max_concurrency))

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Ask, and wait.

        Raises:
            ChatError: There was no reply, or none that can be read; `retryable`, `status` and `retry_after` say more.
            InputError: The messages cannot be used.
            ConfigError: The chat model is closed.
        """
        request = self._request(messages)
        return self._background.run(lambda session: self._ask(session, request))

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete` for an event loop. Cancelling it ends the request."""
        request = self._request(messages)
        return await self._background.arun(lambda session: self._ask(session, request))

    def close(self) -> None:
        """Close the connections and end the thread; a call under way gets a `ChatError`."""
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.model!r}, base_url={self._url!r}, api_key='***')"

    def _request(self, messages: Sequence[Message]) -> dict[str, Any]:
        """The same body, byte for byte, for the same messages: providers' prompt caches depend on it."""
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in clean_messages(messages)],
        }
        if self._temperature is not None:
            request["temperature"] = self._temperature
        if self._max_tokens is not None:
            request["max_tokens"] = self._max_tokens
        return request

    async def _ask(self, session: _Session, request: dict[str, Any]) -> ChatReply:
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            # the HTTP library's own timeout starts anew with every byte; this one does not
            async with asyncio.timeout_at(deadline):
                return await with_retries(lambda: self._attempt(session, request), max_retries=self._max_retries, deadline=deadline)
        except TimeoutError:
            raise ChatError(
                f"no complete reply from {self._url} within {self._timeout:g} s, including retries and the wait for one of "
                f"{self._max_concurrency} slots. Raise `timeout`, or `max_concurrency` if many ask at once.",
                retryable=True,
            ) from None

    async def _attempt(self, session: _Session, request: dict[str, Any]) -> ChatReply:
        from openai import APIError, OpenAIError

        def shown(words: str) -> str:
            return without_request(self._mask(words), [message["content"] for message in request["messages"]])

        create = session.client.chat.completions.with_streaming_response.create
        try:
            # a slot for as long as the endpoint is busy with this, and not in the pauses between attempts
            async with session.slots, create(**request, extra_body=self._extra or None) as response:
                body, content_type = await _body(response.iter_bytes()), response.headers.get("content-type", "")
        except ChatError as error:
            failure = error
        except APIError as error:
            failure = self._explained(error, shown)
        except OpenAIError as error:
            failure = ChatError(f"the openai package failed: {shown(str(error))}")
        except Exception as error:  # the body broke off: whatever the HTTP library of the day raises
            failure = self._lost(error, shown)
        else:
            try:
                return read_completion(body, content_type, shown)
            except ChatError as error:
                failure = error
        # raised outside of the handlers: what was caught there holds the request, and the request holds the key
        raise ChatError(self._mask(str(failure)), retryable=failure.retryable, status=failure.status, retry_after=failure.retry_after)

    def _explained(self, error: APIError, shown: Callable[[str], str]) -> ChatError:
        from openai import APIStatusError

        if not isinstance(error, APIStatusError):
            return self._lost(error.__cause__ or error, shown)
        status, said = error.status_code, own_words(error.body, shown) or "it does not say why"
        if 300 <= status < 400 and (location := error.response.headers.get("location")):
            return ChatError(
                f"{self._url} answered with status {status}: it redirects to {host_of(location, self._url)}, where nothing was sent. "
                "If you trust that place, set `base_url` to it.",
                status=status,
            )
        spent = error.code == "insufficient_quota"  # a 429 that no waiting changes
        return ChatError(
            f"{self._url} answered with status {status}: {said}{self._remedy(status, own_words(error.body, self._mask))}",
            retryable=is_retryable(status) and not spent,
            status=status,
            retry_after=retry_after(error.response.headers),
        )

    def _remedy(self, status: int, words: str) -> str:
        if status in (401, 403):
            return " (Check the key, OPENAI_API_KEY or `api_key=`, and that it may use this model.)"
        if status == 404:
            return f" (Check `base_url`, most end in `/v1`, and the model's name, which is {self.model!r} here.)"
        if self._max_tokens is not None and "max_tokens" in words:
            return f" (Leave `max_tokens` out, or pass extra_body={{'max_completion_tokens': {self._max_tokens}}} in its place.)"
        if self._temperature is not None and "temperature" in words:
            return " (Leave `temperature` out; this model takes none, or not this one.)"
        return ""

    def _lost(self, error: BaseException, shown: Callable[[str], str]) -> ChatError:
        if isinstance(error, ChatError):
            return error
        reason = shown(f"{type(error).__name__}: {error}".partition("\n")[0])
        return ChatError(f"the connection to {self._url} failed ({reason}). Is it running, and is `base_url` right?", retryable=True)


@asynccontextmanager
async def _session(options: dict[str, Any], max_concurrency: int) -> AsyncIterator[_Session]:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    timeout = Timeout(options["timeout"], connect=min(CONNECT_SECONDS, options["timeout"]))
    # a redirect would take documents and headers to a host that nobody named
    http = DefaultAsyncHttpxClient(follow_redirects=False, event_hooks={"response": [_check_uncompressed]})
    headers = {"Accept-Encoding": "identity", **options["default_headers"]}
    # retries are ours: theirs know no deadline
    async with AsyncOpenAI(**{**options, "timeout": timeout, "default_headers": headers, "max_retries": 0}, http_client=http) as client:
        yield _Session(client, asyncio.Semaphore(max_concurrency))


async def _check_uncompressed(response: Any) -> None:
    """A few compressed bytes can become gigabytes before anybody counts them."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding not in ("", "identity"):
        raise ChatError(f"the endpoint compressed its reply ({encoding!r}) although it was asked not to; it was not read.")


async def _body(chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise ChatError(f"the endpoint's reply is larger than {MOST_BYTES:,} bytes, which no writer needs; the rest was not read.")
    return bytes(body)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
