"""How near words are in meaning, told on this machine by MiniLM, of the extra ``search``."""

from providers.local.meaning.nearness import nearest

__all__ = ["nearest"]
