"""What WaveSpeed's answers stand for: HTTP errors, and predictions that came to nothing.

The texts of its errors, and whether an empty account is a 402 or a 403, are not confirmed: both
readings are taken, and words decide only where the status leaves it open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.http import Reply
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    TooLarge,
)
from studio.operations import OPERATIONS

NAME = "wavespeed"
Redact = Callable[[str], str]

GONE = (404, 405)
"""What an end point that is not there answers."""

_LONGEST_WORDS = 300
_LONGEST_WAIT = 3_600.0
"""Seconds; a ``Retry-After`` beyond it is not believed."""
_SERVER_ERROR = 500
_MAYBE_BEGUN = frozenset({408, 499})
"""Refusals that tell nothing of what was begun: the request ran out of time on its way."""
_PASSING = frozenset({408, 409, 425, 499})

_NO_MONEY, _FORBIDDEN, _TOO_OFTEN = 402, 403, 429
_CLASSES: Mapping[int, tuple[type[ProviderError], str]] = {
    401: (
        AuthFailed,
        "WaveSpeed did not accept STUDIO_WAVESPEED_KEY (a new key works after the first top-up)",
    ),
    _NO_MONEY: (PaymentRequired, "The account at WaveSpeed is out of money; top it up"),
    _FORBIDDEN: (AuthFailed, "WaveSpeed does not allow this to the account of the key"),
    413: (TooLarge, "WaveSpeed calls the request too large"),
    _TOO_OFTEN: (RateLimited, "WaveSpeed was asked too often for the account's tier"),
}

_MODERATION = 1200
_MISSING, _INVALID, _UNREACHED = 1400, 1401, 1402
_OF_INPUTS = {
    _MISSING: "it misses an input",
    _INVALID: "it calls an input invalid",
    _UNREACHED: "it could not fetch an input file",
}
_OF_SERVICE = {
    1403: "the task could not be executed",
    1405: "the task failed",
    5000: "an internal error",
    5003: "it was not available",
    5004: "it ran out of time",
}

_MONEY = re.compile(r"balance|insufficient|credit|top.?up|recharge|payment|funds", re.IGNORECASE)
_BLOCKED = re.compile(r"moderat|nsfw|sensitive|unsafe|content policy|safety", re.IGNORECASE)
_FIELD = re.compile(r"""["'`](\w{1,40})["'`]""")
_FIELDS = {
    "text": "prompt",
    "images": "image",
    "mask_image": "mask",
    "face_image": "face",
    "target_index": "face_number",
    "size": "width",
    "aspect_ratio": "width",
    "target_resolution": "factor",
    "reference_images": "reference",
    "enable_prompt_expansion": "expand_prompt",
}
"""WaveSpeed's names of fields, where the studio has others."""
_KNOWN_FIELDS = frozenset(name for each in OPERATIONS.values() for name in each.model_fields)


def of_order(redact: Redact, reply: Reply) -> ProviderError | None:
    """Return the error of an answer to a request for work; ``None`` for one that is none.

    A 5xx may have begun the work (no 503 is documented as "not started"), so what came of it is
    not known. Official clients never send such a request again either.
    """
    if reply.ok:
        return None
    words = _words(redact, reply)
    if reply.status >= _SERVER_ERROR or reply.status in _MAYBE_BEGUN:
        return OutcomeUnknown(
            f"WaveSpeed answered {reply.status} to a request for work: {words}. It may have been "
            "bought; look for it in WaveSpeed's history of predictions.",
            provider=NAME,
            says=words,
        )
    if reply.status in GONE:
        return ModelRetired(
            f"WaveSpeed has no such model (any more): {words}.", provider=NAME, says=words
        )
    return _of_both(reply, words)


def of_question(redact: Redact, reply: Reply) -> ProviderError | None:
    """Return the error of an answer to something that buys nothing: a poll, an upload, a price."""
    if reply.ok:
        return None
    words = _words(redact, reply)
    if reply.status >= _SERVER_ERROR or reply.status in _PASSING:
        return ProviderUnavailable(
            f"WaveSpeed answered {reply.status}: {words}. Nothing was bought by asking.",
            provider=NAME,
            says=words,
            again=True,
        )
    return _of_both(reply, words)


def _of_both(reply: Reply, words: str) -> ProviderError:
    """Return the error of a status that means the same whatever was asked; nothing was begun."""
    status = reply.status
    if status == _FORBIDDEN and _MONEY.search(words):
        status = _NO_MONEY
    if status in _CLASSES:
        cls, sentence = _CLASSES[status]
        error = cls(f"{sentence}: {words}.", provider=NAME, says=words)
        if status == _TOO_OFTEN:
            error.details["retry_after"] = _retry_after(reply)
        return error
    if _error_code(reply) == _MODERATION:
        return _blocked(words, billed=False)
    return ProviderRejected(
        f"WaveSpeed refused the request ({status}): {words}.",
        provider=NAME,
        field=_field(words),
        says=words,
    )


def of_failed(redact: Redact, prediction: dict[str, Any]) -> ProviderError:
    """Return the error of a prediction whose status is ``failed``.

    Failed runs are refunded by themselves, within about three hours, so nothing was bought.
    """
    words = _short(redact(str(prediction.get("error") or "no reason given")))
    code = prediction.get("code")
    known = code if isinstance(code, int) and not isinstance(code, bool) else 0
    # Older answers have no code; then only the words tell.
    if known == _MODERATION or (not known and _BLOCKED.search(words)):
        error: ProviderError = _blocked(words, billed=False)
    elif known in _OF_INPUTS:
        error = ProviderRejected(
            f"WaveSpeed did not do the work: {_OF_INPUTS[known]}: {words}.",
            provider=NAME,
            field=_field(words),
        )
    else:
        reason = _OF_SERVICE.get(known, "for another reason")
        error = _refunded(
            BadResponse(
                f"WaveSpeed failed: {reason}: {words}. It refunds what fails.", provider=NAME
            )
        )
    error.details |= {"says": words, "provider_code": known or None}
    return error


def of_ended(redact: Redact, prediction: dict[str, Any]) -> ProviderError:
    """Return the error of a prediction that was cancelled, timed out or deleted.

    Only failed runs are said to be refunded, so whether these were bought nobody can tell.
    """
    words = _short(redact(str(prediction.get("error") or "no reason given")))
    return BadResponse(
        f"WaveSpeed ended the work as {prediction.get('status')}: {words}. Whether it charges for "
        "that is not documented; its billing history tells.",
        provider=NAME,
        says=words,
    )


def of_flagged() -> ProviderError:
    """Return the error of a completed prediction that is flagged as unsafe.

    The rule: a completed run is billed, whatever it shows, and flagged work is not handed out.
    """
    return _blocked("the result is flagged as unsafe", billed=True)


def _refunded(error: ProviderError) -> ProviderError:
    error.bought = False
    return error


def _blocked(words: str, *, billed: bool) -> ContentBlocked:
    bill = "It was billed" if billed else "It is not billed"
    return ContentBlocked(
        f"WaveSpeed's moderation refused: {words}. {bill}.", provider=NAME, billed=billed
    )


def _words(redact: Redact, reply: Reply) -> str:
    """Return the provider's own words, on one line and without keys."""
    body = _body(reply)
    for name in ("message", "error", "detail"):
        if isinstance(body.get(name), str) and body[name].strip():
            return _short(redact(body[name]))
    return _short(redact(reply.text())) or "no words"


def _short(words: str) -> str:
    line = " ".join(words.split()).rstrip(".")
    return line if len(line) <= _LONGEST_WORDS else f"{line[: _LONGEST_WORDS - 1]}…"


def _body(reply: Reply) -> dict[str, Any]:
    try:
        body = json.loads(reply.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error_code(reply: Reply) -> object:
    return _body(reply).get("error_code")


def _field(words: str) -> str | None:
    """Return the operation's name of the field that the words quote, if they quote one."""
    for found in _FIELD.finditer(words):
        name = _FIELDS.get(found[1], found[1])
        if name in _KNOWN_FIELDS:
            return name
    return None


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds told; whether WaveSpeed ever tells is not confirmed."""
    try:
        seconds = float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WAIT else None
