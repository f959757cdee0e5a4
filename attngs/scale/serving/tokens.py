"""Who asks: bearer tokens, each of one namespace.

A file names the tokens by their SHA-256 digests, so whoever reads it cannot use them. In TOML, or as the same object in JSON:

    [tokens]
    "<what `printf %s TOKEN | sha256sum` prints>" = "ana"

Nobody can name a namespace in a request: what the token is for is all that it reaches.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from attngs.errors import AccessError, AssetError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHAPE = 'it must hold a table `tokens` of lines such as "SHA-256 of the token, in hex" = "namespace"'


def digest_of(token: str) -> str:
    """What stands for a token in the file."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


class Tokens:
    """The tokens that a server knows. Neither they nor their digests are ever shown.

    Args:
        namespaces: Whose each token is, by the token's digest (`digest_of`). Several tokens may be of one namespace.

    Raises:
        AssetError: There is no token, a digest is none, or a namespace is empty.
    """

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        if not isinstance(namespaces, Mapping) or not namespaces:
            raise AssetError(f"there are no tokens: {_SHAPE}.")
        self._namespaces = dict[str, str]()
        for number, (name, namespace) in enumerate(namespaces.items(), start=1):
            digest = str(name).lower()
            if not _DIGEST.fullmatch(digest):
                raise AssetError(
                    f"token {number} is no SHA-256 digest (64 hexadecimal digits); `printf %s TOKEN | sha256sum` prints it. What stands "
                    "there is not shown, because it may be the token itself."
                )
            if not isinstance(namespace, str) or not namespace.strip():
                raise AssetError(f"the namespace of token {number} must be a text that is not empty, such as the user's id.")
            if self._namespaces.setdefault(digest, namespace) != namespace:
                raise AssetError(f"token {number} stands there twice, for two namespaces; give each namespace a token of its own.")

    @classmethod
    def read(cls, path: str | Path) -> Tokens:
        """The tokens of a file: JSON where its name ends in `.json`, else TOML.

        Raises:
            AssetError: The file cannot be read, or is not of this shape.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise AssetError(f"the tokens in {str(path)!r} cannot be read: {why}.") from error
        try:
            content: object = json.loads(text, object_pairs_hook=_once) if Path(path).suffix.lower() == ".json" else tomllib.loads(text)
        except (ValueError, RecursionError):  # both parsers quote what they read, so their words are not repeated
            raise AssetError(f"the tokens in {str(path)!r} are not valid {_kind(path)}, or one stands there twice; {_SHAPE}.") from None
        if not isinstance(content, Mapping) or set(content) != {"tokens"} or not isinstance(content["tokens"], Mapping):
            raise AssetError(f"{str(path)!r} holds no tokens, or something else too: {_SHAPE}, and nothing else.")
        try:
            return cls(content["tokens"])
        except AssetError as error:
            raise AssetError(f"{str(path)!r}: {error}") from None

    def namespace_of(self, authorization: str | None, header: str = "Authorization") -> str:
        """Whose a request is.

        Args:
            authorization: The value of the header that has its token.
            header: The name of that header, for the message.

        Raises:
            AccessError: There is no bearer token, or nobody has this one. Nothing in the message tells tokens apart.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AccessError(f"this server needs a token: send the header `{header}: Bearer TOKEN`.")
        given, found = digest_of(token.strip()), None
        for digest, namespace in self._namespaces.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(digest, given):
                found = namespace
        if found is None:
            raise AccessError("this server does not know the token; whoever runs it can add the token's digest to its file of tokens.")
        return found

    def __len__(self) -> int:
        return len(self._namespaces)

    def __repr__(self) -> str:
        return f"<Tokens: {len(self)}>"


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON that names nothing twice, as TOML has it."""
    found = dict[str, object]()
    for name, value in pairs:
        if name in found:
            raise ValueError
        found[name] = value
    return found


def _kind(path: str | Path) -> str:
    return "JSON" if Path(path).suffix.lower() == ".json" else "TOML"
