"""Deployments that others start or look for: their names, which the catalogue offers them under.

What an operation's deployment is called, its model says; here are the rest that somebody names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """A deployment's name.

    Attributes:
        flow: the name of what it runs.
        title: its own, as people read it in Prefect's list.
    """

    flow: str
    title: str

    @property
    def path(self) -> str:
        """Both, as Prefect's API and its commands take them."""
        return f"{self.flow}/{self.title}"


BATCH = Named("batch", "Batch from CSV")
BATCH_AGAIN = Named("batch-again", "Retry a batch")
SHARD = Named("batch-shard", "Part of a batch")
WATCH = Named("watch", "Watch folder")
IMPORT = Named("import-files", "Import files")

SCHEDULED = (BATCH, WATCH)
"""Whose schedules people add; the first is that of batches."""
