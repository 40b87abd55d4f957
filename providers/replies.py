"""What a provider answered over HTTP, read within limits."""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from studio.clock import now
from studio.errors import BadResponse

LARGEST_ANSWER = 96 * 1024 * 1024
"""Bytes: a base64 picture of the largest size that any of them makes, with room."""

ENCODING = "gzip"
"""The only packing that is asked for: base64 in JSON gets a quarter smaller by it."""

_LARGEST_ERROR = 2_000
"""Characters of an error body that are looked at."""
_LONGEST_REST = 86_400.0
"""Seconds; a ``Retry-After`` beyond it counts as this."""
_GZIP = 31
"""zlib's word for gzip with its largest window."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered.

    Attributes:
        status: the HTTP status.
        headers: names in any case.
        body: unpacked, at most ``LARGEST_ANSWER`` bytes.
    """

    provider: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what 2xx means

    @property
    def redirected(self) -> bool:
        """Whether the status is 3xx; nobody follows it, since no API of a provider redirects."""
        return 300 <= self.status < 400  # noqa: PLR2004 - what 3xx means

    @property
    def media_type(self) -> str:
        """What the header calls the body, without parameters; not to be trusted."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str:
        """The provider's name for the request, for its support; empty if it gave none."""
        return str(self.headers.get("x-request-id", ""))[:200]

    @property
    def retry_after(self) -> float | None:
        """The seconds that ``Retry-After`` tells, as a number or a date; 0 to 86,400, or none."""
        told = str(self.headers.get("retry-after", "")).strip()
        try:
            seconds = float(told)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(told) - now()).total_seconds()
            except (ValueError, TypeError):  # no date, or one without a time zone
                return None
        return min(max(seconds, 0.0), _LONGEST_REST) if math.isfinite(seconds) else None

    def json(self) -> Any:
        """Return the body as JSON values.

        Raises:
            BadResponse: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # the chain would hold the body
            raise BadResponse(
                f"{self.provider} answered {self.status} with something that is no JSON.",
                provider=self.provider,
                request_id=self.request_id,
            ) from None

    def text(self) -> str:
        """Return the beginning of the body as text, for messages."""
        return self.body[:_LARGEST_ERROR].decode("utf-8", "replace")


async def read_reply(provider: str, response: httpx.Response, largest: int) -> Reply:
    """Read an answer to its end; packed or not, it takes no more memory than it may.

    Args:
        provider: who answered.
        response: of which nothing was read yet.
        largest: bytes, packed and unpacked.

    Raises:
        BadResponse: it is larger, or packed in a way that was not asked for.
        httpx.HTTPError: it did not come whole.
    """
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        raise _too_large(provider, largest)
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > largest:
            raise _too_large(provider, largest)
    encoding = response.headers.get("content-encoding", "").strip().lower()
    body = bytes(data)
    if body and encoding in {"gzip", "x-gzip"}:
        unpacked = await asyncio.to_thread(_unpack, body, largest)
        if unpacked is None:
            raise _too_large(provider, largest)
        body = unpacked
    elif body and encoding not in {"", "identity"}:
        raise BadResponse(
            f"{provider} packed its answer in a way that was not asked for. "
            "It may have been bought.",
            provider=provider,
            given=encoding,
            allowed=ENCODING,
        )
    return Reply(provider, response.status_code, response.headers, body)


def _unpack(data: bytes, largest: int) -> bytes | None:
    """Return what was packed, or ``None`` if it is too large; no bomb gets to go off."""
    packed = zlib.decompressobj(_GZIP)
    try:
        body = packed.decompress(data, largest + 1)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if len(body) > largest:
        return None
    if not packed.eof or packed.unused_data:
        raise httpx.DecodingError("the packed answer does not end where it should")
    return body


def _too_large(provider: str, largest: int) -> BadResponse:
    return BadResponse(
        f"{provider} answered with too many bytes. It may have been bought.",
        provider=provider,
        allowed=f"at most {largest} bytes",
    )
