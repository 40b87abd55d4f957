"""Write docs/deployments.md from the catalogue of deployments; a test sees to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from billing.pricebook import current
from deployments.catalogue import PRESET, Offered, deployments
from providers.catalogue import all_offers
from studio.clock import now

PATH = Path(__file__).parent.parent / "docs" / "deployments.md"

HEAD = """\
# Deployments

What people find on Prefect's pages and start by a form, what systems start by its API, and what
runs by itself. Each is described there with what it costs now. This page is written from
`deployments/catalogue.py` and `deployments/presets.py` (`python -m
scripts.write_docs`); the fields of the operations are in
[operations.md](operations.md).

![The form of a preset, and what it says when a field is missing](pictures/prefect/form.png)

## The two ways

`studio up` registers all of them and carries their runs out in processes of its own. With
`STUDIO_WORK_POOL` they belong to a work pool, and `studio worker` carries them out, on as many
machines as you like. [prefect.yaml](../prefect.yaml) is the same list for Prefect's own command,
from a clone:

```console
STUDIO_WORK_POOL=studio prefect --no-prompt deploy --all
```

The pool must be there (`prefect work-pool create studio --type process`). The automations come
with `studio up` alone.

## What a form does

- Submitted as it stands, a form whose picture or prompt is missing says which field that is, and
  nothing is begun. Those that need nothing cost nothing.
- What is wrong with a value that a form lets pass ends the run as `Failed`, with a code, the
  field, what was given and what is allowed; nothing is held and nothing bought.
- A link may fill a form in: `…/deployments/deployment/ID/run?parameters={"prompt":"a fox"}`, the
  JSON encoded for an address. On the page of a preset such a link replaces what the preset fills
  in, so name those fields, too.

A run's gallery has such links: *upscale this* and *make formats* below each picture, and *Again*
for the form as it was filled in.

![A gallery with what can be done next](pictures/prefect/gallery.png)

## How many run at once

What looks after the whole studio runs once at a time; a second run that comes meanwhile is
cancelled. Reports wait for each other. What buys has no limit here, and needs none: Prefect takes
the slot away from a run that pauses, as a batch does that waits for approval, and ends the run
some minutes later. `studio up` and each `studio worker` bound how many runs they carry out, and
providers have their own places.
"""


def text() -> str:
    """Return the document."""
    offered = deployments(all_offers(), current(now().date()))
    presets = [each for each in offered if PRESET in each.tags]
    others = [each for each in offered if PRESET not in each.tags]
    return "".join(
        [
            HEAD,
            "\n## For one operation, and for many pictures\n\n",
            _table(("deployment", "tags", "runs by itself", "what it does"), map(_line, others)),
            "\n## Presets\n\nThey are tagged `preset`, and leave one thing to be said.\n\n",
            _table(("deployment", "what it does", "filled in"), map(_preset, presets)),
        ]
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _line(each: Offered) -> tuple[str, ...]:
    tags = ", ".join(f"`{tag}`" for tag in each.tags)
    return (f"`{each.flow.name}/{each.name}`", tags, _rhythm(each), _says(each))


def _says(each: Offered) -> str:
    return " ".join(each.description.partition("\n\n")[0].split()).replace("|", "\\|")


def _rhythm(each: Offered) -> str:
    if each.interval:
        return f"every {each.interval.total_seconds() / 60:g} minutes"
    return f"cron `{each.cron}` (UTC)" if each.cron else ""


def _preset(each: Offered) -> tuple[str, ...]:
    values = f"`{json.dumps(dict(each.parameters))}`"
    return (f"`{each.flow.name}/{each.name}`", _says(each), values)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
