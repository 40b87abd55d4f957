"""Tokens: a document that goes out to its owner, and comes back as it was or not at all.

A token is its form, the document and an HMAC-SHA256 of both (RFC 2104), in base64url. Nothing is
kept of it here. It is no secret: what it says may be read by whoever has it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from studio.errors import InvalidRequest

LONGEST_TOKEN = 4_000
"""Characters; a quote of ten variations has some 1,500."""

FORMS = {"sq1": "a single operation", "bq1": "a batch"}
"""The forms of tokens, and what each is a quote of. Whoever changes one gives it another name: old
tokens are then refused, not misread."""

AGAIN = "a token as `studio quote` or `studio batch quote` gave it"


def write_token(form: str, document: bytes, key: bytes) -> str:
    """Return a document with its signature."""
    body = f"{form}.{encoded(document)}"
    return f"{body}.{encoded(mac(body, key))}"


def read_token(token: str, form: str, key: bytes) -> bytes:
    """Return the document in a token, after its signature has been checked.

    Raises:
        InvalidRequest: it is no token of ours, was changed, or is of another form.
    """
    given, _, rest = token.partition(".")
    text, _, signature = rest.partition(".")
    if given not in FORMS or not signature or len(token) > LONGEST_TOKEN or not token.isascii():
        raise refused("This is no quote of the studio.", token, AGAIN)
    body = f"{given}.{text}"
    if not hmac.compare_digest(encoded(mac(body, key)), signature):
        raise refused("The quote was changed, or was signed by another studio.", token[-8:], AGAIN)
    if given != form:
        raise refused(
            f"This is a quote of {FORMS[given]}, not of {FORMS[form]}.",
            token[-8:],
            f"a quote of {FORMS[form]}",
        )
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise unreadable(token) from error


def check_standing(
    identifier: str, made_for: str, until: datetime, *, owner: str, now: datetime
) -> None:
    """Let pass a quote that its owner shows before it expires.

    Args:
        identifier: of the quote.
        made_for: its owner.
        until: when it expires.
        owner: who shows it.
        now: the present moment.

    Raises:
        InvalidRequest: it is somebody else's, or has expired.
    """
    if made_for != owner:
        raise refused("The quote was made for another wallet.", owner, "the wallet it was made for")
    if now >= until:
        raise refused(
            "The quote has expired; ask for a new one.",
            f"{identifier}, which stood until {until.isoformat(timespec='seconds')}",
            "a quote that still stands",
        )


def unreadable(token: str) -> InvalidRequest:
    """Return the refusal of what was signed by us and yet cannot be read: by another version."""
    return refused("This quote cannot be read any more.", token[-8:], AGAIN)


def refused(message: str, given: str, allowed: str) -> InvalidRequest:
    """Return the refusal of a quote."""
    return InvalidRequest(message, field="quote", given=given, allowed=allowed)


def mac(body: str, key: bytes) -> bytes:
    """Return the code that only who has the key can make."""
    return hmac.new(key, body.encode(), hashlib.sha256).digest()


def encoded(data: bytes) -> str:
    """Return bytes as base64url, without its padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
