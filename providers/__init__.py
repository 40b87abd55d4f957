"""Those who do the work: what each one sells (offers), who is asked (routing), and how.

Rooms beside this one (billing, library, batches) are unknown here: a provider sees a permit, an
operation and bytes, and hands back bytes.
"""

from providers.contract import Delivery, Output, Provider, Request, Ticket
from providers.offers import Offer, PictureLimits, PriceRule, read_offers
from providers.routing import Choice, Plan, Refusal, Route

__all__ = [
    "Choice",
    "Delivery",
    "Offer",
    "Output",
    "PictureLimits",
    "Plan",
    "PriceRule",
    "Provider",
    "Refusal",
    "Request",
    "Route",
    "Ticket",
    "read_offers",
]
