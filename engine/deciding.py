"""What ``upscale`` in mode auto comes to, by rules that are written down and said with the picture.

How many times larger the picture is to become, and how many pixels its longer side is to have,
give the order in which the three ways are looked at:

============================  ==================================
wanted                        order
============================  ==================================
more than 4 times             creative, conservative, fast
3000 pixels or more           conservative, fast, creative
anything else                 fast, conservative, creative
============================  ==================================

Creative invents detail, so it is considered only with a prompt. The first way that somebody can
do with this picture (within the limits of a model) and within the budget is taken; a mere
substitute, such as resampling, only where nothing else can be had. A picture that has the size
already is refused: there is nothing to enlarge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.jobs import Picture
from engine.seeds import with_seed
from providers import Plan
from providers.offers import first_size
from studio import credits as money
from studio.errors import InvalidRequest, NoOffer, PriceUnknown, StudioError
from studio.operations import Operation, Upscale, UpscaleConservative, UpscaleCreative
from studio.operations.upscale import LARGEST_LONGER_SIDE

_MOST_TIMES = 4
"""What the fast models make; beyond it their pictures are only resampled."""

_LARGE_SIDE = 3_000
"""Pixels of the longer side from which on care counts for more than speed (the original's rule)."""

_PROMPT = "the picture as it is, sharp and detailed"
"""What the conservative model is told where nothing is: it has to be told something."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who does a request, and what is to be said of how that was decided."""

    plan: Plan
    notes: Mapping[str, Any] = field(default_factory=dict)


def decides(operation: Operation) -> bool:
    """Whether there is something to decide about a request."""
    return isinstance(operation, Upscale) and operation.mode == "auto"


def decided(
    plan: Callable[[Operation], Plan], operation: Operation, pictures: Sequence[Picture], key: str
) -> Decision:
    """Return the plan for a request; for one in mode auto, that of the way that fits best.

    Args:
        plan: returns the plan for a request with these pictures.
        operation: what is asked.
        pictures: its inputs.
        key: names the work; a seed comes from it.

    Raises:
        InvalidRequest: the picture has the size already, or nobody can do it (``NoOffer``).
        StudioError: as ``plan`` raises it.
    """
    if not isinstance(operation, Upscale) or operation.mode != "auto":
        return Decision(plan(operation))
    size = first_size([picture.facts() for picture in pictures])
    if not size[0]:
        raise InvalidRequest(
            "Upscale: auto needs to know the picture, which is not made yet.",
            field="mode",
            given="auto",
            allowed="fast, or one of upscale_conservative and upscale_creative, where a row of a "
            "batch builds on another one",
        )
    if problem := operation.problem(*size):
        raise InvalidRequest(
            f"{operation.title}: {problem}.", field="image", given=pictures[0].name
        )
    why, ways = _ways(operation, size, key)
    return _first_fitting(plan, operation, why, ways)


def _ways(
    operation: Upscale, size: tuple[int, int], key: str
) -> tuple[str, list[tuple[str, Operation | str]]]:
    """Return what is wanted, in words, and the ways in their order; a text says why one is none."""
    side = max(operation.target(*size))
    times = side / max(size)
    common = operation.model_dump(include={"image", "provider", "model", "output_format"})
    common["longer_side"] = side
    fast = operation.model_copy(update={"mode": "fast", "prompt": "", "budget": 0.0})
    ways: dict[str, Operation | str] = {"fast": fast}
    if side > LARGEST_LONGER_SIDE:
        ways |= dict.fromkeys(
            ("conservative", "creative"), f"makes at most {LARGEST_LONGER_SIDE} pixels"
        )
    else:
        told = operation.prompt or _PROMPT
        ways["conservative"] = with_seed(UpscaleConservative(prompt=told, **common), key)
        ways["creative"] = "needs a prompt, which is empty"
        if operation.prompt:
            ways["creative"] = with_seed(UpscaleCreative(prompt=operation.prompt, **common), key)
    if times > _MOST_TIMES:
        why = f"{times:.3g} times larger is more than {_MOST_TIMES}"
        order = ("creative", "conservative", "fast")
    elif side >= _LARGE_SIDE:
        why = f"a longer side of {side} pixels is {_LARGE_SIDE} or more"
        order = ("conservative", "fast", "creative")
    else:
        why = f"{times:.3g} times larger, to a longer side of {side} pixels, is a small step"
        order = ("fast", "conservative", "creative")
    return why, [(name, ways[name]) for name in order]


def _first_fitting(
    plan: Callable[[Operation], Plan],
    operation: Upscale,
    why: str,
    ways: Sequence[tuple[str, Operation | str]],
) -> Decision:
    budget = int(Decimal(str(operation.budget)) * money.MICRO)
    against: dict[str, str] = {}
    substitutes: list[tuple[str, Plan]] = []
    for name, way in ways:
        found = way if isinstance(way, str) else _within(plan, way, budget)
        if isinstance(found, str):
            against[name] = found
        elif found.first.offer.fallback:
            against[name] = "could only be done by a substitute"
            substitutes.append((name, found))
        else:
            return _decision(name, found, why, against)
    if substitutes:
        name, found = substitutes[0]
        del against[name]
        return _decision(name, found, why, against)
    reasons = "; ".join(f"{name}: {reason}" for name, reason in against.items())
    raise NoOffer(
        f"{operation.title}: nobody can do this. {reasons}.",
        field="budget" if budget else None,
        given=f"{operation.budget:g} credits" if budget else None,
        refusals=[{"offer": name, "reason": reason} for name, reason in against.items()],
    )


def _within(plan: Callable[[Operation], Plan], way: Operation, budget: int) -> Plan | str:
    """Return the plan for one way, without what is too dear; or why there is none."""
    try:
        found = plan(way)
    except (NoOffer, PriceUnknown) as error:
        return _short(error)
    affordable = tuple(each for each in found.choices if not budget or each.price <= budget)
    if not affordable:
        least = money.show(min(each.price for each in found.choices))
        return f"costs {least} credits, and the budget is {money.show(budget)}"
    return replace(found, choices=affordable)


def _short(error: StudioError) -> str:
    refusals = error.details.get("refusals") or ()
    told = list(dict.fromkeys(f"{each['offer']} {each['reason']}" for each in refusals))
    return ", ".join(told[:3]) or error.message.rstrip(".")


def _decision(name: str, found: Plan, why: str, against: Mapping[str, str]) -> Decision:
    """Return the plan with the decision in its reason, which quote, log and asset all show."""
    words = f"auto chose {name}: {why}"
    if against:
        words += "".join(f"; not {other}, which {reason}" for other, reason in against.items())
    choices = tuple(replace(each, reason=f"{words}; {each.reason}") for each in found.choices)
    notes = {"auto": {"chose": name, "because": why, "not": dict(against)}}
    return Decision(replace(found, choices=choices), notes)
