"""The provider called ``local``: real work on this machine, without a key and without a network."""

from providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
