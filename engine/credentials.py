"""Content Credentials of what is made: which deed a job is, and what it was made from.

They are put in before the bytes are kept, so that an asset's hash is that of the signed file. Where
a file cannot be signed it is kept without: it is paid for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from engine.jobs import Job, Picture
from engine.provenance import WORK, Work, source_type
from providers import Offer
from studio import imaging
from studio.certificates import Signing, signing
from studio.content_credentials import SIGNED, Deed, Ingredient, sign
from studio.imaging.provenance import PREFIX
from studio.settings import Settings
from studio.storage import BlobStore

_log = logging.getLogger(__name__)

Sign = Callable[[BlobStore, Offer, Job, bytes, str], tuple[bytes, str]]
"""Returns a file with its credentials, and a word on how that went; see ``signer``."""

_KEPT: Final = {"remove_background": "c2pa.edited", "social_export": "c2pa.cropped"}
"""What leaves a picture as it is; all else of that kind is ``c2pa.transcoded``."""


def signer(config: Settings) -> Sign | None:
    """Return what signs; ``None`` where nobody wants it, which then costs nothing.

    Raises:
        SetupIncomplete: it is wanted, and something is missing.
    """
    if config.content_credentials == "off":
        return None
    return partial(signed, by=signing(config))


def signed(
    store: BlobStore, offer: Offer, job: Job, data: bytes, name: str, *, by: Signing
) -> tuple[bytes, str]:
    """Return a file with its credentials, and a word on how that went; empty for what has none."""
    media_type = imaging.sniff(data) or ""
    if media_type not in SIGNED:
        return data, ""
    try:
        inputs = [each for each in job.inputs() if each.media_type in SIGNED]
        work = WORK.get(offer.operation, "none")
        sources = [
            imaging.source_of(store.get(each.sha256))
            for each in inputs
            if each.field != "mask" and each.media_type.startswith("image/")
        ]
        deed = _deed(offer, job, work, source_type(offer, tuple(sources)))
        ingredients = _ingredients(store, inputs, work)
        title = f"{job.label}-{name}" if name else job.label
        made = sign(data, media_type, deed, ingredients, by, title=title)
    except Exception:  # noqa: BLE001 - whatever it is, the file stays
        # It is paid for: without credentials it is worth more than an error.
        _log.exception("job %s: its file could not be signed", job.id)
        return data, "could not be signed"
    most = int(getattr(job.request(), "max_kilobytes", 0)) * 1_000
    if most and len(made) > most:
        return data, "left out: with them it would be larger than was asked for"
    return made, "signed"


def _deed(offer: Offer, job: Job, work: Work, source: str) -> Deed:
    agent = f"{offer.provider} {offer.model}"
    known = PREFIX + source if source else ""
    if work == "made":
        return Deed("c2pa.created", known, agent)
    if work == "changed":
        return Deed("c2pa.edited", known, agent)
    if work == "enlarged":
        return Deed("c2pa.resized", known, agent)
    return Deed(_KEPT.get(str(job.operation["operation"]), "c2pa.transcoded"), known, agent)


def _ingredients(store: BlobStore, inputs: Sequence[Picture], work: Work) -> list[Ingredient]:
    """Return what was given: the picture that was changed as its parent, the rest as inputs."""
    changed = work in {"changed", "enlarged", "kept"}
    return [
        Ingredient(
            title=f"{each.field} {each.asset}",
            media_type=each.media_type,
            data=store.get(each.sha256),
            parent=changed and each.field == "image",
        )
        for each in inputs
    ]
