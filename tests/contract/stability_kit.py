"""What the cases of Stability AI share: ordering something, and looking at what failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from providers import Delivery, Input, Offer, Request, Ticket
from providers.stability import StabilityProvider
from studio import imaging
from studio.errors import ProviderError
from studio.operations import OPERATIONS, input_fields
from studio.permit import issue
from tests.contract.emulators.base import picture
from tests.contract.emulators.stability import StabilityEmulator

T = TypeVar("T")
E = TypeVar("E", bound=ProviderError)

PHOTO = picture("a photo", 256, 192)
TALL = picture("a tall photo", 192, 256, "JPEG")
CUT_OUT = picture("a cut-out", 256, 192, alpha=True)
MASK = picture("a mask", 128, 96)
SYNC, ASYNC = "stability/core", "stability/replace-background-and-relight"


def provider_for(
    emulator: StabilityEmulator, key: str | None = None, **choices: Any
) -> StabilityProvider:
    """Return a provider that does not wait long."""
    fast = {"poll_seconds": 0.01, "collect_seconds": 3.0, **choices}
    return StabilityProvider(
        key=SecretStr(emulator.key if key is None else key), url=emulator.url, **fast
    )


def find(provider: StabilityProvider, identifier: str, **changes: Any) -> Offer:
    """Return an offer by its id, with changes to it."""
    offer = next(each for each in provider.offers() if each.id == identifier)
    return offer.model_copy(update=changes)


def request(offer: Offer, files: Mapping[str, bytes] | None = None, **fields: Any) -> Request:
    """Return a request with pictures for the fields that need one, unless ``files`` says which."""
    cls = OPERATIONS[offer.operation]
    values = {**cls.example, **fields}
    if files is not None:
        values = {k: v for k, v in values.items() if k not in input_fields(cls) or k in files}
        values |= dict.fromkeys(files, "example.png")
    operation = cls.model_validate(values)
    named = [name for name in input_fields(cls) if getattr(operation, name)]
    data = {name: (files or {}).get(name, PHOTO) for name in named}
    probes = [(name, imaging.probe(each), len(each)) for name, each in data.items()]
    inputs = tuple(Input(n, p.media_type, size, p.width, p.height) for n, p, size in probes)
    return Request(operation, data, inputs)


def run(provider: StabilityProvider, work: Callable[[], Awaitable[T]]) -> T:
    """Do something with a provider in a loop of its own."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            await provider.close()

    return asyncio.run(whole())


def submit(
    provider: StabilityProvider, offer: Offer, wanted: Request
) -> Callable[[], Awaitable[Delivery | Ticket]]:
    """Return the call that hands a request in."""
    return lambda: provider.submit(issue(job="job_test", offer=offer.id), offer, wanted)


def buy(
    provider: StabilityProvider,
    identifier: str,
    files: Mapping[str, bytes] | None = None,
    changes: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Delivery:
    """Order something and return it, collected if it must be."""
    offer = find(provider, identifier, **(changes or {}))

    async def work() -> Delivery:
        answer = await submit(provider, offer, request(offer, files, **fields))()
        if isinstance(answer, Ticket):
            answer = await provider.collect(offer, answer)
        return answer

    delivery = run(provider, work)
    _look_for_key(dict(delivery.facts))
    return delivery


def hand_in(provider: StabilityProvider, identifier: str = ASYNC, **fields: Any) -> Ticket:
    """Order something that is collected later."""
    offer = find(provider, identifier)
    answer = run(provider, submit(provider, offer, request(offer, **fields)))
    assert isinstance(answer, Ticket)
    assert len(answer.remote_id) <= 500
    return answer


def collect(provider: StabilityProvider, ticket: Ticket, identifier: str = ASYNC) -> Delivery:
    """Collect what was ordered before."""
    offer = find(provider, identifier)
    return run(provider, lambda: provider.collect(offer, ticket))


def fails(error: type[E], work: Callable[[], object], *, bought: bool | None = False) -> E:
    """Return the error that something fails with; none tells a key."""
    with pytest.raises(ProviderError) as caught:
        work()
    found = caught.value
    _look_for_key(found.as_dict())
    _look_for_key(str(found), repr(found), found.details)
    assert type(found) is error, repr(found)
    assert found.bought is bought, repr(found)
    assert found.provider == "stability"
    return found


def _look_for_key(*things: Any) -> None:
    told = json.dumps(things, default=str)
    for key in (StabilityEmulator.key, StabilityEmulator.other_key, "sk-wrong"):
        assert key not in told, told
