"""The description of the API (OpenAPI): what the framework finds, and what it cannot know."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from interfaces.api.answers import Problem

_ALWAYS = (401, 403, 422, 429, 503)
"""What every door with a key may answer."""

_SAYS = """\
Make, edit, upscale and adapt pictures, paid from a ledger that is never overdrawn.

Every request but `/health` and signed links bears an API key: `Authorization: Bearer isk_…`
(`studio account key add`). Long work is answered with 202 and a run that can be followed; an
`Idempotency-Key` makes it safe to ask again. Errors are `application/problem+json`; their codes are
fixed. docs/api.md has the whole story."""


def refuses(*statuses: int, key: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return the refusals that a route may answer with.

    Args:
        statuses: beside those of every route with a key.
        key: whether it needs a key.
    """
    return {
        each: {"model": Problem} for each in sorted({*(_ALWAYS if key else (422, 503)), *statuses})
    }


def body_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a route's description says of its body, in place of what is found there."""
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI) -> None:
    """Have the application describe itself in full."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _mend(
                get_openapi(
                    title=app.title, version=app.version, description=_SAYS, routes=app.routes
                )
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _mend(document: dict[str, Any]) -> dict[str, Any]:
    for path in document["paths"].values():
        for operation in path.values():
            _as_problems(operation["responses"])
            _name_body(document, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        document.get("components", {}).get("schemas", {}).pop(unused, None)
    return document


def _name_body(document: dict[str, Any], operation: dict[str, Any]) -> None:
    """Move a body's schema to the named ones, so that clients have a class for it."""
    for told in operation.get("requestBody", {}).get("content", {}).values():
        schema = told["schema"]
        if "$ref" not in schema and "title" in schema and "properties" in schema:
            document["components"]["schemas"][schema["title"]] = schema
            told["schema"] = {"$ref": f"#/components/schemas/{schema['title']}"}


def _as_problems(responses: dict[str, Any]) -> None:
    """Give refusals their media type and their phrase."""
    for status in _refusals(responses):
        told = responses[status]
        content = told.get("content", {})
        if "application/json" in content:
            content["application/problem+json"] = content.pop("application/json")
        told["description"] = HTTPStatus(int(status)).phrase


def _refusals(responses: dict[str, Any]) -> Iterable[str]:
    return [status for status in responses if status.isdecimal() and int(status) >= 400]  # noqa: PLR2004 - HTTP's
