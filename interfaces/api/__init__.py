"""The HTTP API: the studio's door for other systems. docs/api.md describes it."""

from interfaces.api.app import application

__all__ = ["application"]
