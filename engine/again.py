"""Running a request again, just as it was or with changes: what made an asset makes another one.

The request that is filed with an asset has every choice in it: the seed, a persona's words, the
enhanced prompt. Inputs are named by their ids, and who did it is asked for by name, so that neither
a file that has changed nor a cheaper offer makes it something else. It goes through the same gate
as any request, as new work of its own run with a quote of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from batches.columns import read_cell
from engine.jobs import Job
from engine.studio import Studio
from engine.tables import jobs
from library import VERSION_OF, Asset, find_asset
from studio.errors import InvalidRequest, NoOffer
from studio.operations import OPERATIONS, Operation, parse_operation


@dataclass(frozen=True, slots=True)
class Again:
    """A request that is to be run again.

    Attributes:
        asset: what it made before.
        operation: the request, with its changes.
        changed: the fields that were changed, with their new values as they were given.
    """

    asset: Asset
    operation: Operation
    changed: Mapping[str, str]

    def parameters(self) -> dict[str, str]:
        """Return the parameter of its flow that files the result as a version of the asset."""
        return {VERSION_OF: self.asset.id}


def read_changes(given: Sequence[str]) -> dict[str, str]:
    """Return changes written as ``field=value``; of a field that is there twice the last counts.

    Raises:
        InvalidRequest: one of them has no ``=`` or no field.
    """
    changes = {}
    for each in given:
        field, sign, value = each.partition("=")
        if not sign or not field.strip():
            raise InvalidRequest(
                "That is no change.", field="set", given=each, allowed="field=value, such as seed=7"
            )
        changes[field.strip()] = value
    return changes


def again(
    studio: Studio,
    owner: str,
    identifier: str,
    changes: Mapping[str, str],
    *,
    new_seed: bool = False,
) -> Again:
    """Return the request that made an asset, to be run again.

    Args:
        changes: values by their fields, as text. Another provider without a model leaves the choice
            of the model to the studio.
        new_seed: whether the studio chooses a seed, so that another picture comes of it.

    Raises:
        NotFound: there is no such asset, or it is somebody else's.
        InvalidRequest: it was not made here, or a change is not right.
        NoOffer: who made it does not sell this any more, and no change says who else shall do it.
    """
    with studio.database.read() as connection:
        asset = find_asset(connection, owner, identifier)
        job = _maker(connection, owner, asset.job)
    if job is None:
        raise InvalidRequest(
            "This was brought in from outside: there is no request to run again.",
            field="asset",
            given=identifier,
            allowed="an asset that was made here",
        )
    kind = OPERATIONS[asset.operation]
    values = dict(asset.request) | {each.field: each.asset for each in job.inputs()}
    read = {name: _value(kind, name, text) for name, text in changes.items()}
    if "provider" in changes:
        values |= {"provider": "auto", "model": ""}
    else:
        values |= _who(studio, job)
    if new_seed:
        values |= _new_seed(kind, changes)
    operation = parse_operation({**values, **read})
    return Again(asset, operation, dict(changes))


def _maker(connection: Connection, owner: str, identifier: str) -> Job | None:
    """Return the job that an asset names; ``None`` for what came from outside."""
    query = select(jobs).where(jobs.c.owner == owner, jobs.c.id == identifier)
    row = connection.execute(query).mappings().first()
    return Job(**row) if row else None


def _value(kind: type[Operation], field: str, text: str) -> object:
    allowed = [name for name in kind.model_fields if name != "operation"]
    if field not in allowed:
        raise InvalidRequest(
            f"{kind.title} has no such field.",
            field="set",
            given=f"{field}={text}",
            allowed=", ".join(allowed),
        )
    return read_cell(kind, field, text)


def _who(studio: Studio, job: Job) -> dict[str, str]:
    """Return who did it, by name."""
    offers = [offer for each in studio.providers.values() for offer in each.offers()]
    model = next((offer.model for offer in offers if offer.id == job.offer), None)
    if model is None:
        raise NoOffer(
            f"{job.offer}, which made this, is not sold any more.",
            field="provider",
            given=job.offer,
            allowed="another one by `--set provider=auto`, whose picture will be another one too",
        )
    return {"provider": job.provider, "model": model}


def _new_seed(kind: type[Operation], changes: Mapping[str, str]) -> dict[str, int]:
    if "seed" not in kind.model_fields or "seed" in changes:
        raise InvalidRequest(
            f"{kind.title} has no seed that could be another one."
            if "seed" not in kind.model_fields
            else "A seed is given, and another one is asked for.",
            field="new_seed",
            given=True,
            allowed="an operation with a seed, and no seed=... among the changes",
        )
    return {"seed": -1}
