"""``studio demo``: a newcomer's first command."""

from __future__ import annotations

from pathlib import Path

from interfaces.cli.session import Here

_CAMPAIGN = Path("examples/campaign.csv")


def demo(file: Path = _CAMPAIGN, /, *, session: Here) -> int:
    """See it work: a small campaign, from set-up to pictures.

    Sets up what is missing, puts 25 credits into the wallet once, and runs a batch. The second
    time takes seconds, for what was made is not bought again.

    Args:
        file: A CSV file of operations.
    """
    from interfaces.cli.showcase import show_case  # noqa: PLC0415 - engine and providers

    return show_case(session, file)
