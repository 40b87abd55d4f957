"""Every setting of Image Studio, in one place.

Each is read from the environment as ``STUDIO_`` and its name in capitals, or from a file ``.env``
in the folder where a command is run. ``docs/settings.md`` is written from this module.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from studio.rules import URL_PREFIX, WEB_ADDRESS


def _listed(given: Any) -> Any:
    """Read a JSON list here: pydantic-settings would end the program without naming the rule."""
    if not isinstance(given, str):
        return given
    if not given.strip():
        return ()
    try:
        found = json.loads(given)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValueError('must be a JSON list, such as ["..."]')  # noqa: TRY004 - pydantic's way
    return found


_Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
_Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)]
_Days = Annotated[int | None, BeforeValidator(lambda given: None if given == "" else given)]


class Settings(BaseSettings):
    """The settings, validated. Secrets are masked wherever they are printed."""

    model_config = SettingsConfigDict(
        env_prefix="STUDIO_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(
        default=Path("~/.image-studio"),
        description="Folder for all that this machine keeps: database, pictures, Prefect's data.",
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL of the one database; empty means SQLite in the home folder.",
    )
    storage_url: str = Field(
        default="",
        description="fsspec URL under which files are kept, such as `s3://bucket/studio`, or "
        "`block:NAME`; empty means the folder `blobs` in the home folder.",
    )
    storage_options: SecretStr = Field(
        default=SecretStr(""),
        description='What fsspec is told beside that address, as JSON such as `{"key": "…", '
        '"secret": "…"}`; a block has them in itself.',
    )
    weights: Path = Field(
        default=Path("~/.cache/image-studio/weights"),
        description="Folder for the weights of the local networks, filled by `studio setup`.",
    )
    owner: str = Field(
        default="demo",
        min_length=1,
        max_length=80,
        description="Whose wallet and library the command line uses unless it is told otherwise.",
    )
    user: str = Field(
        default="",
        max_length=80,
        description="Who acts where nobody is named: a member of the workspace whose wallet pays. "
        "Empty means the user of the wallet's own name.",
    )
    hold_minutes: int = Field(
        default=120,
        ge=1,
        le=10_080,
        description="Minutes until a hold that nobody ended is given back by the reaper.",
    )
    approval_minutes: int = Field(
        default=60,
        ge=1,
        le=10_080,
        description="Minutes for which a batch waits for approval; never longer than its hold.",
    )
    quote_minutes: int = Field(
        default=30,
        ge=1,
        le=43_200,
        description="Minutes for which a quote stands, whatever the price book says by then.",
    )
    quote_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of at least 32 characters that quotes are signed with; empty means the "
        "file `quote.key` in the home folder. Machines that share quotes need the same one.",
    )
    trash_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Days after which upkeep takes what is in the trash out of the library.",
    )
    storage_quota_mb: int = Field(
        default=0,
        ge=0,
        le=1_000_000_000,
        description="Megabytes that a workspace may keep, its trash with it: no file comes in that "
        "goes beyond it, and nothing is bought for one that has reached it. 0 sets no limit.",
    )
    width: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Calls to one provider under way at once in one process.",
    )
    local_width: int = Field(
        default=2, ge=1, le=32, description="Pictures that the local provider works on at once."
    )
    decode_apart: Literal["risky", "all"] = Field(
        default="risky",
        description="Pictures that are decoded in a process of their own: those of risky kinds, "
        "or all; see docs/safe-pictures.md.",
    )
    rows_as_tasks: int = Field(
        default=200,
        ge=0,
        le=500,
        description="A batch of up to so many rows has a Prefect task for each row; "
        "a larger one has a task for each chunk of rows.",
    )
    chunk_rows: int = Field(
        default=25, ge=1, le=1_000, description="Rows in one chunk of a large batch."
    )
    stability_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key of Stability AI (`sk-…`), or `block:NAME`; empty leaves it out.",
    )
    stability_url: str = Field(
        default="https://api.stability.ai", description="Where Stability AI is reached."
    )
    wavespeed_key: SecretStr = Field(
        default=SecretStr(""), description="Key of WaveSpeed, or `block:NAME`; empty leaves it out."
    )
    wavespeed_url: str = Field(
        default="https://api.wavespeed.ai", description="Where WaveSpeed is reached."
    )
    wavespeed_tier: Literal["bronze", "silver", "gold", "ultra"] = Field(
        default="bronze", description="The account's tier at WaveSpeed, which sets its limits."
    )
    wavespeed_webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret (`whsec_…`) with which WaveSpeed signs its webhooks.",
    )
    huggingface_key: SecretStr = Field(
        default=SecretStr(""),
        description="Token of Hugging Face (`hf_…`) that may call Inference Providers, or "
        "`block:NAME`.",
    )
    huggingface_url: str = Field(
        default="https://router.huggingface.co", description="Where its router is reached."
    )
    huggingface_hub_url: str = Field(
        default="https://huggingface.co", description="Where its hub is reached."
    )
    huggingface_bill_to: str = Field(
        default="", description="Organisation that Hugging Face bills instead of the token's user."
    )
    gemini_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key of the Gemini API, or `block:NAME`; empty leaves it out.",
    )
    gemini_url: str = Field(
        default="https://generativelanguage.googleapis.com",
        description="Where the Gemini API is reached.",
    )
    gemini_requests_per_minute: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="What Google AI Studio shows for the project; 0 keeps to no limit of ours.",
    )
    gemini_images_per_minute: int = Field(
        default=0, ge=0, le=100_000, description="The same, of pictures."
    )
    content_credentials: Literal["off", "on"] = Field(
        default="off",
        description="Whether what is made bears Content Credentials (C2PA), signed, with what it "
        "was made from; needs the extra `c2pa`.",
    )
    credentials_certificate: str = Field(
        default="",
        description="PEM file of the certificate to sign them with, and of those above it; empty "
        "means one of the studio's own, in the folder `credentials` of the home folder.",
    )
    credentials_key: str = Field(
        default="",
        description="PEM file of that certificate's private key, which only its owner may read.",
    )
    notify_urls: _Secrets = Field(
        default=(),
        description="Apprise URLs that are told of everything that happens, as a JSON list; "
        "see docs/notifications.md for channels that are told of some of it. One may be "
        "`block:NAME`.",
    )
    prefect_port: int = Field(
        default=4200, ge=1, le=65_535, description="Port of the Prefect server of `studio up`."
    )
    prefect_url: str = Field(
        default="",
        max_length=500,
        pattern=WEB_ADDRESS,
        description="Address under which browsers reach Prefect's pages, for links to them, such "
        "as `https://prefect.example.org/v2`; empty means `http://127.0.0.1`, the port and `/v2`.",
    )
    prefect_database_url: SecretStr = Field(
        default=SecretStr(""),
        description="Postgres database for Prefect's own server, such as "
        "`postgresql+asyncpg://user:password@host/prefect`; empty means SQLite in the home folder. "
        "Not the studio's own, which is STUDIO_DATABASE_URL.",
    )
    prefect_redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="Redis for Prefect's own server, such as `redis://:password@host:6379/0`: with "
        "it a run's history is complete however large its bursts are; needs the extra `scale`.",
    )
    wallet_block: str = Field(
        default="",
        max_length=100,
        description="Prefect block whose wallet and user stand in runs for those that a form "
        "leaves empty; empty means `STUDIO_OWNER` and `STUDIO_USER`.",
    )
    work_pool: str = Field(
        default="",
        max_length=60,
        description="Prefect work pool whose workers (`studio worker`) run what is asked for; "
        "empty means that `studio up` runs it itself.",
    )
    shards: int = Field(
        default=3,
        ge=0,
        le=32,
        description="Runs of the work pool that help with one large batch, beside its own; 0 lets "
        "one process do all of it. Only where the database is Postgres.",
    )
    shard_rows: int = Field(
        default=250,
        ge=10,
        le=10_000,
        description="Rows that such a run takes at once; a batch of no more is not shared out.",
    )
    files_port: int = Field(
        default=4210, ge=1, le=65_535, description="Port of the pages that serve the pictures."
    )
    public_url: str = Field(
        default="",
        description="Address under which browsers reach those pages; "
        "empty means `http://127.0.0.1` and the port.",
    )
    files_link_days: _Days = Field(
        default=None,
        ge=0,
        le=3_650,
        description="Days for which links to those pages are good, in Prefect's artifacts too: "
        "they are signed then. 0: they are not signed, and whoever has one sees the file for ever. "
        "Empty means 0 where `STUDIO_PUBLIC_URL` is this machine, else 30.",
    )
    prefect_auth: SecretStr = Field(
        default=SecretStr(""),
        description="`user:password` that Prefect's server of `studio up` asks everybody for, "
        "browsers, workers and the studio itself; empty asks for nothing.",
    )
    api_proxies: _Texts = Field(
        default=("127.0.0.1",),
        max_length=50,
        description="Proxies before the HTTP API and the pages, by address or network, whose "
        "`X-Forwarded-For` says who asks, as a JSON list; failed keys and guesses at links are "
        "counted by that.",
    )

    api_port: int = Field(default=4220, ge=1, le=65_535, description="Port of the HTTP API.")
    api_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=253,
        description="Address that the HTTP API listens on; others than this machine reach it only "
        "through a proxy, which does TLS, or if this says `0.0.0.0`.",
    )
    api_url: str = Field(
        default="",
        description="Address under which the HTTP API is reached, without its prefix; "
        "empty means `http://127.0.0.1` and the port.",
    )
    api_prefix: str = Field(
        default="/api/image-studio",
        pattern=URL_PREFIX,
        max_length=100,
        description="What every path of the HTTP API begins with; empty for nothing.",
    )
    api_cors: _Texts = Field(
        default=(),
        max_length=50,
        description="Origins whose pages may call the HTTP API from a browser, as a JSON list such "
        'as `["https://studio.example"]`; none by default.',
    )
    webhook_origins: _Texts = Field(
        default=(),
        max_length=50,
        description="Addresses inside the operator's network that webhooks may be sent to, as a "
        'JSON list such as `["http://10.0.0.7:8080"]`; else only https to public hosts.',
    )
    api_requests_per_minute: int = Field(
        default=300,
        ge=1,
        le=100_000,
        description="Requests that one API key may make in a minute, in each process of the API.",
    )

    @property
    def folder(self) -> Path:
        """The home folder with `~` resolved."""
        return self.home.expanduser().absolute()

    @property
    def weights_folder(self) -> Path:
        """The folder of the weights with `~` resolved."""
        return self.weights.expanduser().absolute()

    @property
    def database(self) -> str:
        """The database's URL with the default filled in."""
        return self.database_url or f"sqlite:///{self.folder / 'studio.db'}"

    @property
    def storage(self) -> str:
        """The storage's URL with the default filled in."""
        return self.storage_url or (self.folder / "blobs").as_uri()

    @property
    def prefect_pages(self) -> str:
        """Address of Prefect's pages, without a slash at its end."""
        return (self.prefect_url or f"http://127.0.0.1:{self.prefect_port}/v2").rstrip("/")

    @property
    def files_url(self) -> str:
        """Address of the pages that serve the pictures, without a slash at its end."""
        return (self.public_url or f"http://127.0.0.1:{self.files_port}").rstrip("/")

    @property
    def api_address(self) -> str:
        """Address of the HTTP API with its prefix, without a slash at its end."""
        return (self.api_url or f"http://127.0.0.1:{self.api_port}").rstrip("/") + self.api_prefix


@cache
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
