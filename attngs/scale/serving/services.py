"""What the routes of a server share, and whose a request is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import APIKeyHeader, HTTPBearer

from attngs.compressor import ContextCompressor
from attngs.errors import InputError, RefusedError
from attngs.hosts.message_shortener import MessageShortener
from attngs.memory.opened import OpenMemories
from attngs.scale.serving.metrics import ServerMetrics
from attngs.scale.serving.models import Text, documents
from attngs.scale.serving.proxy import Proxy
from attngs.scale.serving.settings import TOKEN_HEADER, ServerSettings
from attngs.text.documents import check_namespace
from attngs.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What one server works with."""

    settings: ServerSettings
    compressor: ContextCompressor
    metrics: ServerMetrics
    memories: OpenMemories | None
    """`None`: nothing is remembered."""
    shortener: MessageShortener[Any]
    """Knows what chats were shown."""
    proxy: Proxy | None
    """`None`: there is no upstream."""

    async def close(self) -> None:
        """Close connections."""
        if self.proxy:
            await self.proxy.close()

    def namespace(self, request: Request, user: str | None) -> str:
        """Whose a request is: its token's, else the user's that it names, else the server's own.

        Raises:
            InputError: No namespace can have this name.
        """
        of_token: str | None = request.state.namespace
        if of_token is not None:
            return of_token
        return self.settings.namespace if user is None else _check_user(user)

    def documents(self, texts: Sequence[Text | str]) -> list[Document]:
        """The texts of a request.

        Raises:
            RefusedError: They cannot be read within the time limit.
        """
        found = documents(texts)
        self.settings.limits.check_characters(sum(len(document.text) for document in found))
        return found

    def forget_shown(self, namespace: str) -> None:
        """Forget what this user's chats were shown: something of it is to be shown no more."""
        self.shortener.forget(namespace)

    @property
    def required_memories(self) -> OpenMemories:
        """Everybody's memory.

        Raises:
            RefusedError: The server has none.
        """
        if self.memories is None:
            raise RefusedError("this server remembers nothing; start it with `--memory FILE`.", status=501, code="no_memory")
        return self.memories


def _check_user(user: str) -> str:
    if not check_namespace(user).strip():
        raise InputError("`user` is empty; name the user, or leave `user` out for the memory that all share.")
    return user


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Shared = Annotated[Services, Depends(_services)]
User = Annotated[
    str | None,
    Query(description="Whose texts these are, on a server without tokens. With a token it may be left out, and nobody else can be named."),
]


def _namespace(request: Request, services: Shared, user: User = None) -> str:
    if user is not None:
        _check_user(user)
    found = services.namespace(request, user)
    if user is not None and user != found:
        raise RefusedError(
            "`user` names somebody else than the token is for; leave it out, or send that user's token.", status=403, code="other_namespace"
        )
    return found


Namespace = Annotated[str, Depends(_namespace)]
"""Whose a request is. One that names another namespace than its token's is refused."""


def check_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not know.

    A mistyped `user` would reach the memory that all share.

    Raises:
        InputError: There is one.
    """
    known = sorted(set(_parameters(request.scope["route"].dependant)))
    for name in request.query_params:
        if name not in known:
            listed = f"it knows {', '.join(f'`{one}`' for one in known)}" if known else "it knows none"
            raise InputError(f"the query parameter {name!r} is unknown here; {listed}.")


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _parameters(inner)


TOKENS = [
    Security(HTTPBearer(auto_error=False, description="The token of a namespace, on a server that has tokens.")),
    Security(APIKeyHeader(name=TOKEN_HEADER, auto_error=False, description="`Bearer TOKEN`, where `Authorization` is for the upstream.")),
]
"""For OpenAPI alone: the doorkeeper has asked for the token already."""
