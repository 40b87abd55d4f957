"""Webhooks: messages as signed requests, by the rules of Standard Webhooks.

A webhook is a channel whose address is ``hook:`` and a URL. The secret that its messages are
signed with is made from the key of quotes and the channel's id each time: it is told once and kept
nowhere.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine
from typing import Any

from engine.channels import HOOK, Channel
from engine.outbox import Waiting
from engine.quoting import quote_key
from providers.links import Refused
from providers.postings import post
from studio.clock import now
from studio.settings import Settings

Post = Callable[..., Coroutine[Any, Any, int]]

_PURPOSE = b"image-studio: webhook "
_BYTES = 32
_OK = range(200, 300)


class NotTaken(Exception):
    """The receiver did not take a message. Its address is not named."""


def secret_of(channel: Channel, config: Settings) -> str:
    """Return a webhook's secret (``whsec_…``), which its receiver checks signatures with.

    Raises:
        SetupIncomplete: the key of quotes cannot be used.
    """
    return f"whsec_{base64.b64encode(_key(channel, config)).decode()}"


def deliver_hook(channel: Channel, waiting: Waiting, config: Settings, send: Post = post) -> None:
    """Send a message to a webhook's receiver.

    Raises:
        NotTaken: it was not reached, or did not answer with 2xx.
    """
    body = body_of(waiting)
    headers = {"Content-Type": "application/json", **signed(channel, waiting, body, config)}
    url = channel.address.removeprefix(HOOK)
    try:
        status = asyncio.run(send(url, body, headers, config.webhook_origins))
    except Refused as refused:
        raise NotTaken(f"the address is not one that is posted to: {refused.reason}") from None
    except OSError as error:
        raise NotTaken(str(error)) from None
    if status not in _OK:
        raise NotTaken(f"it answered {status}")


def body_of(waiting: Waiting) -> bytes:
    """Return a message as the body of a request: the same bytes at each attempt."""
    message = waiting.message
    document = {
        "type": message.event,
        "id": waiting.id,
        "workspace": message.owner,
        "subject": message.subject,
        "data": dict(message.payload),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def signed(channel: Channel, waiting: Waiting, body: bytes, config: Settings) -> dict[str, str]:
    """Return the headers by which a receiver knows that a message is ours, and fresh."""
    stamp = str(int(now().timestamp()))
    text = f"{waiting.id}.{stamp}.".encode() + body
    digest = hmac.digest(_key(channel, config), text, hashlib.sha256)
    return {
        "webhook-id": waiting.id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(channel: Channel, config: Settings) -> bytes:
    return hmac.digest(quote_key(config), _PURPOSE + channel.id.encode(), hashlib.sha256)[:_BYTES]
