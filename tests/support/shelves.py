"""A library as somebody at the command line has it, and providers whose pictures are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from engine.importing import bring_in
from engine.studio import Studio
from providers import Delivery, Offer, Output, Request
from studio.operations import Operation
from tests.support.homes import Told, command
from tests.support.providers import InstantProvider, book
from tests.support.studios import execute, make_studio, order_for

OWNER = "demo"
"""Whose library the command line shows where nothing else is said."""


@dataclass(frozen=True)
class Shelf:
    """The library of a home, through ``studio library``."""

    home: Path

    def say(self, *words: str) -> Told:
        """Run ``studio library ...`` as a person does, and return what it said."""
        return command("library", *words)

    def do(self, *words: str) -> Any:
        """Return the JSON of ``studio library ...``, which must go well."""
        told = self.say(*words, "--json")
        assert told.code == 0, told.out + told.err
        return told.document

    def ids(self, *words: str) -> list[str]:
        """Return the ids of a page, in their order."""
        return [each["asset"] for each in self.do(*words)["assets"]]

    def refused(self, *words: str) -> tuple[int, str]:
        """Return the exit code and the field that a command is refused by."""
        told = self.say(*words, "--json")
        assert told.code != 0, told.out
        return told.code, str(told.document["error"]["field"])


class Painter(InstantProvider):
    """Paints its picture all over in the colour that the prompt begins with, in the size asked for.

    What is enlarged comes out twice as wide and high.
    """

    def delivery(self, offer: Offer, request: Request) -> Delivery:
        """Return the picture that was asked for."""
        asked = request.operation.model_dump()
        if offer.operation == "generate":
            data = plain(asked["prompt"].split()[0], asked["width"], asked["height"])
        else:
            image = Image.open(BytesIO(next(iter(request.files.values()))))
            data = encoded(image.resize((2 * image.width, 2 * image.height)))
        return Delivery((Output(data, "image/png"),), offer.model, "painted", asked.get("seed"))


def plain(colour: str, width: int, height: int, kind: str = "PNG") -> bytes:
    """Return a picture of one colour, by a name that Pillow knows."""
    return encoded(Image.new("RGB", (width, height), colour), kind)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """Return a picture as a file of this type."""
    out = BytesIO()
    image.save(out, kind)
    return out.getvalue()


def made(studio: Studio, operation: Operation, key: str) -> str:
    """Have something made for the owner; return the id of its first asset."""
    job = execute(studio, order_for(studio, operation, key, owner=OWNER))
    assert job.state == "settled", job.error
    return job.asset_ids()[0]


def brought(studio: Studio, folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Bring files in, one behind the other; return their ids by their names."""
    folder.mkdir(exist_ok=True)
    found = {}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        (found[name],) = bring_in(studio, OWNER, [str(folder / name)]).assets
    return found


@contextmanager
def painters(home: Path, **factors: int) -> Iterator[Studio]:
    """Open the studio of a home with a painter of each name, priced by its factor."""
    known = {name: Painter(name) for name in factors}
    studio = make_studio(home, providers=known, prices=book(**factors))
    try:
        yield studio
    finally:
        studio.close()
