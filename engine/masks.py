"""Masks are looked at before anything is held: one that names nothing must not cost anything.

What a mask means is the same for every provider (``providers.pictures.drawn_mask``): white is where
to change, transparent counts as black, another size is brought to the picture's. Here is refused
what cannot be meant: no mask at all where one is needed, one without any white, and one of another
shape, which would have to be stretched so that its white moves off what it was drawn on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.jobs import Picture
from providers.pictures import drawn_mask
from studio.errors import InvalidRequest
from studio.operations import Erase, Inpaint, Operation
from studio.storage import BlobStore

_WHITE = 128
"""From this grey on a mask means "change", as in ``providers.local.edit``."""

_SAME_SHAPE = 0.02
"""Ratios of width to height that differ by no more are of one shape: sizes are whole pixels."""

_MOST_REMEMBERED = 10_000
"""Masks whose look is remembered; a batch may name one in every row."""

_ALLOWED = "a mask that is white where to change, or a picture with transparent parts"


class Masks:
    """Looks at the masks of requests.

    Args:
        store: where the bytes of inputs are.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], tuple[bool, bool]] = {}

    def check(self, operation: Operation, pictures: Sequence[Picture]) -> None:
        """Refuse a mask that cannot be meant; other requests pass.

        Raises:
            InvalidRequest: there is none where one is needed, no part of it is white, or it has
                another shape than the picture.
        """
        if "mask" not in type(operation).model_fields:
            return
        by_field = {picture.field: picture for picture in pictures}
        image, mask = by_field.get("image"), by_field.get("mask")
        if image is None or (mask is None and not isinstance(operation, Erase | Inpaint)):
            return
        if mask is not None:
            _check_shape(operation, image, mask)
        self._check_white(operation, image, mask)

    def _check_white(self, operation: Operation, image: Picture, mask: Picture | None) -> None:
        there, white = self._look(image, mask)
        if not there:
            raise InvalidRequest(
                f"{operation.title}: there is neither a mask nor transparency that says where.",
                field="mask",
                given="no mask, and a picture without transparency",
                allowed=_ALLOWED,
            )
        if not white:
            raise InvalidRequest(
                f"{operation.title}: the mask names nothing; no part of it is white.",
                field="mask",
                given=mask.name if mask else f"the transparency of {image.name}",
                allowed=_ALLOWED,
            )

    def _look(self, image: Picture, mask: Picture | None) -> tuple[bool, bool]:
        """Return whether there is a mask, and whether any of it is white."""
        key = (image.sha256, mask.sha256 if mask else "")
        if key not in self._known:
            given = self._store.get(mask.sha256) if mask else None
            drawn = drawn_mask(self._store.get(image.sha256), given)
            white = drawn is not None and any(drawn.histogram()[_WHITE:])
            looked = drawn is not None, white
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = looked
        return self._known[key]


def _check_shape(operation: Operation, image: Picture, mask: Picture) -> None:
    shapes: Mapping[str, float] = {
        each.field: each.width / each.height if each.height else 0.0 for each in (image, mask)
    }
    if abs(shapes["mask"] / shapes["image"] - 1) <= _SAME_SHAPE:
        return
    raise InvalidRequest(
        f"{operation.title}: the mask has another shape than the picture.",
        field="mask",
        given=f"{mask.width} x {mask.height} pixels",
        allowed=f"{image.width} x {image.height} pixels, or another size of that shape",
    )
