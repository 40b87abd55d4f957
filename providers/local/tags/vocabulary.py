"""The words that auto tags have: names of kinds, of groups of kinds, and of colours."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from providers.local import weights as store
from studio.errors import SetupIncomplete

FILE = "imagenet-names.json"
KINDS = 1_000

_WORDS = Path(__file__).with_name("words.toml")


@dataclass(frozen=True)
class Words:
    """What ``words.toml`` holds.

    Attributes:
        groups: names of groups, and the numbers of the kinds in each.
        renamed: better names for kinds, by their numbers.
        colours: names of colours, and examples of each as #rrggbb.
    """

    groups: dict[str, tuple[int, ...]]
    renamed: dict[int, str]
    colours: dict[str, tuple[str, ...]]


@cache
def words() -> Words:
    """Return the words that come with the studio."""
    table = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    groups = {
        name: tuple(kind for first, last in ranges for kind in range(first, last + 1))
        for name, ranges in table["groups"].items()
    }
    renamed = {int(kind): name for kind, name in table["renamed"].items()}
    return Words(groups, renamed, {name: tuple(v) for name, v in table["colours"].items()})


@lru_cache(maxsize=2)
def kinds(weights: Path) -> tuple[str, ...]:
    """Return the names of the 1,000 kinds, in lower case; some kinds share one.

    Raises:
        WeightsMissing: the list is not in the cache.
        SetupIncomplete: it is not such a list.
    """
    names = json.loads(store.path(FILE, weights).read_text(encoding="utf-8"))
    if not isinstance(names, list) or len(names) != KINDS:
        raise SetupIncomplete(f"{FILE} does not name {KINDS} kinds.", field="weights")
    return tuple(words().renamed.get(kind) or _plain(name) for kind, name in enumerate(names))


def _plain(name: str) -> str:
    """Return the first of several names, without what stands in brackets."""
    return re.split(r"\(|/| or ", name, maxsplit=1)[0].strip().lower()
