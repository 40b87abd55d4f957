"""``studio quote`` and ``studio run``: one operation, its fields as options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.options import with_options
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here, Session
from library import measure
from studio import credits as money
from studio.operations import OPERATIONS, Operation, parse_operation

if TYPE_CHECKING:
    from engine.single import Planned
    from interfaces.cli.orders import Made

_TO = Parameter(
    help="Folder for the files; a folder of the run in the studio's home, if not given.",
    show_default=False,
)

_SAVE = Parameter(
    help="File to keep the signed quote in: `studio run ... --quote @FILE` buys at its price.",
    show_default=False,
)
_QUOTE = Parameter(
    help="A signed quote of this very request, or @ and the file that it is in.",
    show_default=False,
)
_PROJECT = Parameter(help="What it is for; its budget is kept to.", show_default=False)
_MOST = Parameter(
    help="Credits that it may come to, such as 12.5; above it nothing is bought.",
    show_default=False,
)


def _quote(
    kind: type[Operation], *, session: Here, save: Annotated[str, _SAVE] = "", **values: Any
) -> int:
    """Say what an operation would cost. Nothing is held and nothing bought."""
    return quote_only(session, _parse(kind, values), save)


def quote_only(session: Session, operation: Operation, save: str = "") -> int:
    """Say what an operation would cost; nothing is held and nothing bought.

    Args:
        session: whose wallet it would be.
        operation: what would be done.
        save: a file for the signed quote; empty for none.
    """
    from interfaces.cli.files import write_file  # noqa: PLC0415 - as below
    from interfaces.cli.opening import opened_studio  # noqa: PLC0415 - engine and providers

    with opened_studio() as studio:
        from engine.quoting import sign_quote  # noqa: PLC0415 - as above
        from engine.single import plan_one  # noqa: PLC0415 - as above

        planned = plan_one(studio, operation, session.owner, "quote", user=session.user)
        signed, token = sign_quote(
            studio.settings, planned.quote, planned.request, planned.pictures, session.owner
        )
    if save:
        write_file(Path(save), f"{token}\n".encode(), force=True)
    document = {
        "operation": operation.model_dump(mode="json"),
        "id": signed.id,
        "token": token,
        **_planned_document(planned),
    }
    session.out.result(document, lambda to: _show_planned(to, planned, signed.id))
    return Exit.DONE


def _run(
    kind: type[Operation],
    *,
    session: Here,
    to: Annotated[str, _TO] = "",
    quote: Annotated[str, _QUOTE] = "",
    project: Annotated[str, _PROJECT] = "",
    max_credits: Annotated[str, _MOST] = "",
    **values: Any,
) -> int:
    """Do one operation as its real flow."""
    from interfaces.cli.files import read_token  # noqa: PLC0415 - as below
    from interfaces.cli.orders import carry_out  # noqa: PLC0415 - engine and providers

    purse = {"quote": read_token(quote), "project": project, "max_credits": max_credits}
    made = carry_out(session, _parse(kind, values), to, purse)
    session.out.result(made.as_dict(), lambda console: show_made(console, made))
    return Exit.DONE


def _parse(kind: type[Operation], values: dict[str, Any]) -> Operation:
    return parse_operation({**values, "operation": kind.model_fields["operation"].default})


def _planned_document(planned: Planned) -> dict[str, Any]:
    plan = planned.plan
    prompt = planned.prompt.first if planned.prompt else None
    return {
        "prompt": {"offer": prompt.offer.id, "reason": prompt.reason} if prompt else None,
        "quote": planned.quote.as_dict(),
        "offers": [
            {
                "offer": choice.offer.id,
                "reason": choice.reason,
                "says": choice.offer.says,
                **amount("price", choice.price),
            }
            for choice in plan.choices
        ],
        "refusals": [{"offer": each.offer, "reason": each.reason} for each in plan.refusals],
        "losses": list(planned.losses),
    }


def _show_planned(to: Console, planned: Planned, identifier: str) -> None:
    quote = planned.quote
    to.print(
        Text.assemble(
            (in_credits(quote.total), "bold"),
            (f"  US$ {money.dollars(quote.total)}, price book {quote.book_version}", "dim"),
        )
    )
    for loss in planned.losses:
        to.print(Text(loss, style="yellow"))
    rows = table("offer", "credits", "why", right=("credits",))
    if planned.prompt:
        prompt = planned.prompt.first
        words = f"writes the prompt: {prompt.reason}"
        rows.add_row(prompt.offer.id, money.show(prompt.price), words)
    for choice in planned.plan.choices:
        rows.add_row(choice.offer.id, money.show(choice.price), choice.reason)
    for refusal in planned.plan.refusals:
        rows.add_row(refusal.offer, "-", f"not tried: it {refusal.reason}", style="dim")
    to.print(rows)
    until = f"Quote {identifier} stands until {quote.expires_at:%Y-%m-%d %H:%M} UTC."
    to.print(Text(f"{until} --save FILE keeps it; `studio run` takes it.", style="dim"))


def show_made(to: Console, made: Made) -> None:
    """Show what a run made, for people."""
    for picture in made.pictures:
        pairs: list[Fact] = [
            ("asset", Text(picture.asset, style="bold")),
            ("file", str(picture.file)),
            ("size", measure(picture.width, picture.height, picture.bytes)),
        ]
        if picture.text:
            pairs.insert(0, ("prompt", plain(picture.text)))
        show_facts(to, pairs)
    if made.comparison:
        show_facts(to, [("compare", str(made.comparison))])
    show_facts(
        to,
        [
            ("made by", plain(f"{made.offer}: {made.method}")),
            ("credits", money.show(made.credits)),
            ("left", money.show(made.available)),
            ("run", made.link),
        ],
    )


def _app(name: str, function: Any, says: str) -> App:
    app = App(
        name=name, help=says, help_format="plaintext", help_flags=["--help", "-h"], help_epilogue=""
    )
    for operation, kind in OPERATIONS.items():
        app.command(with_options(function, kind), name=operation)
    return app


quote = _app("quote", _quote, "Say what an operation would cost, and who would do it.")
run = _app("run", _run, "Do one operation: buy it and file the picture.")
