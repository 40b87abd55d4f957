"""Executing an order: from the gate to the settlement, or from wherever a crash left it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from engine import job_rows, journal, outputs
from engine.batch_control import Control
from engine.credentials import Sign
from engine.gate import Gate, Pass
from engine.jobs import Job, Picture, charge_for
from engine.loop import to_the_end
from engine.opening import Opening
from engine.outcomes import tell_failed
from engine.pacing import Pacing
from engine.places import Places
from engine.prompts import enhanced, enhancement, read_text, unenhanced
from providers import Choice, Delivery, Offer, Plan, Provider, Request, Ticket
from providers.pacing import Caller, Priority
from studio.database import GroupCommit
from studio.errors import (
    BadResponse,
    ContentBlocked,
    HoldRefused,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    StudioError,
    StudioUnavailable,
    TooLarge,
)
from studio.permit import Permit
from studio.storage import BlobStore

_log = logging.getLogger(__name__)

_WAITS = (0.5, 2, 8)
"""Seconds between the tries to store what was bought, and to write down what has happened."""


_ROUNDS = (2.0, 15.0)
"""Seconds before all offers are tried once more, when none of them was to be had at the moment."""
_OPENED_TOGETHER = 8
"""Jobs that are begun at once. Calls that begin together also end together, and their slots then
stand empty while all of them are seen to; begun in small groups, they drift apart."""
_LONGEST_WAIT = 120.0
"""Seconds: what a provider asks for beyond that is not waited for."""


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
        limit: its part of a hold that pays for others too; ``None`` where the hold is its own.
        notes: what the studio changed in the request as it was given, and why, as JSON values.
        prompt_from: key of the job that writes its prompt, and has to be settled before it; empty
            where the prompt is used as it is.
        batch: the batch that it is a row of, which somebody may pause or cancel; empty for none.
        priority: how urgent it is where a provider's slots are given out.
    """

    key: str
    owner: str
    hold: str
    run: str
    label: str
    plan: Plan
    pictures: tuple[Picture, ...] = ()
    announce: bool = True
    limit: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    prompt_from: str = ""
    batch: str = ""
    priority: Priority = "single"


Answered = Callable[[Job], Awaitable[None]]
"""Called when a provider has done its part of a job, with how the job stands by its answer."""


async def _nobody_waits(_: Job) -> None:
    """Give no slot back: what was begun before took none."""


class Executor:
    """Carries orders out.

    Args:
        width: calls to one provider under way at once; as many more may be kept meanwhile.
        pacing: keeps to the limits of accounts at providers; ``None`` knows of none.
        control: heeds who pauses or cancels batches; ``None`` knows of nobody.
        stopped: says why a provider of that name is not to be asked; empty where it may be.
        sign: puts Content Credentials into what is made; ``None`` where nobody wants them.
    """

    def __init__(
        self,
        gate: Gate,
        commits: GroupCommit,
        store: BlobStore,
        providers: Mapping[str, Provider],
        *,
        width: int,
        pacing: Pacing | None = None,
        control: Control | None = None,
        stopped: Callable[[str], str] = lambda _: "",
        sign: Sign | None = None,
    ) -> None:
        self._gate = gate
        self._commits = commits
        self._store = store
        self._providers = providers
        self._places = Places(width, pacing or Pacing(None), control)
        self._stopped = stopped
        self._doors = asyncio.Semaphore(_OPENED_TOGETHER)
        self._sign = sign

    async def execute(self, order: Order) -> Job:
        """Return the order's job: settled, failed, unknown, or submitted and still at its provider.

        The next offer of the plan is tried only after a failure that surely bought nothing.

        Raises:
            GateRefused: the hold does not carry it; nothing was bought.
            AlreadyRunning: a live process is at work on the same key.
            StudioUnavailable: the database stayed away; the same order goes on from there.
            BatchCancelled: its batch was cancelled before it began; nothing was bought.
            NotFound: the job that was to write its prompt did not; nothing was bought.
        """
        if order.prompt_from:
            order = await self._with_prompt(order)
        for wait in (*_ROUNDS, None):
            job = await self._round(order)
            if wait is None or not _worth_another(job):
                break
            told = job.error.get("retry_after") if job.error else None
            await asyncio.sleep(min(float(told), _LONGEST_WAIT) if told is not None else wait)
        if order.announce and job.state == "failed":
            await self._commit(tell_failed, job)
        return job

    async def _with_prompt(self, order: Order) -> Order:
        """Return the order with its prompt written."""
        unit = (order.owner, order.prompt_from)
        job: Job | None = await self._commit(job_rows.standing, unit)
        if job is None or job.state != "settled":
            raise unenhanced(order.label, job)
        text = await asyncio.to_thread(read_text, self._store, job)
        return enhanced(order, job, text)

    async def _round(self, order: Order) -> Job:
        """Try the offers in their order, until one has done it or may have been paid."""
        ended: Job | None = None
        busy: ProviderError | None = None
        for choice in order.plan.choices:
            try:
                job = await self._attempt(order, choice)
            except HoldRefused:
                if ended is None:
                    raise
                # Another offer that costs more than is held: the failure before it stands.
                break
            except (RateLimited, ProviderUnavailable) as error:
                # Not even begun: its account has no room for longer than anybody waits.
                busy = error
                continue
            ended = job
            if job.state != "failed" or job.billed:
                break
        if ended is None:
            raise busy or AssertionError("a plan is never empty")
        return ended

    async def resume(self, job: Job) -> Job:
        """Go on with a job whose process is gone: nothing is bought by it.

        What is at its provider is collected, what is stored is settled. What was only begun ends:
        as unknown, or as failed where it surely bought nothing.

        Raises:
            AlreadyRunning: somebody else is at work on it.
        """
        async with self._places.resumed(job.provider):
            passed = await to_the_end(self._gate.reopen(job))
            return await self._go_on(passed, _nobody_waits)

    async def _attempt(self, order: Order, choice: Choice) -> Job:
        # A job is begun only when its call may start: one that is cut off before has surely bought
        # nothing.
        provider = self._providers[choice.offer.provider]
        if why := await asyncio.to_thread(self._stopped, provider.name):
            raise ProviderUnavailable(
                f"{provider.name} {why}; nothing was asked of it.", provider=provider.name
            )
        caller = Caller(order.owner, order.priority)
        async with self._places.admission(order.batch, caller, provider, choice.offer) as place:
            opening = _opening(order, choice, self._gate.worker)
            # Cancelled on its way in, it still comes in: a job that was begun has to be ended.
            async with self._doors:
                passed = await to_the_end(self._gate.open(opening))
            return await self._go_on(passed, place.answered)

    async def _go_on(self, passed: Pass, answered: Answered) -> Job:
        """Obtain what is not there yet, settle what is, and leave the gate."""
        try:
            job = passed.job
            if job.state in {"prepared", "submitted"}:
                job = await self._obtain(passed, answered)
            return await self._settle(job) if job.state == "generated" else job
        finally:
            self._gate.leave(passed.job)

    async def _obtain(self, passed: Pass, answered: Answered) -> Job:
        """Have the work done and keep what comes back."""
        job, delivery = passed.job, None
        found = self._find_offer(job.offer)
        if found is None:
            return await self._end(job, _no_longer_sold(job))
        provider, offer = found
        if job.state == "prepared":
            job, delivery = await self._submit(passed, provider, offer)
        if job.state == "submitted":
            job, delivery = await self._collect(job, provider, offer)
        if delivery is None:
            await answered(job)
            return job
        # It is bought: a cancellation waits until that is written down. The provider has done its
        # part, and may be asked for the next one meanwhile.
        return await to_the_end(self._take_in(job, offer, delivery, answered))

    async def _take_in(self, job: Job, offer: Offer, delivery: Delivery, answered: Answered) -> Job:
        """Give the provider's slot back and keep what it delivered, side by side."""
        free = asyncio.ensure_future(answered(replace(job, state="generated")))
        try:
            return await self._keep(job, offer, delivery)
        finally:
            await free

    async def _submit(
        self, passed: Pass, provider: Provider, offer: Offer
    ) -> tuple[Job, Delivery | None]:
        """Call the provider, once; what it comes to by no delivery ends the job or submits it."""
        job = passed.job
        if passed.permit is None or (passed.taken_over and not offer.repeatable):
            return await self._end(job, _failure(_cut_off(job, offer), offer)), None
        try:
            if job.pictures:
                request = await asyncio.to_thread(self._request, job)
            else:
                # Nothing to wait for; but a run that was cancelled on its way in ends here, while
                # nothing was asked of the provider.
                await asyncio.sleep(0)
                request = self._request(job)
            async with asyncio.timeout(offer.seconds):
                answer = await provider.submit(passed.permit, offer, request)
        except Exception as error:  # noqa: BLE001 - whatever a provider's code does, the job ends
            return await self._end(job, _failure(error, offer, passed.permit)), None
        except BaseException as error:
            # A cancelled run: what was asked of the provider may go on there.
            await self._end(job, _failure(error, offer, passed.permit))
            raise
        if not isinstance(answer, Ticket):
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

    async def _keep(self, job: Job, offer: Offer, delivery: Delivery) -> Job:
        """Store what was bought, and write down that it is there."""
        try:
            kept = await self._store_outputs(job, offer, delivery)
        except StudioUnavailable as error:
            lost = OutcomeUnknown(f"Bought, but not stored: {error}", provider=offer.provider)
            return await self._end(job, _failure(lost, offer))
        except Exception as error:  # noqa: BLE001 - whatever was delivered, the job ends
            return await self._end(job, _failure(error, offer))
        try:
            bought: Job = await self._ask(journal.note_bought, journal.Bought(job, kept))
        except Exception as error:  # noqa: BLE001 - step by step, each step tells by itself
            _log.warning("job %s is kept first and settled then: %r", job.id, error)
            await self._commit(journal.note_generated, journal.Generated(job.id, kept))
            return replace(job, state="generated", delivery=kept)
        return _settled(bought)

    async def _store_outputs(self, job: Job, offer: Offer, delivery: Delivery) -> dict[str, Any]:
        """Store the outputs; storage that is away for a moment must not lose them."""
        keep = partial(outputs.keep, self._store, offer, delivery, job, self._sign)
        for wait in _WAITS:
            try:
                return await asyncio.to_thread(keep)
            except StudioUnavailable as error:
                _log.warning("storage is away, trying again in %s s: %s", wait, error)
                await asyncio.sleep(wait)
        return await asyncio.to_thread(keep)

    def _request(self, job: Job) -> Request:
        inputs = job.inputs()
        files = {each.field: self._store.get(each.sha256) for each in inputs}
        return Request(job.request(), files, tuple(each.facts() for each in inputs))

    async def _settle(self, job: Job) -> Job:
        return _settled(await self._commit(journal.settle, job.id))

    async def _end(self, job: Job, error: ProviderError) -> Job:
        """Write down that the job came to nothing, or that nobody knows what it came to."""
        state = "unknown" if error.bought is None else "failed"
        told = error.details.get("cost")
        charge = charge_for(job, told) if error.bought else 0
        expense = max(0, job.cost if told is None else told) if error.bought else 0
        unit = journal.Failure(job, error.as_dict(), state, charge, expense)
        await self._commit(journal.note_failure, unit)
        return replace(job, state=state, error=error.as_dict(), charged=charge, expense=expense)

    def _find_offer(self, identifier: str) -> tuple[Provider, Offer] | None:
        provider = self._providers.get(identifier.partition("/")[0])
        if provider is None:
            return None
        return next(
            ((provider, offer) for offer in provider.offers() if offer.id == identifier), None
        )

    async def _commit(self, handler: Any, unit: Any) -> Any:
        """Write down what has happened, through a cancellation and while the database is away."""
        try:
            return await self._ask(handler, unit)
        except StudioUnavailable:
            return await to_the_end(self._insist(handler, unit))

    async def _ask(self, handler: Any, unit: Any) -> Any:
        """Write down what has happened, through a cancellation, or hear at once why not."""
        return await to_the_end(self._commits.awaited(self._commits.submit(handler, unit)))

    async def _insist(self, handler: Any, unit: Any) -> Any:
        for wait in _WAITS:
            _log.warning("the database is away, trying again in %s s", wait)
            await asyncio.sleep(wait)
            try:
                return await self._commits.awaited(self._commits.submit(handler, unit))
            except StudioUnavailable:
                continue
        raise StudioUnavailable(
            "The studio's database stayed away; run the same work again to go on from here."
        )


def _settled(job: Job) -> Job:
    return replace(job, state="settled", charged=job.due, expense=job.due_expense)


def _worth_another(job: Job) -> bool:
    """Whether the job failed for a reason that may be gone in a while, and bought nothing."""
    error = job.error or {}
    limited = error.get("code") == RateLimited.code and error.get("again") is not False
    absent = error.get("code") == ProviderUnavailable.code and error.get("again") is True
    return job.state == "failed" and not job.billed and (limited or absent)


def _opening(order: Order, choice: Choice, worker: str) -> Opening:
    if enhancement(order.plan.operation):
        raise ValueError(f"{order.key}: its prompt is to be enhanced, and no job is to do that")
    return Opening(
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
        cost=choice.cost,
        limit=order.limit,
        notes=order.notes,
    )


def _cut_off(job: Job, offer: Offer) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"The process that asked {offer.provider} for this ended before the answer came. "
        "It may have been bought, so it is not asked for again by itself.",
        provider=offer.provider,
        job=job.id,
    )


def _no_longer_sold(job: Job) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{job.offer} is not sold here any more; what was begun there cannot be followed.",
        provider=job.provider,
        job=job.id,
    )


def _failure(error: BaseException, offer: Offer, permit: Permit | None = None) -> ProviderError:
    """Return what a failure of a call means for the money.

    With an unused permit nothing left this machine. An offer that may be repeated sends no bill:
    with it, no outcome is unknown.
    """
    known = _known(error, offer)
    if known.bought is False:
        return known
    unsent = permit is not None and not permit.used
    if unsent or offer.repeatable:
        words = f"Nothing was sent: {known.message}" if unsent else known.message
        return ProviderUnavailable(words, provider=offer.provider, after=known.code)
    return known


def _known(error: BaseException, offer: Offer) -> ProviderError:
    """Return the error as a provider's; any that a provider should not raise tells nothing."""
    if isinstance(error, ProviderError):
        return error
    words = f"{offer.provider} failed in an unforeseen way: {type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        words = f"{offer.provider} did not answer within {offer.seconds} seconds."
    elif isinstance(error, StudioError):
        words = str(error)
    elif isinstance(error, asyncio.CancelledError):
        words = f"The run was cancelled while {offer.provider} was asked."
    elif isinstance(error, Exception):
        _log.error("%s failed in an unforeseen way", offer.id, exc_info=error)
    return OutcomeUnknown(words, provider=offer.provider)
