"""A batch's signed quote is kept: for the same rows, by a newer price book, until it expires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batches import BatchSpec, given_of
from billing.pricebook import PriceBook
from billing.signed_batch import sign_batch
from engine.batch_plan import read_file
from engine.batch_quoting import plan_at_quote, sign_batch_quote
from engine.batch_start import start_batch
from engine.batch_view import DONE
from engine.quoting import quote_key, sign_quote
from engine.single import plan_one
from engine.studio import Studio
from studio.errors import BatchInvalid, InvalidRequest, NoOffer, ProviderRejected
from studio.operations import Generate
from tests.support.books import HOUR, StandingClock
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, fund, make_studio

ROWS = (
    "row,operation,prompt,image,provider\n"
    "one,generate,a fox,,\n"
    "two,generate,an owl,,far\n"
    "three,remove_background,,@one,\n"
)
PAINTER, CUTTER = PRICES["painter"], PRICES["cutter"]
AT_FIRST = 1 * PAINTER + 2 * PAINTER + 1 * CUTTER
"""What the rows come to by ``book(near=1, far=2)``."""

Opened = Callable[[PriceBook], Studio]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open studios in one home, one after the other, with a book and two providers."""
    studios: list[Studio] = []

    def open_(prices: PriceBook) -> Studio:
        if studios:
            studios[-1].close()
        providers = {name: InstantProvider(name) for name in ("near", "far")}
        studios.append(make_studio(tmp_path / "home", providers=providers, prices=prices))
        fund(studios[-1], 100 * PAINTER)
        return studios[-1]

    yield open_
    for studio in studios[-1:]:
        studio.close()


def read(studio: Studio, text: str = ROWS, *, owner: str = OWNER, name: str = "") -> BatchSpec:
    return read_file(
        studio, text.encode(), source="b.csv", owner=owner, name=name, folder=Path.cwd()
    )


def promise(studio: Studio, text: str = ROWS, **named: str) -> str:
    return sign_batch_quote(studio, read(studio, text, **named))[2]


def buy(studio: Studio, token: str, text: str = ROWS, run: str = "run-1") -> dict[str, str]:
    planned = plan_at_quote(studio, read(studio, text), token)
    running = start_batch(studio, planned, run)
    quoted = running.quote()
    running.hold_for(quoted, f"{run}/1")
    for wave in running.waves():
        for order in running.orders(wave):
            try:
                running.take(order, studio.loop.run(studio.executor.execute(order)))
            except ProviderRejected as error:
                running.take(order, error)
    running.finish()
    return running.view.statuses()


def test_all_rows_are_bought_at_the_quotes_prices_after_a_new_book_came(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    _, signed, token = sign_batch_quote(studio, read(studio))
    assert (signed.total, signed.rows) == (AT_FIRST, 3)
    dearer = opened(book(near=5, far=7))
    planned = plan_at_quote(dearer, read(dearer), token)
    assert planned.promise == signed.id
    running = start_batch(dearer, planned, "a run")
    quoted = running.quote()
    running.abandon()
    assert quoted.quote is not None
    assert (quoted.total, quoted.quote.book_version) == (AT_FIRST, signed.book_version)
    assert quoted.quote.expires_at == signed.expires_at
    assert set(buy(dearer, token).values()) == {DONE}
    # The row that builds on another one is planned again once that is made: at the same price.
    assert balance_of(dearer).captured == AT_FIRST


def test_its_offers_are_kept_also_where_another_one_is_cheaper_now(opened: Opened) -> None:
    token = promise(opened(book(near=2, far=3)))
    cheaper = opened(book(near=2, far=1))
    planned = plan_at_quote(cheaper, read(cheaper), token)
    offers = {name: row.plan.first.offer.id for name, row in planned.rows.items()}
    assert offers == {"one": "near/painter", "two": "far/painter", "three": "near/cutter"}


def test_prices_that_left_the_book_are_kept(opened: Opened) -> None:
    token = promise(opened(book(near=1, far=2)))
    bare = opened(book(far=9))
    assert set(buy(bare, token).values()) == {DONE}
    assert balance_of(bare).captured == AT_FIRST


def test_the_rest_of_a_batch_is_bought_with_the_quote_of_the_whole(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio)
    far = studio.providers["far"]
    assert isinstance(far, InstantProvider)
    far.script.append(ProviderRejected("no", provider="far"))
    assert buy(studio, token)["two"] == "failed"
    assert balance_of(studio).captured == PAINTER + CUTTER
    dearer = opened(book(near=5, far=7))
    assert buy(dearer, token, run="run-2")["two"] == DONE
    assert balance_of(dearer).captured == AT_FIRST


def test_who_rests_does_not_change_what_was_promised(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = opened(book(near=1, far=2))
    resting = {"near"}
    route = studio.planner._route
    monkeypatch.setattr(
        studio.planner,
        "_route",
        replace(route, health=lambda each: "rests" if each.name in resting else ""),
    )
    # Both painters are in the quote, since the last row wants "near" whatever it does. So row one
    # goes there as well, with and without its rest; the cutter of "near" is not in the quote.
    text = ROWS + "four,generate,a hen,,near\n"
    _, signed, token = sign_batch_quote(studio, read(studio, text))
    assert signed.total == AT_FIRST + PAINTER + CUTTER
    resting.clear()
    plan_at_quote(studio, read(studio, text), token)


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace("a fox", "a wolf"),
        ROWS.replace("one,", "first,").replace("@one", "@first"),
        ROWS + "four,generate,a hen,,\n",
        ROWS.replace("two,generate,an owl,,far\n", ""),
        ROWS.replace(",far", ",near"),
    ],
)
def test_a_changed_file_is_refused(opened: Opened, text: str) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio)
    with pytest.raises(InvalidRequest, match="made for other rows") as caught:
        plan_at_quote(studio, read(studio, text), token)
    assert caught.value.field == "quote"


def test_another_name_or_wallet_is_refused(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio)
    with pytest.raises(InvalidRequest, match="made for other rows"):
        plan_at_quote(studio, read(studio, name="again"), token)
    with pytest.raises(InvalidRequest, match="another wallet"):
        plan_at_quote(studio, read(studio, owner="bob"), token)


def test_an_input_file_with_other_bytes_is_another_file(opened: Opened, tmp_path: Path) -> None:
    from tests.support.paid_server import tiny_png

    studio = opened(book(near=1, far=2))
    picture = tmp_path / "photo.png"
    picture.write_bytes(tiny_png("one"))
    text = f"operation,image\nremove_background,{picture}\n"
    token = promise(studio, text)
    plan_at_quote(studio, read(studio, text), token)
    picture.write_bytes(tiny_png("another"))
    with pytest.raises(InvalidRequest, match="made for other rows"):
        plan_at_quote(studio, read(studio, text), token)


def test_it_expires_by_the_setting(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = opened(book(near=1, far=2))
    standing = StandingClock()
    for module in ("billing.quotes", "engine.batch_quoting", "engine.planning"):
        monkeypatch.setattr(f"{module}.now", standing, raising=False)
    token = promise(studio)
    standing.advance(HOUR / 2 - HOUR / 3600)
    plan_at_quote(studio, read(studio), token)
    standing.advance(HOUR / 3600)
    with pytest.raises(InvalidRequest, match="has expired"):
        plan_at_quote(studio, read(studio), token)


def test_every_changed_character_is_found_out(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    spec, token = read(studio), promise(studio)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(InvalidRequest):
            plan_at_quote(studio, spec, token[:place] + other + token[place + 1 :])


def test_a_lower_price_under_another_key_is_refused(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    _, signed, _ = sign_batch_quote(studio, read(studio))
    cheap = replace(signed, prices=tuple(replace(each, price=0) for each in signed.prices))
    with pytest.raises(InvalidRequest, match="changed, or was signed by another studio"):
        plan_at_quote(studio, read(studio), sign_batch(cheap, b"x" * 32))
    # Even ours: what the rows come to by it is not what was signed with it.
    with pytest.raises(InvalidRequest, match="cannot be kept"):
        plan_at_quote(studio, read(studio), sign_batch(cheap, quote_key(studio.settings)))


def test_a_quote_of_one_operation_is_none_of_a_batch(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    fox = Generate(prompt="a fox")
    planned = plan_one(studio, fox, OWNER, "quote")
    _, token = sign_quote(studio.settings, planned.quote, fox, (), OWNER)
    with pytest.raises(InvalidRequest, match="a quote of a single operation, not of a batch"):
        plan_at_quote(studio, read(studio), token)
    with pytest.raises(InvalidRequest, match="a quote of a batch, not of a single operation"):
        plan_one(studio, fox, OWNER, "work", token=promise(studio))


def test_an_offer_that_cannot_be_had_any_more_is_not_replaced(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = opened(book(near=1, far=2))
    token = promise(studio)
    monkeypatch.setattr(studio.providers["near"], "not_ready", lambda _: "needs a key")
    # Another offer of the quote does that kind of work, at another price: that was not promised.
    with pytest.raises((InvalidRequest, BatchInvalid)) as caught:
        plan_at_quote(studio, read(studio), token)
    assert balance_of(studio).held == 0
    assert caught.value.code in {"invalid_request", "batch_invalid"}
    monkeypatch.setattr(studio.providers["near"], "_offers", ())
    with pytest.raises(NoOffer, match="not sold any more"):
        plan_at_quote(studio, read(studio), token)


def test_rows_left_out_are_part_of_the_promise(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    text = ROWS + "bad,generate,,,\n"
    spec = read_file(
        studio,
        text.encode(),
        source="b.csv",
        owner=OWNER,
        folder=Path.cwd(),
        given=given_of(skip_invalid=True),
    )
    token = sign_batch_quote(studio, spec, skip_invalid=True)[2]
    assert plan_at_quote(studio, spec, token, skip_invalid=True).promise


def test_many_rows_have_as_short_a_token_as_three(opened: Opened) -> None:
    studio = opened(book(near=1, far=2))
    rows = "".join(f"r{n},generate,a fox {n},,\n" for n in range(2_000))
    long = promise(studio, f"row,operation,prompt,image,provider\n{rows}")
    assert len(long) < len(promise(studio)) + 100 < 1_000
