"""Tagging what arrives, for owners who wish it: through the gate, once for each picture.

A picture's work has a key of its own (``autotag:`` and its id), so that neither two processes nor
one that was killed and started again buy it twice. What cannot be tagged is marked as looked at;
a gate that says no ends the owner's turn until the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.job_rows import latest_jobs
from engine.preflight import Caller
from engine.single import hold_credits, left_to_buy, order_of, plan_one, release_hold
from engine.studio import Studio
from library.suggesting import Told, suggest, suggestions
from library.wishes import Wish, arrived, wish, wishes
from studio.errors import (
    GateRefused,
    InvalidRequest,
    NotFound,
    PriceUnknown,
    StudioError,
    StudioUnavailable,
)
from studio.operations import TagImage

MOST_AT_ONCE = 200
"""Pictures of one owner in one turn."""


@dataclass(slots=True)
class Tagged:
    """What a turn came to.

    Attributes:
        done: pictures that were tagged.
        failed: pictures whose job failed; they are not tried again by themselves.
        refused: why an owner's turn ended early, by owner.
    """

    done: int = 0
    failed: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def switch(studio: Studio, owner: str, auto_tag: str, user: str, project: str = "") -> Wish:
    """Switch the tagging of what arrives on, by a provider or ``auto``; or off, by nothing.

    Raises:
        InvalidRequest: there is no such provider.
    """
    if auto_tag not in {"", "auto", *studio.providers}:
        raise InvalidRequest(
            "There is no such provider.",
            field="auto_tag",
            given=auto_tag,
            allowed=", ".join(["off", "auto", *studio.providers]),
        )
    return studio.database.write(
        lambda connection: wish(connection, owner, auto_tag, user, project)
    )


def tag_arrivals(studio: Studio, run: str) -> Tagged:
    """Tag what arrived, for every owner who wishes it; 200 pictures of each at most.

    Args:
        run: the flow run or command that asks; its holds are named by it.
    """
    done = Tagged()
    if not studio.switches.positions().auto_tag:
        return done
    with studio.database.read() as connection:
        wanted = wishes(connection)
    for each in wanted:
        with studio.database.read() as connection:
            pictures = arrived(connection, each, MOST_AT_ONCE)
        for picture in pictures:
            try:
                _tag(studio, each, picture, run, done)
            except (GateRefused, StudioUnavailable, PriceUnknown) as error:
                done.refused[each.owner] = error.message
                break
            except StudioError as error:
                done.failed += 1
                done.refused.setdefault(each.owner, error.message)
    return done


def _tag(studio: Studio, wanted: Wish, picture: str, run: str, done: Tagged) -> None:
    key = f"autotag:{picture}"
    with studio.database.read() as connection:
        before = latest_jobs(connection, wanted.owner, [key]).get(key)
    if before is not None:
        # Begun or ended before: what is under way is carried on by upkeep, a failure stands.
        if before.ended:
            _mark(studio, wanted.owner, picture)
        return
    operation = TagImage(image=picture, provider=wanted.auto_tag)
    try:
        planned = plan_one(studio, operation, wanted.owner, key, user=wanted.user)
    except (InvalidRequest, NotFound):
        _mark(studio, wanted.owner, picture)
        raise
    left, uses = left_to_buy(studio, planned, wanted.owner, key)
    caller = Caller(user=wanted.user, project=wanted.project)
    held = hold_credits(
        studio, wanted.owner, f"{run}/{picture}", left, "Tag image", caller=caller, uses=uses
    )
    try:
        order = order_of(planned, owner=wanted.owner, key=key, hold_id=held.id, run=run)
        job = studio.loop.run(studio.executor.execute(order))
    finally:
        release_hold(studio, wanted.owner, held.id)
    if job.state == "settled":
        done.done += 1
    elif job.ended:
        done.failed += 1
    if job.ended:
        _mark(studio, wanted.owner, picture)


def _mark(studio: Studio, owner: str, picture: str) -> None:
    """See to it that a picture that nobody told anything of is not looked at again by itself."""
    with studio.database.read() as connection:
        told = bool(suggestions(connection, owner, picture).looks)
    if not told:
        empty = Told(owner=owner, asset=picture, source="autotag", job="")
        studio.database.write(lambda connection: suggest(connection, empty))
