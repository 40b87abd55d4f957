"""Prefect's view of the work: pre-flight, one task for each operation, settle, notify.

Tasks are thin. What they do is in ``engine/``, where it can be called and tested without Prefect.
"""

from tasks.notify import notify
from tasks.operations import OPERATION_TASKS
from tasks.preflight import preflight
from tasks.settle import settle

__all__ = ["OPERATION_TASKS", "notify", "preflight", "settle"]
