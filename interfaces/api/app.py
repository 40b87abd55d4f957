"""The application put together: routes, errors, and what is around each request."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from engine.studio import Studio
from interfaces.api import (
    account_routes,
    aliases,
    assets_routes,
    batch_results,
    batches_routes,
    boards_routes,
    catalogue_routes,
    collections_routes,
    events,
    health,
    imports_routes,
    jobs_routes,
    keys,
    library_routes,
    media,
    operations,
    ordering_routes,
    originals,
    personas_routes,
    quotes,
    runs_routes,
    schedules_routes,
    suggestions_routes,
    team_routes,
    versions_routes,
    webhooks_routes,
)
from interfaces.api.assets_routes import LARGEST_UPLOAD, UPLOADS
from interfaces.api.envelope import Envelope
from interfaces.api.guessing import Guessing
from interfaces.api.prefect_runs import PrefectRuns
from interfaces.api.problems import handle_errors
from interfaces.api.runs import Runs
from interfaces.api.schema import describe
from interfaces.api.throttle import Throttle

LARGEST_BODY = 1_000_000
"""Bytes of a request that uploads nothing."""

_ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    quotes.router,
    operations.router,
    runs_routes.router,
    events.router,
    assets_routes.router,
    versions_routes.router,
    suggestions_routes.router,
    library_routes.router,
    ordering_routes.router,
    collections_routes.router,
    imports_routes.router,
    media.router,
    boards_routes.router,
    batches_routes.router,
    batch_results.router,
    schedules_routes.router,
    jobs_routes.router,
    account_routes.router,
    team_routes.router,
    catalogue_routes.router,
    personas_routes.router,
    keys.router,
    webhooks_routes.router,
    aliases.router,
    originals.router,
)
_EXPOSED = ["X-Request-Id", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "Location"]


def application(studio: Studio, runs: Runs | None = None) -> FastAPI:
    """Return the API as an ASGI application.

    Args:
        studio: the studio behind it; the caller closes it.
        runs: who carries runs out; Prefect, if not given.
    """
    config = studio.settings
    app = FastAPI(
        title="Image Studio",
        version=version("image-studio"),
        # Described by a route of our own, in a thread: the first time takes some seconds.
        openapi_url=None,
        # Their pages load programs from elsewhere; the description itself is served.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.studio = studio
    app.state.runs = runs or PrefectRuns(config)
    app.state.streams = events.Streams()
    app.state.throttle = Throttle(config.api_requests_per_minute)
    app.state.guessing = Guessing()
    for router in _ROUTERS:
        app.include_router(router, prefix=config.api_prefix)
    handle_errors(app)
    describe(app)
    if config.api_cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.api_cors),
            # Keys travel in a header that a page must set itself: no cookies, no credentials.
            allow_credentials=False,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=_EXPOSED,
        )
    uploads = config.api_prefix + UPLOADS
    app.add_middleware(
        Envelope, largest=lambda path: LARGEST_UPLOAD if path == uploads else LARGEST_BODY
    )
    return app
