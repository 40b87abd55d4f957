"""A bare picture has every pixel and nothing of who, where and when; the label of AI stays."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from studio.errors import PictureRefused
from studio.imaging import bare, marked, source_of

SECRET = b"Jane Doe, 47.3769 N 8.5417 E"
FORMATS = ("JPEG", "PNG", "WEBP")


def exif(orientation: int = 1) -> bytes:
    block = Image.Exif()
    if orientation != 1:
        block[0x0112] = orientation
    block[0x013B] = SECRET.decode()
    block.get_ifd(0x8825)[2] = (47.0, 22.0, 36.84)
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes()


def picture() -> Image.Image:
    rng = np.random.default_rng(7)
    return Image.fromarray(rng.integers(0, 255, (24, 40, 3), dtype=np.uint8))


def saved(image: Image.Image, kind: str, **named: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **named)
    return file.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA").tobytes()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_places_and_names_go_and_pixels_profile_and_orientation_stay(
    kind: str, orientation: int
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(picture(), kind, exif=exif(orientation), icc_profile=profile)
    assert SECRET in data
    stripped = bare(data)
    assert SECRET not in stripped
    assert pixels(stripped) == pixels(data)
    with Image.open(io.BytesIO(stripped)) as image:
        assert image.info["icc_profile"] == profile
        found = image.getexif()
        assert dict(found) == ({0x0112: orientation} if orientation != 1 else {})
        assert not found.get_ifd(0x8825)
    assert bare(stripped) == stripped


@pytest.mark.parametrize("kind", FORMATS)
def test_the_label_of_ai_stays_and_other_words_of_xmp_go(kind: str) -> None:
    labelled = marked(saved(picture(), kind), "trainedAlgorithmicMedia")
    assert source_of(bare(labelled)) == "trainedAlgorithmicMedia"
    assert bare(labelled) == labelled
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + SECRET + b'<a b="http://cv.iptc.org/newscodes/'
        b'digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
    )
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        data = saved(picture(), kind, pnginfo=info)
    else:
        data = saved(picture(), kind, xmp=xmp)
    assert SECRET in data
    assert source_of(data) == "trainedAlgorithmicMedia"
    stripped = bare(data)
    assert SECRET not in stripped
    assert source_of(stripped) == "trainedAlgorithmicMedia"
    assert pixels(stripped) == pixels(data)


def test_texts_of_a_png_comments_of_a_jpeg_and_what_hangs_behind_go() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("parameters", SECRET.decode(), zip=True)
    png = saved(picture(), "PNG", pnginfo=info) + SECRET
    assert SECRET not in bare(png)
    assert zlib.compress(SECRET)[:8] not in bare(png)
    assert pixels(bare(png)) == pixels(png)
    jpeg = saved(picture(), "JPEG", comment=SECRET) + SECRET
    assert SECRET not in bare(jpeg)
    assert pixels(bare(jpeg)) == pixels(jpeg)


def frames(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(image.convert("RGBA").tobytes())
        return [*found, str(image.info.get("loop")).encode()]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animations_go_on_and_their_comments_go(kind: str) -> None:
    first, second = picture(), picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    named: dict[str, Any] = {"comment": SECRET} if kind == "GIF" else {"exif": exif()}
    data = saved(first, kind, save_all=True, append_images=[second], duration=90, loop=3, **named)
    assert SECRET in data
    stripped = bare(data)
    assert SECRET not in stripped
    assert frames(stripped) == frames(data)
    assert len(frames(stripped)) == 3


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PictureRefused):
        bare(data)
