"""
The options of an account that are ours and not the provider's, checked.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import FieldError, Invalid

LONGEST_NAME = 64
MOST_OPEN_REQUESTS = 1000
FASTEST = Decimal(100_000)


def check_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    Turn options into columns; None for a rate or a number of requests means the provider's default.

    Raises:
        Invalid: `bad_account`, one error per option at fault.
    """
    columns: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in given.items():
        try:
            columns[name] = _CHECKS[name](value)
        except KeyError:
            known = ", ".join(_CHECKS)
            errors.append(FieldError(f"/{name}", "unknown_field", f"There is no option {name!r}; they are: {known}."))
        except ValueError as error:
            errors.append(FieldError(f"/{name}", "bad_value", f"{name}: {error}."))
    if errors:
        raise Invalid("bad_account", errors[0].detail, errors=errors)
    return columns


def _name(value: Any) -> str:
    text = _text(value)
    if not text or len(text) > LONGEST_NAME:
        raise ValueError(f"expected 1 to {LONGEST_NAME} characters, found {len(text)}")
    return text


def _text(value: Any) -> str:
    # A sender stays exactly as given: `16009064` must not become a number.
    if not isinstance(value, str) or not is_storable(value) or len(value) > 200:
        raise ValueError(f"expected a text of at most 200 characters, found {value!r:.50}")
    return value.strip()


def _rate(value: Any) -> str | None:
    if value is None:
        return None
    rate = _decimal(value)
    if not 0 < rate <= FASTEST:
        raise ValueError(f"expected more than 0 and at most {FASTEST:,} a second, found {value}")
    return str(rate)


def _open_requests(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not 1 <= value <= MOST_OPEN_REQUESTS:
        raise ValueError(f"expected a whole number from 1 to {MOST_OPEN_REQUESTS}, found {value!r:.50}")
    return int(value)


def _price(value: Any) -> str | None:
    if value is None:
        return None
    price = _decimal(value)
    if not 0 <= price <= FASTEST:
        raise ValueError(f"expected an amount from 0 to {FASTEST:,}, found {value}")
    return str(price)


def _currency(value: Any) -> str:
    text = _text(value).upper()
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise ValueError(f"expected a currency code of three letters such as USD, found {value!r:.50}")
    return text


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or len(str(value)) > 30:
        raise ValueError(f"expected a decimal number such as 12.5, found {value!r:.50}")
    return number


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "sender": _text,
    "rate_per_second": _rate,
    "open_requests": _open_requests,
    "price_per_part": _price,
    "currency": _currency,
}
