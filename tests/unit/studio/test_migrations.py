"""The migrated database is the one that the code's tables describe, on both databases."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError

import engine.batch  # noqa: F401 - with it comes every room that has tables
from billing import ledger
from billing.ledger.words import fingerprint
from library.words import marks_of_id, marks_of_part
from studio.database import Database, belongs_to_code, metadata
from studio.database.migrate import configuration, migrate
from studio.errors import SetupIncomplete


def test_migrations_lead_to_the_tables_of_the_code(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": False, "include_name": belongs_to_code}
        )
        assert compare_metadata(context, metadata) == []
    database.close()


def test_rows_of_batches_survive_that_lines_get_parts(database_url: str) -> None:
    database = Database(database_url)

    def before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for words in (
            (
                "INSERT INTO batches (id, owner, name, source, rows, created_at)"
                " VALUES ('b', 'o', '', 'f.csv', 1, 0)"
            ),
            (
                'INSERT INTO batch_rows (batch, line, name, key, operation, "references", same_as)'
                " VALUES ('b', 2, 'fox', 'k', '{}', '[]', '')"
            ),
        ):
            connection.execute(text(words))

    database.write(before)
    migrate(database)

    def more(connection: Connection) -> list[Any]:
        connection.execute(
            text(
                "INSERT INTO batch_rows"
                ' (batch, line, part, name, key, operation, "references", same_as)'
                " VALUES ('b', 2, 1, 'owl', 'k', '{}', '[]', '')"
            )
        )
        query = text("SELECT line, part, name FROM batch_rows ORDER BY part")
        return list(connection.execute(query).tuples())

    assert database.write(more) == [(2, 0, "fox"), (2, 1, "owl")]
    database.close()


def test_messages_of_before_are_routed_and_what_was_given_up_is_a_dead_letter(
    database_url: str,
) -> None:
    database = Database(database_url)

    def before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        for state in ("waiting", "sent", "given_up"):
            connection.execute(
                text(
                    "INSERT INTO outbox (id, owner, event, subject, payload, state, attempts,"
                    " next_at, created_at, error)"
                    " VALUES (:state, 'o', 'e', :state, '{}', :state, 8, 5, 1, 'no')"
                ),
                {"state": state},
            )

    database.write(before)
    migrate(database)
    with database.read() as connection:
        messages = connection.execute(text("SELECT id, state FROM outbox ORDER BY id"))
        assert messages.tuples().all() == [
            ("given_up", "routed"),
            ("sent", "routed"),
            ("waiting", "waiting"),
        ]
        dead = connection.execute(text("SELECT message, channel, attempts, error FROM deliveries"))
        assert dead.tuples().all() == [("given_up", "settings/1", 8, "no")]
    database.close()


def test_assets_of_before_are_found_by_the_last_characters_of_their_ids(
    database_url: str,
) -> None:
    database = Database(database_url)
    old = "ast_01kc9yzabcdefghjkmnpqrstvw_00"

    def before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0027")
        for number, name in enumerate((old, "ast_01kc9yzabcdefghjkmnpqrstvz")):
            given = {"id": name, "number": number, "words": f" \ue000a fox{number} "}
            for words in (
                (
                    "INSERT INTO assets (id, owner, name, sha256, thumbnail, media_type, bytes,"
                    " width, height, operation, request, provider, model, method, reason, credits,"
                    " facts, job, position, run, created_at) VALUES (:id, 'ann', 'a.png', '0', '0',"
                    " 'image/png', 1, 1, 1, 'generate', '{}', 'p', 'm', '', '', 0, '{}', :id, 0,"
                    " '', 0)"
                ),
                (
                    "INSERT INTO asset_cards (number, asset, owner, kind, operation, provider,"
                    " model, label, bytes, width, height, credits) VALUES (:number, :id, 'ann',"
                    " 'image', 'generate', 'p', 'm', 'a', 1, 1, 1, 0)"
                ),
                "INSERT INTO asset_words (number, words) VALUES (:number, :words)",
            ):
                connection.execute(text(words), given)

    database.write(before)
    migrate(database)
    (made,) = marks_of_part("RSTVW_00")
    with database.read() as connection:
        kept = connection.execute(text("SELECT words FROM asset_words ORDER BY number")).scalars()
        assert kept.all() == [f" \ue000a fox0 {made} ", " \ue000a fox1 "]
    assert made in list(marks_of_id(old))
    found = (
        "SELECT rowid FROM asset_words_index WHERE asset_words_index MATCH :typed"
        if database.is_sqlite
        else "SELECT number FROM asset_words WHERE array_to_tsvector(string_to_array("
        "btrim(words), ' ')) @@ CAST(:typed AS tsquery)"
    )
    typed = f'"{made}"' if database.is_sqlite else f"'{made}'"
    with database.read() as connection:
        assert connection.execute(text(found), {"typed": typed}).scalars().all() == [0]
    database.close()


def test_what_was_purged_before_leaves_no_words(database_url: str) -> None:
    database = Database(database_url)

    def before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0030")
        # 1: purged; 2: one of two is; 3: there. An attempt at 1 had failed.
        for number, (job, purged) in enumerate(((1, 5), (2, 5), (2, None), (3, None))):
            given = {"id": f"ast_{number}", "number": number, "job": f"job_{job}", "purged": purged}
            for words in (
                (
                    "INSERT INTO assets (id, owner, name, sha256, thumbnail, media_type, bytes,"
                    " width, height, operation, request, provider, model, method, reason, credits,"
                    " facts, job, position, run, created_at) VALUES (:id, 'ann', 'a.png', '0', '0',"
                    " 'image/png', 1, 1, 1, 'generate', '{}', 'p', 'm', '', '', 0, '{}', :job,"
                    " :number, '', 0)"
                ),
                (
                    "INSERT INTO asset_cards (number, asset, owner, kind, operation, provider,"
                    " model, label, bytes, width, height, credits, deleted_at, purged_at) VALUES"
                    " (:number, :id, 'ann', 'image', 'generate', 'p', 'm', 'a', 1, 1, 1, 0,"
                    " :purged, :purged)"
                ),
                (
                    "INSERT INTO asset_looks (asset, source, owner, job, caption, colours, state,"
                    " created_at) VALUES (:id, 's', 'ann', :job, 'a fox', '[]', 'pending', 0)"
                ),
                (
                    'INSERT INTO current_versions (owner, root, asset, "user", chosen_at)'
                    " VALUES ('ann', :id, :id, 'ann', 0)"
                ),
                (
                    "INSERT INTO collections (id, owner, name, cover, created_at, updated_at)"
                    " VALUES (:id, 'ann', :id, :id, 0, 0)"
                ),
            ):
                connection.execute(text(words), given)
        delivery = '{"facts":{"request_id":"r","text":"a fox"},"told":{"caption":"a fox"}}'
        for name, key, attempt, state, told in (
            ("job_0", "k1", 1, "failed", None),
            ("job_1", "k1", 2, "settled", delivery),
            ("job_2", "k2", 1, "settled", delivery),
            ("job_3", "k3", 1, "settled", delivery),
        ):
            connection.execute(
                text(
                    "INSERT INTO jobs (id, owner, key, attempt, state, run, worker, label,"
                    " announce, operation, pictures, offer, reason, price, claim, delivery,"
                    " created_at, updated_at) VALUES (:id, 'ann', :key, :attempt, :state, '', '',"
                    " 'a-fox', 0,"
                    ' \'{"operation":"generate","prompt":"a fox"}\', \'["fox.png"]\', \'p/m\','
                    " '', 7, '', :delivery, 0, 0)"
                ),
                {"id": name, "key": key, "attempt": attempt, "state": state, "delivery": told},
            )

    database.write(before)
    migrate(database)
    with database.read() as connection:

        def told(words: str) -> list[Any]:
            return list(connection.execute(text(words)).tuples())

        kept = [("ast_2",), ("ast_3",)]
        assert told("SELECT asset FROM asset_looks ORDER BY asset") == kept
        assert told("SELECT asset FROM current_versions ORDER BY asset") == kept
        covers = "SELECT cover FROM collections ORDER BY id"
        assert told(covers) == [("",), ("",), *kept]
        rows = told("SELECT id, operation, pictures, label, delivery, price FROM jobs ORDER BY id")
    emptied = ('{"operation":"generate"}', "[]", "deleted")
    assert rows[0] == ("job_0", *emptied, None, 7)
    assert rows[1] == ("job_1", *emptied, '{"facts":{"request_id":"r"}}', 7)
    assert all(str(row).count("fox") == 5 for row in rows[2:]), "these have assets"
    database.close()


def constraints(database: Database) -> set[tuple[str, str | None, str]]:
    return {
        (table, check["name"], " ".join(check["sqltext"].split()))
        for table in metadata.tables
        for check in inspect(database.engine).get_check_constraints(table)
    }


def test_migrations_lead_to_the_same_checks(database: Database) -> None:
    """Alembic's comparison leaves checks out, and they are what keeps wallets from overdraft."""
    expected = constraints(database)
    assert ("wallets", "ck_wallets_never_overdrawn") in {each[:2] for each in expected}
    metadata.drop_all(database.engine)
    migrate(database)
    assert constraints(database) == expected


def test_the_books_are_append_only_after_a_migration(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with pytest.raises(DatabaseError, match="append-only"):
        database.write(
            lambda c: (
                c.execute(
                    text(
                        "INSERT INTO wallets"
                        " (id, owner, state, granted, held, captured, expired, created_at)"
                        " VALUES ('w','o','active',0,0,0,0,0)"
                    )
                ),
                c.execute(
                    text(
                        "INSERT INTO ledger_transactions"
                        " (id, wallet_id, kind, key, fingerprint, at)"
                        " VALUES ('t','w','top_up','k','f',0)"
                    )
                ),
                c.execute(text("UPDATE ledger_transactions SET kind = 'hold'")),
            )
        )
    database.close()


EARLIER: dict[str, tuple[str, str | None, str | None, dict[str, int]]] = {
    # id: kind, hold, claim, entries; of the books as revision 0003 had them.
    "txn_a": ("top_up", None, None, {"issued": -100, "available": 100}),
    "txn_b": ("top_up", None, None, {"issued": -50, "available": 50}),
    "hold:spent": ("hold", "spent", None, {"available": -80, "held": 80}),
    "claim:bought": ("claim", "spent", "bought", {"held": -60, "claimed": 60}),
    "capture:bought": ("capture", "spent", "bought", {"claimed": -60, "spent": 55, "held": 5}),
    "release:spent": ("release", "spent", None, {"held": -25, "available": 25}),
    "hold:open": ("hold", "open", None, {"available": -70, "held": 70}),
    "claim:active": ("claim", "open", "active", {"held": -30, "claimed": 30}),
    "hold:none": ("hold", "none", None, {}),
}


def fill_as_before(connection: Connection) -> None:
    """Fill the tables of revision 0003: a wallet, two top-ups, three holds, two claims."""
    run = connection.exec_driver_sql
    run("INSERT INTO wallets VALUES ('w', 'ada', 'active', 150, 70, 55, 0)")
    fill = connection.execute
    year = 365 * 86_400_000_000
    holds = text("INSERT INTO holds VALUES (:id, 'w', :id, 'f', 'p', :a, :b, :c, :d, :s, :e, 7)")
    for identity, amounts, state in (
        ("spent", (80, 0, 55, 25), "closed"),
        ("open", (70, 30, 0, 0), "open"),
        ("none", (0, 0, 0, 0), "open"),
    ):
        parts = dict(zip("abcd", amounts, strict=True))
        fill(holds, {"id": identity, "s": state, "e": 1000 * year, **parts})
    run("INSERT INTO claims VALUES ('bought', 'w', 'spent', 'a', 'f', 60, 55, 'captured', 8, 9)")
    run("INSERT INTO claims VALUES ('active', 'w', 'open', 'b', 'f', 30, 0, 'active', 8, NULL)")
    made = text(
        "INSERT INTO ledger_transactions"
        " VALUES (:id, 'w', :kind, :key, :mark, :hold, :claim, 'op', 'gift', :at)"
    )
    entry = text("INSERT INTO ledger_entries VALUES (:id, :account, 'w', :amount)")
    moments = {"top_up": 0, "hold": 7, "claim": 8, "capture": 9, "release": 10}
    for identity, (kind, hold, claim, entries) in EARLIER.items():
        mark = fingerprint(100, "op", "gift") if identity == "txn_a" else "f"
        # What made a claim has the claim's key; what ended one, its id.
        key = {"claim:bought": "a", "claim:active": "b"}.get(identity, claim or hold or identity)
        named = {"id": identity, "kind": kind, "hold": hold, "claim": claim, "key": key}
        fill(made, {**named, "mark": mark, "at": moments[kind]})
        for account, amount in entries.items():
            fill(entry, {"id": identity, "account": account, "amount": amount})


def test_earlier_books_have_their_grants_after_a_migration(database_url: str) -> None:
    database = Database(database_url)

    def as_before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        fill_as_before(connection)

    database.write(as_before)
    migrate(database)
    with database.read() as connection:
        assert ledger.audit(connection) == []
        kept = ledger.grants_of(connection, "ada")
        assert {(each.id, each.kind, each.amount, each.left, each.expires_at) for each in kept} == {
            ("grant_a", "top_up", 100, 0, None),
            ("grant_b", "top_up", 50, 25, None),
        }
        paid = {
            hold: [
                (each.grant_id, each.amount)
                for each in ledger.allocations_of(connection, "ada", hold)
            ]
            for hold in ("spent", "open", "none")
        }
    # Whichever of two holds of the same moment is taken for the older one.
    assert paid == {
        "spent": [("grant_a", 30), ("grant_b", 25)],
        "open": [("grant_a", 70)],
        "none": [],
    }

    def go_on(connection: Connection) -> None:
        (again,) = ledger.top_up(
            connection, [ledger.TopUpRequest("ada", "txn_a", 100, "op", "gift")]
        )
        assert isinstance(again, ledger.Receipt)
        assert (again.replayed, again.grant_id) == (True, "grant_a")
        (ended,) = ledger.release(connection, [ledger.ReleaseRequest("ada", "open")])
        assert isinstance(ended, ledger.Hold)
        assert ledger.balance(connection, "ada").available == 150 - 55 - 30
        assert ledger.audit(connection) == []

    database.write(go_on)
    with pytest.raises(DatabaseError, match="append-only"):
        database.write(lambda c: c.execute(text("DELETE FROM ledger_entries")))
    with pytest.raises(DatabaseError, match="append-only"):
        database.write(lambda c: c.execute(text("UPDATE ledger_transactions SET at = 0")))
    with pytest.raises(IntegrityError):  # foreign keys are enforced again
        database.write(lambda c: c.execute(text("UPDATE holds SET wallet_id = 'nobody'")))
    database.close()


def test_a_restructuring_that_leaves_loose_ends_is_undone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    migrate(database)
    database.write(fill_wallet)
    with pytest.raises(RuntimeError, match="refers to nothing in wallets"):
        database.restructure(lose_the_wallets)
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM wallets")).scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.close()


def lose_the_wallets(connection: Connection) -> None:
    connection.execute(text("DELETE FROM wallets"))


def fill_wallet(connection: Connection) -> None:
    ledger.open_wallets(connection, [ledger.WalletRequest("ada")])
    ledger.top_up(connection, [ledger.TopUpRequest("ada", "k", 5, "op", "gift")])


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    barrier = threading.Barrier(len(databases))
    errors: list[Exception] = []

    def start(database: Database) -> None:
        barrier.wait()
        try:
            migrate(database)
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            errors.append(error)

    threads = [threading.Thread(target=start, args=(each,)) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in databases:
        each.close()
    assert errors == []


def test_what_lacks_nothing_is_looked_at_without_reading_the_migrations(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command and every process of a run opens the database: it has to be quick."""
    database = Database(database_url)
    migrate(database)
    monkeypatch.setattr(ScriptDirectory, "from_config", None)
    migrate(database)
    database.close()


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    database.write(lambda connection: connection.execute(newer))
    with pytest.raises(SetupIncomplete, match="newer Image Studio"):
        migrate(database)
    database.close()
