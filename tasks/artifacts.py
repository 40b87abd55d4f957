"""What a run shows in the Prefect UI: the quote, the progress, the pictures. Markdown, as text.

Thumbnails are put in by value (a few kilobytes each), so that a run still shows its pictures when
nothing serves files. Prefect's lists send artifacts whole, hence the limits.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from billing.quotes import Quote
from engine.jobs import Job
from engine.studio import Studio
from studio import credits as money

_MOST_LINES = 100
_MOST_THUMBNAILS = 40
_BAR_LENGTH = 20


def quote_markdown(quote: Quote, notes: Sequence[str] = ()) -> str:
    """Return the quote as a table, its total in bold, at most 100 of its lines."""
    lines = [
        "## Quote",
        "",
        (
            f"**{money.show(quote.total)} credits** (US$ {money.dollars(quote.total)}), "
            f"price book {quote.book_version} of {quote.book_date}. Nothing has been spent yet."
        ),
        "",
        "| what | offer | units | credits each | credits |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {_cell(line.key)} | {line.offer} | {line.quantity} {line.unit} "
        f"| {money.show(line.unit_price)} | {money.show(line.amount)} |"
        for line in quote.lines[:_MOST_LINES]
    ]
    if len(quote.lines) > _MOST_LINES:
        lines.append(f"| … and {len(quote.lines) - _MOST_LINES} more | | | | |")
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)])


def progress_bar(done: int, total: int, failed: int, spent: int) -> str:
    """Return the progress as one line of text: Prefect's UI draws no bar of its own."""
    share = done / total if total else 1.0
    filled = round(share * _BAR_LENGTH)
    bar = "█" * filled + "░" * (_BAR_LENGTH - filled)
    failures = f" - {failed} failed" if failed else ""
    return f"{bar} {share:.0%} - {done} of {total}{failures} - {money.show(spent)} credits spent"


def gallery_markdown(studio: Studio, jobs: Sequence[Job]) -> str:
    """Return the pictures of settled jobs as a grid of thumbnails with links, at most 40."""
    cells = [cell for job in jobs if job.state == "settled" for cell in _cells(studio, job)]
    rows = [cells[start : start + 4] for start in range(0, min(len(cells), _MOST_THUMBNAILS), 4)]
    table = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    more = len(cells) - _MOST_THUMBNAILS
    note = f"\n\n… and {more} more: `studio library list`" if more > 0 else ""
    return f"## Pictures\n\n<table>\n{table}\n</table>{note}\n"


def _cells(studio: Studio, job: Job) -> list[str]:
    cells = []
    for identifier, made in zip(job.asset_ids(), job.outputs(), strict=True):
        address = f"{studio.settings.files_url}/assets/{identifier}"
        thumbnail = _data_uri(studio.store.get(made.thumbnail))
        cells.append(
            f'<td align="center"><a href="{address}"><img src="{thumbnail}" width="180" '
            f'alt="{job.file_name(made)}"></a><br><a href="{address}">{job.file_name(made)}</a>'
            f"<br>{made.width}x{made.height} - {job.offer}</td>"
        )
    return cells


def _data_uri(data: bytes) -> str:
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    if data[8:12] == b"WEBP":
        kind = "image/webp"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _cell(text: str) -> str:
    """Keep a text from breaking out of its table cell."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
