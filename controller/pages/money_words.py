"""How the books are written on pages: money in its currency, prices, energy with enough figures, and what their words mean.

Pure. Amounts and prices are decimal texts all the way; none is ever made a float.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, get_currency_symbol

from controller.accounting.model import Charge, Kind, Money, Verdict
from controller.pages.formats import NBSP
from controller.pages.language import Words

_PRICE: Final = "#,##0.00##########"
_LETTERS: Final = re.compile(r"([A-Z]{3})(?=[-\u2212]?\d)")
"""A currency by its letters, which stand apart from the figures; signs do not."""

_MOST_DIGITS: Final = 12


def amount(money: Money, words: Words) -> str:
    """Return an amount in its currency, as the language writes it: RUB 2,062,886.40, 2 062 886,40 ₽."""
    text = format_currency(Decimal(money.amount), money.currency, locale=words.formats.locale)
    return _spaced(_LETTERS.sub(rf"\1{NBSP}", str(text)))


def amounts(cost: Sequence[Money], words: Words) -> str:
    """Return what something costs; in several currencies, one after the other. "" where nothing is priced."""
    return "; ".join(amount(one, words) for one in cost)


def price(price_per_kwh: str, currency: str, words: Words) -> str:
    """Return a price with its currency and what it is for: 5.10 RUB/kWh."""
    number = _spaced(str(format_decimal(Decimal(price_per_kwh), format=_PRICE, locale=words.formats.locale)))
    return f"{number}{NBSP}{symbol(currency, words)}/{words.formats.unit_name('kWh')}"


def symbol(currency: str, words: Words) -> str:
    """Return the sign of a currency, or its three letters where the language has no sign for it."""
    try:
        return str(get_currency_symbol(currency, locale=words.formats.locale))
    except (UnknownCurrencyError, UnknownLocaleError):
        return currency


def exact(number: str, words: Words, least: int = 0) -> str:
    """Return a decimal text with all its figures, as the language writes it; at least so many of them behind the point."""
    form = f"#,##0.{'0' * least}{'#' * (_MOST_DIGITS - least)}"
    return _spaced(str(format_decimal(Decimal(number), format=form, locale=words.formats.locale)))


def decimals(number: str) -> int:
    """Return how many figures a decimal text has behind its point."""
    return len(number.partition(".")[2])


def digits_for(values: Iterable[float]) -> int:
    """Return the digits behind the point with which a column of kilowatt-hours says enough: none above 10,000."""
    largest = max((abs(value) for value in values), default=0.0)
    return 0 if largest >= 9_999.5 else 1 if largest >= 99.5 else 3


def charge_words(charge: Charge, words: Words) -> str:
    """Return how a part of the cost comes about: 12,345.678 kWh at 5.10 RUB/kWh (Grid)."""
    energy = words.formats.of(charge.kwh, "kWh", digits_for([charge.kwh]))
    return words.gettext(
        "%(energy)s at %(price)s (%(tariff)s)",
        energy=energy,
        price=price(charge.price_per_kwh, charge.currency, words),
        tariff=charge.tariff,
    )


def month_name(month: str, words: Words) -> str:
    """Return a month, `2026-10`, as it is called: October 2026."""
    return str(format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale=words.formats.locale))


def day_name(day: date, words: Words) -> str:
    """Return a day with that of the week: Sat 3 Oct 2026."""
    return str(format_date(day, "EEE d MMM y", locale=words.formats.locale))


def period_words(begins: date, ends: date, words: Words) -> str:
    """Return a period: its month where it is a whole one, else its first and last day."""
    following = date.fromordinal(ends.toordinal() + 1)
    if begins.day == 1 and following.day == 1 and (begins.year, begins.month) == (ends.year, ends.month):
        return month_name(f"{begins:%Y-%m}", words)
    if begins == ends:
        return words.formats.day(begins)
    return words.gettext(
        "%(first)s to %(last)s", first=words.formats.day(begins), last=words.formats.day(ends)
    )


def kind_words(words: Words) -> Mapping[Kind, str]:
    """Return what each kind of time is called."""
    return {
        "hashing": words.pgettext("time", "hashing"),
        "curtailed": words.pgettext("time", "curtailed"),
        "sleeping": words.pgettext("time", "sleeping"),
        "settling": words.pgettext("time", "settling"),
        "fault": words.pgettext("time", "fault"),
        "unreachable": words.pgettext("time", "unreachable"),
    }


def verdict_words(words: Words) -> Mapping[Verdict, str]:
    """Return what is said of a meter beside the sum."""
    return {
        "agrees": words.gettext("agrees"),
        "look": words.gettext("look into it"),
        "dispute": words.gettext("do not bill before it is explained"),
    }


def signed_percent(ratio: float, words: Words) -> str:
    """Return a difference in percent with its sign: −0.5 %, +1.2 %."""
    text = words.formats.number(ratio * 100, 1)
    nought = not text.strip("-\u22120.,")
    return f"{'+' if ratio > 0 and not nought else ''}{text}{NBSP}%"


def _spaced(text: str) -> str:
    return text.replace("\u202f", NBSP).replace("-", "\u2212")
