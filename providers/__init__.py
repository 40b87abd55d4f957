"""Those who do the work: what each one sells (offers), who is asked (routing), and how.

Rooms beside this one (billing, library, batches) are unknown here: a provider sees a permit, an
operation and bytes, and hands back bytes.
"""

from providers.contract import Delivery, Health, Output, Provider, Request, Ticket
from providers.inputs import Input, InputLimits
from providers.offers import Offer, PriceRule, read_offers
from providers.pacing import AccountLimits, Window
from providers.routing import Choice, Plan, Refusal, Route
from providers.sizes import Sizes

__all__ = [
    "AccountLimits",
    "Choice",
    "Delivery",
    "Health",
    "Input",
    "InputLimits",
    "Offer",
    "Output",
    "Plan",
    "PriceRule",
    "Provider",
    "Refusal",
    "Request",
    "Route",
    "Sizes",
    "Ticket",
    "Window",
    "read_offers",
]
