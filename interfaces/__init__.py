"""The doors: command line, and pages beside Prefect's own."""
