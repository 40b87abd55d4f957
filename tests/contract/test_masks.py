"""Masks, operation by operation, provider by provider: one meaning; refusals cost nothing.

White is where to change; a transparent part of a mask counts as black; another size of the same
shape is resized; without a mask the picture's own transparency is one. What cannot be meant is
refused when it is planned, before anything is held.
"""

from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from billing.ledger import holds_of
from billing.pricebook import current
from engine.jobs import Job
from engine.single import hold_credits, orders_of, plan_one
from providers import Offer
from providers.catalogue import all_offers
from studio import imaging
from studio.clock import now
from studio.errors import InvalidRequest, PriceUnknown
from studio.operations import OPERATIONS, Erase, Inpaint
from tests.contract.world import World, opened_world
from tests.support.studios import OWNER, execute

SIDES = (384, 256)
SMALL = (96, 64)
"""For this machine, which takes them smaller and is the quicker for it."""
NUMBERS = itertools.count(1)


def _priced(offer: Offer) -> bool:
    try:
        current(now().date()).line(offer.id)
    except PriceUnknown:
        return False
    return True


OFFERS = [
    offer
    for offer in all_offers()
    if "mask" in OPERATIONS[offer.operation].model_fields
    and "mask" not in offer.unable
    and _priced(offer)
    # Seconds of work; its mask has tests of its own.
    and offer.id not in {"local/puppet", "local/puppet-script"}
]
EDITS = [offer for offer in OFFERS if offer.operation in {"erase", "inpaint"}]
CLOUD = [offer for offer in EDITS if offer.provider != "local"]
"""This machine's holes have tests of their own (``tests/unit/local/test_local_edit.py``)."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_world(tmp_path_factory.mktemp("world"), local=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures and masks, for this machine and for all others."""
    found = tmp_path_factory.mktemp("files")
    for name, sides in (("local", SMALL), ("cloud", SIDES)):
        (found / name).mkdir()
        _draw(found / name, *sides)
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(2 * 8_000 * 6))
    (found / "sound.wav").write_bytes(out.getvalue())
    return found


def _draw(found: Path, width: int, height: int) -> None:
    """Draw pictures and masks, named for what they are."""
    inside = (width // 4, height // 4, width // 2, height * 2 // 3)
    photo = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    ImageDraw.Draw(photo).ellipse(inside, fill="red")
    photo.save(found / "photo.png")
    holed = photo.convert("RGBA")
    holed.paste((0, 0, 0, 0), inside)
    holed.save(found / "holed.png")
    ink = Image.new("RGBA", (width // 2, height // 2), (0, 0, 0, 0))
    ImageDraw.Draw(ink).rectangle([each // 2 for each in inside], fill="white")
    ink.save(found / "small.png")
    Image.new("L", (width, height), 100).save(found / "empty.png")
    Image.new("RGBA", (width, height), (255, 255, 255, 0)).save(found / "clear.png")
    Image.new("L", (height, height), 255).save(found / "square.png")


def _request(offer: Offer, folder: Path, image: str, mask: str) -> Any:
    cls = OPERATIONS[offer.operation]
    values = {**cls.example, "provider": offer.provider, "model": offer.model}
    values |= {name: choices[0] for name, choices in offer.values.items()}
    where = folder / ("local" if offer.provider == "local" else "cloud")
    values |= {"image": str(where / image), "mask": str(where / mask) if mask else ""}
    if "audio" in cls.model_fields:
        values["audio"] = str(folder / "sound.wav")
    if "grow_mask" in cls.model_fields:
        values["grow_mask"] = 0
    if "seed" in cls.model_fields:
        values["seed"] = next(NUMBERS)
    return cls.model_validate(values)


def _done(world: World, request: Any) -> Job:
    key = f"mask-{next(NUMBERS)}"
    planned = plan_one(world.studio, request, OWNER, key)
    held = hold_credits(world.studio, OWNER, key, planned.quote.total, "a test")
    (order,) = orders_of(planned, owner=OWNER, key=key, hold_id=held.id, run="test")
    return execute(world.studio, order)


def _sent_mask(world: World, offer: Offer) -> Image.Image | None:
    """Return the mask that the emulator was sent last; ``None`` for work on this machine."""
    if offer.provider == "stability":
        data = world.emulators["stability"].forms[-1].parts["mask"].data
    elif offer.provider == "wavespeed":
        stored = world.emulators["wavespeed"].stored.values()
        data = [each for each in stored if each.name == "mask.png"][-1].data
    else:
        return None
    return imaging.open_picture(data).convert("L")


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: str(offer.id))
def test_a_smaller_mask_on_transparency_is_drawn_on_black_and_resized(
    world: World, folder: Path, offer: Offer
) -> None:
    job = _done(world, _request(offer, folder, "photo.png", "small.png"))
    assert job.state == "settled", job.error
    sent = _sent_mask(world, offer)
    if sent is not None:
        assert sent.size == SIDES
        assert (sent.getpixel((140, 120)), sent.getpixel((10, 10))) == (255, 0)


@pytest.mark.parametrize("offer", CLOUD, ids=lambda offer: str(offer.id))
def test_without_a_mask_the_transparency_is_one(world: World, folder: Path, offer: Offer) -> None:
    job = _done(world, _request(offer, folder, "holed.png", ""))
    assert job.state == "settled", job.error
    sent = _sent_mask(world, offer)
    if sent is not None:
        assert sent.size == SIDES
        assert (sent.getpixel((140, 120)), sent.getpixel((10, 10))) == (255, 0)


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        ("photo.png", "empty.png", "no part of it is white"),
        ("photo.png", "clear.png", "no part of it is white"),
        ("photo.png", "square.png", "another shape"),
        ("photo.png", "", "neither a mask nor transparency"),
    ],
)
@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: str(offer.id))
def test_what_cannot_be_meant_is_refused_before_anything_is_held(  # noqa: PLR0917 - cases
    world: World, folder: Path, offer: Offer, image: str, mask: str, words: str
) -> None:
    if not mask and offer not in EDITS:
        return  # there it means: everybody in the picture
    bills = world.bills
    with pytest.raises(InvalidRequest, match=words) as caught:
        plan_one(world.studio, _request(offer, folder, image, mask), OWNER, "refused")
    assert caught.value.field == "mask"
    assert caught.value.given
    assert caught.value.allowed
    assert world.bills == bills
    with world.studio.database.read() as connection:
        assert all(each.key != "refused/1" for each in holds_of(connection, OWNER))


@pytest.mark.parametrize("provider", ["gemini", "huggingface"])
@pytest.mark.parametrize("cls", [Erase, Inpaint])
def test_who_cannot_honour_a_mask_is_not_asked_and_this_is_said(
    world: World, folder: Path, provider: str, cls: Any
) -> None:
    files = {"image": "photo.png", "mask": "small.png"}
    values = {**cls.example, **{key: str(folder / "cloud" / name) for key, name in files.items()}}
    with pytest.raises(InvalidRequest) as caught:
        plan_one(world.studio, cls(**values | {"provider": provider}), OWNER, "refused")
    assert caught.value.field == "provider"
    assert "stability" in str(caught.value.allowed)


def test_there_is_an_offer_for_every_kind_of_mask() -> None:
    assert {offer.operation for offer in OFFERS} == {"erase", "inpaint", "talking_avatar"}
    assert {offer.provider for offer in EDITS} == {"local", "stability", "wavespeed"}
