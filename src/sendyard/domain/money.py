"""
Amounts of money: a decimal and an ISO 4217 code, never a float.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency; provider credit units use the code `XPT` (points)."""

    amount: Decimal
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Add within one currency; adding across currencies is a mistake, never a conversion."""
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
