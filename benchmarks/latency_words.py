"""Names that the benchmark of latency and its processes share."""

BARE_POOL = "bare"
SERVED = "served"
