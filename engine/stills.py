"""Animations as input pictures: their first frame is all that is used, and that is said."""

from __future__ import annotations

from collections.abc import Iterable

from engine.jobs import Picture
from studio import imaging
from studio.storage import BlobStore

_ANIMATED = frozenset({"image/gif", "image/webp"})
"""Kinds that are looked at; a PNG that moves is rare, and most inputs are PNG."""


def losses(store: BlobStore, pictures: Iterable[Picture]) -> tuple[str, ...]:
    """Say of which input pictures only the first frame is used.

    Returns:
        A sentence for each animation, in the order of the request's fields.
    """
    return tuple(
        f"{each.field}: {each.name} is an animation, and only the first of its {frames} frames is "
        "used."
        for each in pictures
        if each.media_type in _ANIMATED
        and (frames := imaging.probe(store.get(each.sha256)).frames) > 1
    )
