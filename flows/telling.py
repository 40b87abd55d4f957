"""Tell operators: what Prefect's automations found goes to the channels of who runs the studio."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed
from pydantic import Field

from tasks import notify
from tasks.telling import tell_operator
from tasks.upkeep import preflight_free


def _text(title: str, says: str, most: int) -> Any:
    return Field(max_length=most, json_schema_extra={"title": title, "description": says})


TITLE = Annotated[str, _text("Title", "One line that says what happened.", 500)]
SUBJECT = Annotated[
    str, _text("What it is about", "Such as a run's id: the same is told once in an hour.", 500)
]
TEXT = Annotated[str, _text("Text", "What there is to know, and to do about it.", 5_000)]
RUN = Annotated[str, _text("Run", "Id of the run that it is about, for a link; or nothing.", 100)]
WALLET = Annotated[
    str, _text("Told already", "A wallet whose owner was told of it; or nothing.", 100)
]


@flow(
    name="tell-operators",
    description="Tell the channels of who runs the studio what an automation found.",
    flow_run_name=lambda: f"tell: {this_run.parameters['title']}"[:60],
)
async def tell_operators(
    title: TITLE, subject: SUBJECT, text: TEXT = "", run: RUN = "", told: WALLET = ""
) -> State[Any]:
    """Put a message for the operator in the outbox, once, and send what waits there."""
    await preflight_free()
    posted = await tell_operator(title, subject, text, run, told)
    await notify()
    return Completed(message="told" if posted else "it was told already")
