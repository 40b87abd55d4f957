"""Waiting for work that an inference provider has: fal's queue, Replicate, WaveSpeed.

All are asked through the router, by paths that are built here: addresses in answers may name any
host, and our token would go along. Polling buys nothing, so only the provider's own word ends it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from providers.http import Transport
from providers.huggingface import answers, errors
from providers.huggingface.answers import Made
from providers.huggingface.calls import QUEUE
from providers.huggingface.errors import Redact
from providers.huggingface.routes import FAL, NAME, REPLICATE, WAVESPEED
from providers.huggingface.tickets import Remote
from studio.errors import (
    AuthFailed,
    BadResponse,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
)

POLL_SECONDS = 0.5
"""Seconds between the first polls: what Hugging Face's own client takes."""

_MISSES = 3
"""Answers of 404 in a row that are believed: one can come from a copy that lags behind."""
_TROUBLES = 10
"""Polls in a row that may go wrong before the waiting is given up for this time."""
_WAIT_GROWS = 1.15
_LONGEST_WAIT = 6
"""Times the first wait: so far the pauses between polls grow."""

_NOT_FOUND, _GONE = 404, 410
_FINAL = frozenset({400, 413, 415, 422})
"""Statuses with which fal's queue hands out a failure as the result."""

_MODERATION = 1200
_OF_INPUTS = {1400: "misses an input", 1401: "calls an input invalid", 1402: "could not fetch one"}
_ENDED = frozenset({"cancelled", "timeout", "deleted"})


async def wait_for(
    http: Transport,
    redact: Redact,
    remote: Remote,
    *,
    cutout: bool,
    interval: float,
    patience: float,
) -> Made:
    """Wait for work and return the picture.

    Args:
        http: asks what buys nothing.
        redact: takes keys out of words.
        remote: the work.
        cutout: whether a cut-out was ordered, which fal names in another way.
        interval: seconds between the first polls.
        patience: seconds until it is given up for this time.

    Raises:
        ProviderError: the provider's own word that it came to nothing, or (any but rejected,
            blocked, too large and bad response) that it still has it.
    """
    waiting = _Waiting(http, redact, remote, cutout=cutout)
    ends, pause = time.monotonic() + patience, interval
    while True:
        made = await waiting.ask()
        if made is not None:
            return made
        left = ends - time.monotonic()
        if left <= 0:
            raise OutcomeUnknown(
                f"The work is not done after {patience:.0f} seconds ({waiting.last}). Run the same "
                "again to go on waiting; it buys nothing.",
                provider=NAME,
                request_id=remote.place,
            )
        await asyncio.sleep(min(left, pause * random.uniform(0.9, 1.1)))
        pause = min(pause * _WAIT_GROWS, interval * _LONGEST_WAIT)


class _Foreign(Exception):
    """An answer that is not about the work."""


class _Waiting:
    """What is known of work while it is waited for.

    Attributes:
        last: what the last poll came to, in words.
    """

    def __init__(self, http: Transport, redact: Redact, remote: Remote, *, cutout: bool) -> None:
        self.last = "not asked yet"
        self._http = http
        self._redact = redact
        self._remote = remote
        self._cutout = cutout
        self._done = False
        self._misses = self._troubles = 0

    async def ask(self) -> Made | None:
        """Poll once; ``None`` says to wait."""
        try:
            reply = await self._http.read(self._path())
            body = reply.json()
            if not isinstance(body, dict):
                raise BadResponse("an answer that is no JSON object", provider=NAME)
        except (AuthFailed, PaymentRequired):
            raise  # it needs a person; the work stays where it is
        except ProviderError as error:
            self._trouble(error)
            return None
        try:
            made = await self._judged(body)
        except _Foreign:
            self._trouble(BadResponse("an answer about something else", provider=NAME))
            return None
        except ProviderError as error:
            raise self._told(error) from None
        self._misses = self._troubles = 0
        return made

    def _path(self) -> str:
        place = self._remote.place
        if self._remote.kind == "replicate":
            return f"/{REPLICATE}/v1/predictions/{place}"
        if self._remote.kind == "wavespeed":
            return f"/{WAVESPEED}/api/v3/predictions/{place}/result"
        return f"/{FAL}{place}{'' if self._done else '/status'}?{QUEUE}"

    async def _judged(self, body: Mapping[str, Any]) -> Made | None:
        if self._remote.kind == "replicate":
            return self._replicate(body)
        if self._remote.kind == "wavespeed":
            return self._wavespeed(body)
        return await self._fal(body)

    async def _fal(self, body: Mapping[str, Any]) -> Made | None:
        """Ask for the result as soon as the status is ``COMPLETED``: it may be a failure."""
        if self._done:
            return answers.fal_cutout(body) if self._cutout else answers.fal_picture(body)
        self._say(body.get("status"))
        if body.get("status") != "COMPLETED":
            return None  # IN_QUEUE, IN_PROGRESS, and whatever may be new: not an end
        self._done = True
        return await self.ask()

    def _replicate(self, body: Mapping[str, Any]) -> Made | None:
        if body.get("id") != self._remote.place:
            raise _Foreign
        self._say(body.get("status"))
        return answers.replicate_picture(self._redact, body)

    def _wavespeed(self, body: Mapping[str, Any]) -> Made | None:
        """Judge a prediction; WaveSpeed's answers keep HTTP 200 when it failed."""
        data = body.get("data")
        if not isinstance(data, dict) or data.get("id") != self._remote.place:
            raise _Foreign
        status = data.get("status")
        self._say(status)
        if status == "failed":
            raise self._failed(data)
        if status in _ENDED:
            raise BadResponse(
                f"WaveSpeed ended the work as {status}. Whether it charges for that is not "
                "documented; Hugging Face's billing page tells.",
                provider=NAME,
            )
        if status != "completed":
            return None
        flags = data.get("has_nsfw_contents")
        if isinstance(flags, list) and any(flags):
            raise errors.blocked("WaveSpeed flags the picture as unsafe", billed=True)
        outputs = data.get("outputs")
        first = outputs[0] if isinstance(outputs, list) and outputs else None
        if not isinstance(first, str) or not first:
            raise BadResponse("WaveSpeed completed the work without a picture.", provider=NAME)
        return Made(first)

    def _failed(self, data: Mapping[str, Any]) -> ProviderError:
        """Return the error of a prediction that failed; WaveSpeed refunds those by itself.

        Hugging Face passes on what the provider charges in the end, which is nothing then.
        """
        words = errors.short(self._redact(str(data.get("error") or "no reason given")))
        code = data.get("code")
        if code == _MODERATION or (not code and errors.is_blocked(words)):
            return errors.blocked(words, billed=False)
        if code in _OF_INPUTS:
            return ProviderRejected(
                f"WaveSpeed {_OF_INPUTS[code]}: {words}.", provider=NAME, says=words
            )
        return _refunded(
            BadResponse(
                f"WaveSpeed failed: {words}. It refunds what fails.", provider=NAME, says=words
            )
        )

    def _trouble(self, error: ProviderError) -> None:
        """Count what went wrong; raise when it is the end, or too often."""
        status = error.details.get("status")
        if self._done and status in _FINAL:
            raise self._told(_of_result(error))
        self.last = error.message.rstrip(".")
        missed = status in {_NOT_FOUND, _GONE}
        self._misses = self._misses + 1 if missed else 0
        self._troubles += 1
        if self._misses >= _MISSES:
            raise self._told(
                BadResponse(
                    "The inference provider no longer knows the work (results are kept for a short "
                    "time only). It may have been bought, but cannot be had any more.",
                    provider=NAME,
                )
            )
        if self._troubles >= _TROUBLES:
            raise self._told(
                OutcomeUnknown(
                    f"The inference provider has the work, but does not tell how it stands: "
                    f"{self.last}. Run the same again to go on waiting; it buys nothing.",
                    provider=NAME,
                )
            )

    def _say(self, status: object) -> None:
        self.last = self._redact(str(status))[:40]

    def _told(self, error: ProviderError) -> ProviderError:
        error.details.setdefault("request_id", self._remote.place)
        return error


def _refunded(error: ProviderError) -> ProviderError:
    error.bought = False
    return error


def _of_result(error: ProviderError) -> ProviderError:
    """Return the error that fal hands out as the result of its queue: its own last word.

    The result is no 2xx, and only those are billed; nor does fal charge for what failed (its
    documentation on prices).
    """
    if isinstance(error, ModelRetired):
        return ProviderRejected(error.message, provider=NAME, says=error.details.get("says"))
    return error
