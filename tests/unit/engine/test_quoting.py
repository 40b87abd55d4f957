"""Quotes are kept: by a newer price book, at their offer, and for the same request alone."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from billing.pricebook import PriceBook
from engine.quoting import quote_key, sign_quote
from engine.single import Planned, hold_credits, order_of, plan_one
from engine.studio import Studio
from providers import Request
from studio import clock
from studio.errors import InvalidRequest, NoOffer, SetupIncomplete
from studio.operations import Generate, Operation, RemoveBackground
from studio.settings import Settings
from tests.support.books import HOUR, StandingClock
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, execute, fund, make_studio

FOX = Generate(prompt="a fox")
PRICE = PRICES["painter"]


def promise(studio: Studio, operation: Operation, owner: str = OWNER) -> str:
    planned = plan_one(studio, operation, owner, "quote")
    return sign_quote(studio.settings, planned.quote, operation, planned.pictures, owner)[1]


def buy(studio: Studio, operation: Operation, token: str, key: str = "work") -> Planned:
    planned = plan_one(studio, operation, OWNER, key, token=token)
    held = hold_credits(studio, OWNER, f"{key}/1", planned.quote.total, "a test")
    order = order_of(planned, owner=OWNER, key=key, hold_id=held.id, run="run")
    assert execute(studio, order).state == "settled"
    return planned


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[PriceBook], Studio]]:
    """Open studios in one home, one after the other, with a book and two providers."""
    studios: list[Studio] = []

    def open_(prices: PriceBook) -> Studio:
        if studios:
            studios[-1].close()
        providers = {name: InstantProvider(name) for name in ("near", "far")}
        studios.append(make_studio(tmp_path / "home", providers=providers, prices=prices))
        fund(studios[-1], 100 * PRICE)
        return studios[-1]

    yield open_
    for studio in studios[-1:]:
        studio.close()


def test_a_quote_is_honoured_after_prices_went_up(opened: Callable[[PriceBook], Studio]) -> None:
    token = promise(opened(book(near=1, far=2)), FOX)
    dearer = opened(book(near=3, far=2))
    assert plan_one(dearer, FOX, OWNER, "work").quote.total == 2 * PRICE
    planned = buy(dearer, FOX, token)
    assert planned.quote.total == planned.plan.first.price == PRICE
    assert [choice.offer.id for choice in planned.plan.choices] == ["near/painter"]
    assert balance_of(dearer).captured == PRICE


def test_a_quote_is_honoured_after_its_price_left_the_book(
    opened: Callable[[PriceBook], Studio],
) -> None:
    token = promise(opened(book(near=1, far=2)), FOX)
    buy(opened(book(far=2)), FOX, token)


def test_usage_at_a_promised_price_is_a_part_of_that_price(
    opened: Callable[[PriceBook], Studio],
) -> None:
    def priced(factor: int, cost: int) -> PriceBook:
        prices = book(near=factor, far=9)
        lines = [line.model_copy(update={"provider_cost": cost}) for line in prices.lines]
        return prices.model_copy(update={"lines": tuple(lines)})

    token = promise(opened(priced(1, 1_000)), FOX)
    studio = opened(priced(3, 2_000))
    near = studio.providers["near"]
    assert isinstance(near, InstantProvider)
    made = near.delivery(near.offer("painter"), Request(FOX))
    near.script.append(replace(made, cost=500))
    buy(studio, FOX, token)
    # A quarter of what it costs the operator at most today, so a quarter of the promised price.
    assert balance_of(studio).captured == PRICE // 4
    near.script.append(replace(made, cost=5_000))
    buy(studio, FOX, token, "again")
    assert balance_of(studio).captured == PRICE // 4 + PRICE


def test_a_quote_is_not_bought_at_another_offer(
    opened: Callable[[PriceBook], Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio, FOX)
    monkeypatch.setattr(studio.providers["near"], "not_ready", lambda _: "is out of order")
    with pytest.raises(NoOffer, match="near/painter: is out of order"):
        plan_one(studio, FOX, OWNER, "work", token=token)


def test_an_offer_that_is_gone_is_named(opened: Callable[[PriceBook], Studio]) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio, FOX)
    studio.providers["near"]._offers = ()  # type: ignore[attr-defined]
    with pytest.raises(NoOffer) as caught:
        plan_one(studio, FOX, OWNER, "work", token=token)
    assert (caught.value.field, caught.value.given) == ("quote", "near/painter")


def test_variations_are_promised_each(opened: Callable[[PriceBook], Studio]) -> None:
    three = FOX.model_copy(update={"variations": 3})
    token = promise(opened(book(near=1, far=2)), three)
    planned = plan_one(opened(book(near=5, far=5)), three, OWNER, "work", token=token)
    assert [plan.first.price for plan in planned.plans] == [PRICE] * 3
    assert planned.quote.total == 3 * PRICE


@pytest.mark.parametrize("other", [{"prompt": "an owl"}, {"seed": 7}, {"width": 512}], ids=str)
def test_another_request_is_refused(
    other: dict[str, object], opened: Callable[[PriceBook], Studio]
) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio, FOX)
    with pytest.raises(InvalidRequest, match="another request"):
        plan_one(studio, FOX.model_copy(update=other), OWNER, "work", token=token)


def test_it_expires_by_the_setting(
    opened: Callable[[PriceBook], Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = opened(book(near=1, far=2))
    standing = StandingClock(clock.now())
    for module in ("engine.planning.now", "engine.quoting.now"):
        monkeypatch.setattr(module, standing)
    token = promise(studio, FOX)
    standing.advance(HOUR / 2 - HOUR / 3600)
    plan_one(studio, FOX, OWNER, "work", token=token)
    standing.advance(HOUR / 3600)
    with pytest.raises(InvalidRequest, match="expired"):
        plan_one(studio, FOX, OWNER, "work", token=token)


def test_the_same_picture_by_path_or_id_is_the_same_request_and_another_is_not(
    opened: Callable[[PriceBook], Studio], tmp_path: Path
) -> None:
    studio = opened(book(near=1, far=2))
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 64), "red").save(path)
    cut = RemoveBackground(image=str(path))
    token = promise(studio, cut)
    asset = studio.inputs.resolve(cut, OWNER)[0].asset
    plan_one(studio, RemoveBackground(image=asset), OWNER, "work", token=token)
    Image.new("RGB", (64, 65), "red").save(path)
    with pytest.raises(InvalidRequest, match="another request"):
        plan_one(studio, cut, OWNER, "work", token=token)


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    config = Settings(_env_file=None, home=tmp_path / "new")
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(quote_key(config))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    (file,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(keys[0]) == 64


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    config = Settings(_env_file=None, home=tmp_path)
    key = quote_key(config)
    (tmp_path / "quote.key").chmod(0o644)
    with pytest.raises(SetupIncomplete, match="chmod 600") as caught:
        quote_key(config)
    assert key.decode() not in str(caught.value.as_dict())


def test_the_setting_goes_before_the_file_and_is_never_told(tmp_path: Path) -> None:
    secret = "s" * 32
    config = Settings(_env_file=None, home=tmp_path, quote_secret=SecretStr(secret))
    assert quote_key(config) == secret.encode()
    assert secret not in repr(config)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SetupIncomplete, match="31 characters") as caught:
        quote_key(Settings(_env_file=None, home=tmp_path, quote_secret=SecretStr("t" * 31)))
    assert "t" * 31 not in str(caught.value.as_dict())


def test_a_key_that_was_cut_off_signs_nothing(tmp_path: Path) -> None:
    """With an empty key anybody could sign a quote of 0 credits."""
    config = Settings(_env_file=None, home=tmp_path)
    quote_key(config)
    for left in (b"", b"\n", b"ab" * 15):
        (tmp_path / "quote.key").write_bytes(left)
        with pytest.raises(SetupIncomplete, match="cut off"):
            quote_key(config)
