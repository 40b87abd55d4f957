"""``studio notify``: who is told of what, and what could not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from engine.channels import ADDRESSES, HOOK, Channel, add_channel, channels_of, remove_channel
from engine.deliveries import Dead, dead_letters
from engine.deliveries import retry as try_again
from engine.digests import parse_digest
from engine.events import check_events
from interfaces.cli.exits import Exit
from interfaces.cli.groups import group
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, plain, show_facts, table
from interfaces.cli.session import Here
from studio.errors import InvalidRequest, StudioUnavailable

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

app = group("notify", "See to who is told of what, and to what could not be told.")

_QUIET = Parameter(show_default=False)
_EVENTS = Parameter(show_default=False, consume_multiple=True, negative=())


@app.command
def channels(
    action: Annotated[Literal["list", "add", "remove"], _QUIET] = "list",
    name: Annotated[str, _QUIET] = "",
    address: Annotated[str, _QUIET] = "",
    /,
    *,
    events: Annotated[list[str] | None, _EVENTS] = None,
    digest: str = "immediately",
    only_of: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """List the channels, or add or remove one.

    The Apprise URL of a channel is a secret and is never stored: say where it is kept.

    Args:
        action: list, add or remove.
        name: The channel's name, 1 to 40 of a-z, 0-9, _ and -.
        address: env:STUDIO_CHANNEL_NAME, file:NAME of a file in the folder channels of
            STUDIO_HOME, or hook: and the https address of a receiver of webhooks.
        events: What it is told of; all if not given. docs/notifications.md lists them.
        digest: immediately, hourly, or daily HH:MM with a time zone ("daily 08:00 Europe/Berlin").
        only_of: The member whose channel it is: it is not told what others did.
    """
    wanted, rhythm = check_events(events or []), parse_digest(digest)
    dropped = 0

    def work(connection: Connection) -> list[Channel]:
        nonlocal dropped
        session.require(connection, "look" if action == "list" else "manage")
        if action == "add":
            add_channel(
                connection,
                session.owner,
                name,
                address,
                user=only_of,
                events=wanted,
                digest=rhythm,
                origins=session.config.webhook_origins,
            )
        elif action == "remove":
            dropped = remove_channel(connection, session.owner, name)
        return channels_of(connection, session.owner)

    if action != "add" and address:
        raise InvalidRequest("Only `add` takes an address.", field="address", allowed=ADDRESSES)
    with opened_database(session.config) as database:
        found = database.write(work)
    document: dict[str, Any] = {"owner": session.owner, "channels": [_channel(x) for x in found]}
    if action == "remove":
        document["dropped"] = dropped
    hook = next((x for x in found if x.name == name and x.address.startswith(HOOK)), None)
    if action == "add" and hook is not None:
        from engine.webhooks import secret_of  # noqa: PLC0415 - httpcore is heavy

        document["secret"] = secret_of(hook, session.config)
        session.out.note(f"Signed with {document['secret']}: this is the only time it is shown.")
    session.out.result(document, lambda to: _show_channels(to, found))
    return Exit.DONE


@app.command
def test(name: str, /, *, session: Here) -> int:
    """Send a few words to a channel now.

    Args:
        name: The channel; settings/1 is the first of STUDIO_NOTIFY_URLS.
    """
    from engine.sending import NotSent, send_test  # noqa: PLC0415 - Apprise is heavy

    with opened_database(session.config) as database:
        with database.read() as connection:
            session.require(connection, "manage")
        try:
            send_test(database, session.config, session.owner, name)
        except NotSent as error:
            raise StudioUnavailable(f"The test did not arrive: {error}.", field="channel") from None
    session.out.result({"sent": name}, lambda to: show_facts(to, [("sent", name)]))
    return Exit.DONE


@app.command
def dead(*, session: Here) -> int:
    """List what was given up after eight attempts, the newest 500."""
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = dead_letters(connection, session.owner)
        names = {each.id: each.name for each in channels_of(connection, session.owner)}
    document = {"dead": [_dead(each, names) for each in found]}
    session.out.result(document, lambda to: _show_dead(to, document["dead"]))
    return Exit.DONE


@app.command
def retry(message: Annotated[str, _QUIET] = "", /, *, session: Here) -> int:
    """Have what was given up tried again by the next upkeep.

    Args:
        message: The message's id; all, if not given.
    """

    def work(connection: Connection) -> int:
        session.require(connection, "manage")
        return try_again(connection, session.owner, message)

    with opened_database(session.config) as database:
        count = database.write(work)
    facts: list[Fact] = [("tried again", f"{count} deliveries")]
    session.out.result({"retried": count}, lambda to: show_facts(to, facts))
    return Exit.DONE


def _channel(each: Channel) -> dict[str, Any]:
    return {
        "name": each.name,
        "address": each.address,
        "events": list(each.events) or ["all"],
        "digest": str(each.digest),
        "only_of": each.user,
    }


def _dead(each: Dead, names: dict[str, str]) -> dict[str, Any]:
    message = each.waiting.message
    return {
        "message": each.waiting.id,
        "event": message.event,
        "subject": message.subject,
        "channel": names.get(each.channel, each.channel),
        "attempts": each.attempts,
        "error": each.error,
    }


def _show_channels(to: Console, found: list[Channel]) -> None:
    if not found:
        to.print(Text("None; those of STUDIO_NOTIFY_URLS are told everything.", style="dim"))
        return
    rows = table("channel", "address", "events", "digest", "only of")
    for each in found:
        events = ", ".join(each.events) or "all"
        rows.add_row(each.name, each.address, events, str(each.digest), plain(each.user))
    to.print(rows)


def _show_dead(to: Console, found: list[dict[str, Any]]) -> None:
    if not found:
        to.print(Text("None.", style="dim"))
        return
    rows = table("message", "event", "channel", "attempts", "error", right=("attempts",))
    for each in found:
        rows.add_row(
            each["message"],
            each["event"],
            each["channel"],
            str(each["attempts"]),
            plain(each["error"]),
        )
    to.print(rows)
