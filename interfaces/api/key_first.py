"""Routes that look at the key before anything of the body is read or understood.

FastAPI reads a body before it asks any dependency: without this, somebody without a key would have
megabytes read and parsed for them, and be told what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from interfaces.api.identity import api_key, key_of


class KeyFirst(APIRoute):
    """A route that, where it asks for a key at all, asks for it first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request, with the question for the key before it."""
        answer = super().get_route_handler()
        if not _asks_for_key(self.dependant):
            return answer

        async def first(request: Request) -> Response:
            await run_in_threadpool(key_of, request)
            if request.scope["body_refused"] is not None:
                raise request.scope["body_refused"]
            return await answer(request)

        return first


def _asks_for_key(dependant: Dependant) -> bool:
    return dependant.call is api_key or any(map(_asks_for_key, dependant.dependencies))
