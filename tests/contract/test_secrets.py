"""Keys appear nowhere: not in logs, errors, databases, files, or what Prefect keeps."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine.execute
from engine.studio import use_studio
from flows.create import create_image
from studio.errors import StudioError
from studio.operations import Generate
from tests.conftest import HOME
from tests.contract.emulators.base import Fault
from tests.contract.world import World, adapters, opened_world
from tests.support.studios import OWNER, execute, order_for

FAULTS: tuple[Fault | None, ...] = (
    None, "busy", "limit", "drop", "error", "garbage", "wrong_type", "truncated", "bomb", "cut",
)  # fmt: skip
FORMAT = "%(name)s %(message)s"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(engine.execute, "_ROUNDS", ())
    with opened_world(tmp_path / "home") as opened:
        use_studio(opened.studio)
        yield opened
        use_studio(None)


def _everything_fails(world: World) -> list[str]:
    """Meet every fault at every provider; return the errors as people and programs see them."""
    told = []
    for name, emulator in world.emulators.items():
        for number, fault in enumerate(FAULTS):
            emulator.work.next.append(fault)
            wanted = Generate(prompt=f"{name} {fault}", provider=name, quality="draft", seed=number)
            try:
                job = execute(world.studio, order_for(world.studio, wanted, f"{name}-{number}"))
                told.append(json.dumps(job.error))
            except StudioError as error:
                told.append(f"{error} {error!r} {error.as_dict()}")
            emulator.work.next.clear()
    return told


def _wrong_keys(world: World) -> list[str]:
    """Be refused by every provider for a wrong key."""
    urls = {name: each.url for name, each in world.emulators.items()}
    wrong = {name: f"{each.key[:-4]}zzzz" for name, each in world.emulators.items()}
    told = []
    for provider in adapters(urls, wrong).values():

        async def ask(it: object = provider) -> str:
            health = await it.check()  # type: ignore[attr-defined]
            await it.close()  # type: ignore[attr-defined]
            return str(health)

        told.append(asyncio.run(ask()))
    return told


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("prefect_server")
def test_a_key_is_found_nowhere_after_every_failure(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        told = _everything_fails(world) + _wrong_keys(world)
        for name in world.emulators:
            flow: Any = create_image
            asyncio.run(
                flow(prompt="a fox", provider=name, owner=OWNER, quality="draft", return_state=True)
            )
    texts = {"errors": "\n".join(told), "logs": caplog.text}
    assert "a fox" in caplog.text or told, "nothing was looked at"
    secrets = {each.key for each in world.emulators.values()}
    secrets |= {key[:-4] for key in secrets}  # of the wrong ones, too
    for where, text in texts.items():
        for secret in secrets:
            assert secret not in text, where
    looked_at = 0
    for folder in (tmp_path, HOME):
        for path in folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                looked_at += len(data)
                for secret in secrets:
                    assert secret.encode() not in data, path.name
    assert looked_at > 100_000, "the databases were not looked at"
