"""Every error has one status, in one table; none is told as another."""

from __future__ import annotations

import inspect
from http import HTTPStatus

from studio import errors
from studio.errors import StudioError
from studio.statuses import STATUSES, status_of

CLASSES = {
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, StudioError)
}


def test_every_error_of_the_studio_has_a_status_of_its_own_line() -> None:
    assert set(STATUSES) == CLASSES


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)


def test_what_preflight_answers_is_never_one_for_another() -> None:
    """Hole 9: the original's outage said "limit reached, upgrade", and its limit said 500."""
    answers = {
        errors.NotEnoughCredits: HTTPStatus.PAYMENT_REQUIRED,
        errors.LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
        errors.NotInPlan: HTTPStatus.FORBIDDEN,
        errors.AccountSuspended: HTTPStatus.FORBIDDEN,
        errors.PriceUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.SpendingPaused: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.StudioUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
    assert {kind: STATUSES[kind] for kind in answers} == answers
    refusals = {kind for kind in CLASSES if issubclass(kind, errors.GateRefused)}
    assert not issubclass(errors.StudioUnavailable, errors.GateRefused)
    # An operator who pauses spending is the studio's doing; every other refusal is about the asker.
    refusals -= {errors.SpendingPaused}
    assert all(STATUSES[kind] < HTTPStatus.INTERNAL_SERVER_ERROR for kind in refusals)


def test_an_error_of_another_module_goes_by_its_parent() -> None:
    class Strange(errors.LimitReached):
        code = "strange"

    assert status_of(Strange("so")) is HTTPStatus.TOO_MANY_REQUESTS
