"""Benchmarks; each is run by ``python -m benchmarks.<name>``."""
