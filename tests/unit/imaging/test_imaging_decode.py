"""What strangers send: accepted kinds come out as sRGB, everything else is refused with reasons."""

from __future__ import annotations

import struct
import threading
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from studio.errors import PictureRefused
from studio.imaging import Probe, open_picture, probe, sniff
from studio.imaging.pixels import Order, decode


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int = 64, height: int = 48, bands: int = 3) -> Image.Image:
    values = np.random.default_rng(7).integers(0, 256, (height, width, bands), np.uint8)
    return Image.fromarray(values if bands > 1 else values[..., 0])


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels to show for it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"XXXX\x00\x00\x00\x00WEBPVP8 ", None),
        (b"\x00\x00\x00\x20ftypisom\x00\x00", "video/mp4"),
        (b"\x00\x00\x00\x20ftypheic\x00\x00", "image/heic"),
        (b"\x00\x00\x00\x20ftypavif\x00\x00", "image/avif"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"glTF\x02\x00\x00\x00", "model/gltf-binary"),
        (b"ID3\x04", "audio/mpeg"),
        (b"II*\x00", "image/tiff"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<!doctype html>", None),
        (b"", None),
        (b"\x89PN", None),
    ],
)
def test_sniff_tells_kinds_by_their_first_bytes(data: bytes, media_type: str | None) -> None:
    assert sniff(data) == media_type


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_accepted_kinds_open(kind: str) -> None:
    data = written(noise(), kind)
    picture = open_picture(data)
    assert (picture.mode, picture.size) == ("RGB", (64, 48))
    assert picture.info == {}
    channels = 3 if kind == "JPEG" else 0
    assert probe(data) == Probe(f"image/{kind.lower()}", 64, 48, channels=channels)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<html><body>not found</body></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        written(noise(), "TIFF"),
        written(noise(), "BMP"),
        written(noise(), "AVIF"),
        b"\x00\x00\x00\x20ftypisom" + bytes(64),
    ],
)
def test_other_kinds_are_refused_by_name(data: bytes) -> None:
    for use in (open_picture, probe):
        with pytest.raises(PictureRefused) as refusal:
            use(data)
        assert refusal.value.field == "picture"
        assert refusal.value.given


def test_a_refusal_names_kind_and_what_is_allowed() -> None:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(written(noise(), "TIFF"))
    assert refusal.value.given == "image/tiff"
    assert refusal.value.allowed == "PNG, JPEG, WebP or GIF"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_truncated_files_are_refused(kind: str, part: float) -> None:
    whole = written(noise(200, 150), kind)
    with pytest.raises(PictureRefused):
        open_picture(whole[: int(len(whole) * part)])


def test_damaged_png_is_refused() -> None:
    data = bytearray(written(noise(), "PNG"))
    data[60:90] = bytes(30)
    with pytest.raises(PictureRefused, match="damaged"):
        open_picture(bytes(data))


def test_only_the_decoder_of_the_sniffed_kind_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureRefused):
        open_picture(b"\x89PNG\r\n\x1a\n" + written(noise(), "JPEG"))
    asked: list[object] = []
    real = Image.open

    def spy(file: BytesIO, formats: tuple[str, ...] | None = None) -> Image.Image:
        asked.append(formats)
        return real(file, formats=formats)

    monkeypatch.setattr(Image, "open", spy)
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        data = written(noise(), kind)
        decode(data, Order(f"image/{kind.lower()}", 64, 48))
    assert asked == [("PNG",), ("JPEG",), ("WEBP",), ("GIF",)]


@pytest.mark.parametrize(
    "size", [(9_000, 9_000), (10_000, 12_000), (60_000, 60_000), (1, 70_000_000)]
)
def test_bombs_are_refused_by_their_header(size: tuple[int, int]) -> None:
    data = png_header(*size)
    for use in (open_picture, probe):
        with pytest.raises(PictureRefused, match="too many pixels") as refusal:
            use(data)
        assert "64000000" in str(refusal.value.allowed)


@pytest.mark.filterwarnings("ignore")  # as in production: Pillow's alarm is a warning only
def test_bombs_are_refused_where_warnings_are_not_errors() -> None:
    with pytest.raises(PictureRefused, match="too many pixels") as refusal:
        open_picture(png_header(10_000, 12_000))
    assert refusal.value.given == "10000 x 12000 pixels"


def test_caps_are_exact() -> None:
    data = written(noise(10, 10), "PNG")
    assert open_picture(data, max_pixels=100, max_bytes=len(data)).size == (10, 10)
    with pytest.raises(PictureRefused, match="too many pixels"):
        open_picture(data, max_pixels=99)
    with pytest.raises(PictureRefused, match="too long"):
        open_picture(data, max_bytes=len(data) - 1)


def test_png_text_bomb_is_refused() -> None:
    plain = written(noise(4, 4), "PNG")
    body = b"Comment\x00\x00" + zlib.compress(bytes(80_000_000))
    chunk = (
        struct.pack(">I", len(body))
        + b"zTXt"
        + body
        + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    )
    with pytest.raises(PictureRefused):
        open_picture(plain[:33] + chunk + plain[33:])


def test_one_pixel() -> None:
    picture = open_picture(written(Image.new("RGB", (1, 1), (10, 20, 30)), "PNG"))
    assert picture.getpixel((0, 0)) == (10, 20, 30)


def test_cmyk_jpeg_becomes_rgb() -> None:
    picture = open_picture(written(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = picture.getpixel((4, 4))  # type: ignore[misc]
    assert picture.mode == "RGB"
    assert red > 200
    assert max(green, blue) < 60


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    picture = open_picture(written(Image.fromarray(values), "PNG"))
    assert picture.mode == "RGB"
    assert np.asarray(picture)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_palette_with_transparency_becomes_rgba() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    picture = open_picture(written(image, "PNG", transparency=0))
    assert picture.mode == "RGBA"
    assert picture.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert picture.getpixel((1, 1)) == (0, 255, 0, 255)


def test_colour_key_transparency_becomes_rgba() -> None:
    image = Image.new("RGB", (3, 3), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    picture = open_picture(written(image, "PNG", transparency=(1, 2, 3)))
    assert picture.mode == "RGBA"
    assert picture.getpixel((2, 2))[3] == 0  # type: ignore[index]
    assert picture.getpixel((0, 0)) == (9, 9, 9, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_mode_without_real_transparency_is_rgb(mode: str) -> None:
    picture = open_picture(written(noise().convert(mode), "PNG"))
    assert picture.mode == "RGB"


def test_grey_with_alpha_keeps_it() -> None:
    image = Image.new("LA", (2, 1), (200, 255))
    image.putpixel((0, 0), (100, 7))
    picture = open_picture(written(image, "PNG"))
    assert np.asarray(picture).tolist() == [[[100, 100, 100, 7], [200, 200, 200, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 0, 16, 8))  # a red mark at the upper left
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = written(stored, "PNG", exif=exif)
    picture = open_picture(data)
    assert np.array_equal(np.asarray(picture), np.asarray(upright))
    assert (probe(data).width, probe(data).height) == (32, 16)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # as in production, where it is printed
def test_broken_exif_does_not_matter() -> None:
    data = written(noise(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert open_picture(data).size == (64, 48)


def test_embedded_profile_is_applied() -> None:
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    grey = Image.new("RGB", (4, 4), (128, 90, 40))
    fits_not = written(grey, "PNG", icc_profile=xyz.tobytes())
    assert open_picture(fits_not).getpixel((0, 0)) == (128, 90, 40)
    broken = written(grey, "PNG", icc_profile=b"not a profile")
    assert open_picture(broken).getpixel((0, 0)) == (128, 90, 40)
    swapped = open_picture(written(grey, "PNG", icc_profile=swapped_primaries()))
    red, _, blue = swapped.getpixel((0, 0))  # type: ignore[misc]
    assert blue > red  # this profile calls red what sRGB calls blue


def swapped_primaries() -> bytes:
    """The sRGB profile with its red and blue colourants exchanged, under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for i in range(count):
        start = 132 + 12 * i
        tag = bytes(data[start : start + 4])
        data[start : start + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(tag, tag)
    for name in ("sRGB built-in".encode("utf-16-be"), "sRGB".encode("utf-16-be"), b"sRGB"):
        while name in data:
            at = data.index(name)
            data[at : at + len(name)] = b"\x00x" * (len(name) // 2)
    return bytes(data)


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    for kind in ("GIF", "WEBP"):
        data = written(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        red, green, _ = open_picture(data).getpixel((2, 2))[:3]  # type: ignore[index]
        assert red > 200 > green


def test_decoding_in_threads_changes_nothing() -> None:
    data = [written(noise(), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")] * 4
    expected = [open_picture(one).tobytes() for one in data]
    results: dict[int, bytes] = {}

    def work(number: int) -> None:
        results[number] = open_picture(data[number]).tobytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[i] for i in range(len(data))] == expected
