"""Where a server may listen: without tokens, on this machine alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from attngs.errors import ConfigError
from attngs.scale.serving.tokens import Tokens


def check_host(host: str, tokens: Tokens | None) -> None:
    """Raise unless the server may listen there: without tokens, on this machine alone.

    Raises:
        ConfigError: Others could reach it, and nobody would have to say who they are.
    """
    if tokens is None and not is_local(host):
        raise ConfigError(
            f"`host` is {host!r}, where other machines reach the server, and without tokens anybody could read every memory; pass "
            "`--tokens FILE`, or listen on 127.0.0.1."
        )


def name_of(host: str) -> str:
    """The name or address in a `Host` header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_local(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
