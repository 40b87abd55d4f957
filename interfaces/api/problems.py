"""Errors as ``application/problem+json`` (RFC 9457): the same codes and fields as everywhere."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from studio.errors import (
    BodyTooLarge,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    StudioError,
    shorten,
)
from studio.rules import rule
from studio.statuses import status_of

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:image-studio:error:"
"""What the ``type`` of every problem begins with; the error's code is behind it."""

_LOG = logging.getLogger("studio.api")


def problem(
    error: StudioError,
    request_id: str,
    *,
    status: int = 0,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an error as the answer to a request.

    Args:
        request_id: of the request, so that it is found in the log.
        status: instead of the error's own.
        headers: further ones.
    """
    code = status or status_of(error).value
    facts = error.as_dict()
    message = facts.pop("message")
    document = {
        **facts,
        "type": TYPE + error.code,
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": message,
        "request_id": request_id,
    }
    return JSONResponse(
        _plain(document),
        status_code=code,
        media_type=MEDIA_TYPE,
        headers={**_headers_of(error), **(headers or {})},
    )


def _headers_of(error: StudioError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="image-studio"'}
    seconds = error.details.get("retry_after")
    if isinstance(seconds, int | float):
        return {"Retry-After": str(max(1, math.ceil(seconds)))}
    return {}


def _plain(value: Any) -> Any:
    """Return what JSON can say: text that is no Unicode, say, of a path, must not end in a 500."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | bool | None) else str(value)


def handle_errors(app: FastAPI) -> None:
    """Answer every error as a problem."""

    @app.exception_handler(StudioError)
    async def known(request: Request, error: StudioError) -> JSONResponse:
        return problem(error, request_id_of(request))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(_invalid(error.errors(), request), request_id_of(request))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        told = _of_http(request, error)
        headers = dict(error.headers or {})
        # What the framework calls a bad request, we call an invalid one: one code, one status.
        status = 0 if error.status_code == HTTPStatus.BAD_REQUEST else error.status_code
        return problem(told, request_id_of(request), status=status, headers=headers)


def request_id_of(request: Request) -> str:
    """Return the id of a request."""
    return str(request.scope.get("request_id", ""))


class _Unexpected(StudioError):
    """A mistake in the program."""

    code = "unexpected"


def unexpected(request_id: str, error: Exception) -> JSONResponse:
    """Return the answer where the program has a mistake: its words stay in the log."""
    _LOG.error("request %s failed", request_id, exc_info=error)
    words = "Something unexpected happened here; the log has it under the request's id."
    return problem(_Unexpected(words), request_id)


class _NotAllowed(InvalidRequest):
    """The path is there, and not for this method."""

    code = "method_not_allowed"


def _of_http(request: Request, error: HTTPException) -> StudioError:
    """Return one of our errors for what the framework refuses."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this address.", field="path", given=request.url.path)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _NotAllowed(
            "This address does not take that method.",
            field="method",
            given=request.method,
            allowed=(error.headers or {}).get("Allow"),
        )
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        length = request.headers.get("content-length", "")
        given = f"{length[:20]} bytes" if length else ""
        return BodyTooLarge("The request is too large.", given=given, allowed=str(error.detail))
    return InvalidRequest(str(error.detail), field="body")


def _invalid(found: Sequence[Any], request: Request) -> InvalidRequest:
    problems = [_described(each, request) for each in found]
    first = problems[0]
    return InvalidRequest(
        f"{first['field']} {first['rule']}.",
        field=first["field"],
        given=first["given"],
        allowed=first["rule"],
        problems=problems,
    )


def _described(found: Mapping[str, Any], request: Request) -> dict[str, str]:
    kind, place = found["type"], found["loc"]
    if kind == "json_invalid":
        # The place is that of the character.
        words = f"must be JSON; at character {place[-1]}: {found['ctx']['error']}"
        return {"field": "body", "given": "", "rule": words}
    if place == ("body",) and isinstance(found.get("input"), bytes):
        # The framework leaves a body alone that does not say that it is JSON.
        given = request.headers.get("content-type", "")
        return {"field": "Content-Type", "given": given, "rule": "must be application/json"}
    return {
        "field": ".".join(str(part) for part in place[1:]) or str(place[0]),
        "given": "" if kind == "missing" else shorten(found.get("input", "")),
        "rule": rule(found),
    }
