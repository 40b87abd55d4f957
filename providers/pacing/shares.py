"""Whose turn it is when a slot of an account is free: fair shares, and priorities within them.

Single pictures go first, as long as they have less than three quarters of the slots. Then comes the
owner who has the fewest slots, so that ten thousand rows of one leave ten rows of another their
share; among owners with as many, and among one owner's own work, the earliest turn.

Turns are those of start-time fair queueing (Goyal, Vin and Cheng, 1996): a place's turn is one step
after that of the place before it, or after the turn that is served now. Batches of high, normal and
low priority of one owner take steps of such lengths that they share what the owner gets as 4, 2 and
1. So a priority takes nothing from other owners, low is never left out, and all of this is known
from the places themselves: there is nothing else to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Priority = Literal["single", "high", "normal", "low"]
"""``single`` is a picture that somebody waits for; the others are those of batches."""

WEIGHTS: Final[dict[str, int]] = {"high": 4, "normal": 2, "low": 1}
"""Parts of an owner's slots that batches of a priority get where there are several."""

STEP: Final = 1_000
"""Between two turns of an owner."""

_MOST_SINGLE = 0.75


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a slot.

    Attributes:
        owner: whose share it is taken from.
        priority: of the work.
    """

    owner: str = ""
    priority: Priority = "single"


ANY_CALLER: Final = Caller()


@dataclass(slots=True)
class Party:
    """The work of one owner with one priority at one account.

    Attributes:
        held: slots that it has.
        waiting: places in the queue that it has.
        first: the earliest turn among those that wait.
        came: the earliest ticket among those that wait.
        last: the latest turn that was given to it.
    """

    owner: str
    priority: str
    held: int = 0
    waiting: int = 0
    first: int = 0
    came: int = 0
    last: int = 0


def take_turn(parties: dict[tuple[str, str], Party], caller: Caller, clock: int) -> int:
    """Return the turn of somebody who comes, and remember it.

    Args:
        parties: all that hold or wait for slots of the account, by owner and priority.
        caller: who comes.
        clock: the turn that is served now.
    """
    key = (caller.owner, caller.priority)
    party = parties.setdefault(key, Party(*key))
    party.last = max(party.last, clock) + _step(parties, caller)
    return party.last


def _step(parties: Mapping[tuple[str, str], Party], caller: Caller) -> int:
    weight = WEIGHTS.get(caller.priority)
    if weight is None:
        return STEP
    # Of those that are there: a batch that is its owner's only one has all of the owner's share.
    total = sum(each for name, each in WEIGHTS.items() if (caller.owner, name) in parties)
    return STEP * total // weight


def share_out(parties: Sequence[Party], free: int, slots: int) -> list[tuple[Party, int]]:
    """Return how many of the free slots go to whom, and count them as held.

    Args:
        parties: all that hold or wait for slots of one account.
        free: slots to give out.
        slots: that the account has.
    """
    single = sum(each.held for each in parties if each.priority == "single")
    held: dict[str, int] = {}
    for each in parties:
        held[each.owner] = held.get(each.owner, 0) + each.held
    given: dict[tuple[str, str], int] = {}

    def rank(party: Party) -> tuple[bool, int, int, int]:
        first = party.priority == "single" and single < _MOST_SINGLE * slots
        return (not first, held[party.owner], party.first, party.came)

    for _ in range(free):
        waiting = [each for each in parties if each.waiting]
        if not waiting:
            break
        chosen = min(waiting, key=rank)
        chosen.waiting -= 1
        chosen.held += 1
        # The turn of its next one, which is not read: about as much later as the last from it.
        chosen.first += max(1, (chosen.last - chosen.first) // max(chosen.waiting, 1))
        held[chosen.owner] += 1
        single += chosen.priority == "single"
        key = (chosen.owner, chosen.priority)
        given[key] = given.get(key, 0) + 1
    return [(each, given[key]) for each in parties if (key := (each.owner, each.priority)) in given]
