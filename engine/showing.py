"""Pictures by what they show, in somebody's own words: no prompt, title or tag need have them.

What was told of pictures (by ``tag``, by whoever did it) is compared with the words in meaning, on
this machine, and the library looks up what is near.
"""

from __future__ import annotations

from library.assets import check_limit
from library.shown import Shown, names_told, shown
from library.words import words_of
from studio.database import Database
from studio.errors import InvalidRequest

LONGEST = 200
"""Characters of what is asked; the network read no more than 256 pieces of words in training."""


def show_what(database: Database, owner: str, words: str, *, limit: int = 20) -> list[Shown]:
    """Return an owner's pictures that show about what ``words`` say, the best first.

    Where nothing was told of any picture, nothing is found, and the extra is not needed.

    Args:
        database: it is not held while meanings are told: a second or two the first time.
        owner: whose pictures.
        words: English, 1 to 200 characters with a word in them.
        limit: pictures, 1 to 500.

    Raises:
        InvalidRequest: there is no word, there are too many, or the limit is out of range.
        SetupIncomplete: the extra ``search`` is not installed; says the command that does it.
    """
    check_limit(limit)
    if not 0 < len(words) <= LONGEST or not any(words_of(words)):
        raise InvalidRequest(
            "That says nothing to look for.",
            field="words",
            given=ascii(words) if len(words) <= LONGEST else f"{len(words)} characters",
            allowed=f"1 to {LONGEST} characters, with a word in them",
        )
    from providers.local.meaning import nearest  # noqa: PLC0415 - numpy, for who searches by it

    with database.read() as connection:
        names = names_told(connection, owner)
    near = nearest(words, names)
    with database.read() as connection:
        return shown(connection, owner, near, limit=limit)
