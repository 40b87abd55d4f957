"""A sample of ``make proof``: a few of its thousand runs, on both databases."""

from __future__ import annotations

from benchmarks.proof import STEPS, Fire, under_fire
from studio.database import Database

SEEDS = range(20_261_129, 20_261_134)
AT_ONCE = 8


def test_every_state_of_some_random_runs_is_in_order(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    counted = under_fire(Fire(url, SEEDS))
    assert counted["runs"] == len(SEEDS)
    assert counted["states"] == len(SEEDS) * AT_ONCE * STEPS
    assert counted["hold"] > 5
    assert counted["capture"] > 3
