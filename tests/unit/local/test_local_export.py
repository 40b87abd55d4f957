"""The social export as an offer does it: files, names, sizes, limits, facts."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from providers.contract import Delivery, Request
from providers.local import export, social
from providers.local.focus import Importance
from providers.local.provider import local_offers
from studio import archive, imaging
from studio.catalog import SOCIAL_FORMATS, social_format
from studio.errors import ProviderRejected
from studio.operations import SocialExport

(OFFER,) = [offer for offer in local_offers() if offer.id == "local/focal-crop"]
STORY, POST = "instagram_story", "twitter_post"


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Noise on a gradient; the upper left corner is red, the lower right one blue."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([200 - x * 200 / width, y * 0 + 60, x * 200 / width], axis=2)
    grain = np.random.default_rng(5).normal(0, 6, base.shape)
    image = Image.fromarray(np.clip(base + grain, 0, 255).astype(np.uint8))
    image.paste((255, 0, 0), (0, 0, 60, 60))
    image.paste((0, 0, 255), (width - 60, height - 60, width, height))
    return image


def written(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exported(data: bytes, weights: Path | None = None, **values: Any) -> Delivery:
    values.setdefault("formats", [STORY, POST])
    request = Request(SocialExport(image="x", **values), {"image": data})
    return export.export_social(OFFER, request, weights or Path("nowhere"))


def opened(delivery: Delivery, name: str) -> Image.Image:
    (data,) = [each.data for each in delivery.outputs if each.name == name]
    return Image.open(BytesIO(data))


def test_every_format_is_delivered_in_its_size_under_its_limit() -> None:
    delivery = exported(written(photo()), formats=list(SOCIAL_FORMATS))
    assert [each.name for each in delivery.outputs] == list(SOCIAL_FORMATS)
    for each in delivery.outputs:
        format_ = social_format(each.name)
        assert (each.width, each.height) == (format_.width, format_.height)
        assert Image.open(BytesIO(each.data)).size == (format_.width, format_.height)
        assert imaging.sniff(each.data) == each.media_type == "image/jpeg"
        assert len(each.data) <= format_.max_bytes


def test_formats_that_are_the_same_share_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = imaging.encode_within

    def counted(image: Image.Image, *values: Any, **more: Any) -> imaging.Fitted:
        calls.append(image.size)
        return real(image, *values, **more)

    monkeypatch.setattr(imaging, "encode_within", counted)
    names = ["instagram_story", "instagram_reel", "facebook_story", "tiktok_video_cover"]
    delivery = exported(written(photo()), formats=names)
    assert len({each.data for each in delivery.outputs}) == 1
    assert calls == [(1080, 1920)]


def test_a_shared_file_is_written_again_for_who_takes_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = replace(social_format("facebook_story"), max_bytes=150_000)
    monkeypatch.setattr(
        export, "social_format", lambda name: small if name == small.id else SOCIAL_FORMATS[name]
    )
    names = ["instagram_story", "facebook_story", "tiktok_video_cover"]
    sizes = [len(each.data) for each in exported(written(photo(1600, 1600)), formats=names).outputs]
    assert sizes[0] == sizes[2] > 150_000 >= sizes[1] > 100_000


def test_quality_is_searched_until_it_fits_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = exported(written(photo(1600, 1600)), formats=[STORY])
    limit = len(usual.outputs[0].data) * 2 // 3
    tight = replace(social_format(STORY), max_bytes=limit)
    monkeypatch.setattr(export, "social_format", lambda _name: tight)
    delivery = exported(written(photo(1600, 1600)), formats=[STORY])
    assert 0.85 * limit < len(delivery.outputs[0].data) <= limit
    assert usual.facts["formats"][STORY]["quality"] == 85
    assert imaging.LOWEST_QUALITY <= delivery.facts["formats"][STORY]["quality"] < 85


def test_what_cannot_fit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(social_format(STORY), max_bytes=5_000)
    monkeypatch.setattr(export, "social_format", lambda _name: tiny)
    for kind in ("jpeg", "png"):
        with pytest.raises(ProviderRejected) as refusal:
            exported(written(photo()), formats=[STORY], output_format=kind)
        assert refusal.value.bought is False
        assert "instagram_story takes at most 5000 bytes" in refusal.value.message
        assert (refusal.value.field, refusal.value.given) == ("output_format", kind)


def test_center_shows_the_middle_and_crop_what_matters(weights: Path) -> None:
    image = Image.new("RGB", (900, 300), (90, 140, 90))
    image.paste(Image.open(weights / "astronaut.png").resize((300, 300)), (600, 0))
    delivery = exported(written(image), weights, formats=[STORY])
    shown = delivery.facts["formats"][STORY]["shown"]
    assert shown[0] >= 600
    assert delivery.facts["focus"]["by"] == "found"
    assert delivery.facts["faces"] == 1
    middle = exported(written(image), weights, formats=[STORY], fit="center")
    left, top, right, bottom = middle.facts["formats"][STORY]["shown"]
    assert (top, bottom) == (0, 300)
    assert left + right == 900
    assert middle.method == "crop around the middle"
    assert (
        f"{STORY}: the face is outside the safe zone, wholly or in part"
        in (middle.facts["warnings"])
    )


def test_a_given_focal_point_wins_and_is_kept(weights: Path) -> None:
    image = photo(1200, 300)
    image.paste(Image.open(weights / "astronaut.png").resize((300, 300)), (800, 0))
    for x in (0.0, 0.25, 1.0):
        delivery = exported(written(image), weights, formats=[STORY], focus_x=x, focus_y=0.5)
        left, _, right, _ = delivery.facts["formats"][STORY]["shown"]
        wide = right - left
        assert left == pytest.approx(min(max(x * 1200 - wide / 2, 0), 1200 - wide), abs=1)
        assert delivery.facts["focus"] == {"x": x, "y": 0.5, "by": "given"}
        assert delivery.method == "crop around the focal point that was given"


def test_a_focal_point_at_the_edge_is_told_to_be_covered() -> None:
    facts = exported(written(photo()), formats=[STORY], focus_x=0, focus_y=0).facts
    assert facts["warnings"] == [f"{STORY}: the subject's middle is outside the safe zone"]
    facts = exported(written(photo()), formats=[STORY], focus_x=0.5, focus_y=0.5).facts
    assert facts["warnings"] == []


def test_without_weights_faces_are_not_counted_but_not_denied() -> None:
    facts = exported(written(photo())).facts
    assert "faces" not in facts
    assert facts["focus"]["by"] == "found"


def test_previews_are_files_of_their_own_and_exports_stay_the_same() -> None:
    data = written(photo())
    bare, drawn = exported(data), exported(data, safe_zones=True)
    names = [STORY, POST, f"{STORY}_safe", f"{POST}_safe"]
    assert [each.name for each in drawn.outputs] == names
    assert SocialExport(image="x", formats=[STORY, POST], safe_zones=True).outputs == tuple(names)
    assert [each.data for each in drawn.outputs[:2]] == [each.data for each in bare.outputs]
    for name in (STORY, POST):
        export_, preview = opened(drawn, name), opened(drawn, f"{name}_safe")
        assert export_.size == preview.size
        difference = np.abs(np.asarray(export_, int) - np.asarray(preview, int)).mean(axis=2)
        assert difference[:20].mean() > 10


@pytest.mark.parametrize(
    ("values", "corner"),
    [
        ({"padding": "color", "color": "#0a64c8"}, (10, 100, 200)),
        ({"padding": "blurred"}, None),
        ({"padding": "mirrored"}, None),
    ],
)
def test_padding_shows_all_of_the_picture(
    values: dict[str, Any], corner: tuple[int, int, int] | None
) -> None:
    delivery = exported(written(photo()), formats=[STORY], fit="pad", output_format="png", **values)
    facts = delivery.facts["formats"][STORY]
    assert facts["shown"] == [0, 0, 640, 480]
    assert facts["warnings"] == []
    image = np.asarray(opened(delivery, STORY).convert("RGB"), int)
    assert (np.abs(image - (255, 0, 0)).max(axis=2) < 8).sum() > 3000
    assert (np.abs(image - (0, 0, 255)).max(axis=2) < 8).sum() > 3000
    if corner:
        assert tuple(image[2, 2]) == corner
    assert delivery.method == f"pad, {values['padding']}"


def test_a_mirrored_backdrop_goes_on_from_the_edge() -> None:
    image = Image.new("RGB", (200, 100), (200, 0, 0))
    image.paste((0, 0, 200), (100, 0, 200, 100))
    (one,) = social.render(
        image, [social.Target(400, 400, mode="pad", backdrop="mirrored")], _even()
    )
    pixels = np.asarray(one.image, int)
    for y in (20, 60, 340, 390):  # above and below the picture, its own columns
        assert pixels[y, 60, 0] > 140 + pixels[y, 60, 2]
        assert pixels[y, 340, 2] > 140 + pixels[y, 340, 0]
    (tall,) = social.render(
        image, [social.Target(1000, 100, mode="pad", backdrop="mirrored")], _even()
    )
    row = np.asarray(tall.image, int)[50]
    assert [bool(row[x, 0] > row[x, 2]) for x in (50, 250, 350, 450, 550, 650, 750, 950)] == [
        *(True, False, True, True),
        *(False, False, True, False),
    ]


def _even() -> Importance:
    mass = np.full((10, 10), 0.01, np.float32)
    return Importance(mass, (), "test")


def test_phone_pictures_come_out_upright_and_clean_with_their_credit() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    exif[0x013B] = "Ada"
    exif[0x010F] = "Spy Camera"
    lying = photo().transpose(Image.Transpose.ROTATE_90)
    delivery = exported(written(lying, "JPEG", exif=exif, quality=95), formats=[POST], fit="center")
    image = opened(delivery, POST)
    upright = exported(written(photo()), formats=[POST], fit="center")
    difference = np.abs(np.asarray(image, int) - np.asarray(opened(upright, POST), int))
    assert difference.mean() < 6
    assert imaging.credit_of(delivery.outputs[0].data) == imaging.Credit("Ada")
    assert b"Spy" not in delivery.outputs[0].data
    assert set(image.getexif()) == {0x013B}


def test_a_profile_is_applied_and_left_behind() -> None:
    flat = Image.new("RGB", (300, 300), (128, 128, 128))
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"  # green is red in it
    profile = profile.replace(b"s\0R\0G\0B", b"s\0W\0A\0P").replace(b"sRGB", b"sWAP")
    flat.paste((255, 0, 0), (0, 0, 300, 300))
    delivery = exported(
        written(flat, icc_profile=bytes(profile)), formats=[POST], output_format="png"
    )
    image = opened(delivery, POST)
    red, green, blue = image.getpixel((600, 300))  # type: ignore[misc]
    assert green > 200 > 50 + red
    assert blue < 50
    assert not set(image.info) & {"icc_profile", "exif", "xmp", "comment"}


def test_transparency_is_kept_by_png_and_laid_on_white_by_jpeg() -> None:
    clear = Image.new("RGBA", (400, 400), (9, 9, 9, 0))
    clear.paste((200, 30, 30, 255), (150, 150, 250, 250))
    png = opened(exported(written(clear), formats=[POST], output_format="png"), POST)
    assert png.mode == "RGBA"
    jpeg = opened(exported(written(clear), formats=[POST], fit="pad", padding="color"), POST)
    assert jpeg.getpixel((3, 3)) == (255, 255, 255)


def test_a_zip_holds_all_exports_with_their_credits_and_no_preview() -> None:
    exif = Image.Exif()
    exif[0x013B] = b"Ada Lovelace"
    data = written(photo(), exif=exif)
    delivery = exported(data, safe_zones=True, zip=True)
    names = [STORY, POST, f"{STORY}_safe", f"{POST}_safe", "all"]
    assert [each.name for each in delivery.outputs] == names
    last = delivery.outputs[-1]
    assert (last.media_type, last.width, last.height) == ("application/zip", 0, 0)
    with zipfile.ZipFile(BytesIO(last.data)) as archive:
        assert archive.namelist() == [f"{STORY}.jpg", f"{POST}.jpg"]
        held = [archive.read(name) for name in archive.namelist()]
    assert held == [each.data for each in delivery.outputs[:2]]
    assert all(imaging.credit_of(each).artist == "Ada Lovelace" for each in held)
    assert exported(data, safe_zones=True, zip=True).outputs[-1].data == last.data


def test_what_does_not_fit_into_a_zip_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 10_000)
    with pytest.raises(ProviderRejected, match="too large for one ZIP") as refusal:
        exported(written(photo()), zip=True)
    assert refusal.value.field == "zip"
    assert "fewer formats" in str(refusal.value.allowed)
