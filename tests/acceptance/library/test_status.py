"""Work that came to nothing is in the library by its status, with the reason, until it succeeds."""

from __future__ import annotations

import pytest

from providers import Delivery, Offer, Ticket
from studio.errors import OutcomeUnknown, ProviderRejected
from studio.operations import Generate
from tests.support.providers import book
from tests.support.shelves import OWNER, Painter, Shelf, made
from tests.support.studios import execute, make_studio, order_for

_WHY = "No foxes are painted here."


def _wish(prompt: str, **fields: object) -> Generate:
    values = {"prompt": prompt, "width": 64, "height": 64, "seed": 1, "provider": "north"}
    return Generate.model_validate(values | fields)


@pytest.fixture(scope="module")
def shelf(empty: Shelf) -> Shelf:
    """Of three works one is refused, one lost sight of, and one goes well."""
    painter = Painter("north", repeatable=False)
    studio = make_studio(empty.home, providers={"north": painter}, prices=book(north=1))
    try:
        refused = ProviderRejected(_WHY, provider="north", field="prompt")
        lost = OutcomeUnknown("The line went dead.", provider="north")
        painter.script += [refused, lost]
        for key, prompt in (("one", "red fox"), ("two", "blue whale")):
            template = "instagram_story" if key == "one" else ""
            wish = _wish(prompt, template=template)
            execute(studio, order_for(studio, wish, key, owner=OWNER))
        made(studio, _wish("green frog"), "three")
    finally:
        studio.close()
    return empty


def test_what_was_refused_is_listed_as_failed_with_the_reason(shelf: Shelf) -> None:
    told = shelf.do("list", "--status", "failed")
    assert (told["assets"], told["total"], told["total_exact"]) == ([], 1, True)
    (work,) = told["work"]
    assert (work["status"], work["operation"], work["provider"]) == ("failed", "generate", "north")
    assert work["request"]["prompt"] == "red fox"
    assert _WHY in work["error"]["message"]
    assert work["error"]["field"] == "prompt"
    shown = shelf.say("list", "--status", "failed").out
    assert work["job"] in shown.replace("\n", "")


def test_each_status_holds_its_own_work_and_they_are_counted(shelf: Shelf) -> None:
    prompts = {
        status: [each["request"]["prompt"] for each in shelf.do("list", "--status", status)["work"]]
        for status in ("failed", "unknown", "pending", "processing")
    }
    assert prompts == {
        "failed": ["red fox"],
        "unknown": ["blue whale"],
        "pending": [],
        "processing": [],
    }
    assert shelf.do("counts", "status")["counts"] == {"completed": 1, "failed": 1, "unknown": 1}
    (frog,) = shelf.do("list", "--status", "completed")["assets"]
    assert frog["request"]["prompt"] == "green frog"
    assert shelf.do("list")["unfinished"] == {"failed": 1, "unknown": 1}
    assert "1 failed, 1 unknown" in shelf.say("list").out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--provider", "north"), 1),
        (("--provider", "south"), 0),
        (("--template", "instagram_story"), 1),
        (("--template", "instagram_feed_square"), 0),
        (("--module", "create", "--operation", "generate", "--model", "painter"), 1),
        (("--module", "edit"), 0),
        (("--since", "2999-01-01"), 0),
        (("--until", "2999-01-01"), 1),
    ],
)
def test_failed_work_is_chosen_like_assets_are(
    shelf: Shelf, words: tuple[str, ...], found: int
) -> None:
    told = shelf.do("list", "--status", "failed", *words)
    assert (len(told["work"]), told["total"]) == (found, found)


def test_failed_work_is_searched_by_its_words_and_refuses_what_it_has_not(shelf: Shelf) -> None:
    assert len(shelf.do("search", "fox", "--status", "failed")["work"]) == 1
    assert shelf.do("search", "whale", "--status", "failed")["work"] == []
    assert shelf.refused("list", "--status", "failed", "--favourite") == (2, "favourite")
    assert shelf.refused("list", "--status", "failed", "--sort", "largest") == (2, "sort")
    assert shelf.refused("list", "--status", "broken") == (2, "status")


class Watched(Painter):
    """Has its work collected later, and looks then at what the library says of it."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__("north", repeatable=False)
        self.script.append(Ticket("at work"))
        self.seen: list[list[str]] = []
        self._shelf = shelf

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        work = self._shelf.do("list", "--status", "processing")["work"]
        self.seen.append([each["request"]["prompt"] for each in work])
        return await super()._collect(offer, ticket)


def test_what_is_at_a_provider_is_processing_and_what_succeeds_at_last_failed_no_more(
    shelf: Shelf,
) -> None:
    painter = Watched(shelf)
    studio = make_studio(shelf.home, providers={"north": painter}, prices=book(north=1))
    try:
        made(studio, _wish("black crow"), "four")
        again = _wish("red fox", template="instagram_story")
        job = execute(studio, order_for(studio, again, "one", owner=OWNER, hold_key="one/2"))
        assert (job.state, job.attempt) == ("settled", 2)
    finally:
        studio.close()
    assert painter.seen == [["black crow"]]
    for status in ("processing", "failed"):
        assert shelf.do("list", "--status", status)["work"] == []
    assert shelf.do("counts", "status")["counts"] == {"completed": 3, "unknown": 1}
