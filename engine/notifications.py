"""Notifications: messages of the outbox as text, plain and short.

A text says what happened, what to do about it if anything, where to look, and its message id, by
which a reader knows one that came twice.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.announcements import MOST_PICTURES
from engine.file_links import file_link
from engine.outbox import Message, Waiting
from studio import credits as money
from studio.settings import Settings

LONGEST_TITLE = 200
"""Characters of a title."""

LONGEST_BODY = 8_000
"""Characters of a notification; a channel may take fewer."""

_LONGEST_IN_DIGEST = 700
"""Characters of one message in a digest."""

_CALLS = re.compile(r"@(everyone|here|channel)\b", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a message.

    Attributes:
        title: one line.
        lines: the summary.
        todo: what to do about it; empty if nothing.
    """

    title: str
    lines: Sequence[str] = field(default=())
    todo: str = ""


def words(waiting: Waiting, config: Settings) -> tuple[str, str]:
    """Return title and body of a message."""
    said = _said(waiting.message)
    lines = [*said.lines, *([f"What to do: {said.todo}"] if said.todo else [])]
    lines += links(waiting.message, config)
    return _title(said.title), _fit(lines, _mark(waiting), LONGEST_BODY)


def joined(
    waiting: Sequence[Waiting], config: Settings, room: int = LONGEST_BODY
) -> tuple[str, str, int]:
    """Return title and body of a digest, and how many of the messages found room in it.

    Args:
        room: characters that the channel takes.
    """
    parts: list[str] = []
    for each in waiting:
        said = _said(each.message)
        lines = [*said.lines, *([f"What to do: {said.todo}"] if said.todo else [])]
        lines = [f"* {_title(said.title)}", *lines, *links(each.message, config)[:1]]
        part = _fit(lines, _mark(each), min(_LONGEST_IN_DIGEST, room))
        if parts and sum(map(len, parts)) + 2 * len(parts) + len(part) > room:
            break
        parts.append(part)
    title = f"Image Studio: {len(parts)} message{'s' if len(parts) > 1 else ''}"
    return title, "\n\n".join(parts), len(parts)


def links(message: Message, config: Settings) -> list[str]:
    """Return addresses at which there is more to see: the pictures, and the run in Prefect."""
    assets = message.payload.get("assets", ())[:MOST_PICTURES]
    found = [file_link(config, each) for each in assets]
    run = str(message.payload.get("run", ""))
    try:
        uuid.UUID(run)
    except ValueError:
        return found
    return [*found, f"{config.prefect_pages}/runs/flow-run/{run}"]


def _said(message: Message) -> Words:
    """Tell an event that nobody has words for, rather than not at all."""
    tell = WORDS.get(message.event)
    if tell is None:
        return Words(f"{message.event}: {message.subject}", [f"For {message.owner}."])
    return tell(message)


def _mark(waiting: Waiting) -> str:
    return f"Message {waiting.id}"


def _title(text: str) -> str:
    """Keep a title to one line, whatever was put into a name; nobody is called by it."""
    return cut(" ".join(_quiet(text).split()), LONGEST_TITLE)


def _quiet(text: str) -> str:
    """Take out what would be a command to a channel: control characters, calls to everybody."""
    return _CALLS.sub("@\u200b\\1", _CONTROLS.sub(" ", text))


def _fit(lines: Sequence[str], mark: str, room: int) -> str:
    """Join lines within ``room``; the message's id is never what is cut off."""
    text = _quiet("\n".join(line for line in lines if line))
    return f"{cut(text, room - len(mark) - 1)}\n{mark}"


def cut(text: str, length: int) -> str:
    """Return ``text`` with at most ``length`` characters."""
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def _of_batch(message: Message) -> Words:
    it = message.payload
    counts = ", ".join(f"{count} {state}" for state, count in it["counts"].items())
    causes = [
        f"{cause['count']} with {cause['code']}: {cause['message']}"
        for cause in it.get("causes", ())
    ]
    return Words(
        f"{_BATCH[message.event]} {it['name']}: {counts}",
        [*causes, _spent(message)],
        _after_batch(message),
    )


_BATCH: Mapping[str, str] = MappingProxyType(
    {
        "batch.finished": "Batch",
        "batch.partly_failed": "Partly failed: batch",
        "batch.failed": "Failed: batch",
    }
)


def _after_batch(message: Message) -> str:
    it = message.payload
    if message.event == "batch.finished":
        return ""
    status = f"`studio batch status {it['batch']}` lists the rows; run the file again for the rest."
    if it["counts"].get("unknown"):
        status += " `studio jobs list` shows what may have been bought."
    return status


def _of_picture(message: Message) -> Words:
    return Words(f"Picture ready: {message.payload['label']}", [_spent(message)])


def _of_failure(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Picture failed: {it['label']}",
        [f"{it['cause']['code']}: {it['cause']['message']}", _spent(message)],
        f"`studio jobs show {it['job']}` tells more; run it again once the cause is mended.",
    )


def _of_unknown(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Outcome unknown: {it['label']}",
        [
            f"{it['cause']['code']}: {it['cause']['message']}",
            "It may have been bought, so it is not bought again by itself; its credits stay held.",
        ],
        f"look at the bill, then `studio jobs resolve {it['job']} bought` or `not-bought`.",
    )


def _spent(message: Message) -> str:
    return f"{money.show(int(message.payload['credits']))} credits spent by {message.owner}."


def _of_approval(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Approval needed: batch {it['name']}",
        [f"{it['rows']} rows for {money.show(it['credits'])} credits of {message.owner}."],
        f"say yes or no in its run by {it['until']}; after that nothing is bought.",
    )


def _of_schedule(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Schedule missed: {it['schedule']}",
        [f"It was due at {it['due']} and did not run: {it['reason']}."],
        "see that `studio up` runs, and start it by hand if it is still wanted.",
    )


def _of_budget(message: Message) -> Words:
    it = message.payload
    lines = [f"{money.show(it['spent'])} of {money.show(it['amount'])} credits are spent or held."]
    if it["refused"]:
        lines.append("A run was refused because it would have gone beyond it.")
    lines.append(f"The next period begins at {it['resets_at']}.")
    return Words(
        f"{message.owner}: {it['percent']} % of the budget of {it['budget']}",
        lines,
        "`studio account budget` shows and changes it.",
    )


def _of_balance(message: Message) -> Words:
    it = message.payload
    return Words(
        f"{message.owner}: {money.show(it['left'])} credits are left",
        [f"You wanted to be told below {money.show(it['threshold'])}."],
        "`studio account top-up` adds credits.",
    )


def _of_holds(message: Message) -> Words:
    it = message.payload
    returned = money.show(it["returned"])
    return Words(
        f"{message.owner}: holds of {it['holds']} runs ended by time",
        [f"{returned} credits returned. These runs died: {', '.join(it['purposes'])}."],
        "run them again if they are still wanted; nothing is bought twice.",
    )


def _of_opening(message: Message) -> Words:
    return Words(f"Opened: board {message.payload['title']}", [_by_link(message)])


def _of_comment(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Comment on board {it['title']} by {it['name']}",
        [f"{it['asset']}: {it['text']}", _by_link(message)],
        f"`studio library board comments {it['board']}` has all of them.",
    )


def _of_decision(message: Message) -> Words:
    it = message.payload
    return Words(
        f"{it['decision'].capitalize()} on board {it['title']} by {it['name']}",
        [f"It is about {it['asset']}.", _by_link(message)],
        f"`studio library board show {it['board']}` has all of them.",
    )


def _of_guessing(message: Message) -> Words:
    it = message.payload
    return Words(
        f"Somebody guesses the password of board {it['title']}",
        [f"{it['most']} were wrong. {_by_link(message)}"],
        f"`studio library board revoke {it['board']} {it['link']}` ends it; make another link.",
    )


def _by_link(message: Message) -> str:
    it = message.payload
    return f"By the link {it['label'] or it['link']}."


def _of_books(message: Message) -> Words:
    it = message.payload
    return Words(
        f"The books do not agree: {it['count']} faults",
        [*it["faults"], "Nothing was changed."],
        "`studio doctor` tells more.",
    )


def _of_alert(message: Message) -> Words:
    return Words(str(message.payload["title"]), [str(message.payload["text"])])


WORDS: Mapping[str, Callable[[Message], Words]] = MappingProxyType(
    {
        "batch.finished": _of_batch,
        "batch.partly_failed": _of_batch,
        "batch.failed": _of_batch,
        "batch.approval_needed": _of_approval,
        "schedule.missed": _of_schedule,
        "picture.ready": _of_picture,
        "picture.failed": _of_failure,
        "picture.unknown": _of_unknown,
        "budget.threshold": _of_budget,
        "balance.low": _of_balance,
        "board.opened": _of_opening,
        "board.commented": _of_comment,
        "board.decided": _of_decision,
        "board.guessed": _of_guessing,
        "holds.expired": _of_holds,
        "books.disagree": _of_books,
        "operations.alert": _of_alert,
    }
)
"""What is said of each event."""
