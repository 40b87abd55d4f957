"""Opening what a command needs, and no more: the settings, the database, the studio."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from studio.errors import NotEnoughCredits, SetupIncomplete
from studio.settings import Settings, settings

if TYPE_CHECKING:
    from billing.ledger import Ledger
    from engine.studio import Studio
    from studio.database import Database


def load_settings() -> Settings:
    """Return the settings.

    Raises:
        SetupIncomplete: one of them is not right.
    """
    try:
        return settings()
    except ValidationError as error:
        from studio.operations import describe_problems  # noqa: PLC0415 - only for the refusal

        problem = describe_problems(error)[0]
        name = problem["field"].partition(".")[0]
        secret = "Secret" in str(Settings.model_fields[name].annotation)
        raise SetupIncomplete(
            "A setting is not right. Look for it in the environment and in the file .env.",
            field=f"STUDIO_{name.upper()}",
            given="(a secret)" if secret else problem["given"],
            allowed=problem["rule"],
        ) from None


@contextlib.contextmanager
def opened_database(config: Settings) -> Iterator[Database]:
    """Open the database alone, with its newest tables: much quicker than the whole studio."""
    from library import catch_up  # noqa: PLC0415 - SQLAlchemy is heavy
    from studio.database import Database  # noqa: PLC0415 - as above
    from studio.database.migrate import migrate  # noqa: PLC0415 - Alembic is heavy

    database = Database(config.database)
    try:
        migrate(database)
        catch_up(database)
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def opened_ledger(config: Settings) -> Iterator[Ledger]:
    """Open the database and the ledger in it."""
    from billing.ledger import Ledger  # noqa: PLC0415 - SQLAlchemy is heavy

    with opened_database(config) as database:
        ledger = Ledger(database)
        try:
            yield ledger
        finally:
            ledger.close()


@contextlib.contextmanager
def opened_studio() -> Iterator[Studio]:
    """Open this process's studio, the one that flows run here use as well."""
    from engine.studio import open_studio, use_studio  # noqa: PLC0415 - providers are heavy

    load_settings()
    studio = open_studio()
    try:
        yield studio
    finally:
        use_studio(None)
        studio.close()


def check_funds(studio: Studio, owner: str, total: int, most: str = "") -> int:
    """Return what is available, if that covers ``total``.

    The gate asks again, where it counts. Asked here, a refusal costs no start of Prefect.

    Args:
        most: credits that it may come to, as they were typed; empty for no ceiling.

    Raises:
        BudgetReached: it comes to more than that.
        AccountRefused: there is no wallet.
        NotEnoughCredits: it has less.
    """
    from billing.accounts.admission import check_ceiling  # noqa: PLC0415 - SQLAlchemy is heavy
    from billing.ledger import balance  # noqa: PLC0415 - SQLAlchemy is heavy
    from studio import credits as money  # noqa: PLC0415 - as above

    check_ceiling(total, money.parse(most, field="max_credits") if most else None)
    with studio.database.read() as connection:
        available = balance(connection, owner).available
    if available < total:
        raise NotEnoughCredits(
            f"This comes to {money.show(total)} credits, and {money.show(available)} are "
            f"available in the wallet of {owner!r}. "
            f"`studio account top-up {money.show(total - available)}` adds what is missing.",
            owner=owner,
            needed=total,
            available=available,
        )
    return available
