"""Write the migration from the newest one to what the tables in the code say now.

Usage: python -m scripts.new_migration "words for what changes"

The result is a draft: read it, and add what Alembic does not see (triggers, data).
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

import engine.batch  # noqa: F401 - with it comes every room that has tables
from studio.database import Database
from studio.database.migrate import configuration, migrate

VERSIONS = Path(__file__).parent.parent / "studio" / "database" / "migrations" / "versions"

# A migration must not change when the code's types do, so it names what they are stored as.
PLAIN = {
    r"studio\.database\.schema\.JsonText\(\)": "sa.Text()",
    r"studio\.database\.schema\.UtcDateTime\(\)": "sa.BigInteger()",
    r"    # ### .*\n": "",
}


def main(words: str) -> None:
    """Compare a freshly migrated database with the code and write the difference."""
    number = f"{max((int(path.name[:4]) for path in VERSIONS.glob('0*.py')), default=0) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/studio.db")
        if number != "0001":
            migrate(database)

        def write(connection: Connection) -> None:
            config = configuration()
            config.attributes["connection"] = connection
            command.revision(config, message=words, autogenerate=True, rev_id=number)

        database.write(write)
        database.close()
    (path,) = VERSIONS.glob(f"{number}_*.py")
    text = path.read_text(encoding="utf-8")
    for pattern, plain in PLAIN.items():
        text = re.sub(pattern, plain, text)
    path.write_text(text, encoding="utf-8")
    print(f"written: {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main(sys.argv[1])
