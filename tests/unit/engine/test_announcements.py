"""What is posted when a batch ends, and on whose behalf."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.batch_plan import plan_batch
from engine.batch_start import start_batch
from engine.preflight import Caller
from engine.single import hold_key
from engine.tables import outbox
from studio.errors import OutcomeUnknown, ProviderRejected
from studio.operations import Generate
from tests.support.studios import OWNER, execute, order_for
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_outcome import ROWS, fail
from tests.unit.engine.test_batch_variations import carry_out, read, start


def _told(house: House) -> list[tuple[str, dict[str, Any]]]:
    with house.studio.database.read() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.created_at)).all()
    return [(row.event, row.payload) for row in rows]


def test_a_batch_that_ends_whole_is_finished_and_shows_its_first_pictures(house: House) -> None:
    running = start(house, ROWS)
    rows = carry_out(house, running)
    ((event, payload),) = _told(house)
    assert event == "batch.finished"
    assert payload["counts"] == {"done": 4}
    assert payload["causes"] == []
    assert payload["assets"] == [row.asset for row in rows]
    assert payload["user"] == OWNER


def test_a_batch_that_ends_in_part_says_how_many_for_which_cause(house: House) -> None:
    fail(house, ProviderRejected)
    house.sure.script.append(OutcomeUnknown("cut off", provider="sure"))
    carry_out(house, start(house, ROWS + "ant,generate,an ant,,9\n"))
    ((event, payload),) = _told(house)
    assert event == "batch.partly_failed"
    assert payload["counts"] == {"failed": 3, "unknown": 1, "done": 1}
    causes = {cause["code"]: cause["count"] for cause in payload["causes"]}
    assert causes == {"not_found": 2, "provider_rejected": 1, "outcome_unknown": 1}
    assert all(cause["message"] for cause in payload["causes"])
    assert len(payload["assets"]) == 1


def test_a_batch_of_which_nothing_is_done_failed_and_each_run_tells_anew(house: House) -> None:
    text = ROWS.partition("owl")[0]
    fail(house, ProviderRejected)
    carry_out(house, start(house, text))
    carry_out(house, start(house, text, 2))
    first, second = _told(house)
    assert first[0] == "batch.failed"
    assert first[1]["assets"] == []
    assert second[0] == "batch.finished"


def test_a_batch_and_a_picture_are_told_on_behalf_of_who_asked(house: House) -> None:
    planned = plan_batch(house.studio, read(house, ROWS))
    running = start_batch(house.studio, planned, "run-1")
    running.hold_for(running.quote(), hold_key("run-1", 1), Caller(OWNER))
    carry_out(house, running)
    execute(house.studio, order_for(house.studio, Generate(prompt="a hill"), "k"))
    assert [payload["user"] for _, payload in _told(house)] == [OWNER, OWNER]


def test_a_picture_that_nobody_delivers_is_told_once_after_the_last_offer(house: House) -> None:
    fail(house, ProviderRejected)
    job = execute(house.studio, order_for(house.studio, Generate(prompt="a hill"), "k"))
    ((event, payload),) = _told(house)
    assert (event, payload["job"], payload["user"]) == ("picture.failed", job.id, OWNER)
    assert payload["cause"]["code"] == "provider_rejected"


def test_a_picture_with_a_failed_offer_and_one_that_delivers_is_only_ready(house: House) -> None:
    house.sure.script.append(ProviderRejected("no", provider="sure"))
    order = order_for(house.studio, Generate(prompt="a hill"), "k", amount=100_000_000)
    execute(house.studio, order)
    assert [event for event, _ in _told(house)] == ["picture.ready"]


def test_a_picture_of_unknown_outcome_is_told_with_what_to_do(house: House) -> None:
    house.sure.script.append(OutcomeUnknown("cut off", provider="sure"))
    job = execute(house.studio, order_for(house.studio, Generate(prompt="a hill"), "k"))
    ((event, payload),) = _told(house)
    assert (event, payload["job"]) == ("picture.unknown", job.id)
