"""What the studio reads from Prefect's server without importing Prefect: blocks and variables.

By its REST API, so that commands that need neither stay quick to start and the path of a picture
works without Prefect. The address and how to log in are Prefect's own settings, from the
environment: PREFECT_API_URL, PREFECT_API_AUTH_STRING, PREFECT_API_KEY.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from studio.errors import StudioUnavailable
from studio.settings import Settings

BLOCK_SECONDS = 10.0
"""For a server that is busy: what is asked of it decides what is bought with."""


class Orchestrator:
    """Prefect's server, asked for what people set in its pages.

    Args:
        config: says where the server is, if PREFECT_API_URL does not.
        seconds: that one question may take in all.
    """

    def __init__(self, config: Settings, seconds: float = BLOCK_SECONDS) -> None:
        own = f"http://127.0.0.1:{config.prefect_port}/api"
        self.url = os.environ.get("PREFECT_API_URL", "") or own
        self._seconds = seconds

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """Return a block's fields, secrets and all; ``None`` if there is none of this name.

        Args:
            kind: the slug of its type.
            name: of the block.

        Raises:
            StudioUnavailable: the server does not answer, or does not let us read it.
        """
        found = self._get(
            f"block_types/slug/{quote(kind, safe='')}/block_documents/name/{quote(name, safe='')}",
            {"include_secrets": "true"},
        )
        return dict(found["data"]) if found else None

    def variable(self, name: str) -> Any:
        """Return a variable's value; ``None`` if there is no such variable.

        Raises:
            StudioUnavailable: as ``block``.
        """
        found = self._get(f"variables/name/{quote(name, safe='')}", {})
        return found["value"] if found else None

    def _get(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        try:
            answer = httpx.get(
                f"{self.url.rstrip('/')}/{path}",
                params=dict(query),
                headers=_headers(),
                auth=_login(),
                timeout=self._seconds,
            )
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            answer.raise_for_status()
            found: Mapping[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            # The kind of error alone: an answer's text might repeat what is secret.
            raise StudioUnavailable(
                f"The Prefect server at {self.url} did not answer ({type(error).__name__}).",
                retry_after=5,
            ) from None
        return found


def _headers() -> dict[str, str]:
    key = os.environ.get("PREFECT_API_KEY", "")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _login() -> tuple[str, str] | None:
    user, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None
