"""Batches: from a CSV file to rows that are ready to be bought, and back to a manifest.

Knows no provider, no wallet and no Prefect; ``README.md`` has the words and the file's format.
"""

from batches.identity import changed_inputs, leave_out
from batches.intake import check_batch, read_batch
from batches.manifest import (
    STATUSES,
    ManifestRow,
    manifest_csv,
    manifest_json,
    manifest_jsonl,
    problems_csv,
    totals,
)
from batches.mending import errors_csv
from batches.names import check_pattern, named
from batches.preparing import NOTHING_GIVEN, Given, given_of
from batches.references import output_names
from batches.sheet import LARGEST_FILE
from batches.spec import NOTHING, BatchSpec, Problem, Reference, Row, waves
from batches.store import (
    BatchRecord,
    clear_ends,
    end_rows,
    find_batch,
    keep_faults,
    list_batches,
    load_batch,
    row_ends,
    save_batch,
)
from batches.unfinished import unfinished_csv
from batches.variables import fill_name

__all__ = [
    "LARGEST_FILE",
    "NOTHING",
    "NOTHING_GIVEN",
    "STATUSES",
    "BatchRecord",
    "BatchSpec",
    "Given",
    "ManifestRow",
    "Problem",
    "Reference",
    "Row",
    "changed_inputs",
    "check_batch",
    "check_pattern",
    "clear_ends",
    "end_rows",
    "errors_csv",
    "fill_name",
    "find_batch",
    "given_of",
    "keep_faults",
    "leave_out",
    "list_batches",
    "load_batch",
    "manifest_csv",
    "manifest_json",
    "manifest_jsonl",
    "named",
    "output_names",
    "problems_csv",
    "read_batch",
    "row_ends",
    "save_batch",
    "totals",
    "unfinished_csv",
    "waves",
]
