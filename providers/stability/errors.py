"""What Stability AI says when it refuses or fails, as errors of the studio.

v2beta says ``{"id", "name", "errors": [text, …]}``, the older v1 ``{"id", "name", "message"}``; a
proxy on the way may say anything. Failed calls are free of charge by its price list, but after a
5xx nobody knows whether it was the call that failed or only its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers.http import Reply
from providers.stability.forms import LARGEST_REQUEST, NAME
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    RateLimited,
    TooLarge,
    shorten,
)

LOCK_OUT = 60.0
"""Seconds for which it answers 429 after more than 150 requests in 10 s; a ``Retry-After`` is not
documented, but heeded if it comes."""

NO_RESULT = "generation_not_found"
"""Its name for a result that there is not, or not any more, or not for this key."""

_WORDS = 600
"""Characters of its words that are kept."""
_LONGEST_NAME = 60
_FIELD = re.compile(r"([a-z][a-z_]{0,40}):")


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer says went wrong.

    Attributes:
        name: its name for the kind of problem; empty if the answer is not of its shape.
        texts: in its words.
        retry_after: seconds until it answers again, if it was asked too often.
    """

    status: int
    name: str
    texts: tuple[str, ...]
    retry_after: float

    @property
    def words(self) -> str:
        """All it says, on one line."""
        return " | ".join(self.texts)[:_WORDS] or "no words"

    @property
    def field(self) -> str:
        """Its name for the field at fault (``"strength: is required"``); empty if it names none."""
        found = _FIELD.match(self.texts[0] if self.texts else "")
        return found[1] if found else ""

    @property
    def rule(self) -> str:
        """What it says of that field."""
        return self.texts[0].partition(":")[2].strip() if self.field else self.words


def read_error(reply: Reply) -> ProviderError | None:
    """Return the error that an answer stands for; ``None`` for a 2xx.

    What it repeats of Stability's words may hold a key (v1 repeats it); the transport takes it out.
    """
    if reply.ok:
        return None
    problem = _problem(reply)
    error = _BY_STATUS.get(problem.status, _other)(problem)
    error.details.setdefault("words", problem.words)
    if problem.name:
        error.details.setdefault("name", problem.name)
    return error


def _problem(reply: Reply) -> Problem:
    try:
        said = reply.json()
    except BadResponse:
        said = None
    if not isinstance(said, dict):
        said = {}
    texts = said.get("errors")
    if not isinstance(texts, list):
        texts = [said.get("message") or reply.text()]
    return Problem(
        status=reply.status,
        name=str(said.get("name", ""))[:_LONGEST_NAME],
        texts=tuple(str(text)[:_WORDS] for text in texts),
        retry_after=LOCK_OUT if reply.retry_after is None else reply.retry_after,
    )


def _rejected(problem: Problem) -> ProviderError:
    if problem.field == "model":
        return _retired(problem)
    return ProviderRejected(
        f"Stability does not accept the request: {problem.words}",
        provider=NAME,
        field=problem.field or None,
        allowed=shorten(problem.rule),
    )


def _unauthorized(problem: Problem) -> ProviderError:
    return AuthFailed(
        f"Stability did not accept the key ({problem.words}); set STUDIO_STABILITY_KEY to one that "
        "is valid.",
        provider=NAME,
    )


def _unpaid(problem: Problem) -> ProviderError:
    return PaymentRequired(
        f"The account at Stability has too few credits for this: {problem.words}", provider=NAME
    )


def _forbidden(problem: Problem) -> ProviderError:
    if problem.name == "content_moderation":
        return _blocked(problem)
    return AuthFailed(
        f"Stability does not let this key do that: {problem.words}. Look at the rights of the key.",
        provider=NAME,
    )


def _blocked(problem: Problem) -> ProviderError:
    return ContentBlocked(
        f"Stability's moderation refused the request and charged nothing: {problem.words}",
        provider=NAME,
        billed=False,
    )


def _not_found(problem: Problem) -> ProviderError:
    if problem.name != NO_RESULT:
        return _retired(problem)
    return BadResponse(
        "Stability has no such result any more: it keeps one for 24 hours, and hands it out only "
        f"to the key that ordered it. What was bought is lost here; its support may help. "
        f"({problem.words})",
        provider=NAME,
    )


def _retired(problem: Problem) -> ProviderError:
    return ModelRetired(
        f"Stability does not have this model or end point any more ({problem.words}). Choose "
        "another model; if all fail so, see whether STUDIO_STABILITY_URL is right.",
        provider=NAME,
    )


def _too_large(problem: Problem) -> ProviderError:
    return TooLarge(
        f"The request is too large for Stability: {problem.words}. Use smaller pictures.",
        provider=NAME,
        allowed=f"at most {LARGEST_REQUEST} bytes",
    )


def _unprocessable(problem: Problem) -> ProviderError:
    if problem.name == "public_figure":
        return _blocked(problem)
    return ProviderRejected(
        f"Stability understands English only: {problem.words}"
        if problem.name == "invalid_language"
        else f"Stability cannot work with the request: {problem.words}",
        provider=NAME,
        field=problem.field or "prompt",
        allowed="English" if problem.name == "invalid_language" else shorten(problem.rule),
    )


def _limited(problem: Problem) -> ProviderError:
    return RateLimited(
        f"Stability is asked too often; it answers again in {problem.retry_after:g} seconds. "
        f"{problem.words}",
        provider=NAME,
        retry_after=problem.retry_after,
    )


def _other(problem: Problem) -> ProviderError:
    """Tell what no table foresees: a refusal (4xx) buys nothing, of anything else who knows."""
    if 400 < problem.status < 500 and problem.status != 408:  # noqa: PLR2004 - HTTP's own numbers
        return ProviderRejected(
            f"Stability refused the request ({problem.status}): {problem.words}", provider=NAME
        )
    return OutcomeUnknown(
        f"Stability answered {problem.status} ({problem.words}). What came of the request is not "
        "known; it may have been bought.",
        provider=NAME,
    )


_BY_STATUS: Mapping[int, Callable[[Problem], ProviderError]] = {
    400: _rejected,
    401: _unauthorized,
    402: _unpaid,
    403: _forbidden,
    404: _not_found,
    410: _retired,
    413: _too_large,
    422: _unprocessable,
    429: _limited,
}
