"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from attngs.errors import ConfigError, check_whole
from attngs.hosts.shortening import History, ToolResults
from attngs.scale.serving.limits import Limits
from attngs.scale.serving.tokens import Tokens
from attngs.text.documents import check_namespace
from attngs.writing.chat.credentials import checked_secret, shown_url

TOKEN_HEADER = "X-Attngs-Token"  # noqa: S105 (the name of a header)
"""Has a caller's token for this server where its `Authorization` is for the upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The endpoint that chats go on to.

    Args:
        base_url: Of an API that speaks OpenAI's chat completions, usually ending in `/v1`.
        key: Sent to it in place of whatever callers send; `None` sends no key.
        pass_key: Send callers' own `Authorization` instead. Their token for this server then comes in `X-Attngs-Token`.

    Raises:
        ConfigError: It is no URL, a header cannot hold the key, or there are two keys.
    """

    base_url: str
    key: str | None = field(default=None, repr=False)
    pass_key: bool = False

    def __post_init__(self) -> None:
        shown_url(self.base_url)  # raises
        if self.key is not None:
            checked_secret("the upstream's key", self.key)
            if self.pass_key:
                raise ConfigError("callers' own keys are passed on, and there is a key for the upstream too; choose one of the two.")

    def url(self, path: str) -> str:
        """Of what the endpoint has at a path."""
        return f"{self.base_url.rstrip('/')}/{path}"

    def authorization(self, callers: str | None) -> str | None:
        """The header that goes upstream, where a caller sent this one."""
        return callers if self.pass_key else f"Bearer {self.key}" if self.key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What is served, to whom, and how much of it.

    Args:
        memory: The file that holds everybody's memory; without one, nothing is remembered.
        namespace: Whose a request is where there are no tokens and it names no user.
        tokens: Who may ask, and in which namespace; `None`: everybody who reaches the server.
        upstream: Where chats go on to; without one, chats are refused.
        target_tokens: Budget of a chat turn's memory; also of shortened old turns and of each shortened tool result, where their rules
            have none.
        tool_results: Which tool results of a chat are shortened; `None` for none.
        history: When old turns of a chat are shortened; `None` for never.
        limits: How much is taken.

    Raises:
        ConfigError: A setting is outside its range.
    """

    memory: str | Path | None = None
    namespace: str = "default"
    tokens: Tokens | None = None
    upstream: Upstream | None = None
    target_tokens: int = 512
    tool_results: ToolResults | None = field(default_factory=ToolResults)
    history: History | None = field(default_factory=History)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        if not self.namespace.strip():
            raise ConfigError("`namespace` is empty; say whose requests are without a token, such as 'default'.")
        check_whole("target_tokens", self.target_tokens)

    @property
    def token_header(self) -> str:
        """Which header has a caller's token for this server."""
        return TOKEN_HEADER if self.upstream and self.upstream.pass_key else "Authorization"
