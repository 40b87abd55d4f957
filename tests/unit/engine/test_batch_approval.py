"""Approval: above the limit nothing is bought before somebody's word, and what it was is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from batches import find_batch
from billing.accounts.account import change_account, keep_account
from billing.accounts.events import events_of
from billing.accounts.members import add_member
from billing.ledger import hold_of
from engine.batch import BatchRun
from engine.batch_approval import Approval, Verdict, approval_of, decide
from engine.batch_files import deliver, folder_of
from engine.tables import outbox
from studio.clock import now
from studio.errors import AccountRefused, ApprovalRefused, Conflict, InvalidRequest, NotFound
from tests.support.studios import OWNER, balance_of
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import carry_out, start

ROWS = "operation,prompt\ngenerate,a fox\ngenerate,an owl\n"


def limit(house: House, above: int | None, *, by_another: bool = False) -> None:
    def work(connection: Any) -> None:
        keep_account(connection, OWNER, now())
        change_account(connection, OWNER, approval_above=above, approval_by_another=int(by_another))

    house.studio.database.write(work)


def say(
    house: House, running: BatchRun, verdict: Verdict, by: str = OWNER, why: str = ""
) -> Approval:
    return house.studio.database.write(
        lambda c: decide(
            c, OWNER, running.spec.id, verdict, by=by, reason=why, lasts=timedelta(hours=5)
        )
    )


def test_at_the_limit_nobody_is_asked(house: House) -> None:
    running = start(house, ROWS)
    total = running.quote().total
    running.abandon()
    limit(house, total)
    assert start(house, ROWS, 2).approval is None


def test_what_is_approved_is_bought_and_the_word_is_kept(house: House) -> None:
    limit(house, 0)
    running = start(house, ROWS)
    assert running.approval is not None
    assert running.approval.waiting
    assert balance_of(house.studio).held == running.quote().total
    with house.studio.database.read() as connection:
        (told,) = connection.execute(
            select(outbox).where(outbox.c.event == "batch.approval_needed")
        ).all()
        before = hold_of(connection, OWNER, running.hold).expires_at
    assert told.payload["batch"] == running.spec.id
    assert told.payload["credits"] == running.approval.amount
    with pytest.raises(ApprovalRefused):
        running.heed(running.word())
    say(house, running, "approved", why="for spring")
    running.heed(running.word())
    with house.studio.database.read() as connection:
        assert hold_of(connection, OWNER, running.hold).expires_at > before
        event = events_of(connection, OWNER, kind="batch_approved")[0]
    assert (event.author, event.reason) == (OWNER, "for spring")
    assert [row.status for row in carry_out(house, running)] == ["done", "done"]
    folder = folder_of(house.studio, running.spec)
    deliver(house.studio, running.view, folder)
    kept = json.loads((folder / "manifest.json").read_bytes())["summary"]["approval"]
    assert (kept["decision"], kept["by"], kept["reason"]) == ("approved", OWNER, "for spring")
    with pytest.raises(Conflict, match="approved by"):
        say(house, running, "rejected")


def test_what_is_rejected_is_not_bought_and_its_credits_are_free(house: House) -> None:
    limit(house, 0)
    running = start(house, ROWS)
    say(house, running, "rejected", why="too dear")
    with pytest.raises(ApprovalRefused, match=r"rejected by .*too dear"):
        running.heed(running.word())
    running.abandon()
    assert balance_of(house.studio).held == 0
    assert house.sure.calls == []
    with house.studio.database.read() as connection:
        record = find_batch(connection, OWNER, running.spec.id)
    assert (record.state, record.worker, record.hold) == ("new", "", "")
    again = start(house, ROWS, 2)
    assert again.approval is not None
    assert again.approval.waiting


def test_a_word_that_comes_too_late_or_of_a_run_that_died_counts_for_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(house, 0)
    running = start(house, ROWS)
    assert running.approval is not None
    with house.studio.database.read() as connection:
        assert running.approval.until <= hold_of(connection, OWNER, running.hold).expires_at
    late = running.approval.until
    with monkeypatch.context() as patched:
        patched.setattr("engine.batch_approval.now", lambda: late)
        with pytest.raises(Conflict, match="does not wait"):
            say(house, running, "approved")
    with pytest.raises(ApprovalRefused, match="Nobody approved"):
        running.heed(running.word())
    # Killed here: the next run ends the hold, and the word that was asked for lapses.
    monkeypatch.setattr(house.studio.worker, "alive", lambda _worker: False)
    again = start(house, ROWS, 2)
    with house.studio.database.read() as connection:
        lapsed = approval_of(connection, running.spec.id, running.hold)
        assert hold_of(connection, OWNER, running.hold).state != "open"
    assert lapsed is not None
    assert lapsed.decision == "lapsed"
    assert balance_of(house.studio).held == again.quote().total
    assert house.sure.calls == []


def test_only_an_admin_decides_and_not_who_asked_where_the_account_says_so(house: House) -> None:
    limit(house, 0, by_another=True)
    for user, role in ((OWNER, "admin"), ("ann", "admin"), ("bob", "member")):
        house.studio.database.write(
            partial(add_member, workspace=OWNER, user=user, role=role, author=OWNER)
        )
    running = start(house, ROWS)
    for who, words in (("bob", "may not manage"), ("eve", "no member"), (OWNER, "somebody else")):
        with pytest.raises(AccountRefused, match=words):
            say(house, running, "approved", who)
    assert running.word().waiting
    with pytest.raises(InvalidRequest):
        say(house, running, "approved", "ann", "x" * 10_000)
    assert say(house, running, "approved", "ann").by == "ann"
    with pytest.raises(NotFound):
        house.studio.database.write(
            lambda c: decide(c, OWNER, "bat_x", "approved", by="ann", lasts=timedelta(hours=1))
        )
