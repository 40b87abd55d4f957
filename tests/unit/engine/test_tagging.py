"""What a tag job tells lands with its picture, waits for a person's word, and is bought once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from engine import autotag
from engine.autotag import switch, tag_arrivals
from engine.importing import bring_in
from engine.studio import Studio
from engine.telling import read_told
from library import find_card
from library.card_tables import asset_tags
from library.suggesting import accept, reject, suggestions, waiting
from providers import Delivery, Offer, Output, PriceRule, Provider, Request
from studio.errors import InvalidRequest, NotFound, ProviderRejected
from studio.operations import TagImage
from tests.support.paid_server import tiny_png
from tests.support.providers import book
from tests.support.studios import OWNER, balance_of, execute, fund, make_studio, order_for

PRICE = 100_000
SAID: dict[str, Any] = {
    "caption": "A fox in the snow.",
    "tags": ["Fox", "snow", "winter scene", "!!!", "x" * 500],
    "objects": ["fox"],
    "colors": ["white", "red"],
    "safe_for_work": True,
}


class Teller(Provider):
    """Tells the same of every picture, for the price of a prompt."""

    name = "instant"

    def __init__(self) -> None:
        self.calls = 0
        self.failure: Exception | None = None
        self.said: Any = SAID
        self.facts: dict[str, Any] = {"likely": {"Fox": 0.91}, "faces": 2, "safe_confidence": 0.99}
        self._offer = Offer(
            id="instant/writer",
            provider="instant",
            model="writer",
            operation="tag",
            price=PriceRule(unit="call"),
            kind="text",
            says="Words.",
        )

    def offers(self) -> tuple[Offer, ...]:
        return (self._offer,)

    def not_ready(self, offer: Offer) -> str:
        return ""

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        output = Output(json.dumps(self.said).encode(), "application/json")
        return Delivery((output,), "writer", "told", facts=self.facts)


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def studio(tmp_path: Path, teller: Teller) -> Iterator[Studio]:
    opened = make_studio(tmp_path / "home", providers={"instant": teller}, prices=book(instant=1))
    fund(opened, 10**8)
    yield opened
    opened.close()


def arrive(studio: Studio, folder: Path, *names: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}.png" for name in names]
    for file in files:
        file.write_bytes(tiny_png(file.stem))
    return bring_in(studio, OWNER, [str(file) for file in files]).assets


def states(studio: Studio) -> dict[str, str]:
    with studio.database.read() as connection:
        query = select(asset_tags.c.tag, asset_tags.c.state)
        return dict(connection.execute(query).tuples().all())


def test_what_is_told_waits_with_its_source_and_how_sure_it_was(
    studio: Studio, tmp_path: Path
) -> None:
    (picture,) = arrive(studio, tmp_path / "in", "fox")
    job = execute(studio, order_for(studio, TagImage(image=picture), "run"))
    assert job.state == "settled"
    with studio.database.read() as connection:
        found = suggestions(connection, OWNER, picture)
        card = find_card(connection, OWNER, picture).card
        assert waiting(connection, OWNER) == [picture]
        assert waiting(connection, "eve") == []
        with pytest.raises(NotFound):
            suggestions(connection, "eve", picture)
    (look,) = found.looks
    assert (look["source"], look["job"], look["caption"]) == (
        "instant/writer",
        job.id,
        "A fox in the snow.",
    )
    assert (look["faces"], look["safe_for_work"], look["safe_confidence"]) == (2, True, 990)
    assert look["colours"] == ["white", "red"]
    told = [(each.tag, each.confidence, each.source) for each in found.tags]
    assert told == [
        ("fox", 910, "instant/writer"),
        ("snow", None, "instant/writer"),
        ("winter scene", None, "instant/writer"),
    ]
    assert not card.tags


def test_yes_and_no_are_a_persons_and_no_is_not_asked_again(studio: Studio, tmp_path: Path) -> None:
    (picture,) = arrive(studio, tmp_path / "in", "fox")
    execute(studio, order_for(studio, TagImage(image=picture), "one"))
    write = studio.database.write
    assert write(lambda c: reject(c, OWNER, picture, ["Snow"])) == ["snow"]
    with pytest.raises(InvalidRequest) as refused:
        write(lambda c: accept(c, OWNER, picture, ["snow"]))
    assert refused.value.field == "tag"
    assert write(lambda c: accept(c, OWNER, picture)) == ["fox", "winter scene"]
    execute(studio, order_for(studio, TagImage(image=picture), "two"))
    assert states(studio) == {"fox": "accepted", "snow": "rejected", "winter scene": "accepted"}
    with studio.database.read() as connection:
        card = find_card(connection, OWNER, picture).card
    assert sorted(card.tags) == ["fox", "winter scene"]
    assert card.notes == "A fox in the snow."
    with pytest.raises(NotFound):
        write(lambda c: accept(c, "eve", picture))


@pytest.mark.parametrize(("faces", "kept"), [(3, 3), (0, 0), (-1, None), ("two", None)])
def test_faces_that_a_model_wrote_of_are_kept(
    studio: Studio, teller: Teller, tmp_path: Path, faces: Any, kept: int | None
) -> None:
    """A cloud's model says it in its text; the local one counts, and tells it as a fact."""
    teller.said, teller.facts = SAID | {"faces": faces, "safe_for_work": False}, {}
    (picture,) = arrive(studio, tmp_path / "in", "fox")
    assert execute(studio, order_for(studio, TagImage(image=picture), "run")).state == "settled"
    with studio.database.read() as connection:
        (look,) = suggestions(connection, OWNER, picture).looks
    assert (look["faces"], look["safe_for_work"]) == (kept, False)


@pytest.mark.parametrize("said", [{}, [], {"tags": 7, "caption": None, "colors": [1, "\0"]}])
def test_whatever_is_told_the_job_is_settled(
    studio: Studio, teller: Teller, tmp_path: Path, said: Any
) -> None:
    teller.said = said
    (picture,) = arrive(studio, tmp_path / "in", "fox")
    assert execute(studio, order_for(studio, TagImage(image=picture), "run")).state == "settled"
    assert states(studio) == {}
    assert read_told(b"no JSON") == {}


def test_a_settlement_that_is_undone_takes_what_was_told_with_it(
    studio: Studio, tmp_path: Path
) -> None:
    """Words and money are one transaction: of a crash before its end neither is left."""
    (picture,) = arrive(studio, tmp_path / "in", "fox")
    order = order_for(studio, TagImage(image=picture), "run")
    seen: list[str] = []

    def crash(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)
        if "outbox" in statement and any("asset_looks" in each for each in seen):
            raise RuntimeError("the power went away")

    event.listen(studio.database.engine, "before_cursor_execute", crash)
    with pytest.raises(RuntimeError):
        execute(studio, order)
    event.remove(studio.database.engine, "before_cursor_execute", crash)
    assert states(studio) == {}
    assert execute(studio, order).state == "settled"
    assert set(states(studio)) == {"fox", "snow", "winter scene"}
    assert balance_of(studio).captured == PRICE


def test_what_arrives_is_tagged_once_where_it_was_switched_on(
    studio: Studio, teller: Teller, tmp_path: Path
) -> None:
    arrive(studio, tmp_path / "in", "before")
    assert tag_arrivals(studio, "run-0").done == 0
    switch(studio, OWNER, "auto", OWNER)
    pictures = arrive(studio, tmp_path / "in", "one", "two")
    assert tag_arrivals(studio, "run-1").done == 2
    assert tag_arrivals(studio, "run-2").done == 0
    with studio.database.read() as connection:
        assert sorted(waiting(connection, OWNER)) == sorted(pictures)
    assert (teller.calls, balance_of(studio).captured) == (2, 2 * PRICE)
    assert balance_of(studio).held == 0
    switch(studio, OWNER, "", OWNER)
    arrive(studio, tmp_path / "in", "three")
    assert tag_arrivals(studio, "run-3").done == 0
    with pytest.raises(InvalidRequest) as refused:
        switch(studio, OWNER, "nobody", OWNER)
    assert (refused.value.field, "instant" in str(refused.value.allowed)) == ("auto_tag", True)


def test_an_empty_wallet_ends_the_turn_and_a_failure_is_not_bought_again(
    studio: Studio, teller: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(studio, OWNER, "instant", OWNER)
    arrive(studio, tmp_path / "in", "one", "two")
    teller.failure = ProviderRejected("not this one", provider="instant")
    first = tag_arrivals(studio, "run-1")
    assert (first.done, first.failed, teller.calls) == (0, 2, 2)
    assert tag_arrivals(studio, "run-2") == autotag.Tagged()
    arrive(studio, tmp_path / "in", "three", "four")
    teller.failure = None
    with monkeypatch.context() as patched:
        patched.setattr(autotag, "hold_credits", _too_poor)
        poor = tag_arrivals(studio, "run-3")
    assert (poor.done, list(poor.refused), teller.calls) == (0, [OWNER], 2)
    assert tag_arrivals(studio, "run-4").done == 2
    assert balance_of(studio).held == 0


def _too_poor(*_: object, **__: object) -> None:
    from studio.errors import NotEnoughCredits

    raise NotEnoughCredits("There are not enough credits.")


def test_a_killed_turn_buys_nothing_twice(
    studio: Studio, teller: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(studio, OWNER, "instant", OWNER)
    arrive(studio, tmp_path / "in", "one", "two")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(autotag, "release_hold", killed)
        with pytest.raises(KeyboardInterrupt):
            tag_arrivals(studio, "run-1")
    assert tag_arrivals(studio, "run-2").done == 1
    assert (teller.calls, balance_of(studio).captured) == (2, 2 * PRICE)
