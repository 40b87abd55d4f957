"""Predictions: WaveSpeed's word for work under way, and waiting for them.

Answers keep HTTP 200 when a prediction failed; only its status tells. Polling buys nothing, so
nothing that goes wrong with it says anything of the work: only WaveSpeed's own status ends it.
The path is always built from the id. ``urls.get`` of an answer names the same place, and is never
followed: it may name any host, and our key would go along.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from providers.http import Reply, Transport
from providers.wavespeed import errors
from providers.wavespeed.errors import NAME, Redact
from providers.wavespeed.tickets import is_id
from studio.errors import AuthFailed, BadResponse, OutcomeUnknown, PaymentRequired, ProviderError

KEPT_DAYS = 7
"""How long WaveSpeed keeps predictions and their files."""

_ENDED = frozenset({"cancelled", "timeout", "deleted"})
"""Ends beside ``completed`` and ``failed``, which the official SDKs know."""
_MISSES = 3
"""Answers of 404 in a row that are believed: one can come from a copy that lags behind."""
_TROUBLES = 10
"""Polls in a row that may go wrong before the waiting is given up for this time."""
_WAIT_GROWS = 1.15
_LONGEST_WAIT = 4
"""Times the first wait: so far the pauses between polls grow."""
_NOT_FOUND = 404


def submitted(reply: Reply) -> str:
    """Return the id of the prediction that an answer to a request for work announces.

    Raises:
        BadResponse: it announces none; whether work was begun is not known.
    """
    data = _data(reply.json())
    if data is None or not is_id(data.get("id")):
        raise BadResponse(
            "WaveSpeed took the request and answered without the id of a prediction. It may have "
            "been bought; look for it in WaveSpeed's history of predictions.",
            provider=NAME,
            request_id=reply.request_id,
        )
    return str(data["id"])


async def wait_for(
    http: Transport, redact: Redact, identifier: str, *, interval: float, patience: float
) -> dict[str, Any]:
    """Wait for a prediction and return it completed.

    Args:
        http: asks what buys nothing.
        redact: takes keys out of words.
        identifier: of the prediction.
        interval: seconds between the first polls; the pauses grow up to four times as long.
        patience: seconds until it is given up for this time.

    Raises:
        ProviderError: WaveSpeed's own word that it came to nothing, or (any but rejected,
            blocked, too large and bad response) that it still has it.
    """
    waiting = _Waiting(redact, identifier)
    ends, pause = time.monotonic() + patience, interval
    while True:
        prediction = await waiting.ask(http)
        if prediction is not None:
            return prediction
        left = ends - time.monotonic()
        if left <= 0:
            raise OutcomeUnknown(
                f"WaveSpeed is still at work on prediction {identifier} after {patience:.0f} "
                f"seconds ({waiting.last}). Run the same again to go on waiting; it buys nothing.",
                provider=NAME,
                prediction=identifier,
            )
        await asyncio.sleep(min(left, pause * random.uniform(0.9, 1.1)))
        pause = min(pause * _WAIT_GROWS, interval * _LONGEST_WAIT)


class _Waiting:
    """What is known of a prediction while it is waited for.

    Attributes:
        last: what the last poll came to, in words.
    """

    def __init__(self, redact: Redact, identifier: str) -> None:
        self.last = "not asked yet"
        self._redact = redact
        self._id = identifier
        self._misses = self._troubles = 0

    async def ask(self, http: Transport) -> dict[str, Any] | None:
        """Poll once; ``None`` says to wait."""
        try:
            reply = await http.read(f"/api/v3/predictions/{self._id}/result")
            prediction = _data(reply.json())
        except (AuthFailed, PaymentRequired):
            raise  # it needs a person; the work stays where it is
        except ProviderError as error:
            self._trouble(error)
            return None
        if prediction is None or prediction.get("id") != self._id:
            self._trouble(None)
            return None
        self._misses = self._troubles = 0
        return self._judged(prediction)

    def _judged(self, prediction: dict[str, Any]) -> dict[str, Any] | None:
        status = prediction.get("status")
        self.last = self._redact(str(status))[:40]
        if status == "completed":
            return prediction
        if status == "failed":
            raise self._told(errors.of_failed(self._redact, prediction))
        if status in _ENDED:
            raise self._told(errors.of_ended(self._redact, prediction))
        return None  # created, processing, and whatever may be new: not an end

    def _trouble(self, error: ProviderError | None) -> None:
        """Count what went wrong; raise when it is too often."""
        self.last = error.message if error else "an answer that is no prediction"
        missed = error is not None and error.details.get("status") == _NOT_FOUND
        self._misses = self._misses + 1 if missed else 0
        self._troubles += 1
        if self._misses >= _MISSES:
            raise self._told(
                BadResponse(
                    f"WaveSpeed no longer knows the prediction (it keeps them {KEPT_DAYS} days). "
                    "It may have been bought, but cannot be had any more.",
                    provider=NAME,
                )
            )
        if self._troubles >= _TROUBLES:
            raise self._told(
                OutcomeUnknown(
                    f"WaveSpeed has the work, but does not tell how it stands: {self.last} "
                    "Run the same again to go on waiting; it buys nothing.",
                    provider=NAME,
                )
            )

    def _told(self, error: ProviderError) -> ProviderError:
        error.details["prediction"] = self._id
        return error


def _data(body: Any) -> dict[str, Any] | None:
    """Return what is in the envelope; ``None`` if there is nothing."""
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else None
