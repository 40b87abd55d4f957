"""What a job is: one attempt to buy something from a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from library import VERSION_OF, Asset, Parent
from providers import Input
from studio.operations import Operation, parse_operation

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "model/gltf-binary": "glb",
    "application/json": "json",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "application/zip": "zip",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An input file, found and checked: a picture, or sound.

    Attributes:
        field: the operation's field that named it.
        asset: its id in the library.
        name: its file name, for people.
        sha256: of its bytes, which are in the blob store.
        width: pixels; 0 for sound.
        height: pixels; 0 for sound.
        size: bytes.
        seconds: how long it lasts; 0 for pictures.
    """

    field: str
    asset: str
    name: str
    sha256: str
    width: int
    height: int
    media_type: str = "image/png"
    size: int = 0
    seconds: float = 0

    def facts(self) -> Input:
        """Return what a provider's limits and prices look at."""
        return Input(self.field, self.media_type, self.size, self.width, self.height, self.seconds)


def looks_of(phash: str, colours: Sequence[str], profile: str) -> dict[str, Any]:
    """Return what a picture looks like as facts of its asset; nothing for what is no picture."""
    told = {"phash": phash, "colours": list(colours), "colour_profile": profile}
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Made:
    """An output that is stored; as JSON it is part of the job's row.

    Attributes:
        name: which output it is, such as the social format; empty for the only one.
        sha256: of its bytes.
        thumbnail: SHA-256 of its thumbnail.
        size: bytes.
        width: pixels.
        height: pixels.
        phash: its perceptual hash; empty where it has none.
        colours: the names of the colours that stand out in it.
        profile: the name of the colour space that it is in; empty for what is no picture.
        seconds: how long it lasts, as measured; 0 for what has no length, and for what was made
            before lengths were kept.
    """

    name: str
    sha256: str
    thumbnail: str
    media_type: str
    size: int
    width: int
    height: int
    phash: str = ""
    colours: tuple[str, ...] = ()
    profile: str = ""
    seconds: float = 0

    def length(self) -> dict[str, Any]:
        """Return how long it lasts as a fact of its asset; nothing for what has no length."""
        return {"seconds": self.seconds} if self.seconds else {}

    def looks(self) -> dict[str, Any]:
        """Return what it looks like as facts of its asset."""
        return looks_of(self.phash, self.colours, self.profile)


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to buy something, as it is in the database.

    Attributes:
        id: ``job_`` and 26 characters; also the key of its claim in the ledger.
        key: names the work; one key is bought once for each owner.
        attempt: from 1; a new one is made only after the one before has failed.
        state: ``prepared → submitted → generated → settled``, or ``failed``, or ``unknown``.
        run: the flow run or command that asked for it.
        worker: the process at work on it.
        label: a file name for people, without its extension.
        announce: whether the settlement puts a message in the outbox.
        operation: the request with every choice made, as JSON values.
        pictures: its inputs.
        offer: at which offer it is bought.
        reason: why that one was chosen.
        price: what was claimed for it, in micro-credits: the most that it may come to.
        cost: what the provider charges the operator for it by the price book, in micro-credits.
        charged: what was captured for it in the end, in micro-credits; 0 before its end.
        claim: id of that claim, which the capture or the giving back ends.
        remote_id: the provider's name for it, where the work is collected later.
        delivery: what came back: outputs, model, method, seed, facts.
        error: code, message and details of its failure.
        notes: what the studio changed in the request as it was given, and why, as JSON values.
        template: the template that the request named, where it did.
        expense: what the provider charged the operator for it in the end, in micro-credits: by its
            own word, else by the price book; 0 before its end.
    """

    id: str
    owner: str
    key: str
    attempt: int
    state: str
    run: str
    worker: str
    label: str
    announce: int
    operation: Mapping[str, Any]
    pictures: list[dict[str, Any]]
    offer: str
    reason: str
    price: int
    cost: int
    charged: int
    claim: str
    remote_id: str
    delivery: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
    notes: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""
    expense: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state in {"settled", "failed", "unknown"}

    def request(self) -> Operation:
        """Return the operation as its model."""
        return parse_operation(self.operation)

    def inputs(self) -> tuple[Picture, ...]:
        """Return the input pictures."""
        return tuple(Picture(**picture) for picture in self.pictures)

    def outputs(self) -> tuple[Made, ...]:
        """Return the stored outputs; none before ``generated``."""
        if self.delivery is None:
            return ()
        return tuple(Made(**made) for made in self.delivery["outputs"])

    def asset_id(self, position: int) -> str:
        """Return the id under which output number ``position`` is filed in the library."""
        return f"ast_{self.id.removeprefix('job_')}_{position:02d}"

    def asset_ids(self) -> tuple[str, ...]:
        """Return the ids of its assets; none before ``settled``."""
        if self.state != "settled":
            return ()
        return tuple(self.asset_id(position) for position in range(len(self.outputs())))

    @property
    def due(self) -> int:
        """What its settlement captures, in micro-credits: usage where told, else the price."""
        return int(self.delivery.get("charge", self.price)) if self.delivery else self.price

    @property
    def due_expense(self) -> int:
        """What its settlement notes as the provider's charge, in micro-credits."""
        told = self.delivery.get("cost") if self.delivery else None
        return self.cost if told is None else max(0, int(told))

    @property
    def billed(self) -> bool:
        """Whether it failed and was billed all the same; it is then not tried again by itself."""
        return self.state == "failed" and bool(self.error and self.error.get("billed"))

    @property
    def credits(self) -> int:
        """What was paid for it, in micro-credits."""
        return self.charged

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.offer.partition("/")[0]

    @property
    def model(self) -> str:
        """The model that was used, or that was chosen as long as nothing came back."""
        return str(self.delivery["model"]) if self.delivery else self.offer.partition("/")[2]

    @property
    def seed(self) -> int | None:
        """The seed that was used, where there is one."""
        return self.delivery["seed"] if self.delivery else None

    def file_name(self, made: Made) -> str:
        """Return a file name for an output: label, what it is, extension."""
        name = f"{self.label}-{made.name}" if made.name else self.label
        return f"{name}.{_EXTENSIONS.get(made.media_type, 'bin')}"


def charge_for(job: Job, cost: int | None) -> int:
    """Return what a job comes to: its price, or the part of it that was used, rounded up.

    The selling price of usage bears the same margin as that of the ceiling, and is never above
    it: more than was held cannot be captured.

    Args:
        cost: what the provider says that it charges, in micro-credits; ``None`` where it does not.
    """
    if cost is None or not job.cost:
        return job.price
    return min(job.price, -(-job.price * max(0, cost) // job.cost))


def assets_of(job: Job, moment: datetime) -> list[Asset]:
    """Return the assets that a generated job comes to."""
    if job.delivery is None:
        raise ValueError(f"{job.id} has no outputs to file")
    delivery, notes = job.delivery, dict(job.notes)
    # The request has it no more: it holds the sizes and the style that the template stood for.
    named = {"template": job.template} if job.template else {}
    parents = [Parent(p["field"], p["asset"]) for p in job.pictures]
    if version_of := notes.pop(VERSION_OF, ""):
        parents.append(Parent(VERSION_OF, version_of))
    return [
        Asset(
            id=job.asset_id(position),
            owner=job.owner,
            name=job.file_name(made),
            sha256=made.sha256,
            thumbnail=made.thumbnail,
            media_type=made.media_type,
            bytes=made.size,
            width=made.width,
            height=made.height,
            operation=str(job.operation["operation"]),
            request=job.operation,
            provider=job.provider,
            model=job.model,
            method=str(delivery["method"]),
            reason=job.reason,
            seed=delivery["seed"],
            credits=job.due if position == 0 else 0,
            # What was measured is believed, not what was said of all outputs together.
            facts={**delivery["facts"], **notes, **made.looks(), **made.length(), **named},
            job=job.id,
            position=position,
            run=job.run,
            created_at=moment,
            parents=tuple(parents),
        )
        for position, made in enumerate(job.outputs())
    ]
