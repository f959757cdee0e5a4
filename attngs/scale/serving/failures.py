"""Every failure of the server as JSON, in the shape that OpenAI's clients know; never as content.

Messages of ours name what was wrong and what to do. What is not ours says nothing of what was sent: its words go to the log at DEBUG.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from attngs.errors import AccessError, AttngsError, ConfigError, InputError, OutOfMemoryError, RefusedError, UnavailableError

logger = logging.getLogger(__name__)

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    504: "timeout_error",
}
_SOON = 1.0
"""Seconds after which what failed for want of memory, or of a file, may be tried again."""


def as_response(error: Exception) -> JSONResponse:
    """What a client gets for an error."""
    if isinstance(error, RefusedError):
        return _json(error.status, str(error), error.code, retry_after=error.retry_after)
    if isinstance(error, AccessError):
        return _json(401, str(error), "unknown_token", headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, InputError | ConfigError):
        return _json(400, str(error), "invalid_value")
    if isinstance(error, OutOfMemoryError | UnavailableError):
        return _json(503, str(error), _snake(type(error).__name__), retry_after=_SOON)
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException) and error.status_code == 400:  # FastAPI could not read a body
        why = "it is not UTF-8" if isinstance(error.__cause__, UnicodeDecodeError) else "it is nested too deep, or is no JSON"
        return _json(400, f"the body cannot be used: {why}; send JSON in UTF-8.", "invalid_value")
    if isinstance(error, HTTPException):
        what = "nothing at this path" if error.status_code == 404 else f"no way to ask this path so ({error.detail})"
        return _json(error.status_code, f"there is {what}; /openapi.json lists all.", "no_such_route", headers=dict(error.headers or {}))
    if isinstance(error, AttngsError):
        logger.error("a request failed: %s", type(error).__name__)
        return _json(500, str(error), _snake(type(error).__name__))
    logger.error("a request failed with an unexpected %s; the log at DEBUG has its words", type(error).__name__)
    logger.debug("an unexpected error", exc_info=error)
    return _json(500, "the server met an error of its own; whoever runs it finds it in the log.", "internal_error")


def install(app: FastAPI) -> None:
    """Have an app answer all its errors like this."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        return as_response(error)

    for kind in (AttngsError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _invalid(error: RequestValidationError) -> JSONResponse:
    """The first thing that is wrong with a body, without the value: it may be a text of the user's."""
    found: dict[str, Any] = next(iter(error.errors()), {})
    if found.get("type") == "json_invalid":
        return _json(400, f"the body cannot be used: it is no JSON from character {found['loc'][-1]} on.", "invalid_value")
    if isinstance(error.body, bytes) and found.get("loc", ())[:1] == ("body",):  # it was not read, for want of the header
        return _json(400, "the request must have the header `Content-Type: application/json`.", "no_json")
    place = ".".join(str(part) for part in found.get("loc", ())[1:] if not isinstance(part, str) or part.isidentifier())
    reason = found.get("msg", "it has another shape")
    where = f"`{place}`" if place else "the body"
    return _json(400, f"{where} cannot be used: {reason}. /openapi.json has the shape.", "invalid_value", param=place or None)


def _json(
    status: int,
    message: str,
    code: str,
    *,
    param: str | None = None,
    retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    late = {"Retry-After": str(max(1, math.ceil(retry_after)))} if retry_after is not None else {}
    return JSONResponse({"error": error}, status, {**(headers or {}), **late})


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
