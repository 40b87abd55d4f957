"""Jobs as the engine has them, for tests of what is done with one."""

from __future__ import annotations

from engine.jobs import Job, Picture
from studio.clock import now
from studio.operations import Operation


def a_job(
    operation: Operation,
    offer: str,
    *,
    price: int = 1_000_000,
    cost: int = 0,
    pictures: tuple[Picture, ...] = (),
) -> Job:
    """Return a job that has just been begun."""
    moment = now()
    return Job(
        id="job_" + "0" * 26,
        owner="ada",
        key="key",
        attempt=1,
        state="prepared",
        run="run",
        worker="wrk",
        label="label",
        announce=0,
        operation=operation.model_dump(mode="json"),
        pictures=[{name: getattr(each, name) for name in Picture.__slots__} for each in pictures],
        offer=offer,
        reason="",
        price=price,
        cost=cost,
        charged=0,
        claim="clm",
        remote_id="",
        delivery=None,
        error=None,
        created_at=moment,
        updated_at=moment,
    )
