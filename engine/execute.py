"""Executing an order: from the gate to the settlement, or from wherever a crash left it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine import journal, outputs
from engine.gate import Gate, Pass
from engine.jobs import Job, Picture
from providers import Choice, Delivery, Offer, Plan, Provider, Request, Ticket
from studio.database import GroupCommit
from studio.errors import (
    BadResponse,
    ContentBlocked,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    StudioError,
    StudioUnavailable,
    TooLarge,
)
from studio.storage import BlobStore

_log = logging.getLogger(__name__)

_STORE_WAITS = (0.5, 2, 8)
"""Seconds between the tries to store what was bought; then its job becomes unknown."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be bought.

    Attributes:
        key: names the work; the same key is bought once for each owner.
        owner: whose wallet pays and whose library gets it.
        hold: out of which credits it is paid.
        run: the flow run or command that asks.
        label: a file name for people, without its extension.
        plan: the offers to try, in order.
        pictures: the input pictures.
        announce: whether its settlement is announced by itself (rows of a batch are not).
    """

    key: str
    owner: str
    hold: str
    run: str
    label: str
    plan: Plan
    pictures: tuple[Picture, ...] = ()
    announce: bool = True


class Executor:
    """Carries orders out.

    Args:
        width: calls to providers under way at once.
    """

    def __init__(
        self,
        gate: Gate,
        commits: GroupCommit,
        store: BlobStore,
        providers: Mapping[str, Provider],
        *,
        width: int,
    ) -> None:
        self._gate = gate
        self._commits = commits
        self._store = store
        self._providers = providers
        self._width = asyncio.Semaphore(width)

    async def execute(self, order: Order) -> Job:
        """Return the order's job: settled, failed, unknown, or submitted and still at its provider.

        The next offer of the plan is tried only after a failure that surely bought nothing.

        Raises:
            GateRefused: the hold does not carry it; nothing was bought.
            AlreadyRunning: a live process is at work on the same key.
        """
        for choice in order.plan.choices[:-1]:
            job = await self._attempt(order, choice)
            if job.state != "failed":
                return job
        return await self._attempt(order, order.plan.choices[-1])

    async def _attempt(self, order: Order, choice: Choice) -> Job:
        async with self._width:
            passed = await self._gate.open(_opening(order, choice, self._gate.worker))
            try:
                return await self._carry_on(passed)
            finally:
                self._gate.leave(passed.job)

    async def _carry_on(self, passed: Pass) -> Job:
        """Take a job from where it stands to its end."""
        job = passed.job
        if job.state in {"prepared", "submitted"}:
            job = await self._obtain(passed)
        if job.state == "generated":
            job = await self._settle(job)
        return job

    async def _obtain(self, passed: Pass) -> Job:
        """Have the work done and keep what comes back."""
        job, delivery = passed.job, None
        provider, offer = self._offer(job.offer)
        if job.state == "prepared":
            job, delivery = await self._submit(passed, provider, offer)
        if job.state == "submitted":
            job, delivery = await self._collect(job, provider, offer)
        if delivery is None:
            return job
        try:
            kept = await self._keep(offer, delivery)
        except ProviderError as error:
            return await self._end(job, _failure(error, offer))
        except StudioUnavailable as error:
            lost = OutcomeUnknown(f"Bought, but not stored: {error}", provider=offer.provider)
            return await self._end(job, _failure(lost, offer))
        await self._commit(journal.note_generated, journal.Generated(job.id, kept))
        return replace(job, state="generated", delivery=kept)

    async def _submit(
        self, passed: Pass, provider: Provider, offer: Offer
    ) -> tuple[Job, Delivery | None]:
        """Call the provider, once; what it comes to by no delivery ends the job or submits it."""
        job = passed.job
        if passed.permit is None or (passed.taken_over and not offer.repeatable):
            return await self._end(job, _cut_off(job, offer)), None
        try:
            request = await asyncio.to_thread(self._request, job)
            async with asyncio.timeout(offer.seconds):
                answer = await provider.submit(passed.permit, offer, request)
        except Exception as error:  # noqa: BLE001 - whatever a provider's code does, the job ends
            return await self._end(job, _failure(error, offer)), None
        except BaseException as error:
            # A cancelled run: what was asked of the provider may go on there.
            await asyncio.shield(self._end(job, _failure(error, offer)))
            raise
        if isinstance(answer, Delivery):
            return job, answer
        await self._commit(journal.note_submitted, journal.Submitted(job.id, answer.remote_id))
        return replace(job, state="submitted", remote_id=answer.remote_id), None

    async def _collect(
        self, job: Job, provider: Provider, offer: Offer
    ) -> tuple[Job, Delivery | None]:
        """Wait for what was submitted. A provider that cannot be reached now still has it.

        Only the provider's own word ends the job. After any other failure it stays submitted, and
        the next run of the same work asks for it again.
        """
        try:
            async with asyncio.timeout(offer.seconds):
                return job, await provider.collect(offer, Ticket(job.remote_id))
        except (ProviderRejected, ContentBlocked, TooLarge, BadResponse) as error:
            return await self._end(job, error), None
        except Exception as error:  # noqa: BLE001 - as said above
            waits = _failure(error, offer)
            _log.warning("job %s is still at %s: %s", job.id, offer.provider, waits)
            return replace(job, error=waits.as_dict()), None

    async def _keep(self, offer: Offer, delivery: Delivery) -> dict[str, Any]:
        """Store what was bought; storage that is away for a moment must not lose it."""
        for wait in _STORE_WAITS:
            try:
                return await asyncio.to_thread(outputs.keep, self._store, offer, delivery)
            except StudioUnavailable as error:
                _log.warning("storage is away, trying again in %s s: %s", wait, error)
                await asyncio.sleep(wait)
        return await asyncio.to_thread(outputs.keep, self._store, offer, delivery)

    def _request(self, job: Job) -> Request:
        pictures = {picture.field: self._store.get(picture.sha256) for picture in job.inputs()}
        return Request(job.request(), pictures)

    async def _settle(self, job: Job) -> Job:
        settled: Job = await self._commit(journal.settle, job.id)
        return replace(settled, state="settled")

    async def _end(self, job: Job, error: ProviderError) -> Job:
        """Write down that the job came to nothing, or that nobody knows what it came to."""
        state = "failed" if error.bought is False else "unknown"
        await self._commit(journal.note_failure, journal.Failure(job, error.as_dict(), state))
        return replace(job, state=state, error=error.as_dict())

    def _offer(self, identifier: str) -> tuple[Provider, Offer]:
        provider = self._providers[identifier.partition("/")[0]]
        return provider, next(offer for offer in provider.offers() if offer.id == identifier)

    async def _commit(self, handler: Any, unit: Any) -> Any:
        return await asyncio.wrap_future(self._commits.submit(handler, unit))


def _opening(order: Order, choice: Choice, worker: str) -> journal.Opening:
    return journal.Opening(
        owner=order.owner,
        key=order.key,
        hold=order.hold,
        run=order.run,
        worker=worker,
        label=order.label,
        announce=order.announce,
        operation=order.plan.operation,
        pictures=order.pictures,
        offer=choice.offer.id,
        reason=choice.reason,
        price=choice.price,
    )


def _cut_off(job: Job, offer: Offer) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"The process that asked {offer.provider} for this ended before the answer came. "
        "It may have been bought, so it is not asked for again by itself.",
        provider=offer.provider,
        job=job.id,
    )


def _failure(error: BaseException, offer: Offer) -> ProviderError:
    """Return what a failure of a call means for the money.

    An offer that may be repeated sends no bill: with it, no outcome is unknown.
    """
    if isinstance(error, ProviderError):
        known = error
    elif isinstance(error, StudioError):
        # Our own refusal (a spent permit, an input that is gone): nothing left this machine.
        known = ProviderUnavailable(error.message, provider=offer.provider, after=error.code)
    elif isinstance(error, TimeoutError):
        words = f"{offer.provider} did not answer within {offer.seconds} seconds."
        known = OutcomeUnknown(words, provider=offer.provider)
    else:
        _log.error("%s failed in an unforeseen way", offer.id, exc_info=error)
        words = f"{offer.provider} failed in an unforeseen way: {type(error).__name__}: {error}"
        known = OutcomeUnknown(words, provider=offer.provider)
    if offer.repeatable and known.bought is not False:
        return ProviderUnavailable(known.message, provider=offer.provider, after=known.code)
    return known
