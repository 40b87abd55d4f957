"""Planning: who does it, what it costs, and the choices that the studio makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs import Picture
from engine.seeds import with_seed
from engine.single import label_of, order_of, plan_one
from studio.errors import NoOffer, PriceUnknown
from studio.operations import Generate, RemoveBackground, SocialExport
from tests.support.paid_server import tiny_png
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, opened_studio
from tests.unit.engine.conftest import House

KEYS = st.text(min_size=1, max_size=40)


@given(KEYS, st.integers(0, 4_294_967_294))
def test_a_seed_that_was_chosen_stays(key: str, seed: int) -> None:
    assert with_seed(Generate(prompt="a fox", seed=seed), key) == Generate(
        prompt="a fox", seed=seed
    )


@given(KEYS)
def test_the_same_key_gives_the_same_seed_within_the_bounds(key: str) -> None:
    first, second = (with_seed(Generate(prompt="a fox"), key) for _ in range(2))
    assert first == second
    assert isinstance(first, Generate)
    assert Generate.model_validate(first.model_dump()).seed == first.seed >= 0


def test_other_keys_give_other_seeds() -> None:
    seeds = {getattr(with_seed(Generate(prompt="a"), str(n)), "seed", 0) for n in range(200)}
    assert len(seeds) == 200


def test_what_has_no_seed_stays_as_it_is() -> None:
    operation = RemoveBackground(image="x.png")
    assert with_seed(operation, "key") is operation


@pytest.mark.parametrize(
    ("prompt", "label"),
    [
        ("A Fox in the Mist!", "a-fox-in-the-mist"),
        ("../../etc/passwd", "etc-passwd"),
        ("狐", "generate"),
        ("-" * 30, "generate"),
        ("word " * 30, "word-word-word-word-word-word-word-word"),
    ],
)
def test_labels_are_plain_file_names(prompt: str, label: str) -> None:
    assert label_of(Generate(prompt=prompt)) == label


def test_a_label_names_the_picture_that_was_worked_on() -> None:
    picture = Picture("image", "ast_x", "Häßlich Photo.png", "0" * 64, 1, 1)
    assert label_of(RemoveBackground(image="x"), (picture,)) == "h-lich-photo-remove-background"


def test_a_plan_is_quoted_at_its_first_offer_and_buys_nothing(house: House, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(tiny_png("photo"))
    formats = ["instagram_story", "linkedin_feed_post"]
    operation = SocialExport(image=str(tmp_path / "photo.png"), formats=formats)
    planned = plan_one(house.studio, operation, OWNER, "key")
    assert [choice.offer.id for choice in planned.plan.choices] == ["sure/fitter", "dear/fitter"]
    assert planned.quote.total == 2 * PRICES["fitter"]
    order = order_of(planned, owner=OWNER, key="key", hold_id="hold_x", run="run")
    assert order.pictures[0].field == "image"
    assert house.sure.calls == []


def test_what_has_no_price_cannot_be_planned(tmp_path: Path) -> None:
    providers = {"unlisted": InstantProvider("unlisted")}
    with (
        opened_studio(tmp_path, providers=providers, prices=book(other=1)) as studio,
        pytest.raises(PriceUnknown),
    ):
        plan_one(studio, Generate(prompt="a fox"), OWNER, "key")


def test_nobody_is_asked_who_does_not_exist(house: House) -> None:
    with pytest.raises(NoOffer):
        plan_one(house.studio, Generate(prompt="a fox", provider="nobody"), OWNER, "key")
