"""Stability AI: errors while a result is collected, and which of them are its last word."""

from __future__ import annotations

from collections.abc import Callable

from providers import Ticket
from providers.stability import StabilityProvider
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
)
from tests.contract.cases import Case
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.stability import (
    KEPT_SECONDS,
    StabilityEmulator,
)
from tests.contract.stability_kit import (
    ASYNC,
    collect,
    fails,
    hand_in,
    provider_for,
)


def _not_there(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A result that there is not is Stability's last word; what was paid is not asked for again."""
    ticket = hand_in(provider)
    other = provider_for(emulator, key=emulator.other_key)
    error = fails(BadResponse, lambda: collect(other, ticket), bought=None)
    assert "24 hours" in error.message
    assert "the key that ordered it" in error.message
    assert len(emulator.polled) == 1
    assert collect(provider, ticket).outputs


def _expired(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    now = [1_000.0]
    emulator.now = lambda: now[0]
    ticket = hand_in(provider)
    now[0] += KEPT_SECONDS + 1
    error = fails(BadResponse, lambda: collect(provider, ticket), bought=None)
    assert error.details["name"] == "generation_not_found"
    assert len(emulator.bills) == 1


def _key_taken_away(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A key that is not taken any more is no word on the work: with the right key it is there."""
    ticket = hand_in(provider)
    wrong = provider_for(emulator, key="sk-wrong-key-0123456789")
    fails(AuthFailed, lambda: collect(wrong, ticket))
    assert collect(provider, ticket).outputs


def _still_at_work(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.polls_needed = 30
    hasty = provider_for(emulator, collect_seconds=0.2)
    ticket = hand_in(hasty)
    error = fails(OutcomeUnknown, lambda: collect(hasty, ticket), bought=None)
    assert "24 hours" in error.message
    assert collect(provider, ticket).outputs
    assert len(emulator.bills) == 1


def _refused_on_the_way(status: int, name: str) -> Case:
    """What somebody on the way refuses is the question, not the work."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        ticket = hand_in(provider)
        emulator.instead.extend(Answer(status, b"<html>proxy</html>") for _ in range(3))
        assert collect(provider, ticket).outputs
        emulator.instead.extend(Answer(status, b"<html>proxy</html>") for _ in range(300))
        hasty = provider_for(emulator, collect_seconds=0.2)
        fails(OutcomeUnknown, lambda: collect(hasty, ticket), bought=None)
        assert len(emulator.bills) == 1

    return Case(ASYNC, "replace_background", "error", name, check)


def _lost_address(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A 404 that is not about results is about the address; it is not the last word."""
    ticket = hand_in(provider)
    emulator.instead.append(Answer(404, b"<html>nginx</html>"))
    fails(ModelRetired, lambda: collect(provider, ticket))
    assert collect(provider, ticket).outputs


def _id_not_taken(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """An id that can never be collected ends the job; it does not become "surely not bought"."""
    error = fails(BadResponse, lambda: collect(provider, Ticket("a" * 63)), bought=None)
    assert "id: must be 64" in error.message
    assert len(emulator.polled) == 1


def _question_refused(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A refusal of the question (a header, say) is no word on the work."""
    refusal = {"id": "1", "name": "bad_request", "errors": ["accept: is wrong"]}
    ticket = hand_in(provider)
    emulator.instead.append(json_answer(400, refusal))
    assert collect(provider, ticket).outputs


def _moderated_late(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    ticket = hand_in(provider)
    emulator.instead.append(
        json_answer(403, {"id": "1", "name": "content_moderation", "errors": ["flagged"]})
    )
    error = fails(ContentBlocked, lambda: collect(provider, ticket))
    assert error.details["billed"] is False


def _error(name: str, check: Callable[..., None]) -> Case:
    return Case(ASYNC, "replace_background", "error", name, check)


CASES = (
    _error("404 for another key's result", _not_there),
    _error("404 after 24 hours", _expired),
    _error("400 for the id when collected", _id_not_taken),
    _error("400 for the question when collected", _question_refused),
    _error("401 when collected", _key_taken_away),
    _error("still at work when patience ends", _still_at_work),
    _error("404 of a proxy when collected", _lost_address),
    _refused_on_the_way(407, "407 of a proxy when collected"),
    _refused_on_the_way(413, "413 of a proxy when collected"),
    _refused_on_the_way(400, "400 of a proxy when collected"),
    Case(ASYNC, "replace_background", "blocked", "403 when collected", _moderated_late),
)
