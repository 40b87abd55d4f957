"""What a run shows in the Prefect UI: the quote, the progress, the pictures.

A run's artifacts are cards: a title, a description, and a page behind each. They have no keys: a
card with a key leads to the history of that key over all runs instead of to its own page. On a
card every paragraph is one line that is cut off after some thirty characters.

Thumbnails are put in by value (a few kilobytes each), so that a run still shows its pictures when
nothing serves files. Prefect's lists send artifacts whole, hence the limits.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from PIL import Image
from prefect.artifacts import acreate_image_artifact, acreate_markdown_artifact
from prefect.settings import PREFECT_UI_URL

from billing.quotes import Quote
from engine.batch_progress import Progress
from engine.file_links import file_link
from engine.jobs import Job
from engine.outputs import thumbnail
from engine.studio import Studio
from library import measure
from studio import credits as money
from studio import imaging
from studio.errors import StudioError
from studio.storage import BlobStore
from tasks.next_forms import NO_FORMS, NextForms

MOST_LINES = 100
"""Lines of one table."""
_MOST_THUMBNAILS = 40
_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp"})
_TEXT = "application/json"
_NOUNS = (("image/", "picture"), ("video/", "video"), ("model/", "3D model"), (_TEXT, "text"))
_MOST_CARDS = 12
_MOST_TEXTS = 10
_MOST_WORDS = 20
_LONGEST_WORDS = 4_000
_COLUMNS = 3
_BAR_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture as it is shown: ``address`` leads to the file, ``thumbnail`` is a data URI.

    ``links`` are what can be done with it next: words, and where they lead. ``words`` are what a
    text says, as Markdown. What a page cannot show as a picture has ``shown`` false.
    """

    name: str
    facts: str
    address: str
    thumbnail: str
    links: tuple[tuple[str, str], ...] = ()
    shown: bool = True
    words: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a run made: ``count`` of what ``noun`` says; the first few are in ``tiles``."""

    count: int
    tiles: tuple[Tile, ...]
    noun: str = "picture"

    @property
    def title(self) -> str:
        """How many there are of what, such as ``2 videos``."""
        return count(self.noun, self.count)


async def show_quote(markdown: str, total: int, what: str) -> str:
    """Show a quote; return the address of its page.

    Args:
        total: in micro-credits.
        what: what it is for, in a few words.
    """
    card = f"**Quote: {money.show(total)} credits**\n\n{_text(what)}"
    return page_of(await acreate_markdown_artifact(markdown, description=card))


async def show_gallery(gallery: Gallery, rest: str = "") -> str:
    """Show the pictures, each of the first dozen on a card of its own; return the index's address.

    Args:
        rest: Markdown below the pictures.
    """
    for tile in gallery.tiles[:_MOST_CARDS]:
        card = f"![{_text(tile.name)}]({tile.thumbnail})\n\n**{_text(tile.name)}**\n\n{tile.facts}"
        if tile.shown:
            await acreate_image_artifact(tile.address, description=card)
        else:
            await acreate_markdown_artifact(_page(tile), description=card)
    card = f"**Gallery: {gallery.title}**\n\nWith links to the files"
    markdown = gallery_markdown(gallery, rest)
    return page_of(await acreate_markdown_artifact(markdown, description=card))


async def show_comparison(title: str, image: Image.Image) -> str:
    """Show a picture before and after; return its address."""
    picture = _data_uri(imaging.encode(image, "jpeg"))
    card = f"**{_text(title)}**\n\nBefore and after"
    markdown = f"## {_text(title)}\n\n![before and after]({picture})"
    return page_of(await acreate_markdown_artifact(markdown, description=card))


async def show_table(title: str, markdown: str) -> str:
    """Show a page of text; return its address."""
    return page_of(await acreate_markdown_artifact(markdown, description=f"**{_text(title)}**"))


def quote_markdown(
    quote: Quote,
    *,
    wallet: str,
    titles: Mapping[str, str],
    notes: Iterable[str] = (),
    losses: Iterable[str] = (),
) -> str:
    """Return the quote as a table with its total in bold, at most 100 of its lines.

    Args:
        titles: what each line is for, by the line's key.
        notes: sentences below the table.
        losses: more of them, in which names from strangers may stand.
    """
    rows = [
        (
            titles[line.key],
            line.offer,
            count(line.unit, line.quantity),
            money.show(line.unit_price),
            money.show(line.amount),
        )
        for line in quote.lines[:MOST_LINES]
    ]
    if len(quote.lines) > MOST_LINES:
        rows.append((f"… and {len(quote.lines) - MOST_LINES} more", "", "", "", ""))
    paragraphs = [
        "## Quote",
        (
            f"**{money.show(quote.total)} credits** (US$ {money.dollars(quote.total)}) "
            f"from wallet **{_text(wallet)}**. Made before anything was held or bought."
        ),
        table(
            ("what", "done by", "quantity", "credits each", "credits"),
            rows,
            right=3,
            total=money.show(quote.total),
        ),
        "\n".join(
            f"- {note}"
            for note in (*map(_text, losses), *notes, f"Prices of {quote.book_version}.")
        ),
    ]
    return "\n\n".join(paragraphs)


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0, total: str = ""
) -> str:
    """Return a table in Markdown.

    Args:
        right: how many of the last columns hold numbers.
        total: stands in bold below the last column.
    """
    lines = [
        _row(head),
        _row(["---"] * (len(head) - right) + ["---:"] * right),
        *(_row([_text(cell) for cell in row]) for row in rows),
    ]
    if total:
        lines.append(_row(["**total**", *[""] * (len(head) - 2), f"**{total}**"]))
    return "\n".join(lines)


def progress_card(progress: Progress) -> str:
    """Return the progress as a card: Prefect's pages draw no bar of their own."""
    share = progress.ended / progress.total if progress.total else 1.0
    filled = int(share * _BAR_LENGTH)
    bar = "▰" * filled + "▱" * (_BAR_LENGTH - filled)
    lines = [f"**{progress.ended} of {count('row', progress.total)}**"]
    lines.append(f"{bar} {int(100 * share)}%")
    lines.append(f"{money.show(progress.spent)} credits spent")
    if progress.per_second:
        lines.append(f"{progress.per_second:.1f} rows/s")
    if progress.expected_end:
        lines.append(f"Ends about {progress.expected_end:%H:%M} UTC")
    if progress.not_done:
        lines.append(f"{progress.not_done} not done")
    lines += [f"{each.rows} {_text(each.code)}: {_text(each.message)}" for each in progress.causes]
    return "\n\n".join(lines)


def gallery_of(studio: Studio, jobs: Sequence[Job], forms: NextForms = NO_FORMS) -> Gallery:
    """Return the pictures of the settled ones of ``jobs``; reads thumbnails.

    Args:
        forms: what can be done with each next.
    """
    settled = [job for job in jobs if job.state == "settled"]
    tiles = (tile for job in settled for tile in _tiles(studio, job, forms))
    kinds = [made.media_type for job in settled for made in job.outputs()]
    return Gallery(len(kinds), tuple(islice(tiles, _MOST_THUMBNAILS)), _noun(kinds))


def gallery_markdown(gallery: Gallery, rest: str = "") -> str:
    """Return the pictures as a grid of thumbnails, each with links to its file."""
    cells = [_cell(tile) for tile in gallery.tiles]
    rows = [cells[start : start + _COLUMNS] for start in range(0, len(cells), _COLUMNS)]
    grid = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    paragraphs = [f"## {gallery.title}"]
    if cells:
        paragraphs.append(f'<table width="100%">\n{grid}\n</table>')
    if gallery.count > len(cells):
        paragraphs.append(f"… and {gallery.count - len(cells)} more: `studio library list`")
    said = [tile for tile in gallery.tiles if tile.words][:_MOST_TEXTS]
    paragraphs += [f"### {_text(tile.name)}\n\n{tile.words}" for tile in said]
    return "\n\n".join([*paragraphs, *([rest] if rest else [])])


def count(noun: str, number: int) -> str:
    """Return a number with its noun, such as ``2 pictures``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tiles(studio: Studio, job: Job, forms: NextForms) -> Iterable[Tile]:
    for identifier, made in zip(job.asset_ids(), job.outputs(), strict=True):
        yield Tile(
            name=job.file_name(made),
            facts=f"{measure(made.width, made.height, made.size)}, {job.offer}",
            address=file_link(studio.settings, identifier),
            thumbnail=_data_uri(thumbnail(studio.store, made.sha256, made.thumbnail)),
            links=forms.for_picture(identifier) if made.media_type in _PICTURES else (),
            shown=made.media_type in _PICTURES,
            words=_words(studio.store, made.sha256) if made.media_type == _TEXT else "",
        )


def _noun(kinds: Iterable[str]) -> str:
    """Say what all of these media types are, in one word."""
    nouns = {
        next((noun for start, noun in _NOUNS if kind.startswith(start)), "file") for kind in kinds
    }
    return nouns.pop() if len(nouns) == 1 else "file"


def _words(store: BlobStore, sha256: str) -> str:
    """Return what a text says as Markdown, such as a better prompt, or tags; at most some of it."""
    try:
        told = json.loads(store.get(sha256))
    except (StudioError, ValueError):
        return ""
    found = told.items() if isinstance(told, dict) else ()
    lines = []
    for name, value in found:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if text:
            lines.append(f"- **{_text(name.replace('_', ' '))}:** {_text(text[:_LONGEST_WORDS])}")
    return "\n".join(lines[:_MOST_WORDS])


def _page(tile: Tile) -> str:
    """Return the page behind the card of what is no picture."""
    parts = [f"![{_text(tile.name)}]({tile.thumbnail})", f"[{_text(tile.name)}]({tile.address})"]
    return "\n\n".join([*parts, _text(tile.facts), tile.words]).rstrip()


def _cell(tile: Tile) -> str:
    name, address = html.escape(tile.name), html.escape(tile.address)
    links = [f'<a href="{html.escape(to)}">{html.escape(words)}</a>' for words, to in tile.links]
    return (
        f'<td width="33%" align="center" valign="bottom"><a href="{address}">'
        f'<img src="{tile.thumbnail}" width="180" alt="{name}"></a>'
        f'<br><a href="{address}">{name}</a><br>{html.escape(tile.facts)}'
        f"{'<br>' if links else ''}{' · '.join(links)}</td>"
    )


def _data_uri(data: bytes) -> str:
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    if data[8:12] == b"WEBP":
        kind = "image/webp"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def page_of(artifact: UUID) -> str:
    """Return the address of an artifact's page."""
    return f"{PREFECT_UI_URL.value() or ''}/artifacts/artifact/{artifact}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Keep a text from becoming Markdown or HTML, and from breaking out of its line or cell."""
    plain = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#~&!" else c for c in plain)
