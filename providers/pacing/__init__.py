"""Pacing: no account asks its provider more often, or for more at once, than it may.

The limits hold across threads, processes and machines, since their state is in the studio's
database, and they survive a holder that dies.
"""

from providers.pacing.limits import AccountLimits, Kind, Window
from providers.pacing.pacer import Pacer
from providers.pacing.shares import ANY_CALLER, Caller, Priority

__all__ = ["ANY_CALLER", "AccountLimits", "Caller", "Kind", "Pacer", "Priority", "Window"]
