"""HTTP status codes of the errors: the one table that every door answers by.

The code says what kind of thing went wrong; ``StudioError.code`` says which. ``docs/errors.md`` is
written from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from studio import errors
from studio.errors import StudioError

STATUSES: Mapping[type[StudioError], HTTPStatus] = MappingProxyType(
    {
        errors.StudioError: HTTPStatus.INTERNAL_SERVER_ERROR,
        errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.PictureRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NoOffer: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.BatchInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NotFound: HTTPStatus.NOT_FOUND,
        errors.Conflict: HTTPStatus.CONFLICT,
        errors.AlreadyRunning: HTTPStatus.CONFLICT,
        errors.BatchCancelled: HTTPStatus.CONFLICT,
        errors.WindowClosed: HTTPStatus.CONFLICT,
        errors.GateRefused: HTTPStatus.FORBIDDEN,
        errors.NotEnoughCredits: HTTPStatus.PAYMENT_REQUIRED,
        # The request is right and nothing is down: it cannot be sold before it has a price.
        errors.PriceUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.AccountRefused: HTTPStatus.FORBIDDEN,
        errors.AccountSuspended: HTTPStatus.FORBIDDEN,
        errors.AccountEnded: HTTPStatus.FORBIDDEN,
        errors.NotInPlan: HTTPStatus.FORBIDDEN,
        errors.LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
        errors.BudgetReached: HTTPStatus.PAYMENT_REQUIRED,
        # As with what is down: the same request is taken later.
        errors.SpendingPaused: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.ApprovalRefused: HTTPStatus.FORBIDDEN,
        errors.HoldRefused: HTTPStatus.CONFLICT,
        errors.DoorRefused: HTTPStatus.BAD_REQUEST,
        errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
        errors.ScopeMissing: HTTPStatus.FORBIDDEN,
        errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
        errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        # A provider's failures are a gateway's: nothing is wrong with who asks.
        errors.ProviderError: HTTPStatus.BAD_GATEWAY,
        errors.AuthFailed: HTTPStatus.BAD_GATEWAY,
        errors.PaymentRequired: HTTPStatus.BAD_GATEWAY,
        errors.RateLimited: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.ProviderRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ContentBlocked: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ModelRetired: HTTPStatus.BAD_GATEWAY,
        errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        errors.ProviderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.OutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
        errors.BadResponse: HTTPStatus.BAD_GATEWAY,
        errors.SetupIncomplete: HTTPStatus.NOT_IMPLEMENTED,
        errors.WeightsMissing: HTTPStatus.NOT_IMPLEMENTED,
        errors.StudioUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Every class of ``studio.errors``; a test sees to it that none is missing."""


def status_of(error: StudioError) -> HTTPStatus:
    """Return the status for an error; a class of another module goes by its nearest parent here."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
