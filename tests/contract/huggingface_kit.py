"""What the tests of the Hugging Face adapter share: a provider, and orders carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from providers import Delivery, Input, Request, Ticket, http
from providers.huggingface import HuggingFaceProvider
from studio import imaging
from studio.errors import ProviderError
from studio.operations import Operation
from studio.permit import issue
from tests.contract.emulators.base import picture
from tests.contract.emulators.huggingface import HuggingFaceEmulator

Result = TypeVar("Result")


def hurry(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """Wait but shortly between tries, and read no certificates: all is on loopback."""
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("SSL_CERT_DIR", str(empty))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def provider_for(emulator: HuggingFaceEmulator, **more: Any) -> HuggingFaceProvider:
    """Return a provider that waits for nothing longer than it must."""
    options: dict[str, Any] = {
        "key": SecretStr(emulator.key),
        "url": emulator.url,
        "hub_url": emulator.url,
        "poll_seconds": 0.002,
        "pauses": (0.01, 0.01),
        "patience": 10,
        "answer_seconds": 5,
    }
    return HuggingFaceProvider(**options | more)


def photo(words: str = "photo", width: int = 96, height: int = 64, kind: str = "PNG") -> bytes:
    return picture(words, width, height, kind)


def inputs_of(files: Mapping[str, bytes]) -> tuple[Input, ...]:
    probes = {name: imaging.probe(data) for name, data in files.items()}
    return tuple(
        Input(name, probe.media_type, len(files[name]), probe.width, probe.height)
        for name, probe in probes.items()
    )


def with_closing(provider: HuggingFaceProvider, do: Callable[[], Awaitable[Result]]) -> Result:
    """Run something in a loop of its own and close the provider in it."""

    async def run() -> Result:
        try:
            return await do()
        finally:
            await provider.close()

    return asyncio.run(run())


async def submitted(
    provider: HuggingFaceProvider,
    offer: str,
    operation: Operation,
    files: Mapping[str, bytes] | None = None,
) -> Delivery | Ticket:
    """Hand an order in."""
    found = next(each for each in provider.offers() if each.id == offer)
    inputs = inputs_of(files or {})
    operation = operation.model_copy(update={"model": found.model})  # whatever its quality
    refusal = found.refusal(operation, inputs)
    assert not refusal, refusal
    request = Request(operation, files or {}, inputs)
    answer = await provider.submit(issue(job="job_test", offer=offer), found, request)
    if isinstance(answer, Ticket):
        assert len(answer.remote_id) <= 500
    return answer


async def ticket_of(
    provider: HuggingFaceProvider,
    offer: str,
    operation: Operation,
    files: Mapping[str, bytes] | None = None,
) -> Ticket:
    """Hand an order in that is collected later."""
    answer = await submitted(provider, offer, operation, files)
    assert isinstance(answer, Ticket)
    return answer


async def collected(provider: HuggingFaceProvider, offer: str, ticket: Ticket) -> Delivery:
    found = next(each for each in provider.offers() if each.id == offer)
    return await provider.collect(found, ticket)


def carried_out(
    provider: HuggingFaceProvider,
    offer: str,
    operation: Operation,
    files: Mapping[str, bytes] | None = None,
) -> Delivery:
    """Carry an order out, from its submission to its delivery."""

    async def do() -> Delivery:
        answer = await submitted(provider, offer, operation, files)
        if isinstance(answer, Ticket):
            return await collected(provider, offer, answer)
        return answer

    return with_closing(provider, do)


def failure(
    provider: HuggingFaceProvider,
    offer: str,
    operation: Operation,
    files: Mapping[str, bytes] | None = None,
) -> ProviderError:
    """Return the error that an order ends with."""
    try:
        carried_out(provider, offer, operation, files)
    except ProviderError as error:
        return error
    raise AssertionError("it was delivered")


def expect(
    error: ProviderError,
    cls: type[ProviderError],
    *,
    bought: bool | None,
) -> ProviderError:
    """Check what an error is, and what it says of the money."""
    assert type(error) is cls, repr(error)
    assert error.bought is bought, repr(error)
    return error
