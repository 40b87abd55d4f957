"""What the books tell: statements, exports, charts, and what providers' bills say beside them.

All of it only reads. Who did what for how much, by operation or template, needs the jobs as well
and is told by ``engine.usage``.
"""
