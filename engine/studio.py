"""The studio put together: one per process, from its settings."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from billing.pricebook import PriceBook, current
from engine.batch_control import Control
from engine.credentials import signer
from engine.execute import Executor
from engine.gate import Gate
from engine.inputs import Inputs
from engine.loop import BackgroundLoop
from engine.masks import Masks
from engine.pacing import Pacing
from engine.planning import Planner
from engine.references import from_blocks, storage_options
from engine.suppliers import all_providers
from engine.switches import Switches
from engine.workers import Worker
from library import catch_up
from providers import Provider
from providers.pacing import Pacer
from studio.clock import now
from studio.database import Database, GroupCommit
from studio.database.migrate import migrate
from studio.settings import Settings, settings
from studio.storage import BlobStore


class Studio:
    """Everything that the path of a picture needs, opened once.

    Args:
        config: the settings.
        database: instead of the one that the settings name; for benchmarks.
        providers: instead of those that the settings give; for tests.
        book: instead of the newest price book; for tests.
        switches: what an operator has stopped; nothing, if not given.

    Attributes:
        loop: where provider work runs; tasks hand it coroutines.
        commits: the group commit that all writes of the path go through.
        control: heeds who pauses or cancels batches.
        pacing: what providers' accounts allow.
    """

    def __init__(
        self,
        config: Settings,
        *,
        database: Database | None = None,
        providers: Mapping[str, Provider] | None = None,
        book: PriceBook | None = None,
        switches: Switches | None = None,
    ) -> None:
        self.settings = config
        self.switches = switches or Switches(None)
        self.database = database or Database(config.database)
        migrate(self.database)
        catch_up(self.database)
        self.store = BlobStore(config.storage, storage_options(config))
        self.commits = GroupCommit(self.database)
        self.worker = Worker(self.database, config.folder / "workers")
        self.loop = BackgroundLoop()
        self.providers = providers if providers is not None else all_providers(config)
        self.book = book or current(now().date())
        self.pacer = Pacer(
            self.database,
            self.commits,
            self.worker.id,
            dead=lambda worker: not self.worker.alive(worker),
        )
        self.pacing = Pacing(self.pacer)
        for provider in self.providers.values():
            provider.pace_by(partial(self.pacing.request, provider))
        self.planner = Planner(
            self.providers,
            self.book,
            self.pacing.rests,
            valid=timedelta(minutes=config.quote_minutes),
            stopped=self.switches.stops,
        )
        self.inputs = Inputs(self.database, self.store, Path.cwd(), config.storage_quota_mb)
        self.masks = Masks(self.store)
        self.control = Control(self.database, stopped=self.switches.spending_paused)
        gate = Gate(self.commits, self.worker)
        self.executor = Executor(
            gate,
            self.commits,
            self.store,
            self.providers,
            width=config.width,
            pacing=self.pacing,
            control=self.control,
            stopped=self.switches.stops,
            sign=signer(config),
        )

    def close(self) -> None:
        """Finish what is queued and let go of everything."""
        for provider in self.providers.values():
            self.loop.run(provider.close())
        self.loop.close()
        self.pacer.close()
        self.commits.close()
        self.worker.close()
        self.database.close()


_opened: Studio | None = None
_read: tuple[Settings, Settings] | None = None
_lock = threading.RLock()


def open_studio() -> Studio:
    """Return this process's studio, opening it at the first call.

    Raises:
        SetupIncomplete: a setting names a block that is not there.
        StudioUnavailable: it names one, and Prefect's server does not answer.
    """
    global _opened  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _opened is None:
            config = open_settings()
            _opened = Studio(config, switches=Switches(config))
        return _opened


def open_settings() -> Settings:
    """Return this process's settings, with what Prefect's blocks hold; each is read once.

    Raises:
        SetupIncomplete: as ``open_studio``.
        StudioUnavailable: as ``open_studio``.
    """
    global _read  # noqa: PLW0603 - as above
    with _lock:
        config = settings()
        if _read is None or _read[0] is not config:
            _read = config, from_blocks(config)
        return _read[1]


def use_studio(studio: Studio | None) -> None:
    """Make ``studio`` this process's studio, or forget it; for tests and short commands."""
    global _opened  # noqa: PLW0603 - as above
    with _lock:
        _opened = studio
