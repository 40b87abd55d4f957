"""The providers that a studio has, made from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from providers import Provider
from providers.local import LocalProvider
from providers.stability import StabilityProvider
from providers.wavespeed import WaveSpeedProvider
from studio.settings import Settings


def all_providers(config: Settings) -> Mapping[str, Provider]:
    """Return every provider by its name; one without a key says so when it is asked for."""
    made: tuple[Provider, ...] = (
        LocalProvider(config.weights_folder, width=config.local_width),
        StabilityProvider(key=config.stability_key, url=config.stability_url),
        WaveSpeedProvider(
            key=config.wavespeed_key, url=config.wavespeed_url, tier=config.wavespeed_tier
        ),
    )
    return {provider.name: provider for provider in made}
