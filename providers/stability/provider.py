"""The provider called ``stability``."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from providers.cloud import CloudProvider
from providers.contract import Delivery, Health, Request, Ticket
from providers.http import Transport
from providers.offers import Offer, read_offers
from providers.pacing import AccountLimits, Window
from providers.stability.answers import is_pending, read_delivery, read_id
from providers.stability.endpoints import end_point
from providers.stability.errors import LOCK_OUT, NO_RESULT, read_error
from providers.stability.forms import NAME, Form, Part
from studio import credits as money
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    PictureRefused,
    ProviderError,
    ProviderRejected,
    RateLimited,
    shorten,
)

POLL_SECONDS = 10.0
"""Between two questions for a result; Stability asks for no fewer."""
COLLECT_SECONDS = 840.0
"""How long one ``collect`` asks: within the 900 s of its offers. A result is kept for 24 hours, so
whoever comes again later still gets it."""
SPOILT_TRIES = 3
"""How often a broken result is fetched before it is believed to be broken."""

LIMITS = AccountLimits(
    requests=(Window(count=150, seconds=10),), concurrent=32, lockout_seconds=LOCK_OUT
)
"""150 requests of any kind in 10 s, else nothing for 60 s (specification, read 2026-11-22). It sets
no number of calls at once; 32 of some 10 s each stay below that, and within memory."""

_CHECK_SECONDS = 10.0
_ACCEPT = {"picture": {"accept": "image/*"}, "id": {"accept": "application/json"}}
"""Bytes with headers rather than base64 in JSON; its 3D end points leave no choice."""
_HOPELESS = (AuthFailed, ContentBlocked, ModelRetired, PaymentRequired)
"""Asking again in a while does not mend these."""


class _NotYetError(Exception):
    """The result is not there yet."""


class StabilityProvider(CloudProvider):
    """Stability AI, over REST v2beta.

    Args:
        key: begins with ``sk-``; empty means that it is not to be asked.
        url: where it is reached, without a path.
        poll_seconds: between two questions for a result.
        collect_seconds: how long one ``collect`` asks before it gives up for now.
    """

    limits = LIMITS

    def __init__(
        self,
        *,
        key: SecretStr,
        url: str,
        poll_seconds: float = POLL_SECONDS,
        collect_seconds: float = COLLECT_SECONDS,
    ) -> None:
        bearer = SecretStr(f"Bearer {key.get_secret_value()}")
        transport = Transport(
            NAME,
            url,
            headers={"authorization": bearer},
            read_error=read_error,
        )
        super().__init__(
            NAME,
            key=key,
            setting="STUDIO_STABILITY_KEY",
            offers=read_offers(__package__),
            transport=transport,
        )
        self._poll_seconds = poll_seconds
        self._collect_seconds = collect_seconds

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        point = end_point(offer)
        form, parts = await asyncio.to_thread(_prepare, offer, request)
        try:
            reply = await self.http.submit(
                offer.route,
                seconds=offer.seconds,
                headers=_ACCEPT.get(point.answer),
                files=parts,
            )
        except ProviderRejected as error:
            _say_in_our_words(error, form, request)
            raise
        if point.answer == "id":
            return Ticket(read_id(reply))
        return await asyncio.to_thread(read_delivery, offer, reply, {"asked": form.choices()})

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        """Ask until it is there, Stability says its last word, or the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._collect_seconds
        spoilt, trouble, wait = 0, "It was not asked.", self._poll_seconds
        while loop.time() + wait < end:
            await asyncio.sleep(wait)
            wait = self._poll_seconds
            try:
                return await self._result(offer, ticket)
            except _NotYetError:
                trouble = "It is still at work."
            except RateLimited as error:
                trouble = error.message
                wait = max(self._poll_seconds, float(error.details["retry_after"]))
            except BadResponse as error:
                # It may have been spoilt on the way: fetching it again buys nothing.
                spoilt += 1
                if spoilt == SPOILT_TRIES or error.details.get("name") == NO_RESULT:
                    raise
                trouble = error.message
            except _HOPELESS:
                raise
            except ProviderError as error:
                if error.field == "id":
                    raise _never_there(ticket, error) from error
                # A proxy, the network, a bad moment: the work is at Stability all the same.
                trouble = error.message
        raise OutcomeUnknown(
            f"Stability has not delivered within {self._collect_seconds:g} seconds. {trouble} It "
            "keeps a result for 24 hours; collecting it later buys nothing.",
            provider=NAME,
        )

    async def _result(self, offer: Offer, ticket: Ticket) -> Delivery:
        """Ask for a result once.

        Raises:
            _NotYetError: Stability is at work on it.
            ProviderError: there is none, or it could not be had this time.
        """
        path = f"/v2beta/results/{ticket.remote_id}"
        reply = await self.http.read(path, headers={"accept": "*/*"})
        if is_pending(reply):
            raise _NotYetError
        facts = {"generation": ticket.remote_id}
        return await asyncio.to_thread(read_delivery, offer, reply, facts)

    async def _check(self) -> Health:
        reply = await self.http.read("/v1/user/balance", seconds=_CHECK_SECONDS)
        said = reply.json()
        credits_left = said.get("credits") if isinstance(said, dict) else None
        if isinstance(credits_left, bool) or not isinstance(credits_left, int | float):
            raise BadResponse("stability did not tell its balance.", provider=NAME)
        return Health(
            reachable=True,
            says="answers and takes the key; the balance it tells may lag",
            balance=f"{credits_left:.2f} credits",
            # A credit of Stability's is sold at US$0.01, as ours are.
            left=round(credits_left * money.MICRO),
        )


def _prepare(offer: Offer, request: Request) -> tuple[Form, list[Part]]:
    """Return the form and the body; pictures are read on the way, which takes a while."""
    try:
        form = end_point(offer).fill_in(offer, request)
        return form, form.parts()
    except PictureRefused as error:  # nothing was sent
        raise ProviderRejected(
            f"An input picture cannot be used: {error.message}",
            provider=NAME,
            given=error.given,
            allowed=error.allowed,
        ) from error


def _say_in_our_words(error: ProviderRejected, form: Form, request: Request) -> None:
    """Name the operation's field at fault, and what it held, where Stability names its own."""
    ours = form.names.get(error.field or "")
    if ours is None and error.field == "prompt":  # it has no such field, but several prompts
        ours = next((name for name in form.names.values() if name.endswith("prompt")), None)
    error.field = ours
    if ours is not None:
        error.given = shorten(getattr(request.operation, ours, ""))


def _never_there(ticket: Ticket, error: ProviderError) -> BadResponse:
    """Return the end of work whose id is not taken. It was bought, whatever the refusal says."""
    return BadResponse(
        f"Stability does not take the id that it gave itself: {error.message}",
        provider=NAME,
        given=ticket.remote_id,
        **{name: error.details[name] for name in ("status", "words") if name in error.details},
    )
