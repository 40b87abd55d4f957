"""Texts that Gemini's language models write, by a schema, and as the studio keeps them: JSON.

The schema is asked for, but what comes is judged here: most of its limits are not enforced there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from providers.contract import Output
from providers.gemini.models import NAME
from studio.errors import BadResponse, shorten
from studio.operations import EnhancePrompt, Operation, TagImage

LONGEST_PROMPT = 10_000
"""Characters; as many as the studio takes for a prompt."""
_LONGEST_CAPTION = 2_000
_LONGEST_TERM = 100
_MOST_TERMS = 50
"""Objects or colours."""
_MOST_FACES = 10_000

_TEXT = {"type": "STRING"}


def schema_for(operation: Operation) -> dict[str, Any]:
    """Return the schema of the answer, in the dialect of ``responseSchema``: types in capitals."""
    if isinstance(operation, TagImage):
        return _object(
            caption=_TEXT,
            tags=_terms(operation.most_tags),
            objects=_terms(_MOST_TERMS),
            colors=_terms(_MOST_TERMS),
            faces={"type": "INTEGER"},
            safe_for_work={"type": "BOOLEAN"},
        )
    return _object(prompt=_TEXT)


def _object(**properties: Any) -> dict[str, Any]:
    names = list(properties)
    return {
        "type": "OBJECT",
        "properties": properties,
        "required": names,
        "propertyOrdering": names,
    }


def _terms(most: int) -> dict[str, Any]:
    return {"type": "ARRAY", "items": _TEXT, "maxItems": most}


def text_output(operation: Operation, text: str) -> Output:
    """Return what a language model wrote, as an output.

    Raises:
        BadResponse: it is not what the schema asks for.
    """
    try:
        said = json.loads(text)
    except ValueError:
        raise _bad("wrote something that is no JSON", text) from None
    if not isinstance(said, dict):
        raise _bad("wrote JSON that is no object", text)
    values = _READ[type(operation)](operation, said)
    return Output(json.dumps(values, ensure_ascii=False).encode(), "application/json")


def plain(text: str) -> str:
    """Return a text on one line, without what no database and no terminal takes."""
    known = text.encode("utf-8", "replace").decode()  # half of a pair of surrogates, say
    return " ".join("".join(c if c.isprintable() else " " for c in known).split())


def _enhanced(_: Operation, said: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": _words(said, "prompt", LONGEST_PROMPT)}


def _tagged(operation: Operation, said: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(operation, TagImage)  # noqa: S101 - by the table below
    tags = _list(said, "tags", operation.most_tags)
    if not tags:
        raise _bad("found no tags", "")
    return {
        "caption": _words(said, "caption", _LONGEST_CAPTION),
        "tags": tags,
        "objects": _list(said, "objects", _MOST_TERMS),
        "colors": _list(said, "colors", _MOST_TERMS),
        **_looks(said),
    }


def _looks(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many faces there are and whether all is safe for work, where that was told.

    What is missing is unknown: the rest is paid for, and of use without it.
    """
    faces, safe = said.get("faces"), said.get("safe_for_work")
    counted = isinstance(faces, int) and not isinstance(faces, bool) and 0 <= faces <= _MOST_FACES
    known: dict[str, Any] = {"faces": faces} if counted else {}
    return known | ({"safe_for_work": safe} if isinstance(safe, bool) else {})


_READ: Mapping[type[Operation], Callable[[Operation, Mapping[str, Any]], dict[str, Any]]] = {
    EnhancePrompt: _enhanced,
    TagImage: _tagged,
}


def _words(said: Mapping[str, Any], name: str, most: int) -> str:
    text = said.get(name)
    if not isinstance(text, str) or not plain(text):
        raise _bad(f"wrote no {name}", text)
    if len(plain(text)) > most:
        raise _bad(f"wrote a {name} of more than {most} characters", text)
    return plain(text)


def _list(said: Mapping[str, Any], name: str, most: int) -> list[str]:
    """Return a list's first terms, each once, in lower case."""
    terms = said.get(name)
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise _bad(f"wrote no list of {name}", terms)
    found = dict.fromkeys(plain(term).lower()[:_LONGEST_TERM].strip() for term in terms)
    found.pop("", None)
    return list(found)[:most]


def _bad(what: str, given: object) -> BadResponse:
    return BadResponse(
        f"Gemini {what}. What it wrote is billed.",
        provider=NAME,
        given=shorten(plain(str(given))) if given else None,
    )
