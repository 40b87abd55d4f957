"""What every command is given: whose wallet it is about, and where it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from interfaces.cli.output import Output

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from billing.accounts.members import Need
    from studio.settings import Settings


@dataclass(frozen=True)
class Session:
    """One command's surroundings.

    Attributes:
        given_owner: what ``--owner`` says; empty without it.
        out: where the command writes.
        given_user: what ``--user`` says; empty without it.
    """

    given_owner: str
    out: Output
    given_user: str = ""

    @property
    def config(self) -> Settings:
        """The studio's settings.

        Raises:
            SetupIncomplete: one of them is not right.
        """
        from interfaces.cli.opening import load_settings  # noqa: PLC0415 - pydantic is heavy

        return load_settings()

    @property
    def owner(self) -> str:
        """Whose wallet and library the command is about."""
        return self.given_owner or self.config.owner

    @property
    def user(self) -> str:
        """Who acts: a member of the owner's workspace, or the user of its own name."""
        return self.given_user or self.config.user or self.owner

    def require(self, connection: Connection, need: Need) -> None:
        """Let pass a user who may do this for the owner.

        Raises:
            AccountRefused: the user is no member who may.
        """
        from billing.accounts.members import require_member  # noqa: PLC0415 - SQLAlchemy is heavy

        require_member(connection, self.user, self.owner, need)


Here = Annotated[Session, Parameter(parse=False)]
"""A command's parameter that is filled by ``app.launch`` instead of by words on the line."""
