"""What Gemini says when it refuses or fails, as errors of the studio.

``{"error": {"code", "message", "status", "details": [...]}}``, at times inside a list of one; what
stands between may answer anything. A bad key is a 400, not a 401. An empty account is a 429.

What was surely not begun: every 4xx but 408 and 499 (given up on the way), and a 503 of status
UNAVAILABLE that calls the model overloaded. Of any other 5xx nobody knows what came of it; that is
true of 503s too, one of which says "Deadline expired".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.gemini.bodies import LARGEST_REQUEST
from providers.gemini.models import ALIASES, MODELS, NAME
from providers.gemini.texts import plain
from providers.http import Reply
from providers.redaction import Redactor
from studio.errors import (
    AuthFailed,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    TooLarge,
    shorten,
)

_WORDS = 600
"""Characters of its words that are kept."""
_LONGEST_WAIT = 3_600.0
"""Seconds; a longer ``retryDelay`` is not believed."""
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)
_KEY = "STUDIO_GEMINI_KEY"

_OVERLOADED = ("overloaded", "high demand")
"""Words of the 503 that is documented as "not now"; any other one tells nothing."""
_NO_QUOTA = re.compile(r"\blimit:\s*0\b")
_MAYBE_BEGUN = frozenset({408, 499})
_NOT_NOW = 503


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer says went wrong.

    Attributes:
        name: its name for the kind, such as INVALID_ARGUMENT; empty if the answer is not of its
            shape.
        words: what it says, without keys.
        reason: of its ``ErrorInfo``, such as API_KEY_INVALID; empty if it gives none.
        quotas: ids of the quotas that are used up, with their values (``"0"`` = none was granted).
        delay: seconds that it asks to wait; ``None`` if it does not say.
    """

    status: int
    name: str
    words: str
    reason: str = ""
    quotas: Mapping[str, str] | None = None
    delay: float | None = None


class ReadError:
    """Reads errors out of answers.

    Args:
        redact: takes keys out of texts.
    """

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def __call__(self, reply: Reply) -> ProviderError | None:
        """Return the error that an answer stands for; ``None`` for a 2xx."""
        if reply.ok:
            return None
        problem = self._problem(reply)
        error = _BY_STATUS.get(problem.status, _other)(problem)
        error.details.setdefault("words", problem.words)
        if problem.name:
            error.details.setdefault("name", problem.name)
        return error

    def _problem(self, reply: Reply) -> Problem:
        said = _said(reply)
        details = said.get("details")
        notes = [
            each
            for each in (details if isinstance(details, list) else [])
            if isinstance(each, dict)
        ]
        words = said.get("message")
        return Problem(
            status=reply.status,
            name=plain(str(said.get("status", "")))[:60],
            words=self._redact(plain(words if isinstance(words, str) else reply.text()))[:_WORDS]
            or "no words",
            reason=next((str(note["reason"]) for note in notes if "reason" in note), ""),
            quotas=_quotas(notes),
            delay=_delay(notes),
        )


def _said(reply: Reply) -> Mapping[str, Any]:
    """Return the error of an answer; empty if the answer is not of Gemini's shape."""
    try:
        said = json.loads(reply.body)
    except ValueError:
        return {}
    if isinstance(said, list) and said:
        said = said[0]
    error = said.get("error") if isinstance(said, dict) else None
    return error if isinstance(error, dict) else {}


def _quotas(notes: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for note in notes:
        violations = note.get("violations")
        for each in violations if isinstance(violations, list) else []:
            if isinstance(each, dict):
                found[str(each.get("quotaId", ""))] = str(each.get("quotaValue", ""))
    return found


def _delay(notes: list[dict[str, Any]]) -> float | None:
    for note in notes:
        match = _SECONDS.fullmatch(str(note.get("retryDelay", "")))
        if match:
            return min(float(match.group(1)), _LONGEST_WAIT)
    return None


def _bad_request(problem: Problem) -> ProviderError:
    words = problem.words.lower()
    if problem.reason.startswith("API_KEY_") or "api key not valid" in words:
        return _refused_key(problem)
    if problem.name == "FAILED_PRECONDITION":
        return _refused_account(problem)
    if "payload size exceeds" in words:
        return _too_large(problem)
    return ProviderRejected(
        f"Gemini does not accept the request: {problem.words}",
        provider=NAME,
        field=next((field for part, field in _FIELDS if part in words), None),
        allowed=shorten(problem.words),
    )


_FIELDS = (("input image", "image"), ("aspect ratio", "width"), ("seed", "seed"))
"""Words of a refusal, and the operation's field that they speak of."""


def _refused_key(problem: Problem) -> ProviderError:
    return AuthFailed(
        f"Gemini did not accept the key ({problem.words}); set {_KEY} to one that is valid.",
        provider=NAME,
    )


def _refused_account(problem: Problem) -> ProviderError:
    """Tell a place that is not served from an account without billing."""
    if "location" in problem.words.lower():
        return AuthFailed(
            f"Gemini does not serve the place where this machine is: {problem.words}", provider=NAME
        )
    return PaymentRequired(
        f"Gemini wants an account with billing: {problem.words}. Turn it on in Google AI Studio.",
        provider=NAME,
    )


def _forbidden(problem: Problem) -> ProviderError:
    return AuthFailed(
        f"Gemini does not let this key do that ({problem.words}). Look at its rights, or set "
        f"{_KEY} to another.",
        provider=NAME,
    )


def _unpaid(problem: Problem) -> ProviderError:
    return PaymentRequired(f"The account at Gemini has no money: {problem.words}", provider=NAME)


def _retired(problem: Problem) -> ProviderError:
    if problem.name != "NOT_FOUND":
        return ModelRetired(
            f"There is no Gemini at this address ({problem.words}); see whether STUDIO_GEMINI_URL "
            "is right.",
            provider=NAME,
        )
    successors = [
        f"{live} took the place of {gone}"
        for gone, live in _SUCCESSORS.items()
        if gone in re.findall(r"[\w.-]+", problem.words)
    ]
    return ModelRetired(
        f"Gemini does not have this model any more, or not for this key: {problem.words} "
        + (f"{'; '.join(successors)}. " if successors else "")
        + f"The studio asks for {', '.join(MODELS)}; `studio providers` tells which of them are "
        "there.",
        provider=NAME,
    )


_SUCCESSORS = {alias.id: alias.live for alias in ALIASES.values() if alias.gone}


def _too_large(problem: Problem) -> ProviderError:
    return TooLarge(
        f"The request is too large for Gemini: {problem.words}. Use smaller pictures or JPEG.",
        provider=NAME,
        allowed=f"at most {LARGEST_REQUEST} bytes, pictures in base64",
    )


def _limited(problem: Problem) -> ProviderError:
    """Tell "in a moment" from "not today" and "never", which is no matter of waiting.

    With ``limit: 0`` the account was granted nothing (picture models have no free tier), and a
    quota for the day is back at midnight Pacific time. Both are ``PaymentRequired``: nobody tries
    again by itself, the account rests, and a person can mend it by paying for more.
    """
    quotas = problem.quotas or {}
    if "0" in quotas.values() or _NO_QUOTA.search(problem.words):
        return PaymentRequired(
            f"The account at Gemini was granted none of this: {problem.words} Picture models need "
            "billing; turn it on in Google AI Studio.",
            provider=NAME,
            quotas=sorted(quotas),
        )
    if any("PerDay" in quota for quota in quotas):
        return PaymentRequired(
            f"What Gemini grants the account for a day is used up: {problem.words} It is back at "
            "midnight Pacific time; a higher tier has more.",
            provider=NAME,
            quotas=sorted(quotas),
        )
    told = {} if problem.delay is None else {"retry_after": problem.delay}
    return RateLimited(
        f"Gemini was asked too often for the account's tier: {problem.words}",
        provider=NAME,
        quotas=sorted(quotas),
        **told,
    )


def _not_now(problem: Problem) -> ProviderError:
    overloaded = any(word in problem.words.lower() for word in _OVERLOADED)
    if problem.name == "UNAVAILABLE" and overloaded:
        told = {} if problem.delay is None else {"retry_after": problem.delay}
        return ProviderUnavailable(
            f"Gemini has no room for this now and did not begin: {problem.words}",
            provider=NAME,
            again=True,
            **told,
        )
    return _other(problem)


def _other(problem: Problem) -> ProviderError:
    """Tell what no table foresees: a refusal (4xx) buys nothing, of anything else who knows."""
    if 400 <= problem.status < 500 and problem.status not in _MAYBE_BEGUN:  # noqa: PLR2004 - HTTP's own numbers
        return ProviderRejected(
            f"Gemini refused the request ({problem.status}): {problem.words}", provider=NAME
        )
    return OutcomeUnknown(
        f"Gemini answered {problem.status} ({problem.words}). What came of the request is not "
        "known; it may have been bought.",
        provider=NAME,
    )


_BY_STATUS: Mapping[int, Callable[[Problem], ProviderError]] = {
    400: _bad_request,
    401: _forbidden,
    402: _unpaid,
    403: _forbidden,
    404: _retired,
    413: _too_large,
    429: _limited,
    _NOT_NOW: _not_now,
}
