"""The program that is killed.

It imports everything once, then reads commands from its standard input, one JSON object a line,
and carries each out in a process forked for it: a fresh process in all that matters here (nothing
of the studio is open yet), without the seconds that the imports take. It answers each command
with the wait status of that process.

The path of a picture runs in it unchanged. The points at which it may be killed are put around it
from outside: SQLAlchemy's events, the rename of files, httpx's hooks, the two test providers.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import Connection, event

import batches
import engine.deliveries
import engine.workers
from billing.ledger import expire
from engine import batch_files, batch_plan, batch_start
from engine.channels import channels_of_settings
from engine.deliveries import Parcel, deliver, route
from engine.execute import Order
from engine.jobs import Job
from engine.single import hold_credits, hold_key, order_of, plan_one, release_hold
from engine.studio import Studio
from providers import Delivery, Offer, Request, Ticket
from studio import clock, imaging
from studio.database import group_commit
from studio.errors import StudioError
from studio.operations import Generate, Operation, RemoveBackground, Upscale
from studio.settings import Settings
from tests.support.paid_server import tiny_png
from tests.support.providers import InstantProvider, PaidProvider, book
from tests.support.studios import OWNER, make_studio

PHOTO = "photo.png"
CSV = "rows.csv"
SENT = "sent.log"

LATER = timedelta(hours=3)
"""When everybody has given up: leases and holds of a killed process are over."""


@dataclass(frozen=True)
class Command:
    """One run of the path.

    Attributes:
        home: the studio's home folder.
        url: where the paid server listens.
        scenario: ``orders`` or ``batch``.
        attempt: the how-manieth run this is, from 1.
        kill: the number of the point at which the process is killed; 0 for none.
        together: whether rows that can be done at once are. The points then come in another
            order in every run.
    """

    home: str
    url: str
    scenario: str
    attempt: int
    kill: int = 0
    together: bool = False


class Points:
    """Numbers the points that the process comes by, writes them down, and kills it at one."""

    def __init__(self, file: Path, kill: int) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill = kill
        self._passed = 0
        self._lock = threading.Lock()

    def pass_by(self, kind: str) -> None:
        """Come by a point."""
        with self._lock:
            self._passed += 1
            os.write(self._file, f"{kind}\n".encode())
            if self._passed == self._kill:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch_files(self) -> None:
        """Pass by before and after every rename of a file."""
        replace = Path.replace

        def watched(path: Path, target: Any) -> Path:
            where = "blob" if "blobs" in str(target) else Path(target).suffix
            self.pass_by(f"before rename {where}")
            done = replace(path, target)
            self.pass_by(f"after rename {where}")
            return done

        Path.replace = watched  # type: ignore[assignment, method-assign]

    def watch_database(self, studio: Studio) -> None:
        """Pass by before and after every commit of a transaction that may write."""
        engine = studio.database.engine
        commit = engine.dialect.do_commit
        handle, write = group_commit._handle, studio.database.write
        writing = threading.local()

        def handled(connection: Connection, group: Any) -> list[Any]:
            writing.words = " and ".join(sorted({each.handler.__name__ for each in group}))
            return handle(connection, group)

        def written(work: Any) -> Any:
            writing.words = str(getattr(work, "func", work).__qualname__).partition(".<locals>")[0]
            return write(work)

        @event.listens_for(engine, "commit")
        def before(connection: Connection) -> None:
            writing.now = connection.get_execution_options().get("studio_writes", False)
            if writing.now:
                self.pass_by(f"before commit of {writing.words}")

        def watched(connection: Any) -> None:
            commit(connection)
            if getattr(writing, "now", False):
                self.pass_by(f"after commit of {writing.words}")
                writing.now = False

        group_commit._handle = handled
        studio.database.write = written  # type: ignore[method-assign]
        engine.dialect.do_commit = watched  # type: ignore[method-assign, assignment]

    async def leaves(self, request: httpx.Request) -> None:
        """Pass by before a request leaves."""
        self.pass_by(f"before {request.method}")

    async def answered(self, response: httpx.Response) -> None:
        """Pass by when the server has done its part and nothing of its file is read yet."""
        self.pass_by(f"bought, answer to {response.request.method} unread")


class Paid(PaidProvider):
    """The paid provider, with a point right after each answer was read."""

    points: Points

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        answer = await super()._submit(offer, request)
        self.points.pass_by("answer read")
        return answer

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        delivery = await super()._collect(offer, ticket)
        self.points.pass_by("file read")
        return delivery


class Instant(InstantProvider):
    """The repeatable provider, with points around its work."""

    points: Points

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        self.points.pass_by("before work")
        answer = await super()._submit(offer, request)
        self.points.pass_by("after work")
        return answer


def orders_of(home: Path) -> dict[str, Operation]:
    """Return the single orders by their keys: at once, later, repeatable; two with an input."""
    photo = str(home / PHOTO)
    return {
        "at-once": Generate(prompt="a fox", provider="paid"),
        "later": Upscale(image=photo, provider="paid"),
        "repeatable": RemoveBackground(image=photo, provider="instant"),
    }


def run_orders(studio: Studio, home: Path, attempt: int) -> None:
    """Carry out the single orders one after the other, as the flows do."""
    for key, operation in orders_of(home).items():
        planned = plan_one(studio, operation, OWNER, key)
        total, title = planned.quote.total, operation.title
        held = hold_credits(studio, OWNER, hold_key(key, attempt), total, title)
        order = order_of(planned, owner=OWNER, key=key, hold_id=held.id, run=key)
        studio.loop.run(studio.executor.execute(order))
        release_hold(studio, OWNER, held.id)


def run_batch(studio: Studio, home: Path, attempt: int, *, together: bool) -> None:
    """Carry out the batch, as its flow does."""
    spec = batch_plan.read_file(
        studio, (home / CSV).read_bytes(), source=CSV, owner=OWNER, folder=home
    )
    running = batch_start.start_batch(studio, batch_plan.plan_batch(studio, spec), f"run-{attempt}")
    running.hold_for(running.quote(), hold_key("run", attempt))
    for wave in running.waves():
        orders = running.orders(wave)
        results = studio.loop.run(_all(studio, orders, together=together))
        for order, result in zip(orders, results, strict=True):
            running.take(order, result)
    running.finish()
    batch_files.deliver(studio, running.view, home / "delivered")


async def _all(studio: Studio, orders: list[Order], *, together: bool) -> list[Job | StudioError]:
    async def one(order: Order) -> Job | StudioError:
        try:
            return await studio.executor.execute(order)
        except StudioError as error:
            return error

    if together:
        return await asyncio.gather(*map(one, orders))
    return [await one(order) for order in orders]


def run(command: Command) -> None:
    """Run the path once, from wherever the run before left it."""
    home = Path(command.home)
    engine.workers.BEAT_SECONDS = 3_600  # a beat at some odd moment would shift the points
    points = Points(home / f"points-{command.attempt}.log", command.kill)
    points.watch_files()
    Paid.points = Instant.points = points
    hooks: dict[str, list[Any]] = {"request": [points.leaves], "response": [points.answered]}
    providers = {"paid": Paid(command.url, hooks=hooks), "instant": Instant()}
    studio = make_studio(home, providers=providers, prices=book(paid=1, instant=1))
    points.watch_database(studio)

    def send(parcel: Parcel) -> int:
        (waiting,) = parcel.waiting
        points.pass_by("before send")
        with (home / SENT).open("a") as file:
            file.write(f"{waiting.id} {waiting.message.event} {waiting.message.subject}\n")
        points.pass_by("after send")
        return 1

    if command.scenario == "orders":
        run_orders(studio, home, command.attempt)
    else:
        run_batch(studio, home, command.attempt, together=command.together)
    told = Settings(_env_file=None, notify_urls=(SecretStr("json://127.0.0.1/"),))
    route(studio.database, lambda _connection, _owners: channels_of_settings(told))
    deliver(studio.database, send)
    if command.attempt > 1:
        # What the upkeep does hours later.
        engine.deliveries.now = lambda: clock.now() + LATER  # type: ignore[attr-defined]
        deliver(studio.database, send)
        studio.database.write(lambda connection: expire(connection, clock.now() + LATER))
    studio.close()


def warm_up() -> None:
    """Import what the path imports at its first use, and start no thread."""
    for name in ("httpcore", "anyio._backends._asyncio", "sqlalchemy.dialects.sqlite"):
        importlib.import_module(name)
    Image.init()
    imaging.thumbnail(imaging.open_picture(tiny_png("warm")))
    head = b"row,operation,prompt\nwarm,generate,a fox\n"
    batches.check_batch(head, source="warm", owner=OWNER)


def main() -> None:
    """Carry out commands until the input ends."""
    warm_up()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(Command(**json.loads(line)))
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
