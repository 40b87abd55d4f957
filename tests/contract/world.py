"""A studio whose cloud providers are the emulators: everything is real but who does the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from billing.pricebook import current
from engine.studio import Studio
from providers import Provider
from providers.gemini import GeminiProvider
from providers.huggingface import HuggingFaceProvider
from providers.local import LocalProvider, weights
from providers.stability import StabilityProvider
from providers.wavespeed import WaveSpeedProvider
from studio.clock import now
from studio.settings import Settings
from tests.contract.emulators.base import Emulator
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.emulators.huggingface import HuggingFaceEmulator
from tests.contract.emulators.stability import StabilityEmulator
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.support.studios import opened_studio

FUNDS = 100_000_000_000
"""What the wallet has to begin with: 100,000 credits."""


@dataclass
class World:
    """A studio and the emulators that it buys from, by their providers' names."""

    studio: Studio
    emulators: Mapping[str, Any]

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers by their names."""
        return self.studio.providers

    @property
    def bills(self) -> int:
        """How many purchases stand in the emulators' ledgers; refunded ones do not."""
        return sum(not bill.refunded for each in self.emulators.values() for bill in each.bills)

    @property
    def twice(self) -> list[str]:
        """Work that was bought twice; there must be none."""
        return [work for each in self.emulators.values() for work in each.twice]


def start_emulators(stack: ExitStack) -> dict[str, Emulator]:
    """Start all emulators, with limits wide enough that only faults slow a test down."""
    wavespeed = WaveSpeedEmulator()
    wavespeed.tier = "ultra"
    stability = StabilityEmulator()
    # Not documented, but honoured where it is sent; without it each 429 costs a minute.
    stability.retry_after = "1"
    started: dict[str, Emulator] = {
        "stability": stability,
        "wavespeed": wavespeed,
        "huggingface": HuggingFaceEmulator(),
        "gemini": GeminiEmulator(),
    }
    for emulator in started.values():
        stack.enter_context(emulator)
    return started


def adapters(urls: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, Provider]:
    """Return the real adapters, led to the emulators, and not patient."""
    made: tuple[Provider, ...] = (
        StabilityProvider(
            key=SecretStr(keys["stability"]), url=urls["stability"], poll_seconds=0.1
        ),
        WaveSpeedProvider(
            key=SecretStr(keys["wavespeed"]),
            url=urls["wavespeed"],
            tier="ultra",
            poll_seconds={"picture": 0.05, "text": 0.05, "video": 0.05},
        ),
        HuggingFaceProvider(
            key=SecretStr(keys["huggingface"]),
            url=urls["huggingface"],
            hub_url=urls["huggingface"],
            poll_seconds=0.05,
            pauses=(0.05, 0.1, 0.2),
        ),
        GeminiProvider(key=SecretStr(keys["gemini"]), url=urls["gemini"]),
    )
    return {provider.name: provider for provider in made}


@contextmanager
def opened_world(folder: Path, *, local: bool = False) -> Iterator[World]:
    """Start the emulators and open a studio that buys from them, and from this machine if asked."""
    with ExitStack() as stack:
        emulators = start_emulators(stack)
        providers = adapters(
            {name: each.url for name, each in emulators.items()},
            {name: each.key for name, each in emulators.items()},
        )
        if local:
            weights.fetch(Settings().weights_folder)
            here = LocalProvider(Settings().weights_folder, width=1)
            providers = {here.name: here, **providers}
        studio = stack.enter_context(
            opened_studio(
                folder,
                funds=FUNDS,
                providers=providers,
                prices=current(now().date()),
            )
        )
        yield World(studio, emulators)
