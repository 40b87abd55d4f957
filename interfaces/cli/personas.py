"""``studio personas``: how a brand speaks and looks, kept for its owner."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import group
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from library import StoredPersona, find_persona, list_personas, remove_persona, save_persona
from studio.errors import InvalidRequest, NotFound
from studio.operations import Persona, read_persona

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

app = group("personas", "Keep how a brand speaks and looks.")

_LARGEST_FILE = 100_000
_FILE = "the path of a TOML or JSON file of at most 100,000 bytes"
_TEXT = Parameter(show_default=False)
_WORDS = Parameter(show_default=False, consume_multiple=True, negative=())


@app.command(name="list")
def list_(*, session: Here) -> int:
    """List the personas."""
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = list_personas(connection, session.owner)
    session.out.result(
        {"personas": [_document(each) for each in found]}, lambda to: _show_list(to, found)
    )
    return Exit.DONE


@app.command
def show(name: str, /, *, session: Here) -> int:
    """Show a persona.

    Args:
        name: Its name.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_persona(connection, session.owner, name)
    return _tell(session, found)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    file: Annotated[str, _TEXT] = "",
    tone: Annotated[str | None, _TEXT] = None,
    palette: Annotated[str | None, _TEXT] = None,
    vocabulary: Annotated[list[str] | None, _WORDS] = None,
    avoid: Annotated[list[str] | None, _WORDS] = None,
    style: Annotated[str | None, _TEXT] = None,
    session: Here,
) -> int:
    """Store a persona, or change one: what is not given stays as it is.

    Args:
        name: Its name, 1 to 40 of a-z, 0-9, _ and -.
        file: A TOML or JSON file with any of the following; what stands on the line wins.
        tone: How it sounds, in a few words, up to 200 characters.
        palette: Up to six colours as #rrggbb with blanks between, the most important first.
        vocabulary: Up to 20 words that join every prompt; one empty word clears them.
        avoid: Up to 20 words that no prompt may have; one empty word clears them.
        style: The style where a request names none, for example line-art.
    """
    given = {
        "tone": tone,
        "palette": palette,
        "vocabulary": _words(vocabulary),
        "avoid": _words(avoid),
        "style": style,
    }
    values = _read(file) | {key: value for key, value in given.items() if value is not None}

    def save(connection: Connection) -> StoredPersona:
        session.require(connection, "spend")
        persona = read_persona(_stored(connection, session.owner, name) | values | {"name": name})
        save_persona(connection, session.owner, persona)
        return find_persona(connection, session.owner, persona.name)

    with opened_database(session.config) as database:
        stored = database.write(save)
    return _tell(session, stored)


@app.command
def remove(name: str, /, *, session: Here) -> int:
    """Forget a persona. Pictures that were made with it keep its words.

    Args:
        name: Its name.
    """

    def forget(connection: Connection) -> None:
        session.require(connection, "spend")
        remove_persona(connection, session.owner, name)

    with opened_database(session.config) as database:
        database.write(forget)
    session.out.result({"removed": name}, lambda to: show_facts(to, [("removed", name)]))
    return Exit.DONE


def _words(given: list[str] | None) -> list[str] | None:
    return None if given is None else [word for word in given if word]


def _stored(connection: Connection, owner: str, name: str) -> dict[str, Any]:
    try:
        return find_persona(connection, owner, name).persona.model_dump()
    except NotFound:
        return {}


def _read(name: str) -> dict[str, Any]:
    """Return what a file says; nothing without one.

    Raises:
        InvalidRequest: it cannot be read, or is neither TOML nor JSON with a table in it.
    """
    if not name:
        return {}
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise _unreadable(path, f"it cannot be read ({error.strerror})") from None
    if len(data) > _LARGEST_FILE:
        raise _unreadable(path, "it is too large")
    try:
        text = data.decode()
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from None
    if not isinstance(found, dict):
        raise _unreadable(path, "there are no fields in it")
    return found


def _unreadable(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"This is no file of a persona: {why}.", field="file", given=path, allowed=_FILE
    )


def _tell(session: Here, found: StoredPersona) -> int:
    session.out.result(_document(found), lambda to: _show(to, found.persona))
    return Exit.DONE


def _document(found: StoredPersona) -> dict[str, Any]:
    return {**found.persona.model_dump(mode="json"), "updated_at": found.updated_at.isoformat()}


def _show(to: Console, persona: Persona) -> None:
    texts = {
        "tone": persona.tone,
        "palette": persona.palette,
        "vocabulary": ", ".join(persona.vocabulary),
        "avoid": ", ".join(persona.avoid),
        "style": persona.style,
    }
    show_facts(to, [("persona", Text(persona.name, style="bold"))])
    show_facts(to, [(name, plain(text)) for name, text in texts.items() if text])
    to.print(Text(f"Use it: studio run generate --persona {persona.name} ...", style="dim"))


def _show_list(to: Console, found: list[StoredPersona]) -> None:
    if not found:
        to.print(Text("None yet; `studio personas set NAME --tone ...` makes one.", style="dim"))
        return
    rows = table("persona", "style", "colours", "tone")
    for each in found:
        own = each.persona
        rows.add_row(own.name, own.style, own.palette, plain(own.tone))
    rows.columns[0].no_wrap = True
    to.print(rows)
