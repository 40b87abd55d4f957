"""Strict emulators of the four cloud providers, over real HTTP on loopback.

Each refuses what the real service refuses, keeps a ledger of what it would bill, and can be told
to fail. They are started by tests, and by hand with ``studio emulators``.
"""
