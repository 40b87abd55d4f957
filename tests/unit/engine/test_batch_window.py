"""A batch whose window closes: rows under way are finished, the rest waits and is bought once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.batch import BatchRun
from engine.batch_view import view_batch
from studio.clock import now
from studio.errors import Conflict, WindowClosed
from tests.support.studios import OWNER, balance_of, execute
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_control import ROWS, ask, outcome
from tests.unit.engine.test_batch_variations import carry_out, start


@pytest.fixture(autouse=True)
def _looks_each_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the window before every row: a second is long for a test."""
    monkeypatch.setattr(house.studio.control, "_every", 0.01)


def _begun(house: House, monkeypatch: pytest.MonkeyPatch) -> BatchRun:
    """Return a batch of three rows, of which the first was done before its window closed."""
    closes = now() + timedelta(hours=1)
    running = start(house, ROWS, closes=closes)
    fox, owl = running.orders(running.waves()[0])
    running.take(fox, execute(house.studio, fox))
    monkeypatch.setattr("engine.batch_control.now", lambda: closes)
    running.take(owl, outcome(house, owl))
    return running


def test_no_row_begins_once_it_has_closed_and_none_has_ended_by_that(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = _begun(house, monkeypatch)
    assert isinstance(running.closed, WindowClosed)
    for wave in running.waves():
        assert running.prompts(wave) == running.orders(wave) == []
    running.rest()
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
    assert view.statuses() == {"fox": "done", "owl": "waiting", "big": "waiting"}
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, view.spent)


def test_it_goes_on_with_what_is_left_when_it_opens_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begun(house, monkeypatch).rest()
    calls = len(house.sure.calls)
    monkeypatch.setattr("engine.batch_control.now", now)
    again = start(house, ROWS, 2, closes=now() + timedelta(hours=1))
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3
    assert len(house.sure.calls) == calls + 2


def test_a_run_without_a_window_is_not_stopped_by_that_of_the_one_before(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begun(house, monkeypatch).rest()
    again = start(house, ROWS, 2)
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3


def test_a_pause_is_kept_while_the_window_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a batch that somebody paused would go on by itself in the evening."""
    closes = now() + timedelta(minutes=30)
    running = start(house, ROWS, closes=closes)
    ask(house, running.spec.id, "pause")
    monkeypatch.setattr("engine.batch_control.now", lambda: closes)
    control = house.studio.control
    assert house.studio.loop.run(control.may_begin(running.spec.id)) is False
    ask(house, running.spec.id, "resume")
    monkeypatch.setattr(control, "_every", 0.0)
    with pytest.raises(WindowClosed):
        house.studio.loop.run(control.may_begin(running.spec.id))


def test_who_cancels_while_the_last_rows_finish_has_it_cancelled_and_not_begun_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row looks at the wish any more: the window is closed."""
    running = _begun(house, monkeypatch)
    ask(house, running.spec.id, "cancel")
    assert running.rest() is False
    assert running.closed is None
    assert running.finish() == {"done": 1, "cancelled": 2}
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
    assert view.statuses() == {"fox": "done", "owl": "cancelled", "big": "cancelled"}
    assert "cancelled the batch" in view.endings["owl"]["message"]
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, view.spent)


def test_who_cancels_once_it_waits_is_told_that_it_goes_on_and_how_it_does_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = _begun(house, monkeypatch)
    assert running.rest() is True
    with pytest.raises(Conflict, match=r"waits until its window opens.* run-1 "):
        ask(house, running.spec.id, "cancel")
