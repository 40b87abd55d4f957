"""What ``studio run`` does: one operation as its flow, and its pictures as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from billing.ledger import balance
from engine.comparison import comparison
from engine.job_rows import jobs_of_run
from engine.jobs import Job
from engine.single import plan_one
from engine.studio import Studio
from interfaces.cli.errors import FlowFailed
from interfaces.cli.files import write_file
from interfaces.cli.opening import check_funds, opened_studio
from interfaces.cli.output import amount
from interfaces.cli.prefect_runs import FlowOutcome, flow_of, prefect_server, run_flow
from interfaces.cli.session import Session
from studio import imaging
from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture in the library, and its file; a ZIP, a text or a model has no pixels.

    Attributes:
        text: what a prompt that was written says; empty for all that is no such text.
    """

    asset: str
    file: Path
    width: int
    height: int
    media_type: str
    bytes: int
    sha256: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run came to. Amounts are micro-credits."""

    run: str
    link: str
    pictures: tuple[MadePicture, ...]
    comparison: Path | None
    offer: str
    method: str
    seed: int | None
    credits: int
    available: int

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "run": self.run,
            "link": self.link,
            "assets": [{**asdict(each), "file": str(each.file)} for each in self.pictures],
            "comparison": str(self.comparison) if self.comparison else None,
            "offer": self.offer,
            "method": self.method,
            "seed": self.seed,
            **amount("spent", self.credits),
            **amount("available", self.available),
        }


_EMPTY: Mapping[str, str] = MappingProxyType({})


def carry_out(
    session: Session, operation: Operation, to: str, purse: Mapping[str, str] = _EMPTY
) -> Made:
    """Run the operation's flow and write what it made into a folder.

    Args:
        session: whose wallet it is.
        operation: what to do.
        to: the folder; empty for one of the run's own.
        purse: the flow's parameters about the money (``quote``, ``project``, ``max_credits``), and
            ``version_of``.

    Raises:
        StudioError: it was refused or failed.
    """
    owner, config = session.owner, session.config
    with opened_studio() as studio:
        planned = plan_one(
            studio,
            operation,
            owner,
            "check",
            token=purse.get("quote", ""),
            user=session.user,
            version_of=purse.get("version_of", ""),
        )
        for loss in planned.losses:
            session.out.note(loss)
        check_funds(studio, owner, planned.quote.total, purse.get("max_credits", ""))
        values = {**operation.again(), **purse, "owner": owner, "user": session.user}
        del values["operation"]
        with prefect_server(config, session.out), session.out.busy(f"{operation.title} ..."):
            outcome = run_flow(flow_of(type(operation)), values, session.out)
        return _made(studio, owner, outcome, to)


def _made(studio: Studio, owner: str, outcome: FlowOutcome, to: str) -> Made:
    with studio.database.read() as connection:
        jobs = [
            job for job in jobs_of_run(connection, owner, outcome.run) if job.state == "settled"
        ]
        available = balance(connection, owner).available
    folder = Path(to).expanduser() if to else studio.settings.folder / "runs" / outcome.run
    pictures = tuple(picture for job in jobs for picture in _pictures(studio, job, folder))
    compared = _compared(studio, jobs, folder)
    if not jobs or not outcome.completed:
        # What was made of several is kept, and told beside what failed.
        raise FlowFailed(outcome, [str(picture.file) for picture in pictures])
    first = jobs[0]
    return Made(
        run=outcome.run,
        link=outcome.link,
        pictures=pictures,
        comparison=compared,
        offer=first.offer,
        method=str((first.delivery or {}).get("method", "")),
        seed=first.seed,
        credits=sum(job.credits for job in jobs),
        available=available,
    )


def _compared(studio: Studio, jobs: Sequence[Job], folder: Path) -> Path | None:
    """Write before and after side by side, where one picture was made of one."""
    image = comparison(studio.store, jobs[0], cell=1_024) if len(jobs) == 1 else None
    if image is None:
        return None
    return write_file(folder / f"{jobs[0].label}-comparison.png", imaging.encode(image, "png"))


def _pictures(studio: Studio, job: Job, folder: Path) -> tuple[MadePicture, ...]:
    pictures = []
    for asset, made in zip(job.asset_ids(), job.outputs(), strict=True):
        data = studio.store.get(made.sha256)
        pictures.append(
            MadePicture(
                asset=asset,
                file=write_file(folder / job.file_name(made), data),
                width=made.width,
                height=made.height,
                media_type=made.media_type,
                bytes=made.size,
                sha256=made.sha256,
                text=written_prompt(data) if made.media_type == "application/json" else "",
            )
        )
    return tuple(pictures)


def written_prompt(data: bytes) -> str:
    """Return the prompt that a text of the studio's holds; empty where it holds none."""
    try:
        told = json.loads(data)
    except ValueError:
        return ""
    prompt = told.get("prompt", "") if isinstance(told, dict) else ""
    return prompt if isinstance(prompt, str) else ""
