"""A form for Stability AI: texts and pictures under its names, as ``multipart/form-data``.

Its interface takes nothing else, not even for a request of words alone (it answers 400 to an
urlencoded one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers import pictures
from studio import imaging, media
from studio.errors import ProviderRejected, TooLarge

NAME = "stability"

LARGEST_REQUEST = 10 * 1024 * 1024
"""Bytes of a whole request (Stability AI's specification, read 2026-11-22)."""
LONGEST_PROMPT = 10_000
"""Characters (the same)."""

_ENVELOPE = 300
"""Bytes that a part takes besides its content: boundary, headers, names; with room."""
_SEED_FOR_0 = 4_294_967_294
"""Its 0 means "random"; the studio's 0 is a seed like any other, so its largest stands for it."""
_FINE = 95
"""Quality of a JPEG that had to be turned upright."""

Part = tuple[str, tuple[str | None, bytes | str, str | None]]
"""A part of the body, as httpx takes it: name, (file name, content, media type)."""

_ENDINGS: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass
class Form:
    """What is asked, in Stability's words.

    Attributes:
        texts: text parts by their name there.
        files: picture parts by their name there: the bytes and their media type.
        names: the operation's field by the name there, for errors that name one.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def say(self, theirs: str, ours: str, value: str | float | bool) -> None:  # noqa: FBT001
        """Add a text part; an empty text says nothing, any number says something."""
        self.names[theirs] = ours
        text = _text(value)
        if text:
            self.texts[theirs] = text

    def sow(self, seed: int) -> None:
        """Add the seed; one that was left open (-1) stays open."""
        if seed >= 0:
            self.say("seed", "seed", seed or _SEED_FOR_0)

    def enclose(self, theirs: str, ours: str, data: bytes) -> None:
        """Add a picture, in a format that is read there and upright."""
        self.names[theirs] = ours
        self.files[theirs] = upright(data)

    def choices(self) -> dict[str, str]:
        """Return the texts but the prompts: what is worth keeping with what comes of it."""
        return {name: text for name, text in self.texts.items() if "prompt" not in name}

    def parts(self) -> list[Part]:
        """Return the body.

        Raises:
            TooLarge: it is more than Stability takes; nothing was sent.
            ProviderRejected: a text became too long by what was added to it; nothing was sent.
        """
        self._check_length()
        self._check_size()
        texts: list[Part] = [(name, (None, text, None)) for name, text in self.texts.items()]
        files: list[Part] = [
            (name, (f"{name}.{_ENDINGS[media_type]}", data, media_type))
            for name, (data, media_type) in self.files.items()
        ]
        return texts + files

    def _check_length(self) -> None:
        prompt = self.texts.get("prompt", "")
        if len(prompt) > LONGEST_PROMPT:
            raise ProviderRejected(
                "The prompt is too long with its style, for which Stability has no preset.",
                provider=NAME,
                field="prompt",
                given=f"{len(prompt)} characters",
                allowed=f"at most {LONGEST_PROMPT} characters, the style included",
            )

    def _check_size(self) -> None:
        size = sum(len(data) for data, _ in self.files.values())
        size += sum(len(text.encode()) for text in self.texts.values())
        size += _ENVELOPE * (len(self.files) + len(self.texts) + 1)
        if size > LARGEST_REQUEST:
            largest = max(self.files, key=lambda name: len(self.files[name][0]), default="prompt")
            raise TooLarge(
                "The request is larger than Stability takes; use smaller pictures or JPEG.",
                provider=NAME,
                field=self.names.get(largest, largest),
                given=f"{size} bytes in all",
                allowed=f"at most {LARGEST_REQUEST} bytes",
            )


def upright(data: bytes) -> tuple[bytes, str]:
    """Return a picture that is read there, and its media type.

    Whether a note in the file ("turn me by 90 degrees") is heeded there is not told, and a mask is
    upright always. So a picture with such a note is turned before it goes.
    """
    data, media_type = pictures.readable(data)
    if not imaging.probe(data, max_bytes=media.MAX_MADE_BYTES).turned:
        return data, media_type
    image = imaging.open_picture(data)
    if media_type == "image/jpeg":
        return imaging.encode(image, "jpeg", quality=_FINE), media_type
    return imaging.encode(image, "png"), "image/png"


def _text(value: str | float | bool) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
