"""What inference providers call the hub's models: asked at the hub, and kept for a while.

Hugging Face tests each entry again every six hours, hourly while it fails, so nothing is believed
for longer than an hour, and what does not help is not kept at all.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from providers.http import Transport
from providers.huggingface.routes import NAME, Route
from studio.errors import (
    AuthFailed,
    BadResponse,
    ModelRetired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)

KEEP_SECONDS = 3_600.0
"""How long an answer of the hub is believed, at most."""
MOST_KEPT = 128
"""Models whose entries are kept; the oldest goes first."""

_LIVE, _FAILING = "live", "error"
_LONGEST_ID = 200
_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?::[\w.-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an inference provider calls a model.

    Attributes:
        id: the model there.
        fresh: whether the hub was asked just now.
    """

    id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    entries: Mapping[str, Mapping[str, Any]]


class Mappings:
    """Looks models up at the hub. Public models need no token there, so none is sent.

    Args:
        hub: asks without a token.
        keep_seconds: how long an answer is believed.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        hub: Transport,
        *,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._keep_seconds = min(keep_seconds, KEEP_SECONDS)
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._locks = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()

    async def find(self, route: Route, task: str) -> Entry:
        """Return what the route's provider calls its model.

        Raises:
            ModelRetired: it does not serve the model for this task.
            ProviderUnavailable: not now, or the hub does not tell; nothing was bought.
        """
        lock = self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock:  # one question for many that wait for the same answer
            kept = self._kept.get(route.model)
            fresh = kept is None or kept.until <= self._clock()
            if kept is None or fresh:
                kept = _Kept(self._clock() + self._keep_seconds, await self._ask(route.model))
                self._keep(route.model, kept)
        try:
            return Entry(_id(kept.entries, route, task), fresh)
        except ProviderError:
            self.forget(route.model)
            raise

    def forget(self, model: str) -> None:
        """Ask the hub anew when the model is needed next."""
        self._kept.pop(model, None)

    def _keep(self, model: str, kept: _Kept) -> None:
        self._kept.pop(model, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[model] = kept

    async def _ask(self, model: str) -> Mapping[str, Mapping[str, Any]]:
        try:
            reply = await self._hub.read(
                f"/api/models/{model}?expand[]=inferenceProviderMapping",
            )
            return _entries(reply.json())
        except (AuthFailed, ModelRetired, ProviderRejected) as error:
            # The hub answers 401 also for what is not there; it says nothing of our token.
            words = error.details.get("says", "")
            raise ModelRetired(
                f"The hub does not show the model {model}: {words}. Nothing was bought.",
                provider=NAME,
                field="model",
                given=model,
            ) from None
        except BadResponse:
            raise ProviderUnavailable(
                f"The hub does not tell who serves {model}. Nothing was bought.", provider=NAME
            ) from None


def _entries(body: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries by provider; the hub writes them as an object, or as a list.

    Raises:
        BadResponse: it is neither.
    """
    told = body.get("inferenceProviderMapping", {}) if isinstance(body, dict) else None
    if isinstance(told, list):
        entries = [each for each in told if isinstance(each, dict)]
        return {str(each.get("provider", "")): each for each in entries}
    if isinstance(told, dict):
        return {name: each for name, each in told.items() if isinstance(each, dict)}
    if isinstance(body, dict) and told is None:
        return {}
    raise BadResponse("The hub's answer cannot be read.", provider=NAME)


def _id(entries: Mapping[str, Mapping[str, Any]], route: Route, task: str) -> str:
    entry = entries.get(route.provider)
    if entry is None or entry.get("adapter"):
        # An adapter is another model's weights, which none of the offers is.
        live = ", ".join(name for name, each in entries.items() if each.get("status") == _LIVE)
        raise _not_served(route, f"is not served by {route.provider}", live or "nobody")
    status, served = entry.get("status"), entry.get("task")
    if status == _FAILING:
        raise ProviderUnavailable(
            f"{route.model} fails at {route.provider}, says Hugging Face, which tests it again "
            "every hour. Nothing was bought.",
            provider=NAME,
        )
    if status != _LIVE:
        raise _not_served(route, f"is not live at {route.provider} (it is {status})", _LIVE)
    if served != task:
        raise _not_served(route, f"does {served} at {route.provider}, not {task}", task)
    identifier = entry.get("providerId")
    if not _is_id(identifier):
        raise ProviderUnavailable(
            f"The hub names {route.model} at {route.provider} in a way that cannot be used. "
            "Nothing was bought.",
            provider=NAME,
            given=identifier,
        )
    return str(identifier)


def _is_id(text: object) -> bool:
    """Say whether ``text`` may stand in a path of the router, to which our token goes."""
    return (
        isinstance(text, str)
        and len(text) <= _LONGEST_ID
        and _ID.fullmatch(text) is not None
        and not any(part.strip(".") == "" for part in re.split("[/:]", text))
    )


def _not_served(route: Route, words: str, allowed: str) -> ModelRetired:
    return ModelRetired(
        f"{route.model} {words}. Nothing was bought.",
        provider=NAME,
        field="model",
        given=route.model,
        allowed=allowed,
    )
