"""Quotes that are kept: signing one, and buying at the prices of one that was signed.

The key is the setting ``STUDIO_QUOTE_SECRET``, or else a file of random digits in the home folder
that only its owner may read. It is never in the database, in a log or in a token.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from billing import signed
from billing.quotes import Quote
from billing.signed import SignedQuote
from engine.jobs import Picture
from studio.clock import now
from studio.errors import SetupIncomplete
from studio.operations import Operation, input_fields
from studio.settings import Settings

_KEY_FILE = "quote.key"
_KEY_BYTES = 32
_SHORTEST_SECRET = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def sign_quote(
    config: Settings, quote: Quote, operation: Operation, pictures: Sequence[Picture], owner: str
) -> tuple[SignedQuote, str]:
    """Return the quote under an id of its own, and the token with which it can be used.

    Raises:
        SetupIncomplete: the key cannot be used.
    """
    return signed.sign(
        quote, owner=owner, request=request_print(operation, pictures), key=quote_key(config)
    )


def read_quote(
    config: Settings, token: str, operation: Operation, pictures: Sequence[Picture], owner: str
) -> SignedQuote:
    """Return the quote in a token, if it stands for this request of this owner.

    Raises:
        InvalidRequest: it does not; the message says why.
        SetupIncomplete: the key cannot be used.
    """
    return signed.read(
        token.strip(),
        owner=owner,
        request=request_print(operation, pictures),
        key=quote_key(config),
        now=now(),
    )


def request_print(operation: Operation, pictures: Sequence[Picture]) -> str:
    """Return a fingerprint of a request: its fields, and its input files by their bytes.

    The same picture is the same input, whether it is named by its path or by its asset's id.
    """
    fields = operation.model_dump(mode="json", exclude=set(input_fields(type(operation))))
    inputs = sorted((picture.field, picture.sha256) for picture in pictures)
    text = json.dumps([fields, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def quote_key(config: Settings) -> bytes:
    """Return the key that quotes are signed with; it is made at the first call.

    Raises:
        SetupIncomplete: the secret or the file is too short, or others may read the file.
    """
    secret = config.quote_secret.get_secret_value()
    if not secret:
        return _kept_key(config.folder / _KEY_FILE)
    if len(secret) < _SHORTEST_SECRET:
        raise SetupIncomplete(
            "The secret that quotes are signed with is too short.",
            field="STUDIO_QUOTE_SECRET",
            given=f"{len(secret)} characters",
            allowed=f"at least {_SHORTEST_SECRET} characters, random ones",
        )
    return secret.encode()


def _kept_key(path: Path) -> bytes:
    if not path.exists():
        _make_key(path)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        raise SetupIncomplete(
            f"Others than its owner may use the key that quotes are signed with: "
            f"`chmod 600 {path}`. If it may have been read, remove it; open quotes then lapse.",
            field="quote.key",
            given=stat.filemode(path.stat().st_mode),
            allowed="-rw-------",
        )
    key = path.read_bytes().strip()
    if len(key) < _SHORTEST_SECRET:
        # An empty key would let anybody sign.
        raise SetupIncomplete(
            f"The key that quotes are signed with was cut off: remove {path}, and another one is "
            "made; open quotes then lapse.",
            field="quote.key",
            given=f"{len(key)} characters",
            allowed=f"at least {_SHORTEST_SECRET} characters",
        )
    return key


def _make_key(path: Path) -> None:
    """Make the file as a whole; of several processes that try, one does, and all use that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
