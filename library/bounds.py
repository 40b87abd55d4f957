"""How far a search goes: what is taken whole, what is passed over, and when a page just ends."""

RARE = 5_000
"""As many matches are taken whole and put in order."""

FEW = 10_000
"""Up to as many of one thing, the index is asked for it without a bound."""

ENTRIES = 800_000
"""Entries of indexes that are passed over for one page, where all asked for is common."""

GIN = 1_500_000
"""Entries of Postgres's index that are gone through for one page; twice as many take 120 ms."""

TO_THE_END = 3
"""To find the end of so many cards costs as much as so many entries for each of them."""

TRIED = 20
"""So small a part of that is tried first."""

CARDS = 10_000
"""Cards that are looked at on the way to one page."""

STEPS = 3
"""Pages that are gone through to count what the index alone cannot tell."""

NEAR = 2_000
"""Newest cards that are tried on Postgres before its index, whose answers have no order."""

FURTHER = 4_000
"""Cards that are tried after those, where its index has too much to be gone through."""
