"""Who asks: found out by the API key of each request, and by nothing else in it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from billing.accounts.keys import ApiKey, Scope, authenticate, is_worth_noting, note_use
from billing.accounts.members import Need, require_member
from engine.studio import Studio
from interfaces.api.guessing import Guessing
from interfaces.api.throttle import Throttle
from studio.errors import NotAuthenticated, ScopeMissing, StudioUnavailable

NEEDS: Mapping[Scope, Need] = MappingProxyType(
    {"read": "look", "run": "spend", "batch": "spend", "account": "look", "admin": "manage"}
)
"""What the key's user must be allowed to do in the workspace, beside the key's own scope."""

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="api_key",
    description="An API key (isk_…), as `studio account key add` makes it.",
)
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        owner: whose wallet and library it is about.
        user: who acts there.
        key: the key's id.
        scopes: what the key was made for.
    """

    owner: str
    user: str
    key: str
    scopes: tuple[Scope, ...]


def studio_of(request: Request) -> Studio:
    """Return the studio behind the door."""
    studio: Studio = request.app.state.studio
    return studio


StudioHere = Annotated[Studio, Depends(studio_of)]
"""A parameter that is the studio behind the door."""


def key_of(request: Request) -> ApiKey:
    """Return the key of a request; it is looked up once, however often it is asked for.

    Raises:
        NotAuthenticated: there is no key that counts.
        TooManyRequests: its address guessed too often, or it asks too often.
    """
    found: ApiKey | None = getattr(request.state, "api_key", None)
    if found is None:
        found = request.state.api_key = _look_up(request)
    return found


def _look_up(request: Request) -> ApiKey:
    studio = studio_of(request)
    scheme, sent = get_authorization_scheme_param(request.headers.get("Authorization"))
    if scheme.lower() != "bearer" or not sent:
        raise NotAuthenticated(
            "An API key is needed. `studio account key add` makes one.",
            field="Authorization",
            allowed="Bearer and a key (isk_…)",
        )
    guessing: Guessing = request.app.state.guessing
    address = request.client.host if request.client else ""
    guessing.check(address, sent)
    try:
        with studio.database.read() as connection:
            key = authenticate(connection, sent)
    except NotAuthenticated:
        guessing.failed(address, sent)
        raise
    guessing.good(sent)
    throttle: Throttle = request.app.state.throttle
    told: dict[str, str] = request.scope["headers_told"]
    told |= {"RateLimit-Limit": str(throttle.per_minute), "RateLimit-Remaining": "0"}
    told["RateLimit-Remaining"] = str(throttle.take(key.id))
    if is_worth_noting(key):
        # That a key was used is good to know, and where it cannot be noted no reason to refuse.
        with contextlib.suppress(StudioUnavailable):
            studio.database.write(lambda connection: note_use(connection, key))
    return key


def api_key(request: Request, _: _Bearer) -> ApiKey:
    """Return the key of a request; the parameter has the description of the API tell of it.

    Raises:
        NotAuthenticated: there is no key that counts.
        TooManyRequests: its address guessed too often, or it asks too often.
    """
    return key_of(request)


def asks(scope: Scope) -> Any:
    """Return the dependency that lets pass who may do this, and says who it is.

    Raises, when it is asked:
        NotAuthenticated: there is no key that counts.
        TooManyRequests: it asks too often.
        ScopeMissing: it was not made for this.
        AccountRefused: its user is no member of the workspace who may.
    """

    def identify(studio: StudioHere, key: Annotated[ApiKey, Depends(api_key)]) -> Identity:
        if scope not in key.scopes:
            raise ScopeMissing(
                "This key was not made for that.",
                field="scopes",
                given=", ".join(key.scopes),
                allowed=f"a key with the scope {scope}",
            )
        with studio.database.read() as connection:
            require_member(connection, key.user, key.owner, NEEDS[scope])
        return Identity(key.owner, key.user, key.id, key.scopes)

    identify.scope = scope  # type: ignore[attr-defined]
    return Depends(identify)


Reader = Annotated[Identity, asks("read")]
Runner = Annotated[Identity, asks("run")]
Batcher = Annotated[Identity, asks("batch")]
Accountant = Annotated[Identity, asks("account")]
Admin = Annotated[Identity, asks("admin")]
