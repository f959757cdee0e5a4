"""Keys and URLs of an endpoint: found, checked, and never shown to people or logs."""

from __future__ import annotations

import os
from urllib.parse import urljoin, urlsplit

from attngs.errors import ConfigError

PLACEHOLDER_KEY = "none"
"""Sent to a `base_url` when there is no key: most servers want some key, and take any."""

SHORTEST_SECRET = 6
"""Shorter values, such as the placeholder or `true`, are ordinary words and are not hidden."""


class Mask:
    """Replaces secrets in a text: endpoints like to repeat a wrong key in their errors."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def api_key_for(base_url: str | None, api_key: str | None) -> str:
    """The given key, else the environment's, else a placeholder if there is a `base_url`.

    Raises:
        ConfigError: There is none, or no header can hold it.
    """
    key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY") or (PLACEHOLDER_KEY if base_url else None)
    if key is None:
        raise ConfigError(
            "there is no API key: set the environment variable OPENAI_API_KEY (in Python, `api_key=` does too). For a server of your own "
            "pass `base_url`, for instance 'http://localhost:11434/v1'; it needs no key unless you set one there."
        )
    return checked_secret("`api_key`", key)


def checked_secret(what: str, value: object) -> str:
    """The value, if a header can hold it; the HTTP library's own error would show the value.

    Raises:
        ConfigError: It cannot; the message does not show it.
    """
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise ConfigError(
            f"{what} must be printable ASCII without white space round it (a line break at the end?); its value is not shown."
        )
    return value


def host_of(location: str, base_url: str) -> str:
    """Where a redirect leads, for messages: scheme, host and port, without anything that may be a secret."""
    try:
        parts = urlsplit(shown_url(urljoin(base_url, location)))
    except (ConfigError, ValueError):
        return "another place"
    return f"{parts.scheme}://{parts.netloc}"


def shown_url(base_url: str | None) -> str:
    """The endpoint for messages: without user, password and query, which may be secrets.

    Raises:
        ConfigError: It is no URL.
    """
    if base_url is None:
        return "https://api.openai.com/v1"
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("`base_url` must be a URL such as 'http://localhost:8000/v1'.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"
