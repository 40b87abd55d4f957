"""How flows are offered: the Prefect server's profile, and the deployments that it serves."""
