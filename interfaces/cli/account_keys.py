"""``studio account key``: what makes a user real at the HTTP door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from billing.accounts.keys import ApiKey, add_key, keys_of, revoke_key
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from studio import clock
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

_QUIET = Parameter(show_default=False)


def key(
    action: Annotated[Literal["list", "add", "revoke"], _QUIET] = "list",
    which: Annotated[str, _QUIET] = "",
    /,
    *,
    scopes: str = "read,run,batch",
    days: int = 90,
    session: Here,
) -> int:
    """List the keys of the HTTP API, make one for the user that acts, or revoke one.

    A key is told once, when it is made. It may do what its scopes and its user's role allow.

    Args:
        action: list, add or revoke.
        which: What a new key is for, in words; or the id (key_...) of the one to revoke.
        scopes: With commas between: read, run, batch, account, admin.
        days: For how many days it counts, 1 to 366.
    """
    if action == "add":
        return _add(session, which, scopes, days)

    def work(connection: Connection) -> list[ApiKey]:
        session.require(connection, "look")
        if action == "revoke":
            return [revoke_key(connection, session.owner, which, author=session.user)]
        return keys_of(connection, session.owner)

    with opened_database(session.config) as database:
        found = database.write(work)
    document = {"owner": session.owner, "keys": [_document(each) for each in found]}
    session.out.result(document, lambda to: _show(to, found))
    return Exit.DONE


def _add(session: Here, name: str, scopes: str, days: int) -> int:
    if not name:
        raise InvalidRequest(
            "Say what the key is for.",
            field="which",
            given="",
            allowed='words such as "the shop\'s server"',
        )
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    with opened_database(session.config) as database:
        made, token = database.write(
            lambda connection: add_key(
                connection,
                session.owner,
                session.user,
                name,
                wanted,
                days=days,
                author=session.user,
            )
        )
    session.out.result(
        {**_document(made), "token": token},
        lambda to: show_facts(
            to,
            [
                ("key", Text(token, style="bold")),
                ("id", made.id),
                ("for", plain(f"{made.user} in {made.owner}: {made.name}")),
                ("scopes", ", ".join(made.scopes)),
                ("until", f"{made.expires_at:%Y-%m-%d %H:%M} UTC"),
            ],
        ),
    )
    session.out.note("This is the only time that it is shown.")
    return Exit.DONE


def _document(made: ApiKey) -> dict[str, Any]:
    moments = ("created_at", "expires_at", "revoked_at", "used_at")
    return {
        "id": made.id,
        "owner": made.owner,
        "user": made.user,
        "name": made.name,
        "scopes": list(made.scopes),
        **{each: value.isoformat() if (value := getattr(made, each)) else None for each in moments},
    }


def _show(to: Console, found: list[ApiKey]) -> None:
    rows = table("id", "user", "for", "scopes", "counts until", "last used")
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d}" if each.counts(clock.now()) else "no more"
        used = f"{each.used_at:%Y-%m-%d %H:%M}" if each.used_at else "never"
        rows.add_row(
            each.id, plain(each.user), plain(each.name), ", ".join(each.scopes), until, used
        )
    to.print(rows if found else Text("None.", style="dim"))
