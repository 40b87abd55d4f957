"""What else the original Image Studio had at addresses of its own: models, presets, small batches.

All of it is read from the operations and offers, so that nothing is said here that is not done.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import Field

from engine.estimating import estimate
from engine.studio import Studio
from engine.uploads import take_in
from interfaces.api import quotes
from interfaces.api.answers import Answer
from interfaces.api.asking import Started, WayHere, Wish, answered
from interfaces.api.batch_answers import (
    check_batch_funds,
)
from interfaces.api.batch_requests import BatchRequest
from interfaces.api.bodies import example_of, read_order, schema_of
from interfaces.api.catalogue_routes import Offer, offers_of
from interfaces.api.identity import Batcher, Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.operations import ENDED
from interfaces.api.schema import body_of, refuses
from library import find_assets
from studio.errors import InvalidRequest, NotFound, ProviderRejected, TooManyRequests
from studio.operations import OPERATIONS, Compress

router = APIRouter(route_class=KeyFirst, tags=["the original's addresses"])

MOST_IMAGES = 1_000
"""Pictures of one small batch; more are a batch file's work."""

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "web": {"output_format": "webp", "min_quality": 80, "max_side": 2_048},
        "email": {"max_kilobytes": 300, "min_quality": 60, "max_side": 1_600, "keep_size": False},
        "social": {"output_format": "jpeg", "min_quality": 85, "max_side": 2_048},
        "high_quality": {"min_quality": 92},
        "maximum": {"output_format": "webp", "min_quality": 50, "max_side": 1_280},
    }
)
"""The original's presets, as fields of ``POST /compress``."""

_TRIED = threading.BoundedSemaphore(2)
"""Pictures that are compressed for an estimate at once."""


class Models(Answer):
    """What is sold for operations, by whom, and for what."""

    models: list[Offer]


class Preset(Answer):
    """Fields of a request, under a name."""

    name: str
    fields: Mapping[str, Any]


class Presets(Answer):
    """Presets of `POST /compress`: what a client sends along with the picture."""

    presets: list[Preset]


class Kind(Answer):
    """A kind of file."""

    id: str
    media_type: str
    transparency: bool
    lossless: bool = Field(description="Whether it can be without any loss.")


class Kinds(Answer):
    """Kinds of files: what is read, and what is written."""

    reads: list[str]
    writes: list[Kind]


class Suggestion(Answer):
    """A kind of file that suits, and what for."""

    id: str
    reason: str


class Suggested(Answer):
    """What a picture of some kind may well be converted to, the best first."""

    recommendations: list[Suggestion]


class Compressed(Answer):
    """What a compressed file would be, exactly: it was tried, and not kept."""

    bytes_before: int
    bytes: int
    saved_percent: float
    quality: int
    media_type: str
    width: int
    height: int


_READS = ("png", "jpeg", "webp", "gif")
_WRITES = (
    Kind(id="png", media_type="image/png", transparency=True, lossless=True),
    Kind(id="jpeg", media_type="image/jpeg", transparency=False, lossless=False),
    Kind(id="webp", media_type="image/webp", transparency=True, lossless=True),
)
_FOR = {
    "webp": "for web pages: the fewest bytes, keeps transparency, every browser shows it",
    "jpeg": "for photographs that are to be opened anywhere; transparency is laid on white",
    "png": "for drawings, text and transparency without any loss; large for photographs",
}
_MODULES = ("edit", "control", "upscale", "create", "transform", "social", "library")


@router.get(
    "/{module}/models",
    operation_id="original_module_models",
    summary="List a module's models",
    responses=refuses(),
)
def models(
    _who: Reader,
    studio: StudioHere,
    module: Literal["face-swap", *_MODULES],  # type: ignore[valid-type]
    operation: Annotated[str, Query(max_length=60)] = "",
) -> Models:
    """List what is sold for a module's operations, by which model, and what a unit costs."""
    if module == "face-swap":
        names = {"face_swap"}
    else:
        names = {name for name, kind in OPERATIONS.items() if kind.module == module}
    wanted = names & {operation} if operation else names
    found = [offers_of(studio, each, wanted) for each in studio.providers.values()]
    return Models(models=[offer for offers in found for offer in offers])


for _path in ("/edit/recommend", "/face-swap/recommend"):
    router.add_api_route(
        _path,
        quotes.quote,
        methods=["POST"],
        operation_id="original" + _path.replace("/", "_").replace("-", "_"),
        summary="Say which model suits",
        description="The same as `POST /quotes`: `offers` are those that can do it, the one that "
        "would be asked first, each with its price and the reason for its place.",
        responses=refuses(402, 404, 501, 502),
        openapi_extra=body_of(quotes.REQUEST),
    )


@router.get(
    "/compress/presets",
    operation_id="original_compress_presets",
    summary="List presets",
    responses=refuses(),
)
def presets(_who: Reader) -> Presets:
    """List presets, whose fields are sent to `POST /compress` beside the picture."""
    return Presets(presets=[Preset(name=name, fields=it) for name, it in PRESETS.items()])


def kinds(_who: Reader) -> Kinds:
    """List which kinds of files are read, and which are written."""
    return Kinds(reads=list(_READS), writes=list(_WRITES))


for _path in ("/compress/formats", "/convert-format/supported"):
    router.add_api_route(
        _path,
        kinds,
        methods=["GET"],
        operation_id="original" + _path.replace("/", "_").replace("-", "_"),
        summary="List kinds of files",
        responses=refuses(),
    )


@router.get(
    "/convert-format/recommendations",
    operation_id="original_convert_recommendations",
    summary="Say what to convert to",
    responses=refuses(),
)
def recommendations(
    _who: Reader,
    source_format: Annotated[Literal[_READS], Query()],  # type: ignore[valid-type]
) -> Suggested:
    """Say what a picture of some kind may well be converted to, and what for."""
    # A GIF is a drawing with few colours, most of the time.
    order = ("png", "webp", "jpeg") if source_format == "gif" else ("webp", "jpeg", "png")
    return Suggested(
        recommendations=[
            Suggestion(id=each, reason=_FOR[each]) for each in order if each != source_format
        ]
    )


@router.post(
    "/compress/estimate",
    operation_id="original_compress_estimate",
    summary="Say what compressing saves",
    responses=refuses(404, 502),
    openapi_extra=body_of({**schema_of("compress"), "title": "CompressEstimateRequest"}),
)
def compress_estimate(
    who: Reader, studio: StudioHere, body: Annotated[dict[str, Any], Body()]
) -> Compressed:
    """Say exactly what `POST /compress` would make: it is tried on this machine, and not kept."""
    wanted = read_order("compress", body).operation
    assert isinstance(wanted, Compress)  # noqa: S101 - for the type checker
    if not _TRIED.acquire(blocking=False):
        raise TooManyRequests("Others are being estimated just now.", retry_after=2)
    try:
        found = estimate(studio, who.owner, wanted)
    except ProviderRejected as error:
        raise InvalidRequest(
            error.message, field=error.field or "", given=error.given or "", allowed=error.allowed
        ) from None
    finally:
        _TRIED.release()
    saved = round(100 * (1 - found.bytes / found.bytes_before), 1)
    return Compressed(
        **{name: getattr(found, name) for name in Compressed.model_fields if hasattr(found, name)},
        saved_percent=saved,
    )


def _several(name: str) -> Callable[..., Any]:
    async def do(way: WayHere, who: Batcher, body: Annotated[dict[str, Any], Body()]) -> Started:
        rows = rows_of(name, body)
        await asyncio.to_thread(_check_there, way.studio, who.owner, body["images"])
        data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        # The same rows are the same file, and with the same key the same run.
        filed = await asyncio.to_thread(
            take_in, way.studio.inputs, f"{name}.jsonl", data, who.owner
        )
        wanted = BatchRequest(file=filed.id)
        wish = Wish(
            "batch", wanted.values(), way.key, lambda: check_batch_funds(way.studio, who, wanted)
        )
        return await answered(way, who, wish)

    return do


def _check_there(studio: Studio, owner: str, images: Sequence[str]) -> None:
    with studio.database.read() as connection:
        there = {each.id for each in find_assets(connection, owner, images)}
    for number, image in enumerate(images):
        if image not in there:
            raise NotFound("There is no such asset.", field=f"images.{number}", given=image)


def rows_of(name: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a small batch: the same request for each of its pictures.

    Raises:
        InvalidRequest: a field is wrong, or there are none or too many pictures.
    """
    images = body.get("images")
    if not isinstance(images, list) or not 1 <= len(images) <= MOST_IMAGES:
        raise InvalidRequest(
            "Say which pictures.",
            field="images",
            given=len(images) if isinstance(images, list) else images,
            allowed=f"1 to {MOST_IMAGES} ids of assets (ast_…)",
        )
    fields = {key: value for key, value in body.items() if key != "images"}
    rows = []
    for number, image in enumerate(images):
        try:
            order = read_order(name, {**fields, "image": image})
        except InvalidRequest as error:
            if error.field != "image":
                raise
            raise InvalidRequest(
                error.message, field=f"images.{number}", given=error.given, allowed=error.allowed
            ) from None
        rows.append(order.operation.again() | {"row": f"image-{number + 1}"})
    return rows


for _name, _path in (("compress", "/compress/batch"), ("convert", "/convert-format/batch")):
    _schema = schema_of(_name)
    _fields = {k: v for k, v in _schema["properties"].items() if k not in {"image", "quote"}}
    router.add_api_route(
        _path,
        _several(_name),
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        operation_id="original" + _path.replace("/", "_").replace("-", "_"),
        summary=f"{OPERATIONS[_name].title}: several",
        description="A batch of one request for several pictures; for more, and for different "
        "ones, `POST /batches` takes a file.",
        response_model=Started,
        responses={**ENDED, **refuses(402, 404, 409, 413, 501, 502)},
        openapi_extra=body_of(
            {
                **_schema,
                "title": f"{_schema['title'].removesuffix('Request')}BatchRequest",
                "properties": {
                    "images": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MOST_IMAGES,
                        "items": {"type": "string", "maxLength": 80},
                    },
                    **_fields,
                },
                "required": [
                    "images",
                    *(each for each in _schema.get("required", ()) if each != "image"),
                ],
                "examples": [
                    {
                        "images": ["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"],
                        **{k: v for k, v in example_of(_name).items() if k != "image"},
                    }
                ],
            }
        ),
    )
