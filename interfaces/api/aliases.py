"""The addresses of the original Image Studio, in mended form: other names for the routes beside.

A body has the fields of the operation's own route. Pictures are assets, answers are runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body

from interfaces.api import catalogue_routes, quotes
from interfaces.api.asking import Started, WayHere
from interfaces.api.bodies import example_of
from interfaces.api.identity import Reader, Runner
from interfaces.api.key_first import KeyFirst
from interfaces.api.operations import ENDED, REFUSALS, Endpoint, add_operation, carry_out
from interfaces.api.schema import body_of, refuses
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS

router = APIRouter(route_class=KeyFirst, tags=["the original's addresses"])

SAME: Mapping[str, str] = {
    "/create": "generate",
    "/transform/image-to-video": "image_to_video",
    "/transform/talking-avatar": "talking_avatar",
    "/3d/generate": "image_to_3d",
    "/social/optimize": "social_export",
    "/face-swap/process": "face_swap",
    "/compress": "compress",
    "/convert-format": "convert",
}
"""Addresses that do one operation."""

_MODES = {"conservative": "upscale_conservative", "creative": "upscale_creative"}


def _of(module: str) -> list[str]:
    return [name for name, kind in OPERATIONS.items() if kind.module == module]


SEVERAL: Mapping[str, list[str]] = {
    "/edit/process": _of("edit"),
    "/control/process": _of("control"),
    "/upscale": _of("upscale"),
}
"""Addresses that do the operation that their body names."""


def chosen(path: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the operation that a body names, and the body of that operation's own route.

    Raises:
        InvalidRequest: it names none, or one of elsewhere.
    """
    rest = dict(body)
    if path == "/upscale":
        mode = rest.get("mode")
        if isinstance(mode, str) and mode in _MODES:
            # Where the original had three modes, here are three operations.
            del rest["mode"]
            return _MODES[mode], rest
        rest.setdefault("operation", "upscale")
    name = rest.get("operation")
    if not isinstance(name, str) or name not in SEVERAL[path]:
        raise InvalidRequest(
            "This address does other operations.",
            field="operation",
            given=name,
            allowed=", ".join(SEVERAL[path]),
        )
    return name, rest


def _endpoint(path: str) -> Endpoint:
    async def do(way: WayHere, who: Runner, body: Annotated[dict[str, Any], Body()]) -> Started:
        name, rest = chosen(path, body)
        return await carry_out(way, who, name, rest)

    return do


def _identifier(path: str) -> str:
    return "original" + path.replace("/", "_").replace("-", "_")


for _path, _name in SAME.items():
    add_operation(
        router,
        _path,
        OPERATIONS[_name],
        operation_id=_identifier(_path),
        says=f"The same as `POST /operations/{_name}`.",
    )

for _path, _names in SEVERAL.items():
    _first = {"operation": _names[0], **example_of(_names[0])}
    router.add_api_route(
        _path,
        _endpoint(_path),
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        operation_id=_identifier(_path),
        summary="Do the operation that the body names",
        description=f"The same as `POST /operations/…`: {', '.join(_names)}.",
        response_model=Started,
        responses={**ENDED, **refuses(*REFUSALS)},
        openapi_extra=body_of(
            {
                "type": "object",
                "title": f"{_identifier(_path).title().replace('_', '')}Request",
                "properties": {"operation": {"type": "string", "enum": _names}},
                "additionalProperties": True,
                "examples": [_first],
            }
        ),
    )

for _path in ("/estimate-cost", "/transform/estimate-cost"):
    router.add_api_route(
        _path,
        quotes.quote,
        methods=["POST"],
        operation_id=_identifier(_path),
        summary="Say what an operation would cost",
        description="The same as `POST /quotes`.",
        responses=refuses(402, 404, 501, 502),
        openapi_extra=body_of(quotes.REQUEST),
    )

router.add_api_route(
    "/platform-specs/{platform}",
    catalogue_routes.formats,
    methods=["GET"],
    operation_id="original_platform_specs",
    summary="List a platform's formats",
    description="The same as `GET /social/platforms/{platform}/formats`.",
    responses=refuses(404),
)


@router.get(
    "/{module}/operations",
    operation_id="original_module_operations",
    summary="List a module's operations",
    responses=refuses(),
)
def module_operations(who: Reader, module: str) -> catalogue_routes.Operations:
    """The same as `GET /operations?module=…`."""
    return catalogue_routes.operations(who, module)
