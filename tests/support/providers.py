"""Providers for tests: ``PaidProvider`` over HTTP, which sends bills, and ``InstantProvider``.

Both sell all four operations; ``book`` prices them. Names are free, so that a test can have
several of a kind.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx

from billing.pricebook import PriceBook, PriceLine
from providers import Delivery, Offer, Output, PriceRule, Provider, Request, Ticket
from studio.errors import (
    AuthFailed,
    BadResponse,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from studio.operations import EnhancePrompt
from tests.support.paid_server import KEY, tiny_png

MODELS: Mapping[str, tuple[str, str]] = {
    "painter": ("generate", "picture"),
    "cutter": ("remove_background", "picture"),
    "enlarger": ("upscale", "picture"),
    "fitter": ("social_export", "format"),
    "writer": ("enhance_prompt", "call"),
}
"""Operation and unit of each model that these providers have."""

PRICES: Mapping[str, int] = {
    "painter": 4_000_000,
    "cutter": 2_000_000,
    "enlarger": 3_000_000,
    "fitter": 500_000,
    "writer": 100_000,
}
"""Micro-credits for one unit of each model, at the provider that is priced with factor 1."""

ENHANCED = "in the light of dusk"
"""What ``InstantProvider`` adds to a prompt."""


def offers(name: str, *, repeatable: bool = False, seconds: int = 30) -> tuple[Offer, ...]:
    """Return the offers of a provider called ``name``."""
    return tuple(
        Offer(
            id=f"{name}/{model}",
            provider=name,
            model=model,
            operation=operation,
            price=PriceRule(unit=unit, count_of="formats" if unit == "format" else ""),
            repeatable=repeatable,
            exact=True,
            seconds=seconds,
            kind="text" if operation == "enhance_prompt" else "picture",
            says="A few pixels, for tests.",
        )
        for model, (operation, unit) in MODELS.items()
    )


def book(**factors: int) -> PriceBook:
    """Return a price book for providers: ``book(paid=1, dear=3)``."""
    return PriceBook(
        version="tests",
        date=dt.date(2026, 1, 1),
        currency="1 credit = 1,000,000 micro-credits",
        lines=tuple(
            PriceLine(
                offer=f"{name}/{model}",
                unit=unit,
                price=PRICES[model] * factor,
                provider_cost=0,
                source="made up for tests",
            )
            for name, factor in factors.items()
            for model, (_, unit) in MODELS.items()
        ),
    )


_BY_STATUS: Mapping[int, type[ProviderError]] = {401: AuthFailed, 402: PaymentRequired}


class PaidProvider(Provider):
    """The adapter of ``tests.support.paid_server``, as strict about money as a real one must be.

    Args:
        url: where the server listens.
        name: the provider's name; its offers are called after it.
        key: what it shows to the server.
        seconds: how long one call may take.
        timeout: how long one HTTP request may take.
        ticketed: the model whose work is collected later; all others answer with it.
        hooks: httpx's event hooks, for tests that stand beside a request.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "paid",
        key: str = KEY,
        seconds: int = 30,
        timeout: float = 10,
        ticketed: str = "enlarger",
        hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._timeout = timeout
        self._ticketed = ticketed
        self._hooks = dict(hooks or {})
        self._offers = offers(name, seconds=seconds)
        self._http: httpx.AsyncClient | None = None

    def offers(self) -> Sequence[Offer]:
        """Return everything that it sells."""
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        """It is always ready."""
        return ""

    @property
    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                base_url=self._url,
                headers=self._headers,
                timeout=self._timeout,
                event_hooks=self._hooks,
                trust_env=False,
                verify=False,  # noqa: S501 - plain HTTP on loopback; making a context takes time
            )
        return self._http

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        body = request.operation.model_dump(mode="json")
        body |= {name: base64.b64encode(data).decode() for name, data in request.files.items()}
        kind = "jobs" if offer.model == self._ticketed else "now"
        try:
            answer = await self._client.post(f"/v1/{kind}/{offer.model}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderUnavailable("No connection came about.", provider=self.name) from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(
                f"The connection ended before the answer ({type(error).__name__}).",
                provider=self.name,
            ) from error
        self._check(answer)
        if kind == "jobs":
            return Ticket(str(answer.json()["id"]))
        return self._delivery(offer, answer, body.get("seed"))

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        try:
            while True:
                answer = await self._client.get(f"/v1/jobs/{ticket.remote_id}")
                self._check(answer)
                if answer.json()["state"] == "ready":
                    break
                await asyncio.sleep(0.005)
            answer = await self._client.get(f"/v1/jobs/{ticket.remote_id}/file")
        except httpx.TransportError as error:
            raise ProviderUnavailable(
                f"It cannot be asked now ({type(error).__name__}).", provider=self.name
            ) from error
        self._check(answer)
        return self._delivery(offer, answer, None)

    def _check(self, answer: httpx.Response) -> None:
        """Raise what an answer other than success means."""
        if answer.is_success:
            return
        try:
            told = answer.json()
        except ValueError:
            told = {}
        raise self._error(answer.status_code, told)

    def _error(self, status: int, told: Mapping[str, Any]) -> ProviderError:
        words = f"{status}: {told.get('error', 'no words')}"
        if status == httpx.codes.SERVICE_UNAVAILABLE and told.get("started") is False:
            return ProviderUnavailable(words, provider=self.name)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return OutcomeUnknown(words, provider=self.name)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return RateLimited(words, provider=self.name, retry_after=told.get("retry_after"))
        if status in {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}:
            return ProviderRejected(words, provider=self.name, field=told.get("field"))
        return _BY_STATUS.get(status, BadResponse)(words, provider=self.name)

    def _delivery(self, offer: Offer, answer: httpx.Response, seed: int | None) -> Delivery:
        media_type = answer.headers.get("content-type", "")
        files = [Output(answer.content, media_type)]
        if media_type == "application/json":
            files = [
                Output(base64.b64decode(file["data"]), "image/png", file["name"])
                for file in answer.json()["files"]
            ]
        return Delivery(tuple(files), offer.model, "bought over HTTP", seed)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


Step = Delivery | Ticket | Exception | Callable[[Offer, Request], Awaitable[Delivery | Ticket]]
"""What a call to ``InstantProvider`` comes to: an answer, an error, or something to be awaited."""


class InstantProvider(Provider):
    """Does everything in no time and in memory.

    Args:
        name: its name; its offers are called after it.
        repeatable: whether its offers may be done again.
        distinct: whether different requests give different bytes.

    Attributes:
        calls: the requests that reached it, in their order.
        collected: the remote ids that were asked for, in their order.
        script: what the next calls come to, one each; then all goes well.
        pickups: the same for ``collect``.
    """

    def __init__(
        self,
        name: str = "instant",
        *,
        repeatable: bool = True,
        distinct: bool = True,
        seconds: int = 30,
    ) -> None:
        self.name = name
        self.calls: list[Request] = []
        self.collected: list[str] = []
        self.script: deque[Step] = deque()
        self.pickups: deque[Delivery | Exception] = deque()
        self._distinct = distinct
        self._offers = offers(name, repeatable=repeatable, seconds=seconds)

    def offers(self) -> Sequence[Offer]:
        """Return everything that it sells."""
        return self._offers

    def offer(self, model: str) -> Offer:
        """Return the offer of one of its models."""
        return next(offer for offer in self._offers if offer.model == model)

    def not_ready(self, offer: Offer) -> str:
        """It is always ready."""
        return ""

    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        self.calls.append(request)
        step = self.script.popleft() if self.script else None
        if step is None:
            return self.delivery(offer, request)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Delivery | Ticket):
            return step
        return await step(offer, request)

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        self.collected.append(ticket.remote_id)
        step = self.pickups.popleft() if self.pickups else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step
        output = Output(tiny_png(ticket.remote_id), "image/png")
        return Delivery((output,), offer.model, "made in memory")

    def delivery(self, offer: Offer, request: Request) -> Delivery:
        """Return what ``request`` comes to when all goes well."""
        words = request.operation.canonical() if self._distinct else offer.id
        if isinstance(request.operation, EnhancePrompt):
            text = json.dumps({"prompt": f"{request.operation.prompt}, {ENHANCED}"}).encode()
            return Delivery((Output(text, "application/json"),), offer.model, "made in memory")
        names = getattr(request.operation, "formats", [""])
        outputs = tuple(Output(tiny_png(words + name), "image/png", name) for name in names)
        seed = getattr(request.operation, "seed", None)
        return Delivery(outputs, offer.model, "made in memory", seed)
