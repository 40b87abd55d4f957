"""Masks are looked at before anything is held; each pair of files once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.batch_plan import plan_batch, read_file
from engine.jobs import Picture
from engine.masks import Masks
from engine.single import plan_one
from providers.pictures import drawn_mask
from studio import imaging
from studio.errors import BatchInvalid, InvalidRequest
from studio.operations import Erase, Inpaint, RemoveBackground, TalkingAvatar
from studio.storage import BlobStore
from tests.support.studios import OWNER
from tests.unit.engine.conftest import House


class Counting(BlobStore):
    """Counts what is read."""

    reads = 0

    def get(self, sha256: str) -> bytes:
        self.reads += 1
        return super().get(sha256)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting((tmp_path / "blobs").as_uri())


def kept(store: BlobStore, field: str, image: Image.Image) -> Picture:
    sha256 = store.put(imaging.encode(image, "png"))
    return Picture(field, "ast_x", f"{field}.png", sha256, image.width, image.height)


def grey(width: int = 60, height: int = 40, level: int = 255) -> Image.Image:
    return Image.new("L", (width, height), level).convert("RGB")


def test_each_pair_is_looked_at_once(store: Counting) -> None:
    masks = Masks(store)
    pictures = [kept(store, "image", grey()), kept(store, "mask", grey(30, 20))]
    for _ in range(3):
        masks.check(Erase(image="i", mask="m"), pictures)
    assert store.reads == 2


def test_the_border_between_black_and_white(store: Counting) -> None:
    image, asked = kept(store, "image", grey()), Inpaint(image="i", mask="m", prompt="a door")
    Masks(store).check(asked, [image, kept(store, "mask", grey(level=128))])
    with pytest.raises(InvalidRequest, match="names nothing"):
        Masks(store).check(asked, [image, kept(store, "mask", grey(level=127))])


@pytest.mark.parametrize("size", [(30, 20), (31, 21), (120, 81)])
def test_a_mask_may_have_another_size(store: Counting, size: tuple[int, int]) -> None:
    pictures = [kept(store, "image", grey()), kept(store, "mask", grey(*size))]
    Masks(store).check(Erase(image="i", mask="m"), pictures)


def test_a_mask_has_the_shape_of_its_picture(store: Counting) -> None:
    pictures = [kept(store, "image", grey()), kept(store, "mask", grey(40, 60))]
    with pytest.raises(InvalidRequest, match="another shape") as caught:
        Masks(store).check(Erase(image="i", mask="m"), pictures)
    assert caught.value.given == "40 x 60 pixels"
    assert caught.value.allowed == "60 x 40 pixels, or another size of that shape"


def test_transparency_without_any_hole_names_nothing(store: Counting) -> None:
    faint = grey().convert("RGBA")
    faint.putalpha(200)
    solid = kept(store, "image", faint)
    with pytest.raises(InvalidRequest, match="names nothing") as caught:
        Masks(store).check(Erase(image="i"), [solid])
    assert caught.value.given == "the transparency of image.png"


def test_where_no_mask_is_needed_none_is_asked_for(store: Counting) -> None:
    image = kept(store, "image", grey())
    Masks(store).check(TalkingAvatar(image="i", audio="a"), [image])
    Masks(store).check(RemoveBackground(image="i"), [image])
    assert store.reads == 0


def test_a_mask_of_another_size_is_resized_and_its_alpha_counts(store: Counting) -> None:
    ink = Image.new("RGBA", (30, 20), (255, 255, 255, 0))
    ink.paste((255, 255, 255, 255), (0, 0, 15, 20))
    files = [imaging.encode(image, "png") for image in (grey(), ink)]
    drawn = drawn_mask(*files)
    assert drawn is not None
    assert drawn.size == (60, 40)
    assert (drawn.getpixel((5, 5)), drawn.getpixel((50, 5))) == (255, 0)


def test_a_request_is_refused_before_its_offers_are_looked_for(
    house: House, tmp_path: Path
) -> None:
    grey().save(tmp_path / "photo.png")
    grey(level=0).save(tmp_path / "black.png")
    asked = Erase(image=str(tmp_path / "photo.png"), mask=str(tmp_path / "black.png"))
    with pytest.raises(InvalidRequest, match="no part of it is white"):
        plan_one(house.studio, asked, OWNER, "key")


def test_a_row_is_reported_with_its_line(house: House, tmp_path: Path) -> None:
    grey().save(tmp_path / "photo.png")
    text = "operation,image\nerase,photo.png\n"
    spec = read_file(house.studio, text.encode(), source="rows.csv", owner=OWNER, folder=tmp_path)
    with pytest.raises(BatchInvalid) as caught:
        plan_batch(house.studio, spec)
    (problem,) = caught.value.details["problems"]
    assert (problem["line"], problem["field"]) == (2, "mask")
