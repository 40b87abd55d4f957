"""Settings that name a block of Prefect's, and are read from it: ``block:NAME``.

A key that lies in a block is set and changed in Prefect's pages, is the same on every machine, and
is in no environment. It is read when a studio is opened, which for a run is when the run begins,
and is kept nowhere else. A block that cannot be read is an error and not an empty key: the work
would go to another provider in silence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr, ValidationError

from studio.errors import SetupIncomplete
from studio.orchestrator import Orchestrator
from studio.settings import Settings
from studio.storage import BlobStore

PREFIX = "block:"
CREDENTIALS = "image-studio-credentials"
CHANNEL = "image-studio-channel"
STORAGE = "image-studio-storage"
WALLET = "image-studio-wallet"

_KEYS: Mapping[str, str] = MappingProxyType(
    {f"{name}_key": name for name in ("stability", "wavespeed", "huggingface", "gemini")}
)


def from_blocks(config: Settings) -> Settings:
    """Return the settings with what blocks hold in the place of their names.

    Raises:
        SetupIncomplete: there is no such block, or it does not hold what the setting needs.
        StudioUnavailable: Prefect's server does not answer.
    """
    reader = _Reader(config)
    found: dict[str, Any] = {}
    for setting, provider in _KEYS.items():
        if name := _named(getattr(config, setting)):
            found[setting] = SecretStr(reader.key(setting, name, provider))
    if name := _named(config.storage_url):
        found |= reader.storage(name)
    if any(_named(each) for each in config.notify_urls):
        found["notify_urls"] = reader.channels(config.notify_urls)
    if config.wallet_block:
        found |= reader.wallet(config.wallet_block)
    if not found:
        return config
    return _checked(config, found)


def _checked(config: Settings, found: Mapping[str, Any]) -> Settings:
    """Return the settings with some replaced; a block's values are held to the same rules."""
    try:
        every = {name: getattr(config, name) for name in type(config).model_fields}
        return Settings(_env_file=None, **{**every, **found})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        raise SetupIncomplete(
            f"A block holds a value that STUDIO_{name.upper()} cannot have: {first['msg']}.",
            field=f"STUDIO_{name.upper()}",
        ) from None


def _named(value: str | SecretStr) -> str:
    """Return the name of the block that a setting's value names; empty if it names none."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) else ""


class _Reader:
    def __init__(self, config: Settings) -> None:
        self._server = Orchestrator(config)

    def key(self, setting: str, name: str, provider: str) -> str:
        found = self._block(setting, CREDENTIALS, name)
        if found.get("provider") != provider:
            raise SetupIncomplete(
                "The block holds a key of another provider.",
                field=f"STUDIO_{setting.upper()}",
                given=f"{PREFIX}{name}, for {found.get('provider')}",
                allowed=f"a block for {provider}",
            )
        return str(found["key"])

    def storage(self, name: str) -> dict[str, Any]:
        found = self._block("storage_url", STORAGE, name)
        return {
            "storage_url": str(found["url"]),
            "storage_options": SecretStr(str(found.get("options") or "")),
        }

    def channels(self, urls: Sequence[SecretStr]) -> tuple[SecretStr, ...]:
        return tuple(
            SecretStr(str(self._block("notify_urls", CHANNEL, name)["url"]))
            if (name := _named(each))
            else each
            for each in urls
        )

    def wallet(self, name: str) -> dict[str, Any]:
        found = self._block("wallet_block", WALLET, name)
        return {"owner": str(found["owner"]), "user": str(found.get("user") or "")}

    def _block(self, setting: str, kind: str, name: str) -> Mapping[str, Any]:
        found = self._server.block(kind, name)
        if found is None:
            raise SetupIncomplete(
                "Prefect has no such block.",
                field=f"STUDIO_{setting.upper()}",
                given=f"{PREFIX}{name}",
                allowed=f"the name of a block of type {kind}, made in Prefect's pages",
            )
        return found


def storage_options(config: Settings) -> dict[str, Any]:
    """Return what fsspec is told beside the address.

    Raises:
        SetupIncomplete: it is no JSON object.
    """
    return options_of(config.storage_options)


def options_of(secret: SecretStr) -> dict[str, Any]:
    """Return fsspec's options in a JSON text.

    Raises:
        SetupIncomplete: it is no JSON object.
    """
    text = secret.get_secret_value()
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SetupIncomplete(
            "The storage's options are no JSON object.",
            field="STUDIO_STORAGE_OPTIONS",
            allowed='JSON such as {"key": "…", "secret": "…"}',
        )
    return found


def store_of(config: Settings) -> BlobStore:
    """Return the storage, wherever a setting or a block says that it is.

    Raises:
        SetupIncomplete: as ``from_blocks``.
        StudioUnavailable: as ``from_blocks``.
    """
    read = from_blocks(config)
    return BlobStore(read.storage, storage_options(read))
