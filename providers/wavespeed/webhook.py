"""Webhooks: WaveSpeed's own word that a prediction has ended, if its signature is right.

Nothing here is needed to collect work, which polls. Whoever has a public address may add
``?webhook=`` and use this to learn of the end sooner.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from providers.wavespeed.tickets import is_id
from studio.errors import InvalidRequest

WINDOW_SECONDS = 300
"""How old a message may be, and how far ahead the sender's clock."""
LARGEST = 1024 * 1024
"""Bytes of a message: addresses and some facts, no files."""

_PREFIX = "whsec_"
_VERSION = "v3"
_MOST_SIGNATURES = 10


def verify(
    secret: SecretStr, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, Any]:
    """Return the prediction that a message tells of, if WaveSpeed sent it just now.

    The signature is HMAC-SHA256 over ``id.timestamp.body``. Its key is the secret without its
    ``whsec_``, as text. A message that comes twice within the window is right both times: whoever
    uses it must mind nothing but the prediction's id and status.

    Args:
        secret: of ``GET /api/v3/webhook/secret``.
        headers: of the request, in any case.
        body: as it came, not read and written again.
        now: aware, the present moment.

    Raises:
        InvalidRequest: it is not signed, signed otherwise, too old, or tells of no prediction.
    """
    named = {name.lower(): value for name, value in headers.items()}
    identifier = _header(named, "webhook-id")
    moment = _header(named, "webhook-timestamp")
    signatures = _header(named, "webhook-signature").split()
    if len(body) > LARGEST:
        raise _refused("The message is too large.", "body", f"{len(body)} bytes", str(LARGEST))
    key = secret.get_secret_value().removeprefix(_PREFIX)
    if not key:
        raise _refused("There is no secret to check it with.", "secret", "", "whsec_…")
    message = f"{identifier}.{moment}.".encode() + body
    expected = f"{_VERSION},{hmac.new(key.encode(), message, hashlib.sha256).hexdigest()}".encode()
    # All are compared, each in constant time: neither how many nor how much of one fits shows.
    matches = [
        hmac.compare_digest(each.encode(), expected) for each in signatures[:_MOST_SIGNATURES]
    ]
    if not any(matches):
        raise _refused("The signature is not WaveSpeed's.", "webhook-signature", "", "v3,<hex>")
    _check_moment(moment, now)
    return _prediction(body)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise _refused("The message is not signed.", name, "", "a signed message")
    return value


def _check_moment(moment: str, now: datetime) -> None:
    if not (moment.isascii() and moment.isdigit()) or (
        abs(now.timestamp() - int(moment)) > WINDOW_SECONDS
    ):
        raise _refused(
            "The message is not of this moment.",
            "webhook-timestamp",
            moment,
            f"at most {WINDOW_SECONDS} seconds from now",
        )


def _prediction(body: bytes) -> dict[str, Any]:
    try:
        prediction = json.loads(body)
    except ValueError:
        prediction = None
    if (
        not isinstance(prediction, dict)
        or not is_id(prediction.get("id"))
        or not isinstance(prediction.get("status"), str)
    ):
        raise _refused("The message tells of no prediction.", "body", "", "id and status")
    return prediction


def _refused(words: str, field: str, given: str, allowed: str) -> InvalidRequest:
    return InvalidRequest(words, field=field, given=given, allowed=allowed)
