"""Deliveries: from a picture that is made to the bytes that the studio keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from PIL import Image

from providers.contract import Delivery, Output
from providers.download import Downloader
from providers.huggingface import errors
from providers.huggingface.answers import Made
from providers.huggingface.routes import NAME, route_of
from providers.huggingface.tickets import Remote
from providers.offers import Offer
from providers.pictures import picture_output
from studio import imaging
from studio.errors import BadResponse, PictureRefused, ProviderError

AGAIN_SECONDS = 1.0
"""Pause before a file that cannot be read is fetched once more: fetching buys nothing."""


async def deliver(
    downloads: Downloader,
    offer: Offer,
    remote: Remote,
    made: Made,
    *,
    again_seconds: float = AGAIN_SECONDS,
) -> Delivery:
    """Return a picture that is made.

    Raises:
        ContentBlocked: it is black, and nobody said that it is fit to be shown.
        BadResponse: it is nothing that can be used.
        OutcomeUnknown: it could not be fetched now; it is bought and can be had later.
    """
    cutout = offer.operation == "remove_background"

    def check(data: bytes) -> Output:
        return _checked(data, cutout=cutout, unflagged=made.unflagged)

    try:
        output = await _output(downloads, made.file, check, again_seconds)
    except ProviderError as error:
        error.details.setdefault("request_id", _request(remote))
        raise
    route = route_of(offer)
    return Delivery(
        outputs=(output,),
        model=offer.model,
        method=f"made by {offer.model} at {route.provider}, through Hugging Face",
        seed=remote.seed,
        facts=facts_of(offer, remote),
    )


def facts_of(offer: Offer, remote: Remote) -> dict[str, Any]:
    """Return what is to be kept of how the work was done."""
    route = route_of(offer)
    facts: dict[str, Any] = {
        "request_id": _request(remote),
        "inference_provider": route.provider,
        "hub_model": route.model,
        "provider_model": remote.model or route.model,
        "finish_reason": "completed",
    }
    return facts | ({"asked": remote.asked} if remote.asked else {})


def _request(remote: Remote) -> str:
    """Return the name by which the inference provider knows the request."""
    return remote.request if remote.kind == "file" else remote.place.rpartition("/")[2]


async def _output(
    downloads: Downloader,
    file: bytes | str,
    check: Callable[[bytes], Output],
    again_seconds: float,
) -> Output:
    """Fetch a file; one that cannot be read is fetched once more before it is called bad."""
    if isinstance(file, bytes):
        return await asyncio.to_thread(check, file)
    data = await downloads.fetch(file, limit=imaging.MAX_BYTES)
    try:
        return await asyncio.to_thread(check, data)
    except BadResponse:
        if file[:5].lower() == "data:":
            raise
        await asyncio.sleep(again_seconds)
        data = await downloads.fetch(file, limit=imaging.MAX_BYTES)
        return await asyncio.to_thread(check, data)


def _checked(data: bytes, *, cutout: bool, unflagged: bool) -> Output:
    output = picture_output(NAME, data)
    try:
        image = imaging.open_picture(data)
    except PictureRefused as error:
        raise BadResponse(
            f"Hugging Face delivered a picture that cannot be read: {error.message}", provider=NAME
        ) from error
    if cutout and image.mode != "RGBA":
        # The task is called segmentation, whose results are masks; of RMBG-2.0 a cut-out comes.
        raise BadResponse(
            "Hugging Face delivered a picture without transparency where a cut-out was ordered.",
            provider=NAME,
            given=output.media_type,
            allowed="a picture with transparency",
        )
    if unflagged and _is_black(image):
        # fal's filter leaves a black picture behind, which is billed; here its flags are missing.
        raise errors.blocked("the picture is all black, as a filter leaves it", billed=True)
    return output


def _is_black(image: Image.Image) -> bool:
    return all(most == 0 for _, most in image.convert("RGB").getextrema())  # type: ignore[misc]
