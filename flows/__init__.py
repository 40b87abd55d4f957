"""Prefect flows: a module for each studio module, a flow for each operation, and the batch.

Every flow begins with the pre-flight task. ``tests/integration/test_gate.py`` walks this package
and fails for a flow that does not.
"""
