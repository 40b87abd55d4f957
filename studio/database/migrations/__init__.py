"""The forms that the database had, one after the other (Alembic).

They only go forward: a step back would have to throw away books.
"""
