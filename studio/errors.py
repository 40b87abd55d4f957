"""Every error of Image Studio, in one tree.

::

    StudioError
    ├── InvalidRequest             the request is wrong; nothing was held, nothing bought
    │   ├── PictureRefused         bytes that are no picture we accept (kind, size, pixels)
    │   ├── NoOffer                no provider sells what was asked for
    │   └── BatchInvalid           a batch file with faulty rows: all of them
    ├── NotFound                   an asset, hold, batch, … that is not there (or not yours)
    ├── Conflict                   the same key with other parameters, or a run under way
    │   ├── AlreadyRunning
    │   ├── BatchCancelled         somebody stopped the batch before this row began
    │   └── WindowClosed           the batch's window closed before this row began
    ├── GateRefused                pre-flight said no; nothing was bought
    │   ├── NotEnoughCredits
    │   ├── PriceUnknown
    │   ├── AccountRefused         no wallet, or somebody else's
    │   │   ├── AccountSuspended   by a person, for a reason that is told
    │   │   └── AccountEnded       its plan was paid for until then
    │   ├── NotInPlan              the workspace's plan has nothing of the kind
    │   ├── LimitReached           so many per period, or so many at once; says when it resets
    │   ├── BudgetReached          more than somebody set for this run, user, project, month
    │   ├── SpendingPaused         the operator has stopped all buying for now
    │   ├── ApprovalRefused        somebody said no, or nobody said yes in time
    │   └── HoldRefused            a hold that is closed, expired or too small
    ├── DoorRefused                the HTTP door did not let the request in
    │   ├── NotAuthenticated       no API key, or one that counts no more
    │   ├── ScopeMissing           the key was not made for this
    │   ├── TooManyRequests        says when to come back
    │   └── BodyTooLarge           more bytes than the door takes
    ├── ProviderError              a provider did not deliver
    │   ├── AuthFailed             the key was not accepted
    │   ├── PaymentRequired        our account at the provider has no money
    │   ├── RateLimited            asked too often; says when to come back
    │   ├── ProviderRejected       the provider calls an input invalid; names the field
    │   ├── ContentBlocked         moderation; says whether it was billed
    │   ├── ModelRetired           the model is gone
    │   ├── TooLarge               the request or the result is too big
    │   ├── ProviderUnavailable    surely no work was started: another try buys nothing twice
    │   ├── OutcomeUnknown         it may have been bought; never repeated by itself
    │   └── BadResponse            an answer that is not what was ordered
    ├── SetupIncomplete            this machine lacks something; says the command that mends it
    │   └── WeightsMissing
    └── StudioUnavailable          database or storage cannot be reached; not the caller's fault

A message says what is wrong in words for the person who can mend it; ``field``, ``given`` and
``allowed`` say the same to a program. No error carries a secret.
"""

from __future__ import annotations

from typing import Any, ClassVar

_GIVEN_LENGTH = 120
"""Characters of a bad value that are repeated in a message; the rest is of no help."""


class StudioError(Exception):
    """Anything that Image Studio reports as gone wrong.

    Attributes:
        code: fixed, machine-readable, part of the public interface.
        message: one or two sentences for a person.
        field: the input at fault, or ``None``.
        given: what that input held, shortened, or ``None``.
        allowed: what it may hold, or ``None``.
        details: further facts, JSON values only.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        given: object = None,
        allowed: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.given = None if given is None else shorten(given)
        self.allowed = allowed
        self.details = details

    def __str__(self) -> str:
        """The message with field, value and rule behind it, as far as they are known."""
        parts = [self.message]
        if self.field is not None:
            parts.append(f"field: {self.field}")
        if self.given is not None:
            parts.append(f"given: {self.given}")
        if self.allowed is not None:
            parts.append(f"allowed: {self.allowed}")
        return parts[0] if len(parts) == 1 else f"{parts[0]} ({'; '.join(parts[1:])})"

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON values; keys that are not known are left out."""
        known = {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "given": self.given,
            "allowed": self.allowed,
            **self.details,
        }
        return {key: value for key, value in known.items() if value is not None}


def shorten(value: object) -> str:
    """Return ``value`` as text of at most 120 characters, so that a message stays readable."""
    text = str(value)
    return text if len(text) <= _GIVEN_LENGTH else f"{text[: _GIVEN_LENGTH - 1]}…"


class InvalidRequest(StudioError):
    """The request itself is wrong. Nothing was held and nothing bought."""

    code = "invalid_request"


class PictureRefused(InvalidRequest):
    """The bytes are not a picture that the studio accepts."""

    code = "picture_refused"


class NoOffer(InvalidRequest):
    """No provider sells what was asked for; ``details['refusals']`` says why, offer by offer."""

    code = "no_offer"


class BatchInvalid(InvalidRequest):
    """A batch file has faulty rows; ``details['problems']`` lists all of them."""

    code = "batch_invalid"


class NotFound(StudioError):
    """There is no such thing, or it belongs to somebody else (the answer is the same)."""

    code = "not_found"


class Conflict(StudioError):
    """The same key was used before with other parameters."""

    code = "conflict"


class AlreadyRunning(Conflict):
    """Another live process is at work on the same thing."""

    code = "already_running"


class BatchCancelled(Conflict):
    """A batch was cancelled, or paused for too long, before this row of it began."""

    code = "batch_cancelled"


class WindowClosed(Conflict):
    """A batch's window closed before this row of it began; it goes on when it opens again."""

    code = "window_closed"


class GateRefused(StudioError):
    """Pre-flight said no. Nothing was bought."""

    code = "gate_refused"


class NotEnoughCredits(GateRefused):
    """The wallet cannot cover the quote. Amounts in ``details`` are micro-credits."""

    code = "not_enough_credits"


class PriceUnknown(GateRefused):
    """The price book has no price for the offer, so nothing may be held for it."""

    code = "price_unknown"


class AccountRefused(GateRefused):
    """There is no such wallet, or it belongs to somebody else."""

    code = "account_refused"


class AccountSuspended(AccountRefused):
    """The account was suspended; ``details`` say since when and why, where that is known."""

    code = "account_suspended"


class AccountEnded(AccountRefused):
    """The account's plan was agreed until a moment that has passed (``details['ended_at']``)."""

    code = "account_ended"


class NotInPlan(GateRefused):
    """The workspace's plan never allows this, however long one waits."""

    code = "not_in_plan"


class LimitReached(GateRefused):
    """A limit of the plan is used up.

    ``details``: ``limit_on``, ``used``, ``asked``, ``limit``, ``resets_at`` (a moment, or ``None``
    when it is not time that frees it).
    """

    code = "limit_reached"


class BudgetReached(GateRefused):
    """It comes to more than was set as the most; amounts in ``details`` are micro-credits."""

    code = "budget_reached"


class SpendingPaused(GateRefused):
    """The operator has paused all spending; the same request is taken once they end that."""

    code = "spending_paused"


class ApprovalRefused(GateRefused):
    """A batch that needs somebody's approval was rejected, or nobody decided in time."""

    code = "approval_refused"


class HoldRefused(GateRefused):
    """The hold is closed, expired, somebody else's, or does not cover the price."""

    code = "hold_refused"


class DoorRefused(StudioError):
    """The HTTP door did not let the request in. Nothing was looked at and nothing bought."""

    code = "door_refused"


class NotAuthenticated(DoorRefused):
    """There is no API key, or it is unknown, expired or revoked (the answer is the same)."""

    code = "not_authenticated"


class ScopeMissing(DoorRefused):
    """The API key was not made for this; ``allowed`` names the scope that it lacks."""

    code = "scope_missing"


class TooManyRequests(DoorRefused):
    """The API key asked too often, or for too much at once; ``retry_after`` is in seconds."""

    code = "too_many_requests"


class BodyTooLarge(DoorRefused):
    """The request has more bytes than the door takes."""

    code = "body_too_large"


class ProviderError(StudioError):
    """A provider did not deliver.

    Attributes:
        provider: whose failure it is.
        bought: ``False`` when surely nothing was bought, ``True`` when it surely was,
            ``None`` when nobody can tell.
    """

    code = "provider_error"
    bought: bool | None = False

    def __init__(self, message: str, *, provider: str, **details: Any) -> None:
        super().__init__(message, provider=provider, **details)
        self.provider = provider


class AuthFailed(ProviderError):
    """The provider did not accept our key."""

    code = "provider_auth_failed"


class PaymentRequired(ProviderError):
    """Our account at the provider is out of money."""

    code = "provider_payment_required"


class RateLimited(ProviderError):
    """We asked too often; ``details['retry_after']`` is in seconds where the provider told."""

    code = "provider_rate_limited"


class ProviderRejected(ProviderError):
    """The provider calls an input invalid."""

    code = "provider_rejected"


class ContentBlocked(ProviderError):
    """The provider's moderation refused; ``details['billed']`` says whether it charged for that.

    What was billed is paid by who asked for it (billing/README.md): ``bought`` is then ``True``.
    """

    code = "content_blocked"

    def __init__(
        self, message: str, *, provider: str, billed: bool | None = False, **details: Any
    ) -> None:
        super().__init__(message, provider=provider, billed=billed, **details)
        self.bought = billed


class ModelRetired(ProviderError):
    """The model is no longer there."""

    code = "model_retired"


class TooLarge(ProviderError):
    """The request or its result is larger than allowed."""

    code = "too_large"


class ProviderUnavailable(ProviderError):
    """The provider surely did not start any work: another try buys nothing twice."""

    code = "provider_unavailable"


class OutcomeUnknown(ProviderError):
    """The request may have been carried out. It is never repeated without a person's word."""

    code = "outcome_unknown"
    bought = None


class BadResponse(ProviderError):
    """The provider answered with something that was not ordered; it may well be billed."""

    code = "bad_response"
    bought = None


class SetupIncomplete(StudioError):
    """This machine lacks something that was asked for; the message names the command to run."""

    code = "setup_incomplete"


class WeightsMissing(SetupIncomplete):
    """The weights of a local network are not in the cache (``studio setup`` fetches them)."""

    code = "weights_missing"


class StudioUnavailable(StudioError):
    """The database or the storage cannot be reached. Never reported as a refusal."""

    code = "studio_unavailable"
