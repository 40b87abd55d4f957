"""Credits: what things cost, what an owner has, what is set aside, what was spent.

``billing.pricebook`` and ``billing.quotes`` say what something will cost, ``billing.ledger``
keeps the books. ``billing/README.md`` begins with the words used.
"""
