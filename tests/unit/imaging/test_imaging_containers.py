"""The walk through a file finds what Pillow finds, and keeps what the decoder needs."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from studio.errors import PictureRefused
from studio.imaging import exif, sandbox
from studio.imaging.containers import survey
from studio.imaging.kinds import sniff
from studio.imaging.pixels import Order, decode
from tests.support.files import chunk, exif_bomb, gif, noise, png, segment, with_segments, written

BLACK = Image.new("RGB", (64, 48))
DEEP = np.arange(600, dtype=np.uint16).reshape(20, 30)
FILES = {
    "png": written(noise(), "PNG"),
    "png palette": written(noise().convert("P"), "PNG", transparency=3),
    "png 16 bit": written(Image.fromarray(DEEP), "PNG"),
    "apng": written(noise(), "PNG", save_all=True, append_images=[noise(), BLACK]),
    "jpeg": written(noise(), "JPEG"),
    "jpeg progressive": written(noise(), "JPEG", progressive=True, restart_marker_rows=1),
    "jpeg grey": written(noise().convert("L"), "JPEG"),
    "jpeg cmyk": written(noise().convert("CMYK"), "JPEG"),
    "gif": written(noise(), "GIF"),
    "gif animated": written(noise(), "GIF", save_all=True, append_images=[BLACK]),
    "gif by hand": gif(3, comments=4),
    "webp": written(noise(), "WEBP"),
    "webp lossless": written(noise(), "WEBP", lossless=True),
    "webp alpha": written(noise().convert("RGBA"), "WEBP", exif=b"II*\x00\x08\x00\x00\x00\x00\x00"),
    "webp animated": written(noise(), "WEBP", save_all=True, append_images=[BLACK]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_size_frames_and_pixels_are_those_that_pillow_finds(name: str) -> None:
    data = FILES[name]
    found = survey(data, sniff(data) or "")
    with Image.open(BytesIO(data)) as image:
        assert (found.width, found.height) == image.size
        assert found.frames == getattr(image, "n_frames", 1)
    order = Order(sniff(data) or "", found.width, found.height)
    assert decode(found.lean(data), order).tobytes() == decode(data, order).tobytes()


def test_every_kind_comes_out_of_a_child_as_out_of_this_process() -> None:
    """What a decoder loads only when it is needed must be there: a child can load nothing."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = {
        f"{kind} {mode}": written(noise().convert("L").convert(mode), kind, icc_profile=profile)
        for kind, mode in (("PNG", "P"), ("PNG", "LA"), ("PNG", "I;16"), ("JPEG", "CMYK"))
    }
    for name, data in (FILES | with_profile).items():
        found = survey(data, sniff(data) or "")
        order = Order(sniff(data) or "", found.width, found.height)
        here, apart = (use(found.lean(data), order) for use in (decode, sandbox.decode))
        assert (apart.mode, apart.tobytes()) == (here.mode, here.tobytes()), name


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_refused_or_decoded_never_more(name: str) -> None:
    """Every cut of a small file: no error but a refusal gets out of the walk."""
    data = FILES[name]
    for end in (*range(12, min(400, len(data))), *range(400, len(data), 97)):
        with suppress(PictureRefused):
            survey(data[:end], sniff(data) or "")


def test_what_is_no_pixels_is_named_and_left_out() -> None:
    text = chunk(b"tEXt", b"Comment\x00secret")
    hung = png(4, 4, text, chunk(b"gAMA", bytes(4))) + b"secret"
    found = survey(hung, "image/png")
    assert found.extras == {"tEXt", "behind"}
    assert b"secret" not in found.lean(hung)
    jpeg = with_segments(
        FILES["jpeg"], segment(0xFE, b"secret"), segment(0xE1, b"Exif\x00\x00secret")
    )
    found = survey(jpeg + b"secret", "image/jpeg")
    assert found.extras == {"COM", "APP1", "behind"}
    assert b"secret" not in found.lean(jpeg + b"secret")
    assert found.lean(jpeg + b"secret") == FILES["jpeg"]


def test_orientation_and_names_are_read_as_pillow_writes_them() -> None:
    block = Image.Exif()
    block[exif.ORIENTATION], block[exif.ARTIST], block[exif.COPYRIGHT] = 6, "Ada L.", "2026"
    for data in (block.tobytes(), block.tobytes().removeprefix(b"Exif\x00\x00")):
        assert exif.orientation(data) == 6
        assert exif.texts(data, exif.ARTIST, exif.COPYRIGHT) == {
            exif.ARTIST: "Ada L.", exif.COPYRIGHT: "2026",
        }  # fmt: skip


@pytest.mark.parametrize(
    "block",
    [b"", b"II*\x00", b"II*\x00" + b"\xff" * 4, b"MM\x00*\x00\x00\x00\x08\xff\xff", b"x" * 50],
)  # fmt: skip
def test_broken_exif_is_upright_and_nobodys(block: bytes) -> None:
    assert exif.orientation(block) == 1
    assert exif.texts(block, exif.ARTIST) == {}


def test_exif_whose_entries_all_point_at_the_same_megabytes_costs_nothing() -> None:
    block = exif_bomb(20)
    assert exif.orientation(block) == 1
    assert exif.texts(block, 0x9000) == {}
