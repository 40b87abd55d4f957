"""A batch's priority reaches every order of its rows."""

from __future__ import annotations

from pathlib import Path

from engine.batch import start_batch
from engine.batch_plan import plan_batch, read_file
from tests.support.studios import OWNER, make_studio


def test_every_order_of_a_batch_has_its_priority(tmp_path: Path) -> None:
    studio = make_studio(tmp_path)
    try:
        data = b"operation,prompt\ngenerate,a fox\ngenerate,a hare\n"
        spec = read_file(studio, data, source="b.csv", owner=OWNER, folder=tmp_path)
        running = start_batch(studio, plan_batch(studio, spec), "run")
        (wave,) = running.waves()
        assert {order.priority for order in running.orders(wave)} == {"normal"}
        running.priority = "low"
        assert [order.priority for order in running.orders(wave)] == ["low", "low"]
    finally:
        studio.close()
