"""Before and after: the picture that was given beside the one that was made of it."""

from __future__ import annotations

from PIL import Image

from engine.arrivals import face_of
from engine.jobs import Job
from library import Asset, measure
from studio import imaging
from studio.storage import BlobStore

_SAME_SHAPE = 0.02
"""Ratios that differ by no more are of the same picture, only larger or smaller."""


def comparison(store: BlobStore, job: Job, *, cell: int = 480) -> Image.Image | None:
    """Return both pictures side by side; ``None`` where the work had no picture or made none.

    A smaller one is shown as large as the other, as a screen would, so that details compare.

    Args:
        cell: pixels of the longer side of each half.

    Raises:
        NotFound: one of them is not kept any more.
        StudioUnavailable: the storage refused.
    """
    given = next((each for each in job.inputs() if each.field == "image"), None)
    made = next((each for each in job.outputs() if each.media_type.startswith("image/")), None)
    if given is None or made is None or len(job.outputs()) > 1:
        return None
    before = imaging.open_picture(store.get(given.sha256))
    after = imaging.open_picture(store.get(made.sha256), max_bytes=2**31)
    return imaging.contact_sheet(
        [
            (_as_large(before, after), f"before: {before.width} x {before.height}"),
            (after, f"after: {after.width} x {after.height}, {job.model}"),
        ],
        columns=2,
        cell=cell,
    )


def side_by_side(
    store: BlobStore, one: Asset, other: Asset, *, names: tuple[str, str], cell: int = 480
) -> Image.Image:
    """Return two assets side by side: pictures, videos by their first frame, the rest as cards.

    Args:
        names: what stands under each, before its size.
        cell: pixels of the longer side of each half.

    Raises:
        NotFound: one of them is not kept any more.
        PictureRefused: one of them cannot be shown.
        StudioUnavailable: the storage refused.
    """
    shown = [_face(store, each) for each in (one, other)]
    sheet = [_as_large(shown[0], shown[1]), _as_large(shown[1], shown[0])]
    captions = [
        f"{name}: {measure(each.width, each.height, each.bytes)}, {each.model or each.operation}"
        for name, each in zip(names, (one, other), strict=True)
    ]
    return imaging.contact_sheet(list(zip(sheet, captions, strict=True)), columns=2, cell=cell)


def _face(store: BlobStore, asset: Asset) -> Image.Image:
    return face_of(store.get(asset.sha256))


def _as_large(before: Image.Image, after: Image.Image) -> Image.Image:
    """Enlarge the smaller one of two that show the same; others stay as they are."""
    shapes = before.width / before.height, after.width / after.height
    if before.width >= after.width or abs(shapes[0] / shapes[1] - 1) > _SAME_SHAPE:
        return before
    return before.resize(after.size, Image.Resampling.BICUBIC)
