"""Where a picture comes from, by what was done: the label that is written into its file.

Videos and 3D models get one as well, by the pictures that they are made of.

The stronger of two is kept. What a trained model made stays that when it is cropped or enlarged,
and a photograph in which one changed something is from then on a composite.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Literal

from engine.jobs import Job
from providers import Offer
from studio import imaging, media_labels
from studio.imaging import SourceType
from studio.storage import BlobStore

_log = logging.getLogger(__name__)

Work = Literal["made", "changed", "enlarged", "kept", "none"]
"""What an operation does to a picture: makes a new one, changes what it shows, adds detail only, or
leaves what it shows as it is. None: what comes back is a text."""

WORK: Final[Mapping[str, Work]] = {
    "generate": "made",
    "sketch": "made",
    "structure": "made",
    "style_guide": "made",
    "erase": "changed",
    "inpaint": "changed",
    "outpaint": "changed",
    "search_replace": "changed",
    "search_recolor": "changed",
    "replace_background": "changed",
    "edit": "changed",
    "face_swap": "changed",
    "style_transfer": "changed",
    "upscale_creative": "changed",
    "upscale": "enlarged",
    "upscale_conservative": "enlarged",
    "remove_background": "kept",
    "social_export": "kept",
    "compress": "kept",
    "convert": "kept",
    "enhance_prompt": "none",
    "tag": "none",
    "image_to_video": "made",
    "talking_avatar": "made",
    "image_to_3d": "made",
}

_BY_MODEL: Final[Mapping[Work, SourceType]] = {
    "made": "trainedAlgorithmicMedia",
    "changed": "compositeWithTrainedAlgorithmicMedia",
    "enlarged": "algorithmicallyEnhanced",
}
_BY_PROGRAM: Final[Mapping[Work, SourceType]] = {
    "made": "algorithmicMedia",
    "changed": "algorithmicallyEnhanced",
    "enlarged": "algorithmicallyEnhanced",
}
_STRENGTH: Final[tuple[SourceType, ...]] = (
    "",
    "algorithmicallyEnhanced",
    "algorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
)


def source_type(offer: Offer, parents: tuple[SourceType, ...]) -> SourceType:
    """Return where a picture comes from.

    Args:
        offer: by which it was made; ``local`` draws and mends without a generative model.
        parents: where the pictures come from that it was made of.
    """
    work = WORK.get(offer.operation, "none")
    own = (_BY_PROGRAM if offer.provider == "local" else _BY_MODEL).get(work, "")
    return max(own, *parents, key=_STRENGTH.index) if parents else own


def labelled(store: BlobStore, offer: Offer, job: Job, data: bytes) -> bytes:
    """Return the same picture, video or model with its label in the file; others as they are."""
    if WORK.get(offer.operation, "none") == "none":
        return data
    try:
        source = source_type(offer, _parents(store, job))
        return media_labels.marked(imaging.marked(data, source), source)
    except Exception:  # noqa: BLE001 - whatever it is, the file stays
        # It is paid for: without a label it is worth more than an error.
        _log.exception("job %s: its file could not be labelled", job.id)
        return data


def _parents(store: BlobStore, job: Job) -> tuple[SourceType, ...]:
    """Return what the pictures say from which a job makes its own; masks say nothing of it."""
    return tuple(
        imaging.source_of(store.get(each.sha256))
        for each in job.inputs()
        if each.field != "mask" and each.media_type.startswith("image/")
    )
