"""Outputs: what a provider delivered is checked, kept and given a thumbnail."""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import asdict, replace
from typing import Any

from engine.arrivals import face_of
from engine.credentials import Sign
from engine.finish import Finished, finish
from engine.jobs import Job, Made, charge_for
from engine.provenance import labelled
from engine.telling import read_told
from providers import Delivery, Offer, Output
from studio import imaging, media
from studio.errors import BadResponse, NotFound, PictureRefused, StudioUnavailable
from studio.storage import BlobStore

_log = logging.getLogger(__name__)

_MOST_OUTPUTS = 64
_LARGEST_SEED = 2**63 - 1
_ZIP = "application/zip"
"""Kept where the operation asks for it (``zip``), beside what is in it."""
_DECODING = threading.BoundedSemaphore((os.cpu_count() or 1) + 4)
"""Pictures that are in memory decoded: many more files may be waiting for the disk."""
_KINDS = {"picture": "image/", "video": "video/", "model": "model/", "text": "application/json"}


def keep(
    store: BlobStore, offer: Offer, delivery: Delivery, job: Job, sign: Sign | None = None
) -> dict[str, Any]:
    """Keep every output durably and return the delivery as JSON values for the job's row.

    Args:
        sign: puts Content Credentials into what is kept; ``None`` where nobody wants them.

    Raises:
        BadResponse: an output is not what its provider says, or nothing that can be used.
        StudioUnavailable: the storage refused.
    """
    if not 1 <= len(delivery.outputs) <= _MOST_OUTPUTS:
        raise BadResponse(
            f"{offer.provider} delivered {len(delivery.outputs)} files.",
            provider=offer.provider,
            allowed=f"1 to {_MOST_OUTPUTS}",
        )
    _check_facts(offer, delivery)
    facts = dict(delivery.facts)
    zipped = bool(getattr(job.request(), "zip", False))
    made = []
    told: dict[str, Any] = {}
    for output in delivery.outputs:
        finished = _finish(offer, output, job)
        facts |= finished.facts
        data = labelled(store, offer, job, finished.data)
        if sign is not None:
            data, how = sign(store, offer, job, data, output.name)
            facts |= {"credentials": how} if how else {}
        if offer.operation == "tag":
            told = read_told(data)
        made.append(asdict(_keep_one(store, offer, output.name, data, zipped=zipped)))
    return {
        "outputs": made,
        "model": delivery.model,
        "method": delivery.method,
        "seed": delivery.seed,
        "facts": facts,
        "cost": delivery.cost,
        "charge": charge_for(job, delivery.cost),
        **({"told": told} if told else {}),
    }


def _finish(offer: Offer, output: Output, job: Job) -> Finished:
    """Bring a picture to the size and file type that were asked for; see ``engine.finish``."""
    media_type = imaging.sniff(output.data)
    declared = output.media_type
    if media_type != declared and not (media_type is None and declared == "application/json"):
        raise BadResponse(
            f"{offer.provider} called a file {declared} that is {media_type}.",
            provider=offer.provider,
        )
    if offer.exact or not declared.startswith("image/"):
        return Finished(output.data, {})
    try:
        with _DECODING:
            return finish(output.data, job.request(), [each.facts() for each in job.inputs()])
    except PictureRefused as error:
        raise _unusable(offer, error) from error
    except Exception as error:  # noqa: BLE001 - whatever it is, the picture stays
        # It is paid for: as it came, it is worth more than an error.
        _log.exception("job %s: a picture of %s could not be finished", job.id, offer.id)
        return Finished(output.data, {"not_finished": f"{type(error).__name__}: {error}"})


def _unusable(offer: Offer, error: PictureRefused) -> BadResponse:
    return BadResponse(
        f"{offer.provider} delivered something that is no picture: {error.message}"
        if offer.kind == "picture"
        else f"{offer.provider} delivered no usable {offer.kind}: {error.message}",
        provider=offer.provider,
    )


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


def _keep_one(store: BlobStore, offer: Offer, name: str, data: bytes, *, zipped: bool) -> Made:
    try:
        with _DECODING:
            found, small, looks = _seen(data)
    except PictureRefused as error:
        raise _unusable(offer, error) from error
    ordered = found.media_type.startswith(_KINDS[offer.kind])
    if not ordered and not (zipped and found.media_type == _ZIP):
        raise BadResponse(
            f"{offer.provider} delivered {found.media_type} where a {offer.kind} was ordered.",
            provider=offer.provider,
        )
    return Made(
        name=name,
        sha256=store.put(data),
        thumbnail=store.put(small, derived=True),
        media_type=found.media_type,
        size=len(data),
        width=found.width,
        height=found.height,
        phash=looks.phash,
        colours=looks.colours,
        profile=imaging.profile_of(data),
        seconds=found.seconds,
    )


def _seen(data: bytes) -> tuple[media.Media, bytes, imaging.Seen]:
    """Return what a file is, its thumbnail, and what it looks like if it is a picture.

    Raises:
        PictureRefused: it is nothing that can be used.
    """
    found = media.look(data)
    shown = media.face(data, found)
    small = imaging.thumbnail(shown)
    if not found.media_type.startswith("image/"):
        return found, small, imaging.Seen("", ())
    # A picture's own pixels: those of its header may still have to be turned.
    return replace(found, width=shown.width, height=shown.height), small, imaging.seen(shown)


def thumbnail(store: BlobStore, sha256: str, thumbnail_sha256: str) -> bytes:
    """Return the thumbnail of a kept picture; it is made again when it was lost.

    Raises:
        NotFound: the picture itself is not kept.
        PictureRefused: it is no picture.
    """
    try:
        return store.get(thumbnail_sha256)
    except (NotFound, StudioUnavailable):
        data = store.get(sha256)
        small = imaging.thumbnail(face_of(data))
        store.put(small, derived=True)
        return small
