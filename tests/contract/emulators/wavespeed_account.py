"""The WaveSpeed emulator's account: balance, prices, and the secret of its webhooks."""

from __future__ import annotations

from typing import ClassVar

from tests.contract.emulators.base import Answer, Call
from tests.contract.emulators.wavespeed_models import MODELS
from tests.contract.emulators.wavespeed_shapes import Shapes


class Account(Shapes):
    """Tells of money.

    Attributes:
        new_prices: whether the newer end points of prices and balance are there.
    """

    secret: ClassVar[str] = "whsec_emulator_c2VjcmV0"  # noqa: S105 - of the emulator only
    account_routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", r"/api/v3/balance", "balance"),
        ("GET", r"/api/v3/account/balance", "old_balance"),
        ("POST", r"/api/v3/model/price", "price"),
        ("POST", r"/api/v3/model/pricing", "old_price"),
        ("GET", r"/api/v3/webhook/secret", "webhook_secret"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.new_prices = True

    def balance(self, call: Call) -> Answer:
        refused = self._refused(call)
        if refused or not self.new_prices:
            return refused or self._fail(404, "not found")
        return self._good({"balance": (self.funds - self.billed) / 1_000_000})

    def old_balance(self, call: Call) -> Answer:
        left = (self.funds - self.billed) / 1_000_000
        return self._refused(call) or self._good({"balance": left, "currency": "USD"})

    def price(self, call: Call) -> Answer:
        found = self._priced(call)
        if isinstance(found, Answer):
            return found
        if not self.new_prices:
            return self._fail(404, "not found")
        name, dollars = found
        return self._good(
            {
                "model_id": name,
                "price": dollars,
                "discounted_price": round(dollars * 0.9, 6),
                "discount_rate": 0.1,
                "currency": "USD",
            }
        )

    def old_price(self, call: Call) -> Answer:
        found = self._priced(call)
        if isinstance(found, Answer):
            return found
        return self._good({"model_id": found[0], "unit_price": found[1], "currency": "USD"})

    def _priced(self, call: Call) -> tuple[str, float] | Answer:
        refused = self._refused(call)
        if refused:
            return refused
        body = self._object(call, {"model_id": str, "inputs": dict})
        if isinstance(body, Answer):
            return body
        model = MODELS.get(body["model_id"])
        if model is None:
            return self._fail(404, "model not found")
        wrong = model.fault(body["inputs"])
        if wrong:
            return self._fail(400, wrong)
        return body["model_id"], model.price(body["inputs"], 0.0) / 1_000_000

    def webhook_secret(self, call: Call) -> Answer:
        return self._refused(call) or self._good({"secret": self.secret})
