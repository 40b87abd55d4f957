"""A watched folder with a real server: one batch for each file, whoever looks, and put away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.logging import disable_run_logger
from prefect.runner import Runner
from prefect.states import Completed, Failed

from deployments.catalogue import Offered
from deployments.serving import register
from engine.incoming import Incoming, under_way
from engine.studio import Studio, open_studio, use_studio
from flows.batch import batch
from studio.clock import now
from studio.errors import AccountRefused, NotFound
from tasks.incoming import Looked, look_at
from tests.support.studios import fund

_OFFERED = Offered(batch, "Batch from CSV", "Every row.", ("batch",))


@pytest.fixture
def studio(prefect_server: str) -> Iterator[Studio]:
    assert prefect_server
    asyncio.run(register(Runner(name="watch"), [_OFFERED]))
    found = open_studio()
    yield found
    use_studio(None)
    found.close()


@pytest.fixture
def owner(studio: Studio) -> str:
    name = f"owner-{uuid4().hex[:8]}"
    fund(studio, 1_000_000, name)
    return name


def _drop(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    moment = (now() - timedelta(minutes=1)).timestamp()
    os.utime(folder / name, (moment, moment))


async def _look(folder: Path, owner: str, times: int = 1, user: str = "") -> list[Looked]:
    looks = [
        look_at.fn(str(folder), "*.csv", timedelta(seconds=5), owner, {"user": user})
        for _ in range(times)
    ]
    with disable_run_logger():
        return list(await asyncio.gather(*looks))


def _taken(studio: Studio, owner: str, folder: Path) -> dict[str, Incoming]:
    with studio.database.read() as connection:
        return {it.name: it for it in under_way(connection, owner, str(folder))}


async def _end(it: Incoming, state: State[None]) -> None:
    async with get_client() as client:
        await client.set_flow_run_state(UUID(it.run), state, force=True)


def test_each_file_is_one_run_and_is_put_away_as_it_ended(
    studio: Studio, owner: str, tmp_path: Path
) -> None:
    _drop(tmp_path, "good.csv", "operation,prompt\ngenerate,a hill\n")
    _drop(tmp_path, "bad.csv", "operation,prompt\nnonsense,a hill\n")
    looked = asyncio.run(_look(tmp_path, owner, times=4))
    assert sum(each.taken for each in looked) == 2
    taken = _taken(studio, owner, tmp_path)
    assert set(taken) == {"good.csv", "bad.csv"}
    assert all(it.run for it in taken.values())
    # Nobody has run them yet: a further look leaves them alone.
    assert asyncio.run(_look(tmp_path, owner)) == [Looked(0, 0, 0)]
    asyncio.run(_end(taken["good.csv"], Completed()))
    asyncio.run(_end(taken["bad.csv"], Failed()))
    assert asyncio.run(_look(tmp_path, owner)) == [Looked(0, 1, 1)]
    assert (tmp_path / "done" / "good.csv").is_file()
    assert (tmp_path / "failed" / "bad.csv").is_file()
    assert _taken(studio, owner, tmp_path) == {}


def test_who_took_a_file_and_was_killed_has_it_run_by_the_next_look(
    studio: Studio, owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the run was asked for, and before it was noted: it is one run in the end."""
    _drop(tmp_path, "a.csv", "operation,prompt\ngenerate,a hill\n")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.incoming.note_run", killed)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(_look(tmp_path, owner))
    assert _taken(studio, owner, tmp_path)["a.csv"].run == ""
    assert asyncio.run(_look(tmp_path, owner)) == [Looked(0, 0, 0)]
    it = _taken(studio, owner, tmp_path)["a.csv"]

    async def runs() -> int:
        async with get_client() as client:
            there = await client.read_flow_runs(limit=200)
        return sum(run.parameters.get("csv") == it.id for run in there)

    assert asyncio.run(runs()) == 1


def test_who_may_not_spend_watches_nothing(studio: Studio, owner: str, tmp_path: Path) -> None:
    _drop(tmp_path, "a.csv", "operation,prompt\ngenerate,a hill\n")
    with pytest.raises(AccountRefused):
        asyncio.run(_look(tmp_path, owner, user="somebody-else"))
    with pytest.raises(NotFound):
        asyncio.run(_look(tmp_path / "gone", owner))
    assert _taken(studio, owner, tmp_path) == {}
