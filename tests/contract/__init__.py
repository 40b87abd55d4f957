"""Contracts with providers: strict emulators, and the adapters tried against them."""
