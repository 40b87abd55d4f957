"""What would come of compressing a picture: tried on this machine, and thrown away."""

from __future__ import annotations

from dataclasses import dataclass

from engine.studio import Studio
from providers.contract import Request
from providers.local.files import shrunk
from studio.operations import Compress


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a compressed file would be.

    Attributes:
        bytes_before: of the file that it is made from.
        bytes: of the file.
        quality: 1 to 100.
        media_type: of the file.
    """

    bytes_before: int
    bytes: int
    quality: int
    media_type: str
    width: int
    height: int


def estimate(studio: Studio, owner: str, wanted: Compress) -> Estimate:
    """Return what a picture would be compressed to, exactly, for it is done. Nothing is kept.

    Raises:
        NotFound: the owner has no such asset.
        ProviderRejected: the limit cannot be met.
    """
    found = studio.inputs.find("image", wanted.image, owner)
    data = studio.store.get(found.sha256)
    made = shrunk(Request(wanted, {"image": data}))
    return Estimate(
        bytes_before=len(data),
        bytes=len(made.file.data),
        quality=made.file.quality,
        media_type=f"image/{made.kind}",
        width=made.image.width,
        height=made.image.height,
    )
