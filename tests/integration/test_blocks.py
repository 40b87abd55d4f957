"""Blocks: the studio reads them where a setting says so, and shows nothing of what is secret."""

from __future__ import annotations

import asyncio
import logging
import time
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.automations import Automation, EventTrigger, Posture
from prefect.blocks.abstract import NotificationError
from prefect.blocks.core import Block
from prefect.events import emit_event
from prefect.events.actions import SendNotification
from pydantic import SecretStr, ValidationError

from deployments import blocks
from deployments.blocks import (
    BLOCKS,
    StudioChannel,
    StudioCredentials,
    StudioStorage,
    StudioWallet,
    register_blocks,
)
from engine.references import from_blocks, store_of
from engine.studio import Studio, use_studio
from flows.create import create_image
from studio.errors import SetupIncomplete, StudioUnavailable
from studio.orchestrator import Orchestrator
from studio.settings import Settings
from tests.conftest import HOME
from tests.contract.emulators.stability import StabilityEmulator
from tests.integration.test_notify import listening
from tests.support.studios import FUNDS, OWNER, fund
from tests.unit.api.conftest import door_of

pytestmark = pytest.mark.usefixtures("prefect_server")

_AUTOMATIONS_SECONDS = 5
"""After which the server has surely seen a new automation."""
_PATIENCE = 60
_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _registered(prefect_server: str) -> None:
    asyncio.run(register_blocks())


def save(block: Block, name: str) -> str:
    kept: Any = block.save(name, overwrite=True)
    assert kept
    return f"block:{name}"


def config(folder: Path, **values: Any) -> Settings:
    return Settings(_env_file=None, home=folder, owner=OWNER, **values)


def test_prefect_finds_them_by_the_entry_point() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    (module,) = project["entry-points"]["prefect.collections"].values()
    found = {
        value
        for value in vars(import_module(module)).values()
        if isinstance(value, type) and issubclass(value, Block) and value.__module__ == module
    }
    assert found == set(BLOCKS.values())
    assert {each._block_type_slug: each for each in found} == dict(BLOCKS)
    assert import_module(module) is blocks


def test_each_field_says_what_it_is() -> None:
    for kind in BLOCKS.values():
        assert kind.get_description()
        for name, field in kind.model_fields.items():
            assert field.title, name
            assert field.description, name


@pytest.fixture
def bought(tmp_path: Path) -> Iterator[tuple[Studio, StabilityEmulator]]:
    """A studio whose key lies in a block, in which one picture was bought."""
    with StabilityEmulator() as emulator:
        named = save(StudioCredentials(provider="stability", key=SecretStr(emulator.key)), "team")
        read = from_blocks(config(tmp_path, stability_key=named, stability_url=emulator.url))
        studio = Studio(read)
        use_studio(studio)
        try:
            fund(studio, FUNDS)
            call: Any = create_image
            values = {"prompt": "a fox", "provider": "stability", "owner": OWNER}
            state = asyncio.run(call(**values, return_state=True))
            assert state.is_completed(), state
            yield studio, emulator
        finally:
            use_studio(None)
            studio.close()


def test_a_key_in_a_block_buys_and_is_shown_nowhere(
    bought: tuple[Studio, StabilityEmulator], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    studio, emulator = bought
    key = emulator.key
    assert emulator.bills
    with caplog.at_level(logging.DEBUG):
        door = door_of(studio)
        told = [door.get(path).text for path in ("/providers", "/health", "/nothing")]
    assert any("stability" in text for text in told)
    dumped = str(studio.settings.model_dump(mode="json"))
    shown = [caplog.text, *told, repr(studio.settings), dumped]
    # What Prefect keeps: logs, artifacts, parameters, states, and the block itself, enciphered.
    kept = [path for folder in (tmp_path, HOME) for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in kept)
    for path in kept:
        assert key.encode() not in path.read_bytes(), path
    assert not [text for text in shown if key in text]
    document = Orchestrator(studio.settings)
    assert document.block("image-studio-credentials", "team") == {
        "provider": "stability",
        "key": key,
    }


def test_what_is_wrong_with_a_block_is_said(tmp_path: Path) -> None:
    named = save(StudioCredentials(provider="gemini", key=SecretStr("k" * 20)), "other")
    with pytest.raises(SetupIncomplete) as wrong:
        from_blocks(config(tmp_path, stability_key=named))
    assert wrong.value.field == "STUDIO_STABILITY_KEY"
    assert "for gemini" in str(wrong.value)
    assert "kkkk" not in str(wrong.value)
    with pytest.raises(SetupIncomplete, match="no such block"):
        from_blocks(config(tmp_path, gemini_key="block:nowhere"))


def test_a_server_that_is_away_is_no_empty_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(StudioUnavailable, match="did not answer"):
        from_blocks(config(tmp_path, stability_key="block:team"))
    # Who names no block asks nobody.
    plain = config(tmp_path, stability_key="sk-1")
    assert from_blocks(plain) is plain


def test_a_channel_is_told_by_the_studio_and_by_automations(tmp_path: Path) -> None:
    with listening() as (port, told):
        url = f"json://127.0.0.1:{port}/"
        block = StudioChannel(url=SecretStr(url))
        named = save(block, "ops")
        read = from_blocks(config(tmp_path, notify_urls=(named, "json://127.0.0.1:9/")))
        assert [each.get_secret_value() for each in read.notify_urls] == [
            url,
            "json://127.0.0.1:9/",
        ]
        asyncio.run(block.notify("It is down.", "Stability"))
        (message,) = told
        assert (message["title"], message["message"]) == ("Stability", "It is down.")
    with pytest.raises(NotificationError) as failed:
        asyncio.run(block.notify("Nobody is there.", ""))
    assert str(port) not in str(failed.value)
    assert url not in repr(block)


def _installed() -> bool:
    """Whether this environment was set up since the blocks are there, as ``make`` does."""
    return any(
        each.value == "deployments.blocks" for each in entry_points(group="prefect.collections")
    )


@pytest.mark.skipif(not _installed(), reason="`make .venv/.runtime` makes the entry point known")
def test_prefects_server_sends_by_a_channel() -> None:
    """The server has found the block by itself: its type is no type of the server's own."""

    async def tried(told: list[dict[str, Any]], block: UUID) -> None:
        watching = Automation(
            name="Send by a channel",
            trigger=EventTrigger(expect={"a.test"}, posture=Posture.Reactive, threshold=1),
            actions=[
                SendNotification(
                    block_document_id=block, subject="Look", body="{{ event.payload.what }}"
                )
            ],
        )
        made = await watching.acreate()
        try:
            await asyncio.sleep(_AUTOMATIONS_SECONDS)
            emit_event("a.test", resource={"prefect.resource.id": "a"}, payload={"what": "a bird"})
            deadline = time.monotonic() + _PATIENCE
            while not told and time.monotonic() < deadline:  # noqa: ASYNC110 - a thread hears it
                await asyncio.sleep(0.2)
        finally:
            await made.adelete()

    with listening() as (port, told):
        block: Any = StudioChannel(url=SecretStr(f"json://127.0.0.1:{port}/"))
        identifier = block.save("by-server", overwrite=True)
        asyncio.run(tried(told, identifier))
    assert [(each["title"], each["message"]) for each in told] == [("Look", "a bird")]


def test_storage_in_a_block(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    options = SecretStr('{"auto_mkdir": true}')
    named = save(StudioStorage(url=folder.as_uri(), options=options), "disk")
    kept = store_of(config(tmp_path, storage_url=named)).put(b"bytes")
    assert [path for path in folder.rglob("*") if kept in path.name]
    with pytest.raises(ValidationError, match="no JSON object"):
        StudioStorage(url="s3://bucket", options=SecretStr("key=1"))


def test_a_wallet_stands_where_a_form_is_left_empty(tmp_path: Path) -> None:
    save(StudioWallet(owner="team", user="bob"), "house")
    read = from_blocks(config(tmp_path, wallet_block="house"))
    assert (read.owner, read.user) == ("team", "bob")
