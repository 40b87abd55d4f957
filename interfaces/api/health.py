"""Whether the API can do its work, for those who watch over it. Says nothing of anybody."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text

from interfaces.api.answers import Answer
from interfaces.api.identity import StudioHere
from studio.errors import StudioUnavailable

router = APIRouter(tags=["health"])


class Health(Answer):
    """How it is."""

    status: str
    database: str


@router.get("/health", operation_id="get_health", summary="Whether the API works")
def health(studio: StudioHere, response: Response) -> Health:
    """Say whether the database answers; 503 if not. No key is needed."""
    try:
        with studio.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except StudioUnavailable:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Health(status="unavailable", database="does not answer")
    return Health(status="ok", database="ok")


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request) -> JSONResponse:
    """Return the description of the API. No key is needed."""
    return JSONResponse(request.app.openapi())
