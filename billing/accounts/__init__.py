"""Accounts: who may act for a workspace, what its plan allows, and what it may spend."""
