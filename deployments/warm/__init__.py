"""Runs that begin at once: a process of Prefect's that has all of it imported, for each run one.

What a run waits for is not its work but Python, which imports Prefect and the studio for seconds
before the first task. Here that is done once, by a parent (``parent``) that then does nothing but
fork. Everything else stays Prefect's: its process worker (``worker``) takes runs from a work pool
and starts a command for each, as always. The command (``stub``) is a few lines that ask the parent
for a child, hand it their environment, folder and output, pass on signals, and end as it ended. So
states, logs, cancellation, crashes, hooks and limits are Prefect's own; a run has a process of its
own, whose memory goes with it. Whatever is not as it should be - no parent, another environment -
is run as without all this.
"""
