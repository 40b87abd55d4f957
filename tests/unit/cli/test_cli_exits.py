from __future__ import annotations

import pytest

from interfaces.cli import exits
from interfaces.cli.exits import Exit, exit_for, exit_for_code
from studio import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StudioError, 1),
        (errors.ProviderRejected, 1),
        (errors.OutcomeUnknown, 1),
        (errors.AlreadyRunning, 1),
        (errors.InvalidRequest, 2),
        (errors.BatchInvalid, 2),
        (errors.NoOffer, 2),
        (errors.NotFound, 2),
        (errors.Conflict, 2),
        (errors.NotEnoughCredits, 3),
        (errors.PriceUnknown, 3),
        (errors.AccountRefused, 3),
        (errors.HoldRefused, 3),
        (errors.SetupIncomplete, 4),
        (errors.WeightsMissing, 4),
        (errors.StudioUnavailable, 4),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: type[errors.StudioError], code: int) -> None:
    assert exit_for(error) == code
    assert exit_for_code(error.code) == code


def test_a_flow_that_failed_without_a_code_of_ours_is_failed_work() -> None:
    assert exit_for_code("11 done, 1 failed") == Exit.FAILED


def test_the_table_names_every_code() -> None:
    table = exits.__doc__ or ""
    assert all(f"\n{code.value} " in table for code in Exit)
