"""Schedules of batches: Prefect's own, on the deployment of batches, each with its own parameters.

Its pages show the same schedules, and may change them. What Prefect has no place for (policies) is
kept by ``engine.schedules``, with a copy of the parameters, which its pages lose. Each has a slug,
as Prefect's update of a deployment throws away all schedules as soon as one has none.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.exceptions import ObjectNotFound

from engine.schedule_policy import Policy
from engine.schedules import Kept, forget_schedule, keep_schedule, kept_schedule, look_away
from studio.clock import now
from studio.database import Database
from studio.errors import Conflict, InvalidRequest, NotFound, SetupIncomplete
from tasks.named import BATCH, SCHEDULED, WATCH
from tasks.occurrences import owner_of, schedule_key
from tasks.rhythms import Rhythm, next_times

OWN = "studio"
"""Slug of the schedule that a deployment of the studio is registered with."""
DEFAULT_POLICY = Policy()
MOST = 200
"""Schedules of all owners: the server looks through every one of them each minute."""

WATCHING = WATCH.path
"""The deployment that looks at folders."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_NAMES = "1 to 40 of a-z, 0-9, _ and -"
_INTERVAL = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A batch that runs by itself.

    Attributes:
        id: Prefect's.
        deployment: which it is of.
        key: under which its policy is kept.
        name: the owner's name for it; the id, where somebody added it on Prefect's pages without.
        rhythm: when it fires.
        active: whether it fires at all; a paused one does not.
        parameters: of the flow ``batch``.
        upcoming: the next three moments after now, in UTC; none of a paused one.
    """

    id: UUID
    deployment: UUID
    key: str
    name: str
    rhythm: Rhythm
    active: bool
    parameters: Mapping[str, Any]
    upcoming: tuple[datetime, ...]

    @property
    def zone(self) -> str:
        """Its time zone."""
        return self.rhythm.timezone or "UTC"

    @property
    def when(self) -> str:
        """Its rhythm as it was given."""
        if isinstance(self.rhythm, CronSchedule):
            return f"cron {self.rhythm.cron}"
        if isinstance(self.rhythm, RRuleSchedule):
            return f"rrule {self.rhythm.rrule}"
        return f"every {self.rhythm.interval}"


def read_rhythm(cron: str, every: str, rrule: str, zone: str) -> Rhythm:
    """Return what exactly one of three ways says of when to fire.

    Args:
        cron: five fields, such as ``0 2 * * *``.
        every: a number and m, h or d: 1 minute to 366 days.
        rrule: a rule of RFC 5545, such as ``FREQ=WEEKLY;BYDAY=MO``.
        zone: an IANA time zone, in which cron and rrule are read.

    Raises:
        InvalidRequest: one of them is wrong, none or several are given, or it never fires.
    """
    given = {name: x for name, x in (("cron", cron), ("every", every), ("rrule", rrule)) if x}
    if len(given) != 1:
        raise InvalidRequest(
            "A schedule has one rhythm.",
            field="cron, every, rrule",
            given=", ".join(given) or "none of them",
            allowed="one of them",
        )
    if zone not in available_timezones():
        allowed = "an IANA time zone, such as Europe/Berlin or UTC"
        raise InvalidRequest("No such time zone.", field="zone", given=zone, allowed=allowed)
    if every:
        return IntervalSchedule(interval=read_interval(every), timezone=zone)
    field, value = next(iter(given.items()))
    rules = {
        "cron": 'five fields: minute, hour, day, month, weekday, such as "0 2 * * 1-5"',
        "rrule": "a rule of RFC 5545 that has a moment to come, such as FREQ=WEEKLY;BYDAY=MO",
    }
    try:
        rhythm: Rhythm
        if cron:
            rhythm = CronSchedule(cron=cron, timezone=zone)
        else:
            rhythm = RRuleSchedule(rrule=rrule, timezone=zone)
        fires = bool(next_times(rhythm)) and (not cron or len(cron.split()) == 5)  # noqa: PLR2004 - fields of cron
    # Croniter and dateutil raise many kinds for what they cannot read, KeyError among them.
    except Exception:  # noqa: BLE001
        fires = False
    if not fires:
        raise InvalidRequest(
            "This rhythm is wrong, or never fires.", field=field, given=value, allowed=rules[field]
        )
    return rhythm


def read_interval(every: str, field: str = "every") -> timedelta:
    """Return a number and m, h or d as a length of time.

    Raises:
        InvalidRequest: it is none, or not from 1 minute to 366 days.
    """
    found = _INTERVAL.fullmatch(every)
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not _SHORTEST <= length <= _LONGEST:
        allowed = "a number and m, h or d, from 1m to 366d"
        raise InvalidRequest("No such interval.", field=field, given=every, allowed=allowed)
    return length


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a schedule.

    Raises:
        InvalidRequest: the name cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest("No such name.", field="name", given=name, allowed=_NAMES)


def add_schedule(
    database: Database,
    owner: str,
    name: str,
    rhythm: Rhythm,
    parameters: Mapping[str, Any],
    *,
    policy: Policy = DEFAULT_POLICY,
    of: str = BATCH.path,
) -> Scheduled:
    """Let a batch run, or a folder be looked at, by itself.

    Args:
        database: the studio's.
        parameters: of the flow ``batch``; its ``owner`` is set to ``owner``.
        policy: what is done about its runs that overlap, or are missed.
        of: the deployment, of ``tasks.named.SCHEDULED``.

    Raises:
        InvalidRequest: the name cannot be one.
        Conflict: the owner has a schedule of that name, or there are 200 already.
        SetupIncomplete: the deployment of batches was never registered.
    """
    check_name(name)
    with get_client(sync_client=True) as client:
        deployment = _deployment(client, of)
        there = _all(client)
        if any(each.slug == _slug(owner, name) for each in there):
            raise Conflict("There is a schedule of that name.", field="name", given=name)
        if len(there) >= MOST:
            raise Conflict("There are too many schedules.", allowed=f"at most {MOST}")
        wanted = DeploymentScheduleCreate(
            schedule=rhythm,
            parameters={**parameters, "owner": owner},
            slug=_slug(owner, name),
        )
        key, zone = _slug(owner, name), rhythm.timezone or "UTC"
        # First: were it the other way round, a kill in between would lose the policy.
        kept = Kept(key, owner, name, zone, wanted.parameters, policy, now())
        database.write(lambda connection: keep_schedule(connection, kept))
        made = client.create_deployment_schedules(deployment, [wanted])
    return _scheduled(owner, made[0])


def schedules_of(owner: str) -> list[Scheduled]:
    """Return the owner's schedules by name; at most 200.

    Raises:
        SetupIncomplete: the deployment of batches was never registered.
    """
    with get_client(sync_client=True) as client:
        found = _all(client)
    mine = [_scheduled(owner, each) for each in found if owner_of(each) == owner]
    return sorted(mine, key=lambda each: each.name)


def find_schedule(owner: str, name: str) -> Scheduled:
    """Return a schedule by its name.

    Raises:
        NotFound: the owner has none of that name.
    """
    mine = schedules_of(owner)
    for each in mine:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in mine) or "there is none"
    raise NotFound("No such schedule.", field="name", given=name, allowed=names)


def policy_of(database: Database, found: Scheduled) -> Policy:
    """Return what is done about a schedule's runs that overlap, or are missed."""
    with database.read() as connection:
        kept = kept_schedule(connection, found.key)
    return kept.policy if kept else DEFAULT_POLICY


def set_active(database: Database, owner: str, name: str, *, active: bool) -> Scheduled:
    """Pause a schedule, or let it fire again from now on. What is under way goes on.

    Raises:
        NotFound: the owner has none of that name.
    """
    found = find_schedule(owner, name)
    with database.read() as connection:
        kept = kept_schedule(connection, found.key)
    # Prefect empties the parameters of a schedule whose change does not name them.
    parameters = dict(found.parameters or (kept.parameters if kept else {}))
    with get_client(sync_client=True) as client:
        client.update_deployment_schedule(
            found.deployment, found.id, active=active, parameters=parameters
        )
    # What was due while it was paused is not missed.
    database.write(lambda connection: look_away(connection, found.key, now()))
    return find_schedule(owner, name)


def remove_schedule(database: Database, owner: str, name: str) -> Scheduled:
    """Remove a schedule and return what it was. What is under way goes on.

    Raises:
        NotFound: the owner has none of that name.
    """
    found = find_schedule(owner, name)
    with get_client(sync_client=True) as client:
        client.delete_deployment_schedule(found.deployment, found.id)
    database.write(lambda connection: forget_schedule(connection, found.key))
    return found


def name_schedules(deployment: str, own: Rhythm | None = None) -> None:
    """Give the schedules that were added on Prefect's pages a slug: their id.

    To be called before a deployment is registered again, which would remove all of them otherwise.

    Args:
        deployment: ``flow/name``; nothing is done if there is none yet.
        own: the schedule that the deployment is registered with, under the slug ``OWN``: one that
            was registered before there were slugs is it.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return
        for each in client.read_deployment_schedules(found.id):
            if not each.slug:
                parameters = dict(each.parameters)
                slug = OWN if own and not parameters and _same(each, own) else str(each.id)
                client.update_deployment_schedule(
                    found.id, each.id, slug=slug, parameters=parameters
                )


def _same(each: DeploymentSchedule, own: Rhythm) -> bool:
    told = ("cron", "interval", "rrule")
    return all(getattr(each.schedule, name, None) == getattr(own, name, None) for name in told)


def _deployment(client: SyncPrefectClient, name: str) -> UUID:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        raise SetupIncomplete(
            "Prefect does not know this deployment yet: start `studio up` once.",
            field="deployment",
            given=name,
        ) from None


def _all(client: SyncPrefectClient) -> list[DeploymentSchedule]:
    found = client.read_deployment_schedules(_deployment(client, BATCH.path))
    for named in SCHEDULED[1:]:
        # A server that an older studio registered with knows the first alone.
        with contextlib.suppress(SetupIncomplete):
            found += client.read_deployment_schedules(_deployment(client, named.path))
    return found


def _slug(owner: str, name: str) -> str:
    return f"{owner}.{name}"


def _scheduled(owner: str, each: DeploymentSchedule) -> Scheduled:
    slug, prefix = each.slug or "", _slug(owner, "")
    name = slug.removeprefix(prefix) if slug.startswith(prefix) else slug or str(each.id)
    rhythm: Any = each.schedule
    upcoming = next_times(rhythm) if each.active else ()
    key = schedule_key(each)
    if each.deployment_id is None:
        raise AssertionError("the server says of which deployment a schedule is")
    return Scheduled(
        each.id, each.deployment_id, key, name, rhythm, each.active, each.parameters, upcoming
    )
