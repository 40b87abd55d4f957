"""Every offer with a key, through the engine: bought once, kept, paid; known when it failed."""

from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import engine.execute
from billing.pricebook import current
from engine.jobs import Job
from engine.single import hold_credits, order_of, plan_one
from providers import Offer
from providers.catalogue import all_offers
from studio.clock import now
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS, Operation, input_fields
from tests.contract.emulators.base import Fault, picture
from tests.contract.world import World, opened_world
from tests.support.studios import OWNER, balance_of, execute


def _priced(offer: Offer) -> bool:
    try:
        current(now().date()).line(offer.id)
    except PriceUnknown:
        return False
    return True


OFFERS = [offer for offer in all_offers() if offer.provider != "local" and _priced(offer)]
NUMBERS = itertools.count(1)
SIDE = 384
"""Pixels: the smallest that every offer takes."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the paths of a mask and a recording, and of a picture that is new each time."""
    folder = tmp_path_factory.mktemp("files")
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (SIDE // 4, SIDE // 4, SIDE // 2, SIDE // 2))
    mask.save(folder / "mask.png")
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(2 * 8_000 * 6))
    (folder / "sound.wav").write_bytes(out.getvalue())
    names = {"picture": "picture.png", "mask": "mask.png", "audio": "sound.wav"}
    return {kind: str(folder / name) for kind, name in names.items()}


def _request(offer: Offer, files: dict[str, str]) -> Operation:
    """Return a request for this offer: its operation's example, with the offer's own choices."""
    cls = OPERATIONS[offer.operation]
    values: dict[str, Any] = {**cls.example, "provider": offer.provider, "model": offer.model}
    values |= {name: choices[0] for name, choices in offer.values.items()}
    for name, kind in input_fields(cls).items():
        if name in values or name in offer.required:
            values[name] = files["mask" if name == "mask" else kind]
    if "prompt" in cls.example or "prompt" in offer.required:
        values["prompt"] = f"a lighthouse, no. {next(NUMBERS)}"
    if "seed" in cls.model_fields and "seed" not in offer.unable:
        values["seed"] = next(NUMBERS)
    return cls.model_validate(values)


def _new_picture(path: Path) -> None:
    """Write a picture that nobody has seen: without words and seed, it alone makes work new."""
    path.write_bytes(picture(f"photo {next(NUMBERS)}", SIDE, SIDE))


def _buy(world: World, offer: Offer, files: dict[str, str]) -> Job:
    """Buy from exactly this offer."""
    key = f"{offer.id}-{next(NUMBERS)}"
    _new_picture(Path(files["picture"]))
    planned = plan_one(world.studio, _request(offer, files), OWNER, key)
    (choice,) = [each for each in planned.plan.choices if each.offer.id == offer.id]
    held = hold_credits(world.studio, OWNER, key, choice.price, "a test")
    order = order_of(planned, owner=OWNER, key=key, hold_id=held.id, run="test")
    plan = type(order.plan)(order.plan.operation, (choice,), ())
    order = type(order)(**{f: getattr(order, f) for f in order.__slots__} | {"plan": plan})
    return execute(world.studio, order)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: str(offer.id))
def test_it_is_bought_once_kept_and_paid(world: World, offer: Offer, files: dict[str, str]) -> None:
    emulator = world.emulators[offer.provider]
    bills, before = len(emulator.bills), balance_of(world.studio).captured
    job = _buy(world, offer, files)
    assert job.state == "settled", job.error
    assert len(emulator.bills) == bills + 1
    assert balance_of(world.studio).captured - before == job.charged
    assert 0 < job.charged <= job.price
    if not offer.usage:
        assert job.charged == job.price
    (made,) = job.outputs()
    kinds = {"picture": "image/", "video": "video/", "model": "model/", "text": "application/json"}
    assert made.media_type.startswith(kinds[offer.kind])
    target = job.request().target(SIDE, SIDE)
    assert target is None or (made.width, made.height) == target


_ENDS: tuple[tuple[Fault, str, int], ...] = (
    ("busy", "settled", 1),
    ("limit", "settled", 1),
    ("drop", "unknown", 1),
    ("error", "unknown", 1),
)


@pytest.mark.parametrize(("fault", "state", "bought"), _ENDS, ids=str)
@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: str(offer.id))
def test_a_fault_of_the_order_buys_nothing_twice(  # noqa: PLR0917 - fixtures
    world: World,
    offer: Offer,
    files: dict[str, str],
    fault: Fault,
    state: str,
    bought: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine.execute, "_ROUNDS", (0.05, 0.05, 0.05))
    monkeypatch.setattr("providers.http._FIRST_WAIT", 0.01)
    emulator = world.emulators[offer.provider]
    bills = len(emulator.bills)
    emulator.work.next.append(fault)
    job = _buy(world, offer, files)
    assert not emulator.work.next, "the fault was never met"
    assert (job.state, len(emulator.bills) - bills) == (state, bought), job.error
    assert world.twice == []
