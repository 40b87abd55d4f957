"""Processes of threads of callers at one account; an oracle looks at the moments they report."""

from __future__ import annotations

import pytest

from providers.pacing import AccountLimits, Window
from studio.database import Database
from tests.support.pacing import Work, count_slots, most_within, run_crew

PROCESSES, THREADS = 3, 3
_TRIES = 3
"""How often a crew is let loose until it comes to the bounds: a busy machine may be too slow."""


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def test_windows_and_slots_hold_over_threads_and_processes(database: Database) -> None:
    limits = AccountLimits(
        images=(Window(count=8, seconds=0.5, margin=0.4), Window(count=20, seconds=2, margin=0.4)),
        requests=(Window(count=15, seconds=0.5, margin=0.4),),
        concurrent=4,
    )
    work = Work(limits, callers=2, rounds=3, polls=2, seconds=0.03)
    for _ in range(_TRIES):
        log = run_crew(url_of(database), work, processes=PROCESSES, threads=THREADS)
        # Everybody came through, ...
        assert len(log.begun) == len(log.ended) == PROCESSES * THREADS * 2 * 3
        assert len(log.requests) == 2 * len(log.begun)
        # ... never too many, ...
        assert most_within(log.begun, 0.5) <= 8
        assert most_within(log.begun, 2) <= 20
        assert most_within(log.requests, 0.5) <= 15
        assert log.most_at_once <= 4
        assert count_slots(database, "held") + count_slots(database, "waiting") == 0
        # ... and as many as there may be, or nothing was tried.
        if log.most_at_once == 4 and most_within(log.begun, 2.5) >= 20:
            return
    pytest.fail(f"{log.most_at_once} at once, {most_within(log.begun, 2.5)} within 2.5 seconds")


def test_slots_are_never_given_twice_while_they_change_hands(database: Database) -> None:
    limits = AccountLimits(concurrent=3)
    work = Work(limits, callers=4, rounds=5, polls=0, seconds=0.002)
    for _ in range(_TRIES):
        log = run_crew(url_of(database), work, processes=PROCESSES, threads=THREADS)
        assert len(log.ended) == PROCESSES * THREADS * 4 * 5
        assert log.most_at_once <= 3
        if log.most_at_once == 3:
            return
    pytest.fail(f"{log.most_at_once} at once")


def test_a_wide_window_is_used_to_its_end_and_no_further(database: Database) -> None:
    """More starts than cells: they are counted in cells, on the safe side."""
    limits = AccountLimits(requests=(Window(count=200, seconds=1, margin=0.4),))
    work = Work(limits, callers=10, rounds=1, polls=6, seconds=0)
    for _ in range(_TRIES):
        log = run_crew(url_of(database), work, processes=PROCESSES, threads=THREADS)
        assert len(log.requests) == 540
        assert most_within(log.requests, 1) <= 200
        if most_within(log.requests, 1.5) >= 200:
            return
    pytest.fail(f"{most_within(log.requests, 1.5)} within 1.5 seconds")
