"""What a chunk of a batch costs Prefect: it does not grow with the rows, nor with the chunks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import prefect.utilities.engine
import pytest
from prefect import State
from prefect.client.orchestration import SyncPrefectClient

import flows.batch
import flows.fan_out
from engine.batch import BatchRun
from engine.execute import Order
from engine.studio import use_studio
from studio.settings import settings
from tests.support.studios import OWNER, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.mark.parametrize("rows_as_tasks", [0, 100])
def test_tasks_share_a_client_and_nobody_walks_through_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_as_tasks: int
) -> None:
    """A client of its own takes a task 35 ms, and a look into every field of a row 1 ms."""
    few = settings().model_copy(update={"rows_as_tasks": rows_as_tasks, "chunk_rows": 1})
    monkeypatch.setattr(flows.fan_out, "settings", lambda: few)
    clients: list[SyncPrefectClient] = []
    seen: set[type] = set()
    made, looked = SyncPrefectClient.__init__, prefect.utilities.engine.get_state_for_result

    def make(self: SyncPrefectClient, *given: Any, **named: Any) -> None:
        clients.append(self)
        made(self, *given, **named)

    def look(found: Any) -> Any:
        seen.add(type(found))
        return looked(found)

    monkeypatch.setattr(SyncPrefectClient, "__init__", make)
    monkeypatch.setattr(prefect.utilities.engine, "get_state_for_result", look)
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt\n" + "".join(f"generate,hill {n}\n" for n in range(6)))

    async def run() -> State[Any]:
        found: Any = await flows.batch.batch(str(sheet), owner=OWNER, return_state=True)
        return cast("State[Any]", found)

    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        try:
            state = asyncio.run(run())
        finally:
            use_studio(None)
    assert state.is_completed(), state.message
    assert int in seen or str in seen
    assert not seen & {Order, BatchRun}
    assert len(clients) <= 3
