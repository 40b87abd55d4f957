"""``python -m deployments.warm POOL LIMIT [NAME]``: a worker, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from deployments.warm.worker import work_until_told

if __name__ == "__main__":
    asyncio.run(work_until_told(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4]))
