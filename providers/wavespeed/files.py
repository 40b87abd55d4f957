"""Input files as WaveSpeed is to get them: upright, in a format that it reads, masks drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from providers.contract import Request
from providers.pictures import readable
from providers.wavespeed.masks import expanded, grown
from studio import imaging
from studio.errors import ProviderRejected, StudioError
from studio.operations import Erase, Inpaint, Operation, Outpaint, TalkingAvatar, input_fields

Wanted = TypeVar("Wanted", bound=Operation)

_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
}
_SOUNDS = ("audio/wav", "audio/mpeg")


@dataclass(frozen=True, slots=True)
class File:
    """A file to be uploaded.

    Attributes:
        field: the operation's field that it is for.
    """

    field: str
    data: bytes
    media_type: str

    @property
    def name(self) -> str:
        """A file name; nobody's own, so that it tells nothing of whoever asks."""
        return f"{self.field}.{_ENDINGS[self.media_type]}"


def prepared(request: Request) -> tuple[File, ...]:
    """Return the files to upload for a request, in the order of its fields.

    Raises:
        ProviderRejected: one of them cannot be used; nothing was sent.
    """
    kinds = input_fields(type(request.operation))
    draw = _DRAWN.get(type(request.operation))
    try:
        if draw is not None:
            return draw(request)
        return tuple(
            _sound(name, request.files[name])
            if kinds[name] == "audio"
            else _picture(name, request.files[name])
            for name in kinds
            if name in request.files
        )
    except ProviderRejected:
        raise
    except StudioError as error:
        raise ProviderRejected(
            f"An input file cannot be used: {error.message} Nothing was sent.",
            provider="wavespeed",
            field=error.field,
            given=error.given,
            allowed=error.allowed,
        ) from error


def expect(cls: type[Wanted], operation: Operation) -> Wanted:
    """Return ``operation`` as what it is known to be.

    Raises:
        TypeError: it is something else, which is a mistake in this package.
    """
    if not isinstance(operation, cls):
        raise TypeError(f"{operation.operation} came where {cls.__name__} was expected")
    return operation


def _picture(field: str, data: bytes) -> File:
    """Return a picture that shows upright everywhere: not every model minds EXIF."""
    turned = imaging.probe(data).turned
    data, media_type = readable(data)
    if turned:
        data = imaging.encode(imaging.open_picture(data), "png")
        media_type = "image/png"
    return File(field, data, media_type)


def _sound(field: str, data: bytes) -> File:
    media_type = imaging.sniff(data) or ""
    if media_type not in _SOUNDS:
        raise ProviderRejected(
            "The recording is of a kind that WaveSpeed does not take. Nothing was sent.",
            provider="wavespeed",
            field=field,
            given=media_type or "an unknown kind",
            allowed="WAV or MP3",
        )
    return File(field, data, media_type)


def _masked(request: Request) -> tuple[File, ...]:
    """Return the picture and its mask, grown as asked."""
    operation = request.operation
    pixels = operation.grow_mask if isinstance(operation, Erase | Inpaint) else 0
    mask = grown(request.files["image"], request.files.get("mask"), pixels)
    return _picture("image", request.files["image"]), File("mask", mask, "image/png")


def _speaker(request: Request) -> tuple[File, ...]:
    """Return picture and recording, and the mask of who speaks if there is one."""
    files = _picture("image", request.files["image"]), _sound("audio", request.files["audio"])
    if "mask" not in request.files:
        return files
    mask = grown(request.files["image"], request.files["mask"], 0)
    return (*files, File("mask", mask, "image/png"))


def _canvas(request: Request) -> tuple[File, ...]:
    """Return the picture with margins, and a mask of the margins."""
    asked = expect(Outpaint, request.operation)
    image, mask = expanded(
        request.files["image"], left=asked.left, right=asked.right, up=asked.up, down=asked.down
    )
    return File("image", image, "image/png"), File("mask", mask, "image/png")


_DRAWN: Mapping[type[Operation], Callable[[Request], tuple[File, ...]]] = {
    Erase: _masked,
    Inpaint: _masked,
    Outpaint: _canvas,
    TalkingAvatar: _speaker,
}
"""Operations whose files are not sent as they come."""
