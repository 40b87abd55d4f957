"""What the kill trial and the processes that it kills have to agree on."""

POOL = "trial"
NAME = "killed"
URL = "TRIAL_URL"
"""The environment variable that says where the trial's provider is."""
WIDTH = 16
"""Calls to the provider under way at once."""
