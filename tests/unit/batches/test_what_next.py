"""What a run's last words tell people to do about rows that are not done."""

from __future__ import annotations

import pytest

from tasks.batch import what_next

_AGAIN = "Run the batch again"
_MEND = "left-out.csv"
_UNKNOWN = "may have been bought"


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ({"done"}, set()),
        ({"done", "failed"}, {_AGAIN}),
        ({"cancelled", "skipped_budget"}, {_AGAIN}),
        ({"done", "invalid"}, {_MEND}),
        ({"done", "unknown"}, {_UNKNOWN}),
        ({"failed", "invalid", "unknown"}, {_AGAIN, _MEND, _UNKNOWN}),
    ],
)
def test_only_what_helps_is_told(statuses: set[str], told: set[str]) -> None:
    words = what_next(statuses)
    assert {each for each in (_AGAIN, _MEND, _UNKNOWN) if each in words} == told
