"""The provider called ``gemini``: Google's Gemini Developer API over ``generateContent``."""

from providers.gemini.costs import ceiling
from providers.gemini.models import resolve, retirement
from providers.gemini.provider import GeminiProvider

__all__ = ["GeminiProvider", "ceiling", "resolve", "retirement"]
