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
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    StudioUnavailable,
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
        """Return the job that ended the order: settled, failed or unknown.

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
        """Have the work done and keep what comes back; failures end the job by a stated rule."""
        job = passed.job
        provider, offer = self._offer(job.offer)
        if passed.taken_over and job.state == "prepared" and not offer.repeatable:
            return await self._end(job, _cut_off(job, offer))
        try:
            async with asyncio.timeout(offer.seconds):
                delivery = await self._call(passed, provider, offer)
            kept = await self._keep(offer, delivery)
        except ProviderError as error:
            return await self._end(job, _for_offer(error, offer))
        except TimeoutError:
            words = f"{offer.provider} did not answer within {offer.seconds} seconds."
            return await self._end(job, _nobody_knows(words, offer))
        except Exception as error:  # noqa: BLE001 - whatever a provider's code does, the job ends
            _log.exception("job %s: %s failed in an unforeseen way", job.id, offer.id)
            return await self._end(job, _nobody_knows(f"{type(error).__name__}: {error}", offer))
        except BaseException as error:
            # A cancelled run: what was asked of the provider may go on there.
            words = f"{offer.provider} was left in the middle of a call ({type(error).__name__})."
            await asyncio.shield(self._end(job, _nobody_knows(words, offer)))
            raise
        await self._commit(journal.note_generated, journal.Generated(job.id, kept))
        return replace(job, state="generated", delivery=kept)

    async def _keep(self, offer: Offer, delivery: Delivery) -> dict[str, Any]:
        """Store what was bought; storage that is away for a moment must not lose it."""
        for wait in _STORE_WAITS:
            try:
                return await asyncio.to_thread(outputs.keep, self._store, offer, delivery)
            except StudioUnavailable as error:
                _log.warning("storage is away, trying again in %s s: %s", wait, error)
                await asyncio.sleep(wait)
        return await asyncio.to_thread(outputs.keep, self._store, offer, delivery)

    async def _call(self, passed: Pass, provider: Provider, offer: Offer) -> Delivery:
        """Submit, or ask for what was submitted before; wait for the delivery."""
        job = passed.job
        if job.state == "submitted":
            return await provider.collect(offer, Ticket(job.remote_id))
        if passed.permit is None:
            raise OutcomeUnknown(f"Job {job.id} has no permit.", provider=offer.provider)
        request = await asyncio.to_thread(self._request, job)
        answer = await provider.submit(passed.permit, offer, request)
        if isinstance(answer, Ticket):
            await self._commit(journal.note_submitted, journal.Submitted(job.id, answer.remote_id))
            return await provider.collect(offer, answer)
        return answer

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


def _nobody_knows(words: str, offer: Offer) -> ProviderError:
    return _for_offer(OutcomeUnknown(words, provider=offer.provider), offer)


def _for_offer(error: ProviderError, offer: Offer) -> ProviderError:
    """An offer that may be repeated sends no bill: with it, no outcome is unknown."""
    if offer.repeatable and error.bought is not False:
        return ProviderUnavailable(error.message, provider=offer.provider, after=error.code)
    return error
