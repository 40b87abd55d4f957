"""What the tests of the WaveSpeed adapter share: files, a provider, and orders carried out."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import certifi
import pytest
from PIL import Image
from pydantic import SecretStr

from providers import Delivery, Input, Request, Ticket, http
from providers.wavespeed import WaveSpeedProvider
from studio import imaging
from studio.errors import ProviderError
from studio.operations import Operation
from studio.permit import issue
from tests.contract.emulators.base import picture
from tests.contract.emulators.wavespeed import WaveSpeedEmulator

Result = TypeVar("Result")
FAST = {"picture": 0.005, "text": 0.005, "video": 0.005}


def make_quick(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Shorten what takes time and tests nothing: waits, and reading 140 authorities each time."""
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.01)
    one = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    (folder / "authority.pem").write_text(one[0] + one[1])
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))


def provider_for(emulator: WaveSpeedEmulator, **more: Any) -> WaveSpeedProvider:
    """Return a provider that waits for nothing longer than it must."""
    options: dict[str, Any] = {
        "key": SecretStr(emulator.key),
        "url": emulator.url,
        "poll_seconds": FAST,
        "pauses": (0.01, 0.01),
        "patience": 10,
    }
    return WaveSpeedProvider(**options | more)


def photo(words: str = "photo", width: int = 96, height: int = 64, kind: str = "PNG") -> bytes:
    return picture(words, width, height, kind)


def mask(
    width: int = 96, height: int = 64, box: tuple[int, int, int, int] = (40, 24, 60, 44)
) -> bytes:
    """Return a black mask with a white box."""
    image = Image.new("L", (width, height), 0)
    image.paste(255, box)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def sound(seconds: float) -> bytes:
    """Return a silent WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8_000)
        writer.writeframes(bytes(round(seconds * 8_000)))
    return out.getvalue()


def facts_of(field: str, data: bytes) -> Input:
    """Return what is known of an input file."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        with wave.open(io.BytesIO(data)) as reader:
            seconds = reader.getnframes() / reader.getframerate()
        return Input(field, "audio/wav", len(data), seconds=seconds)
    found = imaging.probe(data)
    return Input(field, found.media_type, len(data), found.width, found.height)


def inputs_of(files: Mapping[str, bytes]) -> tuple[Input, ...]:
    return tuple(facts_of(name, data) for name, data in files.items())


def with_closing(provider: WaveSpeedProvider, do: Callable[[], Awaitable[Result]]) -> Result:
    """Run something in a loop of its own and close the provider in it."""

    async def run() -> Result:
        try:
            return await do()
        finally:
            await provider.close()

    return asyncio.run(run())


async def submitted(
    provider: WaveSpeedProvider, offer: str, operation: Operation, files: Mapping[str, bytes]
) -> Ticket:
    """Hand an order in and return its ticket."""
    found = next(each for each in provider.offers() if each.id == offer)
    inputs = inputs_of(files)
    operation = operation.model_copy(update={"model": found.model})  # whatever its quality
    refusal = found.refusal(operation, inputs)
    assert not refusal, refusal
    request = Request(operation, files, inputs)
    ticket = await provider.submit(issue(job="job_test", offer=offer), found, request)
    assert isinstance(ticket, Ticket)
    assert len(ticket.remote_id) <= 500
    return ticket


async def collected(provider: WaveSpeedProvider, offer: str, ticket: Ticket) -> Delivery:
    found = next(each for each in provider.offers() if each.id == offer)
    return await provider.collect(found, ticket)


def carried_out(
    provider: WaveSpeedProvider,
    offer: str,
    operation: Operation,
    files: Mapping[str, bytes] | None = None,
) -> Delivery:
    """Carry an order out, from its submission to its delivery."""

    async def do() -> Delivery:
        ticket = await submitted(provider, offer, operation, files or {})
        return await collected(provider, offer, ticket)

    return with_closing(provider, do)


def failure(
    provider: WaveSpeedProvider,
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


def is_error(
    error: ProviderError, cls: type[ProviderError], *, bought: bool | None
) -> ProviderError:
    """Check what an error is and what it says of the money, and return it."""
    assert type(error) is cls, error
    assert error.bought is bought
    assert error.message
    told = error.as_dict()
    assert (told["code"], told["provider"]) == (cls.code, "wavespeed")
    return error


def order(emulator: WaveSpeedEmulator) -> tuple[str, dict[str, Any]]:
    """Return the model and body of the last order; addresses of uploads become file names."""
    model, body = emulator.orders[-1]
    return model, {name: _named(emulator, value) for name, value in body.items()}


def _named(emulator: WaveSpeedEmulator, value: Any) -> Any:
    if isinstance(value, list):
        return [_named(emulator, each) for each in value]
    prefix = f"{emulator.url}/media/"
    if isinstance(value, str) and value.startswith(prefix):
        return emulator.stored[value.removeprefix(prefix)].name
    return value


def sent(emulator: WaveSpeedEmulator, name: str) -> bytes:
    """Return the bytes of the last upload with that file name."""
    found = [each for each in emulator.stored.values() if each.name == name]
    data = found[-1].data
    assert data is not None
    return data
