"""A batch on Postgres done by one worker, then shared out over two: how much faster are two?

The painter takes a second for each picture and a worker's process asks it for 16 at once, so that
the provider is the limit and not the processors of one machine. Workers are ``prefect worker`` with
room for one run each. Seconds are from the batch's start to its end, as its own row tells: the
second worker's start, which takes its share of them, is in them.

Usage: python -m benchmarks.shards [--rows 800] [--seconds 1] [--width 16] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
from sqlalchemy import select

from batches.tables import batch_shards, batches
from benchmarks.batch import rows_csv
from benchmarks.common import FUNDS, show
from benchmarks.painter import running_painter
from benchmarks.throughput import Painter
from deployments.server import running_server, stop_process
from engine.studio import Studio, use_studio
from studio.database import Database
from studio.settings import Settings
from tests.support.databases import running_postgres
from tests.support.providers import book
from tests.support.studios import OWNER, fund

_URL = "SHARDS_URL"
_POOL = "bench"
_SLOTS = 64
_PATIENCE = 600


def _open(url: str, width: int, home: Path, database: str) -> Studio:
    config = Settings(_env_file=None, home=home, database_url=database, owner=OWNER, width=width)
    return Studio(config, providers={"paid": Painter(url, _SLOTS)}, book=book(paid=1))


async def _register() -> None:
    from prefect.types.entrypoint import EntrypointType

    from deployments.pools import ensure_pool
    from flows.batch import batch
    from flows.batch_shard import batch_shard
    from tasks.named import SHARD

    await ensure_pool(_POOL)
    for flow, name in ((batch, "bench"), (batch_shard, SHARD.title)):
        deployment = await flow.ato_deployment(name, entrypoint_type=EntrypointType.MODULE_PATH)
        deployment.entrypoint = f"benchmarks.shards.{flow.fn.__name__}"
        await deployment.aapply(work_pool_name=_POOL)


@contextlib.contextmanager
def workers(count: int, environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run so many workers with room for one run each."""
    from deployments.pools import worker_command

    started: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            with (folder / f"worker-{count}-{number}.log").open("wb") as log:
                process = subprocess.Popen(
                    worker_command(_POOL, 1),
                    env={**os.environ, **environment},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            started.append(process)
        yield
    finally:
        for process in started:
            stop_process(process)


def measure(api: str, sheet: Path, name: str, database: Database) -> tuple[float, set[str]]:
    """Have the batch done once; return how long it took, and the processes that had a part."""
    found = httpx.get(f"{api}/deployments/name/batch/bench", timeout=60).raise_for_status().json()
    body = {"parameters": {"csv": str(sheet), "owner": OWNER, "name": name}}
    address = f"{api}/deployments/{found['id']}/create_flow_run"
    httpx.post(address, json=body, timeout=60).raise_for_status()
    until, helped = time.monotonic() + _PATIENCE, set[str]()
    while time.monotonic() < until:
        with database.read() as connection:
            query = select(batches).where(batches.c.name == name)
            row = connection.execute(query).mappings().first()
            helped |= set(connection.execute(select(batch_shards.c.worker)).scalars()) - {""}
        if row is not None and row["state"] == "incomplete":
            raise SystemExit("the batch did not end well")
        if row is not None and row["state"] == "done":
            return (row["finished_at"] - row["started_at"]).total_seconds(), helped
        time.sleep(0.2)
    raise SystemExit("the batch did not end in time")


def main() -> None:
    """Measure one worker, then two, on the same server, database and painter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=1.0, help="latency of the provider")
    parser.add_argument("--width", type=int, default=16, help="calls at once in one process")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as folder,
        running_postgres(durable=True) as postgres,
        running_server(Settings(_env_file=None, home=Path(folder), prefect_port=port)) as api,
        running_painter(chosen.seconds) as url,
    ):
        home, address = Path(folder), postgres.create_database()
        studio = _open(url, chosen.width, home, address)
        fund(studio, FUNDS)
        sheet = home / "batch.csv"
        sheet.write_bytes(rows_csv(chosen.rows, 0))
        asyncio.run(_register())
        environment = {
            _URL: url,
            "STUDIO_HOME": str(home),
            "STUDIO_DATABASE_URL": address,
            "STUDIO_WORK_POOL": _POOL,
            "STUDIO_WIDTH": str(chosen.width),
            "STUDIO_SHARD_ROWS": "50",
        }
        took: dict[int, float] = {}
        try:
            for count in (1, 2):
                shards = {"STUDIO_SHARDS": str(count - 1)}
                with workers(count, {**environment, **shards}, home):
                    took[count], helped = measure(api, sheet, f"of {count}", studio.database)
                if count > 1 and len(helped) < count:
                    raise SystemExit("the second worker did not come to it")
        finally:
            studio.close()
    ideal = chosen.rows * chosen.seconds / chosen.width
    show(
        f"{chosen.rows} rows, {chosen.seconds:g} s each at the provider, {chosen.width} at once "
        "in a process, on Postgres",
        [
            {
                "workers": str(count),
                "seconds": f"{seconds:.1f}",
                "rows/s": f"{chosen.rows / seconds:.1f}",
                "ideal seconds": f"{ideal / count:.1f}",
                "times as fast as one": f"{took[1] / seconds:.2f}",
            }
            for count, seconds in took.items()
        ],
    )


if __name__ == "__main__":
    main()
elif _URL in os.environ:
    # A worker's process: what it runs is imported from here, in the studio of the benchmark.
    from flows.batch import batch
    from flows.batch_shard import batch_shard

    __all__ = ["batch", "batch_shard"]
    use_studio(
        _open(
            os.environ[_URL],
            int(os.environ["STUDIO_WIDTH"]),
            Path(os.environ["STUDIO_HOME"]),
            os.environ["STUDIO_DATABASE_URL"],
        )
    )
