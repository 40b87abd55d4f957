"""What the cases of Gemini share: ordering something, and looking at what failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from providers import Delivery, Input, Offer, Request
from providers.gemini import GeminiProvider
from studio import imaging
from studio.errors import ProviderError
from studio.operations import OPERATIONS, input_fields
from studio.permit import issue
from tests.contract.emulators.base import picture
from tests.contract.emulators.gemini import GeminiEmulator

T = TypeVar("T")
E = TypeVar("E", bound=ProviderError)

PHOTO = picture("a photo", 256, 192)
TALL = picture("a tall photo", 192, 256, "JPEG")
NANO, PRO, LITE = (
    "gemini/nano-banana-2.1/1k",
    "gemini/3-pro-image/2k",
    "gemini/3.1-flash-lite-image/1k",
)
EDIT, TAG, ENHANCE = f"{NANO}/edit", "gemini/3.5-flash-lite/tag", "gemini/3.8-flash/enhance_prompt"
WRONG_KEY = "AIzaWrong0123456789abcdefghijklmnopqrst"


def provider_for(emulator: GeminiEmulator, key: str | None = None) -> GeminiProvider:
    """Return a provider that asks an emulator."""
    return GeminiProvider(key=SecretStr(emulator.key if key is None else key), url=emulator.url)


def find(provider: GeminiProvider, identifier: str, **changes: Any) -> Offer:
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


def run(provider: GeminiProvider, work: Callable[[], Awaitable[T]]) -> T:
    """Do something with a provider in a loop of its own."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            await provider.close()

    return asyncio.run(whole())


def buy(
    provider: GeminiProvider,
    identifier: str,
    files: Mapping[str, bytes] | None = None,
    changes: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Delivery:
    """Order something and return it."""
    offer = find(provider, identifier, **(changes or {}))
    wanted = request(offer, files, **fields)

    async def work() -> Delivery:
        answer = await provider.submit(issue(job="job_test", offer=offer.id), offer, wanted)
        assert isinstance(answer, Delivery)
        return answer

    delivery = run(provider, work)
    look_for_key(dict(delivery.facts), delivery.method)
    return delivery


def fails(error: type[E], work: Callable[[], object], *, bought: bool | None = False) -> E:
    """Return the error that something fails with; none tells a key."""
    with pytest.raises(ProviderError) as caught:
        work()
    found = caught.value
    look_for_key(found.as_dict(), str(found), repr(found))
    assert type(found) is error, repr(found)
    assert found.bought is bought, repr(found)
    assert found.provider == "gemini"
    assert "\\u0000" not in json.dumps(found.as_dict())
    return found


def look_for_key(*things: Any) -> None:
    """See that no key is told, and no picture."""
    told = json.dumps(things)  # JSON values, and nothing else
    for key in (GeminiEmulator.key, WRONG_KEY):
        assert key not in told, told
    assert len(told) < 8_000
