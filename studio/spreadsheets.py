"""Text that goes into files that people open in spreadsheets."""

from __future__ import annotations

import re
from typing import Any

_DANGEROUS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - spreadsheets take the wide ones for formulas too
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula (OWASP, CSV injection).

    Numbers stay what they are, ``None`` becomes an empty cell.
    """
    if isinstance(value, str) and value.startswith(_DANGEROUS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return "" if value is None else value
