"""The provider called ``wavespeed``: WaveSpeed AI, api v3. All its work is collected later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import SecretStr

from providers.cloud import CloudProvider
from providers.contract import Delivery, Health, Request, Ticket
from providers.download import Downloader
from providers.http import Transport
from providers.offers import Offer, first_size, read_offers
from providers.redaction import Redactor
from providers.wavespeed import account, errors, predictions, uploads
from providers.wavespeed.bodies import Order, asked_of, body_of, seed_of
from providers.wavespeed.deliveries import AGAIN_SECONDS, deliver
from providers.wavespeed.errors import NAME
from providers.wavespeed.files import prepared
from providers.wavespeed.tickets import Remote
from providers.wavespeed.tiers import limits_of
from studio.errors import ProviderUnavailable

SUBMIT_SECONDS = 60.0
"""How long the answer to a request for work may take; it only announces a prediction."""
POLL_SECONDS: Mapping[str, float] = {"picture": 1.5, "text": 1.0, "video": 5.0}
"""Seconds between the first polls, by what is made (its advice: 1 to 2, and 5 for videos)."""
FETCH_SECONDS = 60
"""The part of an offer's ``seconds`` that is left for fetching the result; the rest is polling."""


class WaveSpeedProvider(CloudProvider):
    """Has work done by WaveSpeed AI.

    Args:
        key: ``wsk_…``; empty means that it is not to be asked.
        url: where it is reached, without ``/api/v3``.
        tier: of the account: bronze, silver, gold or ultra; it sets the limits.
        poll_seconds: seconds between polls, by what is made; tests shorten them.
        pauses: seconds between the tries of an upload or a download.
        patience: seconds that polling goes on; ``None`` leaves it to the offer.
    """

    def __init__(
        self,
        *,
        key: SecretStr,
        url: str = "https://api.wavespeed.ai",
        tier: str = "bronze",
        poll_seconds: Mapping[str, float] = POLL_SECONDS,
        pauses: Sequence[float] = uploads.PAUSES,
        patience: float | None = None,
    ) -> None:
        headers: dict[str, SecretStr | str] = {
            "Authorization": SecretStr(f"Bearer {key.get_secret_value()}"),
            "Accept": "application/json",
        }
        self._redact = Redactor([key])
        super().__init__(
            NAME,
            key=key,
            setting="STUDIO_WAVESPEED_KEY",
            offers=read_offers("providers.wavespeed"),
            transport=Transport(
                NAME, url, headers=headers, read_error=partial(errors.of_order, self._redact)
            ),
        )
        # The same status means another thing where nothing is bought: a second way to read errors.
        self._questions = Transport(
            NAME, url, headers=headers, read_error=partial(errors.of_question, self._redact)
        )
        self.limits = limits_of(tier)
        self._downloads = Downloader(NAME, (url,), pauses=pauses)
        self._uploads = uploads.Uploader(self._questions, url, pauses=pauses)
        self._poll_seconds = poll_seconds
        self._patience = patience
        self._again_seconds = min([AGAIN_SECONDS, *pauses])

    def pace_by(self, pace: Callable[[], Awaitable[None]]) -> None:
        """Have ``pace`` awaited before each HTTP request."""
        super().pace_by(pace)
        self._questions.pace = pace

    async def price(self, model: str, inputs: Mapping[str, Any]) -> account.Quoted:
        """Ask what a request would cost in the operator's account; it buys nothing.

        Args:
            model: WaveSpeed's id of the model, the ``route`` of an offer.
            inputs: the request's body.

        Raises:
            ProviderError: it does not tell.
        """
        return await account.price(self._questions, model, inputs)

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._questions.close()
        await self._uploads.close()
        await self._downloads.close()

    async def _check(self) -> Health:
        left = await account.balance(self._questions)
        return Health(
            reachable=True,
            says="answers and takes the key",
            balance=account.in_dollars(left),
            left=left,
        )

    async def _submit(self, offer: Offer, request: Request) -> Ticket:
        body = await self._body(offer, request)
        reply = await self.http.submit(f"/api/v3/{offer.route}", seconds=SUBMIT_SECONDS, json=body)
        return Remote(
            predictions.submitted(reply),
            seed_of(body),
            asked_of(body),
            getattr(request.operation, "most_tags", 0),
        ).ticket()

    async def _body(self, offer: Offer, request: Request) -> dict[str, Any]:
        """Upload the input files and return the request's body; nothing is bought by that."""
        files = await asyncio.to_thread(prepared, request)
        seconds = offer.seconds / 2
        try:
            async with asyncio.timeout(seconds):
                urls = await self._uploads.upload(files)
        except TimeoutError:
            raise ProviderUnavailable(
                f"The input files could not be uploaded to WaveSpeed within {seconds:g} seconds. "
                "Nothing was bought.",
                provider=NAME,
            ) from None
        return body_of(Order(offer, request.operation, urls, first_size(request.inputs)))

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        remote = Remote.read(ticket)
        patience = self._patience
        prediction = await predictions.wait_for(
            self._questions,
            self._redact,
            remote.id,
            interval=self._poll_seconds[offer.kind],
            patience=offer.seconds - FETCH_SECONDS if patience is None else patience,
        )
        return await deliver(
            self._downloads, offer, remote, prediction, again_seconds=self._again_seconds
        )
