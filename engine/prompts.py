"""Enhanced prompts: a text is bought first, and then the picture that is made from it.

Each is a job of its own: quoted on a line of its own, bought once under a key of its own. The key
of the picture is made of the request as it was given, never of the text, so that a run that was
cut off in between neither buys the text again nor takes the picture for another one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.jobs import Job
from providers import Plan
from studio.errors import NotFound, StudioError
from studio.operations import EnhancePrompt, Generate, Operation, without_words
from studio.storage import BlobStore

if TYPE_CHECKING:
    from engine.execute import Order

_LONGEST = 10_000
"""Characters of a prompt."""


def enhancement(operation: Operation) -> EnhancePrompt | None:
    """Return what has to be done before ``operation``; ``None`` where its prompt is used as given.

    ``local`` asks this machine alone; ``auto`` a text model where one is ready, and this machine's
    rules where none is, as routing does with every substitute.
    """
    if not isinstance(operation, Generate) or operation.enhance == "off":
        return None
    provider = "local" if operation.enhance == "local" else "auto"
    return EnhancePrompt(prompt=operation.prompt, provider=provider)


def unenhanced(what: str, job: Job | None) -> NotFound:
    """Return what is said where a prompt was not enhanced."""
    told = dict((job.error if job else None) or {})
    why = str(told.get("message", "it was not done"))
    return NotFound(
        f"{what}: its prompt was not enhanced, so that no picture was bought: {why}",
        field="enhance",
    )


def read_text(store: BlobStore, job: Job) -> str:
    """Return the prompt that a settled job wrote.

    Raises:
        StudioError: it is not kept any more, or is none.
    """
    (made,) = job.outputs()
    try:
        text = json.loads(store.get(made.sha256))["prompt"]
    except (ValueError, KeyError, TypeError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise StudioError(f"What {job.offer} wrote is no prompt.", field="enhance")
    return text.strip()


def enhanced(order: Order, job: Job, text: str) -> Order:
    """Return the order with the prompt that ``job`` wrote, and what is to be said of it.

    - What is to be left out of the picture is taken out of the text, unless the prompt as it was
      given has it.
    - Where the offer that was quoted cannot take the text (it is too long, say), the picture is
      made from the prompt as it was given, and this is said.
    """
    given = order.plan.operation
    if not isinstance(given, Generate):
        raise TypeError(f"{given.operation} has no prompt to enhance")
    banned = [word.strip() for word in given.negative_prompt.split(",")]
    kept = without_words(given.prompt, banned)
    if kept == given.prompt:
        text = without_words(text, banned)
    notes: dict[str, Any] = {
        "prompt_given": given.prompt,
        **order.notes,
        "prompt_by": job.offer,
        "prompt_method": str((job.delivery or {}).get("method", "")),
        "prompt_asset": job.asset_ids()[0],
    }
    operation = given.model_copy(update={"prompt": text, "enhance": "off"})
    plan = _still_fitting(order, operation)
    refusal = plan if isinstance(plan, str) else ""
    if isinstance(plan, str):
        notes["prompt_not_used"] = f"the offer that was quoted {refusal}"
        plain = given.model_copy(update={"enhance": "off"})
        plan = replace(order.plan, operation=plain)
    return replace(order, plan=plan, notes=notes, prompt_from="")


def _still_fitting(order: Order, operation: Generate) -> Plan | str:
    """Return the plan for another prompt, or why the offer that was quoted cannot do it."""
    if not operation.prompt or len(operation.prompt) > _LONGEST:
        return f"takes 1 to {_LONGEST} characters of prompt, not {len(operation.prompt)}"
    inputs = [picture.facts() for picture in order.pictures]
    if refusal := order.plan.first.offer.refusal(operation, inputs):
        return refusal
    fitting = [
        choice for choice in order.plan.choices if not choice.offer.refusal(operation, inputs)
    ]
    return replace(order.plan, operation=operation, choices=tuple(fitting))
