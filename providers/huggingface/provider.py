"""The provider called ``huggingface``: many inference providers behind one router and one token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pydantic import SecretStr

from providers.cloud import CloudProvider
from providers.contract import Delivery, Health, Request, Ticket
from providers.download import PAUSES, Downloader
from providers.http import Reply, Transport
from providers.huggingface import chat, errors
from providers.huggingface.answers import Answer, Made, read_answer
from providers.huggingface.calls import Call, Order, call_of
from providers.huggingface.deliveries import AGAIN_SECONDS, deliver
from providers.huggingface.files import Picture, prepared
from providers.huggingface.jobs import POLL_SECONDS, wait_for
from providers.huggingface.mapping import KEEP_SECONDS, Entry, Mappings
from providers.huggingface.routes import HF_INFERENCE, NAME, TASKS, route_of
from providers.huggingface.tickets import Remote
from providers.offers import Offer, read_offers
from providers.redaction import Redactor
from studio.errors import AuthFailed, ModelRetired, ProviderRejected

MOST_PIXELS = 2_000_000
"""Of a picture that is to be changed: as many as the models make (see ``offers.toml``)."""
FETCH_SECONDS = 60
"""The part of an offer's ``seconds`` that is left for fetching the result."""

_SETTING = "STUDIO_HUGGINGFACE_KEY"
_PREFIX = "hf_"
_UNMAPPED = frozenset({400, 404})
"""Refusals after which the hub is asked anew what the provider calls the model."""


class HuggingFaceProvider(CloudProvider):
    """Has work done by inference providers, through Hugging Face's router.

    Args:
        key: ``hf_…``, with the permission to call Inference Providers; empty means that it is not
            to be asked.
        url: where the router is reached.
        hub_url: where it is asked what inference providers call a model.
        bill_to: organisation that is billed instead of the token's user; empty for none.
        keep_seconds: how long an answer of the hub is believed, at most an hour.
        poll_seconds: seconds between the first polls; tests shorten them.
        pauses: seconds between the tries of a download.
        patience: seconds that polling goes on; ``None`` leaves it to the offer.
        answer_seconds: how long the answer to an order may take; ``None`` leaves it to the offer.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        *,
        key: SecretStr,
        url: str = "https://router.huggingface.co",
        hub_url: str = "https://huggingface.co",
        bill_to: str = "",
        keep_seconds: float = KEEP_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        pauses: Sequence[float] = PAUSES,
        patience: float | None = None,
        answer_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redact = Redactor([key])
        headers: dict[str, SecretStr | str] = {
            "Authorization": SecretStr(f"Bearer {key.get_secret_value()}"),
        }
        if bill_to:
            headers["X-HF-Bill-To"] = bill_to
        super().__init__(
            NAME,
            key=key,
            setting=_SETTING,
            offers=read_offers("providers.huggingface"),
            transport=Transport(
                NAME, url, headers=headers, read_error=partial(errors.of_order, self._redact)
            ),
        )
        question = partial(errors.of_question, self._redact)
        # The same status means another thing where nothing is bought: a second way to read errors.
        self._questions = Transport(NAME, url, headers=headers, read_error=question)
        self._hub = Transport(NAME, hub_url, headers={}, read_error=question)
        self._mappings = Mappings(self._hub, keep_seconds=keep_seconds, clock=clock)
        self._downloads = Downloader(NAME, (url,), pauses=pauses)
        self._is_token = key.get_secret_value().startswith(_PREFIX)
        self._poll_seconds = poll_seconds
        self._patience = patience
        self._answer_seconds = answer_seconds
        self._again_seconds = min([AGAIN_SECONDS, *pauses])

    def not_ready(self, offer: Offer) -> str:
        """Say that the token is missing or is none; empty when there is one."""
        return super().not_ready(offer) or ("" if self._is_token else _no_token())

    def pace_by(self, pace: Callable[[], Awaitable[None]]) -> None:
        """Have ``pace`` awaited before each request to the router; the hub has other limits."""
        super().pace_by(pace)
        self._questions.pace = pace

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._questions.close()
        await self._hub.close()
        await self._downloads.close()

    async def _check(self) -> Health:
        if not self._is_token:
            return Health(reachable=False, says=_no_token())
        await self._questions.read("/v1/models")
        return Health(
            reachable=True,
            says="answers; whether the token may buy anything shows with the first order, and "
            "what is left of its credits is not told",
        )

    # --- Orders ---------------------------------------------------------------------------------

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        if not self._is_token:
            raise AuthFailed(f"Nothing was sent: the token {_no_token()}.", provider=NAME)
        if offer.operation not in TASKS:
            return await self._chat(offer, request)
        picture = await self._picture(offer, request)
        order, call, reply = await self._order(offer, request, picture)
        answer = read_answer(self._redact, order, call, reply)
        return _later(answer) or await self._deliver(offer, answer)

    async def _deliver(self, offer: Offer, answer: Answer) -> Delivery:
        if answer.made is None:
            raise TypeError(f"the answer to {offer.id} is neither a picture nor a ticket")
        return await deliver(
            self._downloads,
            offer,
            answer.remote,
            answer.made,
            again_seconds=self._again_seconds,
        )

    async def _picture(self, offer: Offer, request: Request) -> Picture | None:
        data = request.files.get("image")
        if data is None:
            return None
        # A cut-out is to be as large as the picture; what is repainted has the model's size.
        most = MOST_PIXELS if offer.operation == "edit" else 0
        return await asyncio.to_thread(prepared, "image", data, most)

    async def _order(
        self, offer: Offer, request: Request, picture: Picture | None
    ) -> tuple[Order, Call, Reply]:
        """Send an order, under the model's new name if the one that was kept is refused.

        Sending it again is safe only there: a refusal of 400 or 404 bought nothing.
        """
        route = route_of(offer)
        entry = await self._find(offer)
        order = Order(offer, route, entry.id, request.operation, picture)
        try:
            return await self._send(order)
        except (ModelRetired, ProviderRejected) as error:
            if error.details.get("status") not in _UNMAPPED or route.provider == HF_INFERENCE:
                raise
            self._mappings.forget(route.model)
            if entry.fresh:
                raise
            renamed = await self._find(offer)
            if renamed.id == entry.id:
                raise
        return await self._send(Order(offer, route, renamed.id, request.operation, picture))

    async def _find(self, offer: Offer) -> Entry:
        """Return what the inference provider calls the model; Hugging Face's own has no names."""
        route = route_of(offer)
        if route.provider == HF_INFERENCE:
            return Entry(route.model, fresh=True)
        return await self._mappings.find(route, TASKS[offer.operation])

    async def _send(self, order: Order) -> tuple[Order, Call, Reply]:
        call = call_of(order)
        reply = await self.http.submit(
            call.path, seconds=self._seconds(order.offer), headers=call.headers, json=call.body
        )
        return order, call, reply

    def _seconds(self, offer: Offer) -> float:
        return self._answer_seconds or max(1.0, offer.seconds - FETCH_SECONDS)

    async def _chat(self, offer: Offer, request: Request) -> Delivery:
        body = await asyncio.to_thread(chat.body_of, offer, request)
        reply = await self.http.submit(chat.PATH, seconds=self._seconds(offer), json=body)
        return chat.deliver(self._redact, offer, request, reply)

    # --- What is collected ----------------------------------------------------------------------

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        remote = Remote.read(ticket)
        if remote.kind == "file":
            made = Made(remote.place, remote.unflagged)
        else:
            patience = self._patience
            made = await wait_for(
                self._questions,
                self._redact,
                remote,
                cutout=offer.operation == "remove_background",
                interval=self._poll_seconds,
                patience=offer.seconds - FETCH_SECONDS if patience is None else patience,
            )
        return await self._deliver(offer, Answer(remote, made))


def _later(answer: Answer) -> Ticket | None:
    """Return the ticket of what is not there yet, or is a file that is still to be fetched.

    A file is bought. With its address written down first, no crash on the way loses it.
    """
    made, remote = answer.made, answer.remote
    if made is None:
        return remote.ticket()
    if isinstance(made.file, bytes) or made.file[:5].lower() == "data:":
        return None
    return Remote(
        "file",
        made.file,
        remote.model,
        remote.request,
        remote.seed,
        remote.asked,
        made.unflagged,
    ).ticket()


def _no_token() -> str:
    return f"does not begin with {_PREFIX}: set {_SETTING} to a token of Hugging Face"
