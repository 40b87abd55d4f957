"""A slot is the provider's for the call alone; the room is kept until what was bought is safe."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from engine import outputs
from engine.execute import Order
from engine.studio import Studio
from studio.errors import ProviderUnavailable
from studio.operations import Generate
from tests.support.providers import InstantProvider
from tests.support.studios import opened_studio, order_for

_LONG_ENOUGH = 0.2
"""Seconds for one call too many to come; a right studio passes however slow the machine is."""


def _orders(studio: Studio, number: int) -> list[Order]:
    return [
        order_for(studio, Generate(prompt=f"hill {each}"), f"hill-{each}") for each in range(number)
    ]


def test_the_next_is_called_for_while_one_is_kept_and_no_more_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, stored, keep = InstantProvider(), threading.Event(), outputs.keep

    def slow(*given: Any) -> dict[str, Any]:
        assert stored.wait(60)
        return keep(*given)

    monkeypatch.setattr(outputs, "keep", slow)
    with opened_studio(tmp_path, providers={"instant": provider}, width=1) as studio:
        orders = _orders(studio, 4)

        async def all_of_them() -> list[str]:
            tasks = [asyncio.ensure_future(studio.executor.execute(order)) for order in orders]
            async with asyncio.timeout(50):
                while len(provider.calls) < 2:  # noqa: ASYNC110 - another thread counts them
                    await asyncio.sleep(0.005)
            await asyncio.sleep(_LONG_ENOUGH)
            assert len(provider.calls) == 2
            stored.set()
            return [job.state for job in await asyncio.gather(*tasks)]

        try:
            assert studio.loop.run(all_of_them()) == ["settled"] * 4
        finally:
            stored.set()
    assert len(provider.calls) == 4


def test_a_place_is_free_after_a_failure_and_after_a_cancellation(tmp_path: Path) -> None:
    provider = InstantProvider()
    begun = asyncio.Event()

    async def never(*_: Any) -> Any:
        begun.set()
        await asyncio.sleep(3_600)

    with opened_studio(tmp_path, providers={"instant": provider}, width=1) as studio:
        orders = _orders(studio, 6)

        async def all_of_them() -> list[str]:
            provider.script.append(ProviderUnavailable("away", provider="instant", again=False))
            states = [(await studio.executor.execute(orders[0])).state]
            for order in orders[1:4]:
                begun.clear()
                provider.script.append(never)
                task = asyncio.ensure_future(studio.executor.execute(order))
                await begun.wait()
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled()
            async with asyncio.timeout(50):
                jobs = await asyncio.gather(*map(studio.executor.execute, orders[4:]))
            return states + [job.state for job in jobs]

        assert studio.loop.run(all_of_them()) == ["failed", "settled", "settled"]
