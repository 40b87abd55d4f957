"""The studio's blocks in Prefect's catalogue: keys, channels, storage and wallets.

Prefect finds them by the entry point ``prefect.collections``, in its server as well, so that its
automations can send by a channel. The studio reads them by their slugs (``engine.references``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import apprise
from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator

from engine.references import CHANNEL, CREDENTIALS, STORAGE, WALLET, options_of
from studio.errors import SetupIncomplete

Provider = Literal["stability", "wavespeed", "huggingface", "gemini"]


class StudioCredentials(Block):
    """The key of a provider of pictures, read anew by each run.

    `STUDIO_STABILITY_KEY=block:NAME` uses it, and so on for the other providers.
    """

    _block_type_name: ClassVar[str] = "Image Studio credentials"
    _block_type_slug: ClassVar[str] = CREDENTIALS

    provider: Provider = Field(title="Provider", description="Whose key it is.")
    key: SecretStr = Field(
        title="Key", description="As the provider's pages show it; it is never shown here again."
    )


class StudioChannel(NotificationBlock):
    """Somewhere to send messages: any address that Apprise knows, such as `slack://...`.

    `STUDIO_NOTIFY_URLS=["block:NAME"]` tells it of everything; Prefect's automations can send by it
    as well.
    """

    _block_type_name: ClassVar[str] = "Image Studio channel"
    _block_type_slug: ClassVar[str] = CHANNEL

    url: SecretStr = Field(
        title="Address",
        description="Apprise's URL of the channel, with what it needs to log in.",
    )

    async def notify(self, body: str, subject: str | None = None) -> None:
        """Send a message.

        Raises:
            NotificationError: it did not go out; the address is not named, since it holds secrets.
        """
        sent = await asyncio.to_thread(self._send, body, subject or "Image Studio")
        if not sent:
            raise NotificationError("The channel did not take the message.")

    def _send(self, body: str, subject: str) -> bool:
        channel = apprise.Apprise()
        if not channel.add(self.url.get_secret_value()):
            raise NotificationError("The channel's address is none that Apprise understands.")
        return bool(channel.notify(body=body, title=subject))


class StudioStorage(Block):
    """Where pictures are kept. `STUDIO_STORAGE_URL=block:NAME` uses it."""

    _block_type_name: ClassVar[str] = "Image Studio storage"
    _block_type_slug: ClassVar[str] = STORAGE

    url: str = Field(
        title="Address",
        description="As fsspec knows it, such as s3://bucket/studio.",
        min_length=1,
        max_length=500,
    )
    options: SecretStr = Field(
        default=SecretStr(""),
        title="Options",
        description='What fsspec needs beside it, as JSON: {"key": "...", "secret": "..."}.',
    )

    @field_validator("options")
    @classmethod
    def _are_json(cls, value: SecretStr) -> SecretStr:
        try:
            options_of(value)
        except SetupIncomplete:
            raise ValueError("the options are no JSON object") from None
        return value


class StudioWallet(Block):
    """Who pays and who asks where a form leaves it empty. `STUDIO_WALLET_BLOCK=NAME` uses it."""

    _block_type_name: ClassVar[str] = "Image Studio wallet"
    _block_type_slug: ClassVar[str] = WALLET

    owner: str = Field(title="Wallet", description="Which one pays.", min_length=1, max_length=80)
    user: str = Field(
        default="",
        title="User",
        description="Who asks; empty stands for the user of the wallet's own name.",
        max_length=80,
    )


BLOCKS: Mapping[str, type[Block]] = {
    CREDENTIALS: StudioCredentials,
    CHANNEL: StudioChannel,
    STORAGE: StudioStorage,
    WALLET: StudioWallet,
}
"""Every block, by the slug of its type."""


async def register_blocks() -> None:
    """Show the blocks in the catalogue of a server whose machine may not have the studio."""
    for each in BLOCKS.values():
        registered: Any = each.aregister_type_and_schema()
        await registered
