"""A batch run by hand, in a process of its own: ``python -m tests.support.one_batch HOME ROWS``.

Its provider takes no time, so that task runs come as fast as they can. It prints the flow run.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from engine.studio import use_studio
from flows.batch import batch
from tests.support.studios import OWNER, opened_studio


def main(home: Path, rows: int) -> None:
    """Run a batch of so many rows to its end."""
    sheet = home / "batch.csv"
    home.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"generate,picture {number}\n" for number in range(rows))
    sheet.write_text(f"operation,prompt\n{lines}")
    call: Any = batch
    with opened_studio(home / "studio", funds=10**11) as studio:
        use_studio(studio)
        state = asyncio.run(call(csv=str(sheet), owner=OWNER, return_state=True))
        use_studio(None)
    if not state.is_completed():
        raise SystemExit(state.message)
    print(state.state_details.flow_run_id)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
