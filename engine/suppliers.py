"""The providers that a studio has, made from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from providers import Provider
from providers.gemini import GeminiProvider
from providers.huggingface import HuggingFaceProvider
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
        HuggingFaceProvider(
            key=config.huggingface_key,
            url=config.huggingface_url,
            hub_url=config.huggingface_hub_url,
            bill_to=config.huggingface_bill_to,
        ),
        GeminiProvider(
            key=config.gemini_key,
            url=config.gemini_url,
            requests_per_minute=config.gemini_requests_per_minute,
            images_per_minute=config.gemini_images_per_minute,
        ),
    )
    return {provider.name: provider for provider in made}
