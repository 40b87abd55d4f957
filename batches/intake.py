"""From a file to a batch: all of it is right, or all that is wrong with it is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from batches.columns import check_header
from batches.cycles import name_cycles
from batches.formats import read_sheet
from batches.identity import Identify, build_batch, by_name, left_out_rule
from batches.preparing import NOTHING_GIVEN, Given, prepare
from batches.references import Exists, Pictures, no_such_file
from batches.rows import Draft, Settle, judge, part_names
from batches.spec import BatchSpec, Problem
from studio.errors import BatchInvalid
from studio.operations import Settled


def check_batch(
    data: bytes,
    *,
    source: str,
    owner: str,
    name: str = "",
    folder: Path | None = None,
    exists: Exists = no_such_file,
    identify: Identify = by_name,
    settle: Settle = Settled,
    given: Given = NOTHING_GIVEN,
) -> tuple[BatchSpec | None, list[Problem]]:
    """Return the batch in a file, or ``None`` and every problem, in the order of the file.

    Where faulty rows may be left out, it returns both: the batch of the others, and why.

    Args:
        data: the file, at most 100 MB, 100,000 rows and 100 columns.
        source: the file's name, for people.
        owner: whose batch it is.
        name: tells repetitions of the same file apart; another name means other pictures.
        folder: what relative paths of pictures start from.
        exists: says why a picture (an asset id or a path) cannot be used, empty if it can; asked
            once for each. By default a path must be that of a file.
        identify: returns what a picture's content is known by, such as its SHA-256; a row whose
            picture has changed is then new work. By default pictures are known by their paths.
        settle: puts in what a request names, such as its owner's persona, before it gets its key:
            a persona that has changed makes new work of a row.
        given: what is said of the whole file.
    """
    sheet = prepare(read_sheet(data, given.encoding), given)
    problems = list(sheet.problems)
    if not sheet.columns:
        return None, problems
    places, found = check_header(sheet.line, sheet.columns)
    problems += found
    if "operation" not in places:
        return None, sorted(problems, key=lambda problem: problem.line)
    drafts = judge(places, sheet.lines, Pictures(folder, exists), settle)
    name_cycles(drafts, sheet.lines, places)
    del sheet  # of 100,000 rows neither texts nor drafts are kept beside the batch
    skip = given.skip_invalid and not problems
    if skip:
        _blame_dependents(drafts)
    problems += [problem for draft in drafts for problem in draft.problems]
    problems.sort(key=lambda problem: problem.line)
    sound = [draft for draft in drafts if not draft.problems] if skip else drafts
    if not sound or (problems and not skip):
        return None, problems
    del drafts
    spec = build_batch(_taken(sound), source=source, owner=owner, name=name, identify=identify)
    return replace(spec, left_out=tuple(problems)), problems


def _blame_dependents(drafts: Iterable[Draft]) -> None:
    """Call rows faulty that build on faulty ones, and all steps of a chain that has a faulty one.

    Half a chain is not what its row asked for.
    """
    faulty: set[str] = set()
    for _, group in groupby(drafts, key=lambda draft: draft.line):
        line = list(group)
        for draft in line:
            for each in draft.references:
                if each.row in faulty:
                    draft.note(each.field, f"@{each.row}", left_out_rule(each.row))
        blamed = next((draft.name for draft in line if draft.problems), None)
        if blamed is None:
            continue
        for draft in line:
            pieces = draft.operation.pieces() if draft.operation else ()
            faulty |= {draft.name, *part_names(draft.name, len(pieces))}
            if not draft.problems:
                draft.note("operation", "", f"the step {blamed} of its chain has a fault")


def _taken(drafts: list[Draft]) -> Iterator[Draft]:
    """Yield drafts in their order; each is let go when the next one is asked for."""
    drafts.reverse()
    while drafts:
        yield drafts.pop()


def read_batch(
    data: bytes,
    *,
    source: str,
    owner: str,
    name: str = "",
    folder: Path | None = None,
    exists: Exists = no_such_file,
    identify: Identify = by_name,
    settle: Settle = Settled,
    given: Given = NOTHING_GIVEN,
) -> BatchSpec:
    """Return the batch in a file; arguments as for ``check_batch``.

    Raises:
        BatchInvalid: the file has faults, all of which are in ``details['problems']``.
    """
    spec, problems = check_batch(
        data,
        source=source,
        owner=owner,
        name=name,
        folder=folder,
        exists=exists,
        identify=identify,
        settle=settle,
        given=given,
    )
    if spec is None:
        raise BatchInvalid(_summary(source, problems), problems=[it.as_dict() for it in problems])
    return spec


def _summary(source: str, problems: list[Problem]) -> str:
    lines = len({problem.line for problem in problems})
    problem_word = "problem" if len(problems) == 1 else "problems"
    line_word = "line" if lines == 1 else "lines"
    return (
        f"{source} has {len(problems)} {problem_word} on {lines} {line_word}; nothing was held "
        f"and nothing bought. The first is on {problems[0]}."
    )
