"""The provider called ``wavespeed``: WaveSpeed AI, api v3."""

from providers.wavespeed.provider import WaveSpeedProvider
from providers.wavespeed.webhook import verify

__all__ = ["WaveSpeedProvider", "verify"]
