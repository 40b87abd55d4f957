"""A library that tags what arrives: switched on, tagged by itself, and answered by a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.autotag import tag_arrivals
from engine.studio import Studio
from interfaces.cli.opening import opened_studio
from studio.errors import ProviderRejected
from studio.operations import TagImage
from tests.support.homes import command
from tests.support.paid_server import tiny_png
from tests.support.providers import book
from tests.support.shelves import Shelf, brought, made
from tests.support.studios import make_studio
from tests.unit.engine.test_tagging import Teller
from tests.unit.local.conftest import weights

__all__ = ["weights"]

_SOURCE = "instant/writer"


@pytest.fixture(scope="module")
def teller() -> Teller:
    return Teller()


@pytest.fixture(scope="module")
def studio(empty: Shelf, teller: Teller) -> Iterator[Studio]:
    """Who tags what arrives, as `tag-arrivals` of the studio that is up does every ten minutes."""
    opened = make_studio(empty.home, providers={"instant": teller}, prices=book(instant=1))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def arrived(
    empty: Shelf, studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What was there before, and two pictures that came after it was switched on."""
    folder = tmp_path_factory.mktemp("files") / "in"
    found = brought(studio, folder, {"before.png": tiny_png("before")})
    assert empty.do("auto-tag") == {"owner": "demo", "auto_tag": "off", "since": None}
    assert empty.do("auto-tag", "auto")["auto_tag"] == "auto"
    assert "tagged by: auto" in empty.say("auto-tag").out
    found |= brought(studio, folder, {f"{name}.png": tiny_png(name) for name in ("one", "two")})
    assert empty.do("suggestions")["assets"] == []
    assert tag_arrivals(studio, "run 1").done == 2
    return found


def test_what_arrives_waits_with_its_source_its_confidence_colours_and_faces(
    empty: Shelf, arrived: dict[str, str], teller: Teller
) -> None:
    waiting = empty.do("suggestions")["assets"]
    assert {each["asset"] for each in waiting} == {arrived["one.png"], arrived["two.png"]}
    (told,) = empty.do("suggestions", arrived["one.png"])["assets"]
    (look,) = told["looks"]
    assert (look["source"], look["caption"], look["faces"]) == (_SOURCE, "A fox in the snow.", 2)
    assert look["colours"] == ["white", "red"]
    assert (look["safe_for_work"], look["safe_confidence"]) == (True, 990)
    sure = {each["tag"]: (each["confidence"], each["source"]) for each in told["tags"]}
    assert sure == {
        "fox": (910, _SOURCE),
        "snow": (None, _SOURCE),
        "winter scene": (None, _SOURCE),
    }
    assert teller.calls == 2


def test_the_same_is_shown_to_a_person(empty: Shelf, arrived: dict[str, str]) -> None:
    shown = empty.say("suggestions", arrived["one.png"]).out
    for words in (arrived["one.png"], "A fox in the snow.", _SOURCE, "91%", "winter scene"):
        assert words in shown
    assert "white, red; 2 faces; safe for work (99% sure)" in shown


def test_it_is_not_searched_before_somebody_said_yes(empty: Shelf, arrived: dict[str, str]) -> None:
    one, two = arrived["one.png"], arrived["two.png"]
    assert empty.ids("search", "fox") == []
    assert empty.do("accept", one, "--tag", "fox", "--tag", "snow")["tags"] == ["fox", "snow"]
    assert empty.do("reject", one, "--tag", "winter scene")["tags"] == ["winter scene"]
    assert empty.ids("search", "fox snow") == [one]
    assert empty.ids("search", "winter") == []
    assert [each["asset"] for each in empty.do("suggestions")["assets"]] == [two]
    assert empty.do("accept", two)["tags"] == ["fox", "snow", "winter scene"]
    assert empty.do("suggestions")["assets"] == []
    assert empty.ids("list", "--tag", "winter scene") == [two]
    assert empty.do("show", two)["notes"] == "A fox in the snow."
    assert empty.do("counts", "tag")["counts"] == {"fox": 2, "snow": 2, "winter scene": 1}
    assert empty.refused("accept", one, "--tag", "winter scene") == (2, "tag")


def test_what_was_rejected_is_not_suggested_again(
    empty: Shelf, arrived: dict[str, str], studio: Studio
) -> None:
    (no,) = brought(studio, empty.home.parent / "no", {"no.png": tiny_png("no")}).values()
    assert tag_arrivals(studio, "run 2").done == 1
    empty.do("reject", no)
    made(studio, TagImage(image=no, provider="instant"), "asked again")
    told = empty.do("suggestions", no)["assets"]
    assert told[0]["tags"] == []
    assert empty.ids("search", "fox snow winter") == [arrived["two.png"]]


def test_what_cannot_be_tagged_is_not_bought_again_and_off_is_off(
    empty: Shelf, arrived: dict[str, str], studio: Studio, teller: Teller, tmp_path: Path
) -> None:
    del arrived
    brought(studio, tmp_path / "in", {"odd.png": tiny_png("odd")})
    teller.failure = ProviderRejected("Not this one.", provider="instant")
    assert tag_arrivals(studio, "run 3").failed == 1
    assert len(empty.do("list", "--status", "failed", "--operation", "tag")["work"]) == 1
    teller.failure = None
    asked = teller.calls
    assert tag_arrivals(studio, "run 4").done == 0
    empty.do("auto-tag", "off")
    brought(studio, tmp_path / "in", {"late.png": tiny_png("late")})
    assert tag_arrivals(studio, "run 5").done == 0
    assert teller.calls == asked
    assert empty.do("suggestions")["assets"] == []
    assert empty.refused("auto-tag", "nobody") == (2, "auto_tag")


def test_this_machine_tells_faces_and_colours_of_real_photographs(
    empty: Shelf, studio: Studio, weights: Path, tmp_path: Path
) -> None:
    """By the real local provider, on pictures that nobody drew for it, at the price it quotes."""
    del studio
    before = command("account", "show", "--json")
    assert before.code == 0
    names = ("astronaut.png", "cat.png")
    empty.do("auto-tag", "local")
    with opened_studio() as local:
        found = brought(local, tmp_path / "in", {n: (weights / n).read_bytes() for n in names})
        assert tag_arrivals(local, "run 6").done == 2
    faces, sure = {}, {}
    for name, asset in found.items():
        (told,) = empty.do("suggestions", asset)["assets"]
        (look,) = told["looks"]
        assert look["source"].startswith("local/")
        assert look["safe_for_work"] is None, "no local network can judge it"
        assert look["colours"]
        assert all(0 < each["confidence"] <= 1_000 for each in told["tags"] if each["confidence"])
        sure[name] = {each["tag"]: each["confidence"] for each in told["tags"]}
        faces[name] = look["faces"]
    # A colour or a face is measured; what is seen in a picture is told with how sure it is.
    assert [tag for tag, each in sure["cat.png"].items() if "cat" in tag and each]
    assert sure["astronaut.png"]["face"] is None
    assert faces == {"astronaut.png": 1, "cat.png": 0}
    words = ("--image", found["cat.png"], "--provider", "local", "--json")
    price = command("quote", "tag", *words).document["quote"]["total"]
    after = command("account", "show", "--json").document
    assert after["captured"] == before.document["captured"] + 2 * price
    assert after["held"] == 0
