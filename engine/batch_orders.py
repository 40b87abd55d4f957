"""The order of a row of a batch: what earlier rows made is put in, its offers are found anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.batch_plan import PlannedRow
from engine.batch_view import prompt_key, row_key
from engine.execute import Order
from engine.jobs import Picture
from studio.errors import NotFound

if TYPE_CHECKING:
    from engine.batch import BatchRun


def order_of_row(running: BatchRun, each: PlannedRow) -> Order:
    """Return the order of a row.

    Raises:
        NotFound: a row whose picture it needs was not done.
        StudioError: with that picture it cannot be done.
    """
    made = tuple(
        _output(running, reference.field, reference.row, reference.position)
        for reference in each.row.references
    )
    pictures = each.pictures + made
    operation = each.plan.operation.model_copy(
        update={picture.field: picture.asset for picture in made}
    )
    studio = running.studio
    if made:
        studio.masks.check(operation, pictures)
    plan = running.planned.planner.plan(operation, pictures) if made else each.plan
    return Order(
        key=row_key(running.spec, each.row),
        owner=running.spec.owner,
        hold=running.hold,
        run=running.run,
        label=each.row.name,
        plan=plan,
        pictures=pictures,
        announce=False,
        batch=running.spec.id,
        priority=running.priority,
        limit=running.parts.get(each.row.name, 0),
        notes=each.notes,
        prompt_from=prompt_key(running.spec, each.row),
    )


def _output(running: BatchRun, name: str, parent: str, position: int) -> Picture:
    """Return the picture that an earlier row made."""
    job = running.view.job_of(running.named[parent])
    if job is None or job.state != "settled":
        raise NotFound(
            f"Row {parent}, whose picture this row needs, was not done.",
            field=name,
            given=f"@{parent}",
        )
    outputs = job.outputs()
    if position >= len(outputs):
        raise NotFound(
            f"Row {parent} made {len(outputs)} files.",
            field=name,
            given=f"@{parent}:{position + 1}",
            allowed=f"1 to {len(outputs)}",
        )
    made = outputs[position]
    return Picture(
        name,
        job.asset_ids()[position],
        job.file_name(made),
        made.sha256,
        made.width,
        made.height,
    )
