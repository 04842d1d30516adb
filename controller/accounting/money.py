"""What energy costs: the exact sum of joules at each price, divided once and rounded once.

Rounded is half up, away from nought, to the smallest coin of the currency. Each figure is rounded from its own exact sum and
never from figures that were rounded before, so shown lines may add up to another cent than their total: `rounding` says so.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from babel.numbers import get_currency_precision

from controller.accounting.model import Charge, Money, Terms

JOULES_PER_KWH = 3_600_000


def kwh(joules: int | Fraction) -> float:
    """Return kilowatt-hours to a thousandth."""
    return _nearest(joules.numerator, joules.denominator * 3600) / 1000


def half_up(number: int | Fraction) -> int:
    """Return the nearest whole number, away from nought where two are as near."""
    return _nearest(number.numerator, number.denominator)


def amount(exact: Fraction, currency: str) -> str:
    """Return an amount of money as decimal text with all the digits of its currency: `2062886.40`."""
    return _amount(exact.numerator, exact.denominator, currency)


def _nearest(numerator: int, denominator: int) -> int:
    """Return the nearest whole number of a fraction: ten thousand lines want no more than whole numbers."""
    nearest = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -nearest if numerator < 0 else nearest


def _amount(numerator: int, denominator: int, currency: str) -> str:
    digits = small_unit(currency)
    coins = _nearest(numerator * 10**digits, denominator)
    whole, rest = divmod(abs(coins), 10**digits)
    return f"{'-' if coins < 0 else ''}{whole}{f'.{rest:0{digits}}' if digits else ''}"


@lru_cache(maxsize=256)
def small_unit(currency: str) -> int:
    """Return how many digits a currency has behind the point: 2, or none for the yen."""
    return int(get_currency_precision(currency))


@lru_cache(maxsize=4096)
def _price(text: str) -> Fraction:
    return Fraction(Decimal(text))


def costs(
    energy: Mapping[Terms, int | Fraction],
) -> tuple[tuple[Charge, ...], tuple[Money, ...], int | Fraction]:
    """Return the charges at each price, what they come to in each currency, and the joules that have no price.

    `energy`: joules by terms; those that differ in the client only are charged together.
    """
    priced: dict[tuple[str, str, str], int | Fraction] = {}
    unpriced: int | Fraction = 0
    for terms, joules in energy.items():
        if terms.currency is None or terms.price_per_kwh is None:
            unpriced += joules
            continue
        key = (terms.currency, terms.tariff or "", terms.price_per_kwh)
        priced[key] = priced.get(key, 0) + joules
    charges = []
    exact: dict[str, tuple[int, int]] = {}
    for (currency, tariff, text), joules in sorted(priced.items()):
        price = _price(text)
        cost = joules.numerator * price.numerator
        parts = joules.denominator * price.denominator * JOULES_PER_KWH
        before, before_parts = exact.get(currency, (0, parts))
        exact[currency] = (
            (before + cost, parts)
            if parts == before_parts
            else (before * parts + cost * before_parts, parts * before_parts)
        )
        charges.append(
            Charge(
                currency=currency,
                price_per_kwh=text,
                tariff=tariff,
                kwh=kwh(joules),
                amount=_amount(cost, parts, currency),
            )
        )
    money = tuple(Money(currency=one, amount=_amount(*cost, one)) for one, cost in exact.items())
    return tuple(charges), money, unpriced


def rounding(parts: Iterable[Money], whole: Iterable[Money]) -> tuple[Money, ...]:
    """Return by how much amounts that are shown add up to another sum than the whole shown with them, by currency."""
    left = {one.currency: Decimal(one.amount) for one in whole}
    for part in parts:
        left[part.currency] = left.get(part.currency, Decimal(0)) - Decimal(part.amount)
    return tuple(
        Money(currency=currency, amount=f"{difference:f}")
        for currency, difference in left.items()
        if difference
    )
