"""The tree of commands, and the one way in: parse, run, tell errors, return the exit code.

Commands are named by import path, so that a command's module is loaded when it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any, TextIO

from cyclopts import (
    App,
    CycloptsError,
    Group,
    MissingArgumentError,
    Parameter,
    UnusedCliTokensError,
)

from interfaces.cli.exits import Exit, exit_for
from interfaces.cli.groups import HELP
from interfaces.cli.output import Output
from interfaces.cli.session import Session
from studio.errors import InvalidRequest, SetupIncomplete, StudioError, StudioUnavailable

_EPILOGUE = (
    "Exit codes: 0 done; 1 the work failed or is incomplete; 2 wrong usage or request; "
    "3 refused by the gate (credits, wallet, price); 4 set-up incomplete or server unreachable."
)


_COMMANDS = (
    ("demo", "demo:demo", "See it work: a small campaign, from set-up to pictures."),
    ("up", "up:up", "Start Prefect, the deployments and the file pages."),
    ("api", "api:api", "Serve the HTTP API as a process of its own."),
    ("files", "file_pages:files", "Serve the file pages, for links in Prefect, by themselves."),
    ("register", "register:register", "Tell a Prefect server of deployments and automations."),
    ("worker", "worker:worker", "Run what is asked for, beside other machines that do."),
    ("setup", "setup:setup", "Fetch the weights, prepare the database, open the wallet."),
    ("doctor", "doctor:doctor", "Check everything, and say what to do about what is amiss."),
    ("quote", "operations:quote", "Say what an operation would cost, and who would do it."),
    ("run", "operations:run", "Do one operation: buy it and file the picture."),
    ("batch", "batch:app", "Do a file of operations: CSV, JSONL or XLSX."),
    ("schedule", "schedule:app", "Let batches run by themselves."),
    ("account", "account:app", "See to a wallet."),
    ("usage", "usage:usage", "See what was done and spent, and on what."),
    (
        "reconcile",
        "reconcile:reconcile",
        "Compare what was bought of a provider with its bill.",
    ),
    ("prices", "prices:app", "See prices, costs and margins, and what changed."),
    ("library", "library:app", "Look through pictures."),
    ("templates", "templates:app", "Find the size, style and quality for a purpose."),
    ("personas", "personas:app", "Keep how a brand speaks and looks."),
    ("notify", "notify:app", "See to who is told of what, and to what could not be told."),
    ("jobs", "jobs:app", "See what was asked of providers, and end what is unknown."),
    ("providers", "providers:providers", "See who there is, and what they sell."),
    ("emulators", "emulators:emulators", "Start emulators of the cloud providers."),
)
"""Every command or group: its name, where it is, what it does.

What ``studio --help`` shows stands here, so that it loads none of them.
"""

_GROUPS = {"quote", "run", "batch", "account", "library", "jobs", "prices", "templates"}
_GROUPS |= {"personas", "notify", "schedule"}


def _tree() -> App:
    says = "Make, edit, upscale and adapt pictures, paid from a ledger."
    root = App("studio", says, version=_version, help_epilogue=_EPILOGUE, **HELP)
    # `launch` tells of Ctrl-C, as it tells of everything else.
    root.suppress_keyboard_interrupt = False
    for order, (name, place, summary) in enumerate(_COMMANDS):
        # Groups bring their settings along.
        own = {} if name in _GROUPS else {**HELP, "help_epilogue": ""}
        root.command(f"interfaces.cli.{place}", name=name, help=summary, sort_key=order, **own)
    return root


def _version() -> str:
    return version("image-studio")


app = _tree()
app.meta.suppress_keyboard_interrupt = False
app.meta.group_parameters = Group("Everywhere", sort_key=99)


@app.meta.default
def _everywhere(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    owner: Annotated[str, Parameter(show_default=False)] = "",
    user: Annotated[str, Parameter(show_default=False)] = "",
    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Make, edit, upscale and adapt pictures, paid from a ledger.

    Args:
        tokens: the command.
        owner: Whose wallet and library; the setting STUDIO_OWNER, if not given.
        user: Who acts; the setting STUDIO_USER or the owner, if not given.
        json: Print one JSON document on stdout, and nothing else there.
    """
    command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
    session = Session(owner, Output(as_json=json), user)
    extra: dict[str, Any] = dict.fromkeys(ignored, session)
    with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
        return int(command(*bound.args, **bound.kwargs, **extra) or Exit.DONE)


def launch(tokens: Sequence[str]) -> int:
    """Run one command; every error ends here.

    SIGTERM ends it as Ctrl-C does: what was started is stopped, and what is held is given back.
    """
    with _terminated_as_interrupted():
        return _launch(tokens)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main one hears signals
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _launch(tokens: Sequence[str]) -> int:
    # An error in the words themselves must be told as JSON too, before they are understood.
    out = Output(as_json="--json" in tokens)
    try:
        return int(
            app.meta(
                _accept_hyphens(tokens),
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
            or Exit.DONE
        )
    except KeyboardInterrupt:
        with _nobody_need_read():
            words = "Interrupted. What was bought is kept; the rest was not bought."
            out.error(_Interrupted(words))
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader had enough (`studio library list | head`).
        _write_nowhere(sys.stdout)
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the last place that can say anything
        return _tell(out, error)


@contextlib.contextmanager
def _nobody_need_read() -> Iterator[None]:
    """Let words be said whose reader may be gone: who is asked to end ends all the same."""
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, SystemExit):  # rich makes the second of the first
        _write_nowhere(sys.stdout)
        _write_nowhere(sys.stderr)


def _write_nowhere(stream: TextIO) -> None:
    """Nothing may be flushed any more where nobody reads: Python does so when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Interrupted(StudioError):
    """Ctrl-C."""

    code = "interrupted"


class _Unexpected(StudioError):
    """A mistake in the program."""

    code = "unexpected"


def _tell(out: Output, error: Exception) -> int:
    known = _translate(error)
    if known is None:
        # A mistake of ours: its place in the program is what helps.
        traceback.print_exception(error)
        out.error(_Unexpected(f"Something unexpected: {type(error).__name__}: {error}"))
        return Exit.FAILED
    out.error(known)
    return int(getattr(known, "exit", exit_for(type(known))))


def _translate(error: Exception) -> StudioError | None:
    """Return the error as one of ours, if it is something that a person can mend."""
    if isinstance(error, StudioError):
        return error
    if isinstance(error, CycloptsError):
        return _misspoken(error)
    module = type(error).__module__.partition(".")[0]
    if module == "sqlalchemy":
        return StudioUnavailable(
            f"The studio's database cannot be used: {_first_line(error)} "
            "`studio doctor` tells more."
        )
    if module in {"httpx", "httpcore", "prefect"} or "Failed to reach API" in str(error):
        return _unanswered(error)
    if isinstance(error, OSError) and error.filename is not None:
        return SetupIncomplete(f"{error.strerror}.", field="file", given=error.filename)
    return None


def _unanswered(error: Exception) -> SetupIncomplete | None:
    """Say that Prefect's server cannot be reached or is busy; ``None`` if it is something else."""
    # By what it has, not by its kind: importing Prefect would slow every command down.
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SetupIncomplete(
            f"The Prefect server is there and could not answer just now (HTTP {status}): it is "
            "busy, or starting. Look whether it was done all the same (`studio schedule list`, "
            "`studio batch status`), wait half a minute and give the command again. Should it "
            "stay so, prefect/server.log in the studio's home tells more."
        )
    if type(error).__module__.startswith("prefect"):
        return None
    return SetupIncomplete(
        f"The Prefect server does not answer ({type(error).__name__}). "
        "`studio up` starts it, `studio doctor` tells more."
    )


def _misspoken(error: CycloptsError) -> InvalidRequest:
    # The verbose form names functions and lines, which is for developers.
    error.verbose = False
    named = error.argument.name if error.argument is not None else None
    if isinstance(error, MissingArgumentError) and named and not error.tokens_so_far:
        words = f"{named} is missing, or has no value behind it. `--help` tells what it takes."
        return InvalidRequest(words, field=named)
    if isinstance(error, UnusedCliTokensError):
        given = " ".join(error.unused_tokens or ())
        words = "There is more than this command takes. `--help` tells what it takes."
        return InvalidRequest(words, field="words", given=given)
    return InvalidRequest(str(error), field=named)


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".") + "."


def _accept_hyphens(tokens: Sequence[str]) -> list[str]:
    """Take ``run remove-background`` for ``run remove_background``, the name in CSV files."""
    words = list(tokens)
    for position, word in enumerate(words[:-1]):
        if word in {"run", "quote"} and not words[position + 1].startswith("-"):
            words[position + 1] = words[position + 1].replace("-", "_")
            break
        is_value = position > 0 and words[position - 1] in {"--owner", "--user"}
        if not word.startswith("-") and not is_value:
            break
    return words
