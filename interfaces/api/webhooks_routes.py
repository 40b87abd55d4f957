"""Webhooks over the API: channels to which messages go as signed requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from engine.channels import (
    HOOK,
    Channel,
    add_channel,
    channels_of,
    find_channel,
    remove_channel,
)
from engine.deliveries import dead_letters, retry
from engine.digests import Digest
from engine.events import check_events
from engine.sending import NotSent, send_test
from engine.studio import Studio
from engine.webhooks import secret_of
from interfaces.api.answers import Answer
from interfaces.api.identity import Admin, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from studio import clock
from studio.errors import InvalidRequest, NotFound

router = APIRouter(route_class=KeyFirst, tags=["webhooks"], prefix="/webhooks")

_FIELDS = {"address": "url", "event": "events", "channel": "name"}
"""How a request calls what a channel calls otherwise."""

_Name = Annotated[str, Path(max_length=60, examples=["shop"])]


class WebhookRequest(BaseModel):
    """A receiver of messages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"url": "https://shop.example/hooks/studio", "events": ["picture.ready"]}
        },
    )

    url: str = Field(
        min_length=1,
        max_length=2_000,
        description="https to a public host, without user and query: messages are signed.",
    )
    events: list[str] = Field(
        default_factory=list, max_length=50, description="What it is told of; all, if empty."
    )


class Webhook(Answer):
    """A receiver of messages."""

    name: str
    url: str
    events: list[str]

    @classmethod
    def of(cls, channel: Channel) -> Webhook:
        """Return a webhook as an answer."""
        url = channel.address.removeprefix(HOOK)
        return cls(name=channel.name, url=url, events=list(channel.events))


class MadeWebhook(Webhook):
    """A webhook with its secret, which is told this once."""

    secret: str = Field(description="Messages are signed with it. It is kept nowhere.")


class Webhooks(Answer):
    """The workspace's webhooks."""

    webhooks: list[Webhook]


class Undelivered(Answer):
    """A message that was given up after eight attempts."""

    message: str
    event: str
    webhook: str
    attempts: int
    error: str


class UndeliveredList(Answer):
    """The newest of them."""

    undelivered: list[Undelivered]


class Again(Answer):
    """How many deliveries are tried again."""

    again: int


class Sent(Answer):
    """How a test went."""

    sent: bool
    error: str
    at: datetime


@router.get("", operation_id="list_webhooks", summary="List webhooks", responses=refuses())
def list_all(who: Admin, studio: StudioHere) -> Webhooks:
    """List the workspace's webhooks by name."""
    return Webhooks(webhooks=[Webhook.of(each) for each in _hooks(studio, who.owner)])


@router.get(
    "/undelivered",
    operation_id="list_undelivered",
    summary="List what was given up",
    responses=refuses(),
)
def undelivered(who: Admin, studio: StudioHere) -> UndeliveredList:
    """List messages that no attempt of eight brought to a webhook, the newest first."""
    names = {each.id: each.name for each in _hooks(studio, who.owner)}
    with studio.database.read() as connection:
        found = dead_letters(connection, who.owner)
    return UndeliveredList(
        undelivered=[
            Undelivered(
                message=each.waiting.id,
                event=each.waiting.message.event,
                webhook=names[each.channel],
                attempts=each.attempts,
                error=each.error,
            )
            for each in found
            if each.channel in names
        ]
    )


@router.post(
    "/undelivered/retry",
    operation_id="retry_undelivered",
    summary="Try again what was given up",
    responses=refuses(),
)
def try_again(who: Admin, studio: StudioHere) -> Again:
    """Have what was given up tried again, as if it were new."""
    return Again(again=studio.database.write(lambda connection: retry(connection, who.owner)))


@router.post(
    "/{name}",
    operation_id="add_webhook",
    summary="Add a webhook",
    status_code=HTTPStatus.CREATED,
    responses=refuses(409, 501),
)
def add(who: Admin, studio: StudioHere, name: _Name, wanted: WebhookRequest) -> MadeWebhook:
    """Have messages sent to an address, from now on; the answer has the secret, this once."""
    with _as_fields_here():
        events = check_events(wanted.events)
        channel = studio.database.write(
            lambda connection: add_channel(
                connection,
                who.owner,
                name,
                HOOK + wanted.url,
                events=events,
                digest=Digest(),
                origins=studio.settings.webhook_origins,
            )
        )
    secret = secret_of(channel, studio.settings)
    return MadeWebhook(**Webhook.of(channel).model_dump(), secret=secret)


@router.post(
    "/{name}/test",
    operation_id="test_webhook",
    summary="Send a test",
    responses=refuses(404, 501),
)
async def test(who: Admin, studio: StudioHere, name: _Name) -> Sent:
    """Send a message of the type `test` now, and say how that went."""
    error = ""
    await asyncio.to_thread(_hook, studio, who.owner, name)
    try:
        await asyncio.to_thread(send_test, studio.database, studio.settings, who.owner, name)
    except NotSent as failure:
        error = str(failure)
    return Sent(sent=not error, error=error, at=clock.now())


@router.delete(
    "/{name}",
    operation_id="remove_webhook",
    summary="Remove a webhook",
    responses=refuses(404),
)
def remove(who: Admin, studio: StudioHere, name: _Name) -> Webhook:
    """Remove a webhook, with what it was not told yet."""
    channel = _hook(studio, who.owner, name)
    studio.database.write(lambda connection: remove_channel(connection, who.owner, name))
    return Webhook.of(channel)


@contextlib.contextmanager
def _as_fields_here() -> Iterator[None]:
    """Tell what is wrong with a channel by what a request calls it."""
    try:
        yield
    except InvalidRequest as error:
        error.field = _FIELDS.get(error.field or "", error.field)
        raise


def _hooks(studio: Studio, owner: str) -> list[Channel]:
    with studio.database.read() as connection:
        found = channels_of(connection, owner)
    return [each for each in found if each.address.startswith(HOOK)]


def _hook(studio: Studio, owner: str, name: str) -> Channel:
    """Return a webhook.

    Raises:
        NotFound: the owner has none of that name; other channels are no webhooks.
    """
    with studio.database.read() as connection:
        channel = find_channel(connection, owner, name)
    if not channel.address.startswith(HOOK):
        raise NotFound("There is no such webhook.", field="name", given=name)
    return channel
