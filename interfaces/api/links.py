"""Signed links to files: who has one may fetch the file until it expires, and nothing else.

A link names the asset, what of it, and its last second, and is signed with a key that is derived
from the one of quotes. It says nothing of owner or key, and opens no other address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engine.quoting import quote_key
from library import Asset
from studio import clock
from studio.errors import NotAuthenticated
from studio.settings import Settings

Part = Literal["file", "thumbnail"]

LASTS = timedelta(hours=1)
"""How long a link is good."""

_PURPOSE = b"image-studio: links to files"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links.

    Attributes:
        address: what they begin with.
        key: what they are signed with.
        until: when those that are made now expire, to the second.
    """

    address: str
    key: bytes
    until: datetime

    @classmethod
    def of(cls, config: Settings) -> Links:
        """Return the links of now.

        Raises:
            SetupIncomplete: the key of quotes cannot be used.
        """
        key = hmac.digest(quote_key(config), _PURPOSE, hashlib.sha256)
        until = (clock.now() + LASTS).replace(microsecond=0)
        return cls(config.api_address, key, until)

    def to(self, asset: Asset, part: Part) -> str:
        """Return a link to an asset's file or thumbnail."""
        until = int(self.until.timestamp())
        signature = self._sign(asset.id, part, until)
        return f"{self.address}/media/{asset.id}/{part}?expires={until}&signature={signature}"

    def check(self, asset: str, part: str, expires: int, signature: str) -> None:
        """Let pass who has a link that is good.

        Raises:
            NotAuthenticated: it is not, or not any more.
        """
        good = hmac.compare_digest(
            self._sign(asset, part, expires).encode(), signature.encode("utf-8", "replace")
        )
        if not good or expires <= clock.now().timestamp():
            raise NotAuthenticated(
                "This link is not good, or not any more; the asset has a new one.",
                field="signature",
                allowed="a link as GET /assets/{asset} gives it",
            )

    def _sign(self, asset: str, part: str, until: int) -> str:
        text = f"{asset}\n{part}\n{until}".encode("utf-8", "replace")
        digest = hmac.digest(self.key, text, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()
