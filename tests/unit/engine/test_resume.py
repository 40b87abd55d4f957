"""What a dead process left behind is finished; what nobody knows is ended by a person's word."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from engine.jobs import Job
from engine.resume import Resumed, attach, find_jobs, resolve, resume_orphans
from engine.tables import jobs
from providers import Ticket
from studio.errors import (
    BadResponse,
    Conflict,
    NotFound,
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from studio.operations import Generate
from tests.support.providers import PRICES
from tests.support.studios import OWNER, balance_of, execute, job_of, order_for
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox", seed=1)


def leave_behind(house: House, key: str, state: str = "submitted") -> Job:
    """Bring a job to a state, and let the process that worked on it be gone."""
    house.sure.script.append(Ticket(f"remote-{key}"))
    house.sure.pickups.append(ProviderUnavailable("not yet", provider="sure"))
    job = execute(house.studio, order_for(house.studio, FOX, key))
    assert job.state == "submitted"
    changes = {"worker": "wrk_gone", "state": state}
    if state == "prepared":
        changes["remote_id"] = ""
    house.studio.database.write(
        lambda connection: connection.execute(
            update(jobs).where(jobs.c.id == job.id).values(**changes)
        )
    )
    return job


def resume(house: House) -> Resumed:
    return house.studio.loop.run(resume_orphans(house.studio))


def test_what_is_at_its_provider_is_collected_and_bought_once(house: House) -> None:
    for number in range(5):
        leave_behind(house, f"fox-{number}")
    assert resume(house) == Resumed(settled=5)
    assert len(house.sure.calls) == 5, "resuming called the provider for work"
    assert sorted(house.sure.collected[5:]) == [f"remote-fox-{number}" for number in range(5)]
    assert balance_of(house.studio).captured == 5 * PRICE
    assert resume(house) == Resumed()


def test_what_is_not_ready_yet_stays_for_the_next_time(house: House) -> None:
    leave_behind(house, "fox")
    house.sure.pickups.append(ProviderUnavailable("not yet", provider="sure"))
    assert resume(house) == Resumed(waiting=1)
    job = job_of(house.studio, "fox")
    assert job is not None
    assert job.state == "submitted"


def test_many_that_wait_do_not_keep_the_others_from_their_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.resume.MOST_JOBS", 2)
    for number in range(3):
        leave_behind(house, f"fox-{number}")
    house.sure.collected.clear()
    for _ in range(2):
        house.sure.pickups += [ProviderUnavailable("not yet", provider="sure")] * 2
        assert resume(house) == Resumed(waiting=2)
        house.studio.database.write(lambda c: c.execute(update(jobs).values(worker="wrk_gone")))
    assert set(house.sure.collected) == {f"remote-fox-{number}" for number in range(3)}


def test_one_that_nobody_can_go_on_with_does_not_keep_the_others_from_their_turn(
    house: House,
) -> None:
    """What was kept of it cannot be read, say: the rest is finished all the same."""
    spoilt = leave_behind(house, "fox-0", "generated")
    leave_behind(house, "fox-1")
    house.studio.database.write(
        lambda connection: connection.execute(
            update(jobs).where(jobs.c.id == spoilt.id).values(delivery={"no": "files"})
        )
    )
    assert resume(house) == Resumed(settled=1, waiting=1)
    assert balance_of(house.studio).captured == PRICE


def test_the_providers_own_word_ends_it(house: House) -> None:
    leave_behind(house, "fox")
    house.sure.pickups.append(ProviderRejected("it failed there", provider="sure"))
    assert resume(house) == Resumed(failed=1)
    assert balance_of(house.studio).captured == 0


def test_what_was_only_begun_is_unknown_and_not_asked_again(house: House) -> None:
    leave_behind(house, "fox", "prepared")
    assert resume(house) == Resumed(unknown=1)
    assert len(house.sure.calls) == 1


def test_a_living_process_keeps_its_jobs(house: House) -> None:
    house.sure.script.append(Ticket("remote"))
    house.sure.pickups.append(ProviderUnavailable("not yet", provider="sure"))
    execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert resume(house) == Resumed()


def unknown_job(house: House) -> Job:
    house.sure.script.append(OutcomeUnknown("cut off", provider="sure"))
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert job.state == "unknown"
    return job


def test_a_person_says_that_it_was_bought(house: House) -> None:
    job = unknown_job(house)
    ended = resolve(house.studio, OWNER, job.id, "bought")
    assert (ended.state, ended.charged) == ("failed", PRICE)
    assert balance_of(house.studio).captured == PRICE
    again = execute(house.studio, order_for(house.studio, FOX, "fox", hold_key="second"))
    assert again.id == job.id, "what was paid for was bought a second time"


def test_a_person_says_that_it_was_not_bought(house: House) -> None:
    job = unknown_job(house)
    ended = resolve(house.studio, OWNER, job.id, "not_bought")
    assert (ended.state, ended.charged) == ("failed", 0)
    assert balance_of(house.studio).captured == 0
    again = execute(house.studio, order_for(house.studio, FOX, "fox", hold_key="second"))
    assert (again.state, again.attempt) == ("settled", 2)
    assert balance_of(house.studio).captured == PRICE


def test_a_person_finds_it_at_the_provider(house: House) -> None:
    job = unknown_job(house)
    found = attach(house.studio, OWNER, job.id, "remote-9")
    assert (found.state, found.charged) == ("settled", PRICE)
    assert house.sure.collected == ["remote-9"]
    assert len(house.sure.calls) == 1


def test_a_wrong_name_leaves_it_unknown(house: House) -> None:
    job = unknown_job(house)
    house.sure.pickups.append(BadResponse("no such job", provider="sure"))
    assert attach(house.studio, OWNER, job.id, "remote-8").state == "unknown"


@pytest.mark.parametrize("verdict", ["bought", "not_bought"])
def test_what_is_known_is_not_resolved_again(house: House, verdict: str) -> None:
    job = unknown_job(house)
    resolve(house.studio, OWNER, job.id, "not_bought")
    with pytest.raises(Conflict):
        resolve(house.studio, OWNER, job.id, verdict)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        attach(house.studio, OWNER, job.id, "remote-9")
    assert balance_of(house.studio).captured == 0


def test_somebody_elses_job_is_not_there(house: House) -> None:
    job = unknown_job(house)
    with pytest.raises(NotFound):
        resolve(house.studio, "eve", job.id, "not_bought")
    with house.studio.database.read() as connection:
        assert find_jobs(connection, "eve", ("unknown",)) == []
        assert [each.id for each in find_jobs(connection, OWNER, ("unknown",))] == [job.id]
