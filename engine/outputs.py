"""Outputs: what a provider delivered is checked, kept and given a thumbnail."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engine.jobs import Made
from providers import Delivery, Offer, Output
from studio import imaging
from studio.errors import BadResponse, NotFound, PictureRefused, StudioUnavailable
from studio.storage import BlobStore

_MOST_OUTPUTS = 64
_LARGEST_SEED = 2**63 - 1


def keep(store: BlobStore, offer: Offer, delivery: Delivery) -> dict[str, Any]:
    """Keep every output durably and return the delivery as JSON values for the job's row.

    Raises:
        BadResponse: an output is not what its provider says, or no usable picture.
        StudioUnavailable: the storage refused.
    """
    if not 1 <= len(delivery.outputs) <= _MOST_OUTPUTS:
        raise BadResponse(
            f"{offer.provider} delivered {len(delivery.outputs)} files.",
            provider=offer.provider,
            allowed=f"1 to {_MOST_OUTPUTS}",
        )
    _check_facts(offer, delivery)
    return {
        "outputs": [asdict(_keep_one(store, offer, output)) for output in delivery.outputs],
        "model": delivery.model,
        "method": delivery.method,
        "seed": delivery.seed,
        "facts": dict(delivery.facts),
    }


def _check_facts(offer: Offer, delivery: Delivery) -> None:
    """Refuse what no column takes: it would be found out only when the job is settled."""
    texts = [delivery.model, delivery.method, *(output.name for output in delivery.outputs)]
    try:
        facts = json.dumps([texts, dict(delivery.facts)], ensure_ascii=False, allow_nan=False)
        facts.encode()
        fitting = (
            all(isinstance(text, str) for text in texts)
            and "\\u0000" not in facts  # Postgres keeps no NUL
            and (delivery.seed is None or -1 <= delivery.seed <= _LARGEST_SEED)
        )
    except (TypeError, ValueError):
        fitting = False
    if not fitting:
        raise BadResponse(
            f"{offer.provider} told something about its work that cannot be kept.",
            provider=offer.provider,
            allowed="JSON values, and a seed of at most 63 bits",
        )


def _keep_one(store: BlobStore, offer: Offer, output: Output) -> Made:
    try:
        media_type = imaging.sniff(output.data)
        if media_type != output.media_type:
            raise BadResponse(
                f"{offer.provider} called a file {output.media_type} that is {media_type}.",
                provider=offer.provider,
            )
        image = imaging.open_picture(output.data)
    except PictureRefused as error:
        raise BadResponse(
            f"{offer.provider} delivered something that is no picture: {error.message}",
            provider=offer.provider,
        ) from error
    return Made(
        name=output.name,
        sha256=store.put(output.data),
        thumbnail=store.put(imaging.thumbnail(image), derived=True),
        media_type=media_type,
        size=len(output.data),
        width=image.width,
        height=image.height,
    )


def thumbnail(store: BlobStore, sha256: str, thumbnail_sha256: str) -> bytes:
    """Return the thumbnail of a kept picture; it is made again when it was lost.

    Raises:
        NotFound: the picture itself is not kept.
        PictureRefused: it is no picture.
    """
    try:
        return store.get(thumbnail_sha256)
    except (NotFound, StudioUnavailable):
        small = imaging.thumbnail(imaging.open_picture(store.get(sha256)))
        store.put(small, derived=True)
        return small
