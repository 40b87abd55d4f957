"""A route for each operation: its body is described, and read, by the operation's own model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body

from interfaces.api.asking import Started, Way, WayHere, Wish, answered, check_order
from interfaces.api.bodies import read_order, schema_of
from interfaces.api.identity import Identity, Runner
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import body_of, refuses
from studio.operations import OPERATIONS, Operation

Endpoint = Callable[..., Awaitable[Started]]

ENDED: dict[int | str, dict[str, Any]] = {
    200: {"model": Started, "description": "With `Prefer: wait`, the run has ended."}
}
REFUSALS = (402, 404, 409, 413, 501, 502)


async def carry_out(way: Way, who: Identity, name: str, body: Mapping[str, Any]) -> Started:
    """Check a request, start it as a run, and wait for its end if that is preferred."""
    order = read_order(name, body)
    wish = Wish(name, order.values(), way.key, lambda: check_order(way.studio, who, order))
    return await answered(way, who, wish)


def _endpoint(name: str) -> Endpoint:
    async def do(way: WayHere, who: Runner, body: Annotated[dict[str, Any], Body()]) -> Started:
        return await carry_out(way, who, name, body)

    return do


def add_operation(
    router: APIRouter, path: str, kind: type[Operation], *, operation_id: str, says: str
) -> None:
    """Add a route that does an operation."""
    name = kind.model_fields["operation"].default
    router.add_api_route(
        path,
        _endpoint(name),
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        operation_id=operation_id,
        summary=kind.title,
        description=says,
        response_model=Started,
        responses={**ENDED, **refuses(*REFUSALS)},
        openapi_extra=body_of(schema_of(name)),
    )


router = APIRouter(route_class=KeyFirst, tags=["operations"], prefix="/operations")

for _name, _kind in OPERATIONS.items():
    add_operation(
        router,
        f"/{_name}",
        _kind,
        operation_id=_name,
        says=f"{_kind.summary} Answers with a run as soon as it is asked for.",
    )
