"""Links to the file pages: as they are on this machine, signed and for a time anywhere else.

On the loopback who can reach the pages is on the machine, and a link is good for ever: those in
Prefect's artifacts and in manifests stay so. Where others reach them, a link that was passed on, or
that a proxy has in its log, must end: it then bears its last second and a signature. The signature
is made with a key that is derived from the one of quotes, which machines share anyway.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from engine.quoting import quote_key
from studio import clock
from studio.errors import NotAuthenticated
from studio.settings import Settings

What = Literal["assets", "exports"]

DAYS = 30
"""How long links are good where nobody said how long, and others than this machine see them."""

_PURPOSE = b"image-studio: links to the file pages"


def link_days(config: Settings) -> int:
    """Return for how many days links are good; 0 where they are not signed, and good for ever."""
    if config.files_link_days is not None:
        return config.files_link_days
    return 0 if _is_loopback(urlsplit(config.files_url).hostname or "") else DAYS


def file_link(config: Settings, identifier: str, what: What = "assets") -> str:
    """Return the link to an asset's file, or to a run's export.

    Raises:
        SetupIncomplete: the key of quotes cannot be used.
    """
    address = f"{config.files_url}/{what}/{identifier}"
    days = link_days(config)
    if not days:
        return address
    until = int((clock.now() + timedelta(days=days)).timestamp())
    return f"{address}?expires={until}&signature={_sign(config, what, identifier, until)}"


def check_link(config: Settings, what: What, identifier: str, expires: str, signature: str) -> None:
    """Let pass who has a link that is good; everybody, where links are not signed.

    Raises:
        NotAuthenticated: it is not, or not any more.
        SetupIncomplete: the key of quotes cannot be used.
    """
    if not link_days(config):
        return
    until = int(expires) if expires.isdecimal() and expires.isascii() and len(expires) < 12 else 0  # noqa: PLR2004 - digits
    right = _sign(config, what, identifier, until).encode()
    good = hmac.compare_digest(right, signature.encode("utf-8", "replace"))
    if not good or until <= clock.now().timestamp():
        raise NotAuthenticated(
            "This link is not good, or not any more: `studio library show` and the HTTP API "
            "give new ones.",
            field="signature",
            allowed="a link as the studio made it, until it expires",
        )


def _sign(config: Settings, what: What, identifier: str, until: int) -> str:
    key = hmac.digest(quote_key(config), _PURPOSE, hashlib.sha256)
    digest = hmac.digest(key, f"{what}\n{identifier}\n{until}".encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
