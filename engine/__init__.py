"""The one path of everything the studio does, free of Prefect.

plan and quote, hold, job, provider, files, settlement: each a module here, put together in
``studio.py``.
"""
