"""Limits of what a picture's file may hold, and the record of a walk through one.

Each accepted format is a row of parts (chunks, segments, blocks). They are walked with limits, so
that a file that would keep a parser busy (a million comments, a thousand scans, texts that unpack
to gigabytes) is refused in a fraction of a second. What the decoder needs is marked on the way:
it never sees comments, EXIF, a second picture, or a program hung behind the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from studio.errors import PictureRefused

MAX_SIDE = 65_500
"""Longest side, in pixels: libjpeg's JPEG_MAX_DIMENSION. A longer one could not be passed on."""

MAX_FRAMES = 2_000
"""Most frames of an animation. Only the first is decoded here, but a browser shows all of them."""

MAX_SCANS = 100
"""Most scans of a JPEG; progressive ones have about ten. A scan of a hundred bytes makes a decoder
go over the whole picture again."""

MAX_PARTS = 100_000
"""Most chunks, segments or blocks: 800 MB of PNG as libpng writes it (8 KB a chunk)."""

MAX_EXTRAS = 2_000
"""Most parts that are no pixels; the longest seen are depth maps in 600 segments of 64 KB."""

MAX_TEXT_BYTES = 1024 * 1024
"""Largest text or colour profile in a PNG, unpacked; Pillow's own limit is the same."""

MAX_TEXTS_BYTES = 8 * MAX_TEXT_BYTES
"""All texts of a PNG together, unpacked."""

MAX_EXIF_BYTES = 1024 * 1024
"""What is looked at of an EXIF block."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds.

    Attributes:
        width: pixels, as stored (EXIF orientation not applied).
        height: pixels, as stored.
        frames: 1 for a still picture.
        plain: whether the decoder may run in this process; see ``studio.imaging.sandbox``.
        channels: of a JPEG (1, 3 or 4); 0 where it does not matter.
        extras: parts that are no pixels, by name: ``COM``, ``APP1``, ``tEXt``, ``behind``, …
        exif: the first EXIF block, or nothing.
        xmp: the first XMP packet that is not packed, or nothing.
        spans: where in the file lies what the decoder needs.
        tail: bytes that end the file that the decoder gets.
    """

    width: int
    height: int
    frames: int = 1
    plain: bool = False
    channels: int = 0
    extras: frozenset[str] = frozenset()
    exif: bytes = b""
    xmp: bytes = b""
    spans: tuple[tuple[int, int], ...] = ()
    tail: bytes = b""

    def lean(self, data: bytes) -> bytes:
        """Return the file with nothing in it but what the decoder needs."""
        if self.spans == ((0, len(data)),) and not self.tail:
            return data
        view = memoryview(data)
        return b"".join([*(view[start:end] for start, end in self.spans), self.tail])


@dataclass(slots=True)
class Walk:
    """Collects, with limits, what a walk through a file comes across."""

    size: int
    extras: set[str] = field(default_factory=set)
    exif: bytes = b""
    xmp: bytes = b""
    spans: list[tuple[int, int]] = field(default_factory=list)
    _kept_to: int = 0
    _parts: int = 0
    _extras: int = 0
    _scans: int = 0
    _unpacked: int = 0

    def part(self) -> None:
        """Count a part.

        Raises:
            PictureRefused: that was one too many.
        """
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise too_many("parts", self._parts, MAX_PARTS)

    def note(self, name: str) -> None:
        """Count a part that is no pixels; without a name if it tells nothing.

        Raises:
            PictureRefused: that was one too many.
        """
        self.extras.add(name)
        self._extras += 1
        if self._extras > MAX_EXTRAS:
            raise too_many("comments and notes", self._extras, MAX_EXTRAS)

    def scan(self) -> None:
        """Count a scan of a JPEG.

        Raises:
            PictureRefused: that was one too many.
        """
        self._scans += 1
        if self._scans > MAX_SCANS:
            raise too_many("scans", self._scans, MAX_SCANS)

    def leave_out(self, start: int, end: int) -> None:
        """Keep everything up to ``start`` and go on at ``end``."""
        self.keep_to(start)
        self._kept_to = min(end, self.size)

    def keep_to(self, end: int) -> None:
        """Keep what comes before ``end`` and has not been left out."""
        end = min(end, self.size)
        if end > self._kept_to:
            self.spans.append((self._kept_to, end))
        self._kept_to = max(end, self._kept_to)

    def ends(self, end: int) -> None:
        """Keep everything to the picture's end; note what is hung behind it."""
        self.keep_to(end)
        if end < self.size:
            self.extras.add("behind")

    @property
    def names(self) -> frozenset[str]:
        """The extras that tell something."""
        return frozenset(self.extras - {""})

    def survey(
        self, width: int, height: int, *, frames: int = 1, plain: bool = False, channels: int = 0
    ) -> Survey:
        """Return what was found on the way."""
        return Survey(
            width,
            height,
            frames=frames,
            plain=plain,
            channels=channels,
            extras=self.names,
            exif=self.exif,
            xmp=self.xmp,
            spans=tuple(self.spans),
        )

    def unpacks_to(self, length: int) -> None:
        """Count an unpacked text.

        Raises:
            PictureRefused: it, or all together, are too long.
        """
        self._unpacked += length
        if length > MAX_TEXT_BYTES or self._unpacked > MAX_TEXTS_BYTES:
            raise PictureRefused(
                "A text or colour profile in the picture unpacks to too much.",
                field="picture",
                given=f"more than {MAX_TEXT_BYTES} bytes",
                allowed=f"at most {MAX_TEXT_BYTES} bytes each, {MAX_TEXTS_BYTES} in all",
            )


def too_many(what: str, given: int, allowed: int) -> PictureRefused:
    """Return the refusal of a file with too many of something."""
    return PictureRefused(
        f"The picture's file has too many {what}.",
        field="picture",
        given=f"{given} or more",
        allowed=f"at most {allowed}",
    )


def damaged(media_type: str, why: str) -> PictureRefused:
    """Return the refusal of a file whose structure is broken."""
    return PictureRefused(
        "The picture is truncated or damaged.",
        field="picture",
        given=f"{media_type}: {why}",
        allowed="a complete file",
    )
