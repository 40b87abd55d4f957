"""Passwords that people choose, kept as hashes that are slow to guess (scrypt, RFC 7914).

The costs are those of OWASP's Password Storage Cheat Sheet (read 2026-11-29): N = 2**15, r = 8,
p = 3, which take 32 MiB and some tenths of a second for each guess. They stand in the hash, so that
others may be chosen later. At most two are computed at once in a process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import unicodedata
from typing import Final

from studio.errors import InvalidRequest

SHORTEST: Final = 8
LONGEST: Final = 200

_LOG_N, _R, _P = 15, 8, 3
_SALT_BYTES = 16
_HASH_BYTES = 32
_MOST_MEMORY = 64 * 1024 * 1024
_at_once = threading.BoundedSemaphore(2)


def hashed(password: str) -> str:
    """Return the hash of a password, with its salt and costs; the same one never looks the same.

    Args:
        password: 8 to 200 characters; it is compared in Unicode's form NFC.

    Raises:
        InvalidRequest: it is too short or too long. The refusal does not repeat it.
    """
    if not SHORTEST <= len(password) <= LONGEST or not _is_unicode(password):
        raise InvalidRequest(
            "That password cannot be used.",
            field="password",
            given=f"{len(password)} characters",
            allowed=f"{SHORTEST} to {LONGEST} characters",
        )
    salt = secrets.token_bytes(_SALT_BYTES)
    return (
        f"scrypt${_LOG_N}${_R}${_P}${_text(salt)}${_text(_digest(password, salt, _LOG_N, _R, _P))}"
    )


def is_right(password: str, kept: str) -> bool:
    """Whether a password is the one whose hash was kept; takes as long for a wrong one."""
    if len(password) > LONGEST or not _is_unicode(password):
        return False
    _, log_n, r, p, salt, digest = kept.split("$")
    found = _digest(password, base64.b64decode(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _digest(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFC", password).encode()
    with _at_once:
        return hashlib.scrypt(
            text, salt=salt, n=1 << log_n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=_HASH_BYTES
        )


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
