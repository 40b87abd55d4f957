"""API keys over the API: a key of an admin sees to the workspace's keys."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from billing.accounts.keys import ApiKey, Scope, add_key, keys_of, revoke_key
from interfaces.api.answers import Answer
from interfaces.api.identity import Admin, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from studio.errors import InvalidRequest

router = APIRouter(route_class=KeyFirst, tags=["keys"], prefix="/keys")


class NewKey(Answer):
    """What a key is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "the shop's server", "scopes": ["read", "run"], "days": 90}
        },
    )

    name: str = Field(min_length=1, max_length=60, description="What it is for.")
    scopes: list[Scope] = Field(min_length=1, max_length=10, description="What it may do.")
    user: str = Field(
        default="", max_length=80, description="Who acts with it; you, if it is not said."
    )
    days: int = Field(default=90, ge=1, le=366, description="For how long it counts.")


class Key(Answer):
    """A key, without its secret."""

    id: str
    user: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="When it was last used, to about five minutes.")

    @classmethod
    def of(cls, key: ApiKey) -> Key:
        """Return what may be told of a key."""
        return cls.model_validate(key, from_attributes=True)


class MadeKey(Key):
    """A key with its secret, which is told this once."""

    token: str = Field(description="The key itself. It is not kept, and never told again.")


class Keys(Answer):
    """The workspace's keys."""

    keys: list[Key]


@router.get("", operation_id="list_keys", summary="List the keys", responses=refuses())
def list_keys(who: Admin, studio: StudioHere) -> Keys:
    """List the workspace's keys, the newest first, also those that count no more."""
    with studio.database.read() as connection:
        return Keys(keys=[Key.of(each) for each in keys_of(connection, who.owner)])


@router.post(
    "",
    operation_id="add_key",
    summary="Make a key",
    status_code=HTTPStatus.CREATED,
    responses=refuses(409),
)
def add(who: Admin, studio: StudioHere, wanted: NewKey) -> MadeKey:
    """Make a key, with no scope that the key of this request lacks."""
    beyond = [scope for scope in wanted.scopes if scope not in who.scopes]
    if beyond:
        raise InvalidRequest(
            "A key cannot make one that may do more than itself.",
            field="scopes",
            given=", ".join(beyond),
            allowed=", ".join(who.scopes),
        )
    key, token = studio.database.write(
        lambda connection: add_key(
            connection,
            who.owner,
            wanted.user or who.user,
            wanted.name,
            wanted.scopes,
            days=wanted.days,
            author=who.user,
        )
    )
    return MadeKey(**Key.of(key).model_dump(), token=token)


@router.delete("/{key}", operation_id="revoke_key", summary="Revoke a key", responses=refuses(404))
def revoke(
    who: Admin, studio: StudioHere, key: Annotated[str, Path(max_length=60, examples=["key_01…"])]
) -> Key:
    """Have a key count no more, from the next request on."""
    return Key.of(
        studio.database.write(
            lambda connection: revoke_key(connection, who.owner, key, author=who.user)
        )
    )
