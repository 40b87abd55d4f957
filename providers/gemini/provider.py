"""The provider called ``gemini``."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import SecretStr

from providers.cloud import CloudProvider
from providers.contract import Delivery, Health, Request
from providers.gemini.answers import read_delivery
from providers.gemini.bodies import body_for, choices, encoded
from providers.gemini.errors import ReadError
from providers.gemini.models import MODELS, NAME, resolve
from providers.http import Transport
from providers.offers import Offer, read_offers
from providers.pacing import AccountLimits, Window
from providers.redaction import Redactor
from studio.errors import (
    BadResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    shorten,
)

CONCURRENT = 8
"""Calls under way at once. Google states no number; an answer at 4K may take 100 MB of memory."""

_VERSION = "/v1beta"
_CHECK_SECONDS = 10.0
_MOST_PAGES = 10
_PAGE = 1_000
"""Models on a page of the list, its largest."""


class GeminiProvider(CloudProvider):
    """Google's Gemini Developer API.

    Args:
        key: ``AIza…``; empty means that it is not to be asked. It goes into a header, never into an
            address.
        url: where it is reached, without a path.
        requests_per_minute: what Google AI Studio shows for the project (it is nowhere else to be
            had); 0 for no limit of ours.
        images_per_minute: the same, of pictures.
    """

    def __init__(
        self,
        *,
        key: SecretStr,
        url: str = "https://generativelanguage.googleapis.com",
        requests_per_minute: int = 0,
        images_per_minute: int = 0,
    ) -> None:
        redact = Redactor([key])
        super().__init__(
            NAME,
            key=key,
            setting="STUDIO_GEMINI_KEY",
            offers=read_offers(__package__),
            transport=Transport(
                NAME, url, headers={"x-goog-api-key": key}, read_error=ReadError(redact)
            ),
        )
        self.limits = AccountLimits(
            requests=_per_minute(requests_per_minute),
            images=_per_minute(images_per_minute),
            concurrent=CONCURRENT,
        )

    def resolve(self, model: str) -> str:
        """Return the live model that a name stands for, be it that of a retired one."""
        return resolve(model)

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        data, asked = await asyncio.to_thread(_prepare, offer, request)
        try:
            reply = await self.http.submit(
                f"{_VERSION}/models/{offer.model}:generateContent",
                seconds=offer.seconds,
                headers={"content-type": "application/json"},
                content=data,
            )
        except ProviderRejected as error:
            _say_what_was_given(error, request)
            raise
        return await asyncio.to_thread(
            read_delivery, offer, request.operation, reply, asked, self.http.redact
        )

    async def _check(self) -> Health:
        there = await self._models()
        missing = [model for model in MODELS if model not in there]
        says = "answers and takes the key; all models asked for are there"
        if missing:
            says = f"answers and takes the key, but does not list {', '.join(missing)}"
        return Health(reachable=True, says=says)

    async def _models(self) -> set[str]:
        """Return the ids of the models that the key may use for ``generateContent``."""
        found: set[str] = set()
        page = ""
        for _ in range(_MOST_PAGES):
            said = await self._page_of_models(page)
            for each in said["models"]:
                methods = each.get("supportedGenerationMethods", ["generateContent"])
                if "generateContent" in methods:
                    found.add(str(each.get("name", "")).removeprefix("models/"))
            page = str(said.get("nextPageToken", ""))
            if not page:
                break
        return found

    async def _page_of_models(self, page: str) -> dict[str, Any]:
        params = {"pageSize": str(_PAGE)} | ({"pageToken": page} if page else {})
        try:
            reply = await self.http.read(
                f"{_VERSION}/models", seconds=_CHECK_SECONDS, params=params
            )
        except OutcomeUnknown as error:  # a question buys nothing
            raise _unanswered(error) from error
        said = reply.json()
        models = said.get("models") if isinstance(said, dict) else None
        if not isinstance(models, list) or not all(isinstance(each, dict) for each in models):
            raise BadResponse("Gemini did not list its models.", provider=NAME)
        return {**said, "models": models}


def _prepare(offer: Offer, request: Request) -> tuple[bytes, dict[str, Any]]:
    """Return the body and what was chosen in it; pictures are read on the way."""
    body = body_for(offer, request)
    return encoded(body), choices(body)


def _per_minute(count: int) -> tuple[Window, ...]:
    return (Window(count=count, seconds=60),) if count else ()


def _say_what_was_given(error: ProviderRejected, request: Request) -> None:
    """Name the operation's field at fault only if it has one of that name, and what it held."""
    if error.field is None:
        return
    given = getattr(request.operation, error.field, None)
    if given is None:
        error.field = None
    else:
        error.given = shorten(given)


def _unanswered(error: ProviderError) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"Gemini answered {error.details.get('status')} when it was asked for its models.",
        provider=NAME,
    )
