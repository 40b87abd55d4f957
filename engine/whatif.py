"""What a batch would cost with each provider alone, and which of its rows that one cannot do.

Providers that are not ready (no key, no weights) are priced as if they were: whether a key is worth
having is the question. Rows that are done already are priced like all others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from batches import BatchSpec, Row
from engine.alike import Alike
from engine.deciding import decided
from engine.jobs import Picture
from engine.prompts import enhancement
from engine.studio import Studio
from providers import Choice, Provider
from studio.errors import NoOffer, StudioError
from studio.operations import Operation, input_fields, inputs_given

AUTO = "auto"
"""What routing would choose today, among the providers that are ready."""

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Unable:
    """A row that a provider cannot do, and why."""

    line: int
    row: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """A batch, priced with one provider.

    Attributes:
        provider: its name, or ``auto``.
        total: what the rows that it can do come to, in micro-credits, their prompts included.
        cost: what it would charge the operator for them, in micro-credits.
        rows: how many it can do.
        unable: the others.
        not_ready: why it could not be asked now; empty where it could.
    """

    provider: str
    total: int
    cost: int
    rows: int
    unable: tuple[Unable, ...]
    not_ready: str = ""

    @property
    def does_all(self) -> bool:
        """Whether it can do every row."""
        return not self.unable


def what_if(studio: Studio, spec: BatchSpec) -> tuple[Alternative, ...]:
    """Price a batch as routing would do it, and with each provider that could do any of it.

    Rows that are the same work as an earlier one cost nothing, as in a run. Those who do all come
    first, the cheapest of them at the top; ``auto`` stands before all.
    """
    rows = [(row, _pictures(studio, spec, row)) for row in spec.rows if not row.same_as]
    ready = Alike(studio.planner, studio.providers)
    anyway = Alike(studio.planner.regardless(), studio.providers)
    auto = _price(AUTO, _Pricing(rows, ready, ready))
    pricing = _Pricing(rows, anyway, ready)
    others = [
        replace(_price(name, pricing), not_ready=_not_ready(provider))
        for name, provider in studio.providers.items()
    ]
    able = [each for each in others if each.rows]
    able.sort(key=lambda each: (len(each.unable), each.total, each.provider))
    return (auto, *able)


def _pictures(studio: Studio, spec: BatchSpec, row: Row) -> tuple[Picture, ...]:
    """Return a row's inputs from outside of the batch."""
    referred = {reference.field for reference in row.references}
    kinds = input_fields(type(row.operation))
    return tuple(
        studio.inputs.find(name, reference, spec.owner, kinds[name])
        for name, reference in inputs_given(row.operation).items()
        if name not in referred
    )


def _not_ready(provider: Provider) -> str:
    """Return why none of a provider's offers could be had now; empty if one could."""
    reasons = [provider.not_ready(offer) for offer in provider.offers()]
    return reasons[0] if reasons and all(reasons) else ""


@dataclass(frozen=True, slots=True)
class _Pricing:
    """What is priced, and by whom: who writes a prompt does not depend on who draws."""

    rows: Sequence[tuple[Row, tuple[Picture, ...]]]
    pictures: Alike
    prompts: Alike


def _price(name: str, pricing: _Pricing) -> Alternative:
    choices: list[Choice] = []
    unable: list[Unable] = []
    prompts: set[str] = set()
    failed: dict[Hashable, str] = {}
    for row, pictures in pricing.rows:
        operation = row.operation
        if name != AUTO:
            operation = operation.model_copy(update={"provider": name})
        kind = pricing.pictures.kind(operation, pictures)
        try:
            if kind not in failed:
                chosen = [_first(pricing, operation, pictures, row.key)]
                before = enhancement(row.operation)
                if before is not None and before.fingerprint() not in prompts:
                    chosen.append(pricing.prompts.plan(before).first)
                    prompts.add(before.fingerprint())
                choices += chosen
        except StudioError as error:
            failed[kind] = _reason(error)
        if kind in failed:
            unable.append(Unable(row.line, row.name, failed[kind]))
    return Alternative(
        provider=name,
        total=sum(choice.price for choice in choices),
        cost=sum(choice.cost for choice in choices),
        rows=len(pricing.rows) - len(unable),
        unable=tuple(unable),
    )


def _first(
    pricing: _Pricing, operation: Operation, pictures: Sequence[Picture], key: str
) -> Choice:
    """Return who would do a row; of one in mode auto, by the way that fits best there."""
    plan = pricing.pictures.plan
    return decided(lambda way: plan(way, pictures), operation, pictures, key).plan.first


def _reason(error: StudioError) -> str:
    """Return why in few words: of offers that were refused, each reason once."""
    refusals = error.details.get("refusals") if isinstance(error, NoOffer) else None
    words = (
        "; ".join(dict.fromkeys(str(each["reason"]) for each in refusals))
        if refusals
        else error.message
    )
    return words if len(words) <= _LONGEST_REASON else f"{words[: _LONGEST_REASON - 1]}…"
