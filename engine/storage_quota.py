"""What a workspace may keep: asked before bytes come in, and before anything is bought.

Who asks at the same moment sees the same room: what comes in together may go beyond it by as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from library import stored_bytes
from studio.errors import LimitReached

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """How much a workspace keeps, and may.

    Attributes:
        owner: whose library it is.
        used: bytes that it keeps, its trash with it.
        most: bytes that it may keep; 0 sets no limit.
    """

    owner: str
    used: int
    most: int

    @property
    def left(self) -> int:
        """Bytes that may still come in; meaningless where there is no limit."""
        return max(0, self.most - self.used)

    def takes(self, size: int) -> bool:
        """Whether so many bytes more may be kept."""
        return not self.most or size <= self.left

    def allowed(self) -> str:
        """Return in words what may still come in."""
        return f"at most {self.left:,} bytes, which are left"

    def words(self) -> str:
        """Return why nothing more may be kept, and what to do about it."""
        return (
            f"The library of {self.owner!r} keeps {self.used / _MEGABYTE:,.1f} MB, and "
            f"{self.most // _MEGABYTE:,} MB are the most it may. What is put into the trash makes "
            "room when the trash is emptied: `studio library empty-trash`, or DELETE "
            "/library/trash."
        )

    def refusal(self, asked: int, **field: Any) -> LimitReached:
        """Return what refuses bytes.

        Args:
            asked: how many they are.
            field: ``field``, ``given`` and ``allowed`` of the request, where one is at fault.
        """
        return LimitReached(
            self.words(),
            **field,
            owner=self.owner,
            limit_on="storage",
            used=self.used,
            asked=asked,
            limit=self.most,
            resets_at=None,
        )

    def check_file(self, size: int, field: str) -> None:
        """Let a file of so many bytes pass that somebody brings in as ``field``.

        Raises:
            LimitReached: there is no room for it.
        """
        if not self.takes(size):
            raise self.refusal(size, field=field, given=f"{size:,} bytes", allowed=self.allowed())


def room_of(connection: Connection, owner: str, quota_mb: int) -> Room:
    """Return how much room a workspace has.

    Args:
        quota_mb: megabytes that it may keep; 0 sets no limit, and then nothing is looked up.
    """
    used = stored_bytes(connection, owner) if quota_mb else 0
    return Room(owner, used, quota_mb * _MEGABYTE)
