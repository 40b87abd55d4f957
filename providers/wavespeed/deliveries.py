"""Deliveries: from a completed prediction to the bytes that the studio keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from providers.contract import Delivery, Output
from providers.download import Downloader
from providers.offers import Offer
from providers.pictures import from_base64, picture_output
from providers.wavespeed import errors
from providers.wavespeed.errors import NAME
from providers.wavespeed.texts import json_output, tagged, text_of
from providers.wavespeed.tickets import Remote
from studio import imaging, media
from studio.errors import BadResponse, ProviderError

AGAIN_SECONDS = 1.0
"""Pause before a file that cannot be read is fetched once more: fetching buys nothing."""

_METHODS = {
    "picture": "made by {model} at WaveSpeed",
    "video": "video by {model} at WaveSpeed",
    "text": "text by {model} at WaveSpeed",
}
_TAGGING = "caption by {model} at WaveSpeed; tags and colours are words of the caption"


async def deliver(
    downloads: Downloader,
    offer: Offer,
    remote: Remote,
    prediction: Mapping[str, Any],
    *,
    again_seconds: float = AGAIN_SECONDS,
) -> Delivery:
    """Return what a completed prediction made.

    Raises:
        ContentBlocked: it is flagged as unsafe; it is billed and not handed out.
        BadResponse: there is nothing, or nothing that can be used.
        OutcomeUnknown: a file could not be fetched now; it is bought and can be had later.
    """
    try:
        output = await _output(downloads, offer, remote, prediction, again_seconds)
    except ProviderError as error:
        error.details.setdefault("prediction", remote.id)
        raise
    method = _TAGGING if offer.operation == "tag" else _METHODS[offer.kind]
    return Delivery(
        outputs=(output,),
        model=offer.model,
        method=method.format(model=offer.model),
        seed=remote.seed,
        facts=_facts(offer, remote, prediction),
    )


async def _output(
    downloads: Downloader,
    offer: Offer,
    remote: Remote,
    prediction: Mapping[str, Any],
    again_seconds: float,
) -> Output:
    # null where there is nothing to flag; else one for each output
    if any(_list(prediction.get("has_nsfw_contents"))):
        raise errors.of_flagged()
    outputs = _list(prediction.get("outputs"))
    if not outputs:
        raise BadResponse("WaveSpeed completed the work without a result.", provider=NAME)
    if offer.kind == "text":
        text = text_of(outputs)
        tags = offer.operation == "tag"
        return json_output(tagged(text, remote.most_tags) if tags else {"prompt": text})
    check = _video if offer.kind == "video" else _picture
    limit = media.MAX_VIDEO_BYTES if offer.kind == "video" else imaging.MAX_BYTES
    return await _fetched(downloads, outputs[0], limit, check, again_seconds)


async def _fetched(
    downloads: Downloader,
    named: object,
    limit: int,
    check: Callable[[bytes], Output],
    again_seconds: float,
) -> Output:
    """Fetch a file; one that cannot be read is fetched once more before it is called bad."""
    if not isinstance(named, str):
        raise BadResponse("WaveSpeed named no file as the result.", provider=NAME)
    if not named[:5].lower().startswith(("http", "data:")):
        # Never asked for, but it is what `enable_base64_output` makes of it.
        return await asyncio.to_thread(check, from_base64(NAME, named))
    data = await downloads.fetch(named, limit=limit)
    try:
        return await asyncio.to_thread(check, data)
    except BadResponse:
        await asyncio.sleep(again_seconds)
        return await asyncio.to_thread(check, await downloads.fetch(named, limit=limit))


def _picture(data: bytes) -> Output:
    return picture_output(NAME, data)


def _video(data: bytes) -> Output:
    media_type = imaging.sniff(data)
    if media_type != "video/mp4":
        raise BadResponse(
            "WaveSpeed delivered something that is no video.",
            provider=NAME,
            given=media_type or "an unknown kind",
            allowed="MP4",
        )
    return Output(data, media_type)


def _facts(offer: Offer, remote: Remote, prediction: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "request_id": remote.id,
        "provider_model": offer.route,
        "finish_reason": "completed",
    }
    if remote.asked:
        facts["asked"] = remote.asked
    milliseconds = prediction.get("executionTime")
    if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool):
        facts["execution_ms"] = milliseconds
    return facts


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
