"""What ``studio schedule`` does and shows. Prefect is imported once its profile is in place."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from batches import fill_name, given_of
from deployments.server import server_environment
from engine.batch_source import is_remote
from engine.incoming import Folder
from engine.schedule_policy import Policy
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, plain, show_facts, table
from interfaces.cli.prefect_runs import prefect_server
from interfaces.cli.session import Session
from studio import credits as money
from studio.errors import InvalidRequest
from studio.windows import read_window

if TYPE_CHECKING:
    from rich.console import Console

    from billing.accounts.members import Need
    from deployments.schedules import Scheduled

_LONGEST_SETTLE = 86_400
_OF_FILE = ("operation", "defaults", "encoding", "skip_invalid")


def add(
    session: Session,
    name: str,
    rhythm: Mapping[str, str],
    parameters: Mapping[str, Any],
    policy: Mapping[str, Any],
) -> int:
    """Add a schedule, and show it with its next three moments.

    Raises:
        StudioError: something that was given is wrong, or the user may not spend.
    """
    _check(session, "spend")
    _check_batch(parameters)
    file = parameters["csv"]
    if not is_remote(file):
        path = Path(file).absolute()
        if not path.is_file():
            allowed = "a file that is there"
            raise InvalidRequest("No such file.", field="file", given=file, allowed=allowed)
        file = str(path)
    schedules = _schedules(session)
    schedules.check_name(name)
    when = schedules.read_rhythm(**rhythm)
    grace = schedules.read_interval(policy["grace"], "grace")
    kept = Policy(**{**policy, "grace": grace})
    wanted = {**parameters, "csv": file}
    with (
        prefect_server(session.config, session.out),
        opened_database(session.config) as database,
    ):
        found = schedules.add_schedule(database, session.owner, name, when, wanted, policy=kept)
    return _tell(session, found, kept)


def watch(
    session: Session, name: str, rhythm: Mapping[str, str], parameters: Mapping[str, Any]
) -> int:
    """Let a folder be looked at by itself, and show when.

    Raises:
        StudioError: something that was given is wrong, or the user may not spend.
    """
    _check(session, "spend")
    _check_batch(parameters)
    settle = parameters["settle"]
    if not 1 <= settle <= _LONGEST_SETTLE:
        allowed = f"1 to {_LONGEST_SETTLE} seconds"
        raise InvalidRequest("No such rest.", field="settle", given=settle, allowed=allowed)
    folder = parameters["folder"]
    folder = folder if "://" in folder else str(Path(folder).absolute())
    watched = Folder(folder)
    if watched.local is not None and not watched.local.is_dir():
        allowed = "a folder that is there"
        raise InvalidRequest("No such folder.", field="folder", given=folder, allowed=allowed)
    # Looks that overlap take nothing from each other, and one makes up for all that were missed.
    policy = Policy(overlap="skip", missed="once")
    schedules = _schedules(session)
    schedules.check_name(name)
    when = schedules.read_rhythm(**rhythm)
    with (
        opened_database(session.config) as database,
        prefect_server(session.config, session.out),
    ):
        found = schedules.add_schedule(
            database,
            session.owner,
            name,
            when,
            {**parameters, "folder": watched.url},
            policy=policy,
            of=schedules.WATCHING,
        )
    return _tell(session, found, policy)


def _schedules(session: Session) -> ModuleType:
    """Return the module of schedules, loaded under the profile: what is given is checked first.

    A server that has to be started takes many seconds, and one that is busy may refuse.
    """
    os.environ.update(server_environment(session.config))
    return importlib.import_module("deployments.schedules")


def _check_batch(parameters: Mapping[str, Any]) -> None:
    """Refuse what no batch could be run with."""
    given_of(**{key: parameters[key] for key in _OF_FILE})
    if parameters["max_credits"]:
        money.parse(parameters["max_credits"])
    read_window(parameters["window"])
    fill_name(parameters["name"], "2026-01-01", "00:00")


def list_all(session: Session) -> int:
    """List the owner's schedules."""
    _check(session, "look")
    with prefect_server(session.config, session.out):
        found = importlib.import_module("deployments.schedules").schedules_of(session.owner)
    shown = [_document(each) for each in found]
    document = {"owner": session.owner, "schedules": shown}
    session.out.result(document, lambda to: _show_all(to, shown))
    return Exit.DONE


def one(session: Session, action: Literal["show", "pause", "resume", "remove"], name: str) -> int:
    """Show, pause, resume or remove a schedule, and show what it is or was."""
    _check(session, "look" if action == "show" else "spend")
    with (
        opened_database(session.config) as database,
        prefect_server(session.config, session.out),
    ):
        schedules = importlib.import_module("deployments.schedules")
        found = schedules.find_schedule(session.owner, name)
        policy = schedules.policy_of(database, found)
        if action == "remove":
            schedules.remove_schedule(database, session.owner, name)
        elif action != "show":
            found = schedules.set_active(database, session.owner, name, active=action == "resume")
    return _tell(session, found, policy)


def _check(session: Session, need: Need) -> None:
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, need)


def _document(each: Scheduled) -> dict[str, Any]:
    return {
        "name": each.name,
        "when": each.when,
        "zone": each.zone,
        "active": each.active,
        "next": [moment.isoformat() for moment in each.upcoming],
        "parameters": dict(each.parameters),
    }


def _tell(session: Session, found: Scheduled, policy: Policy) -> int:
    told = {
        "overlap": policy.overlap,
        "missed": policy.missed,
        "bound": policy.bound,
        "grace_minutes": int(policy.grace.total_seconds() // 60),
    }
    document = {**_document(found), "policy": told}
    facts: list[Fact] = [
        ("name", plain(found.name)),
        ("when", plain(f"{found.when} ({found.zone})")),
        ("state", _state(document)),
        ("next", ", ".join(document["next"]) or "never"),
        ("file", plain(str(found.parameters.get("csv") or found.parameters.get("folder", "")))),
        ("overlap", policy.overlap),
        ("missed", f"{policy.missed} (at most {policy.bound}, late by {policy.grace} or more)"),
    ]
    session.out.result(document, lambda to: show_facts(to, facts))
    return Exit.DONE


def _state(document: Mapping[str, Any]) -> str:
    return "active" if document["active"] else "paused"


def _show_all(to: Console, found: list[dict[str, Any]]) -> None:
    rows = table("name", "when", "zone", "state", "next")
    for each in found:
        moment = (each["next"] or ["never"])[0]
        rows.add_row(plain(each["name"]), plain(each["when"]), each["zone"], _state(each), moment)
    to.print(rows)
