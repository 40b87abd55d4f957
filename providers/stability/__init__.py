"""The provider called ``stability``: Stability AI over its REST interface v2beta."""

from providers.stability.provider import StabilityProvider

__all__ = ["StabilityProvider"]
