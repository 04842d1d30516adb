"""A week of prices, drawn: a strip for each day, dearer hours darker, each price named, and the same as rows. Pure.

The hours are those of the wall's clock in an ordinary week. Greys say no more than which price is dearer: the price itself
stands in the strip where it has room, and in the table always.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from controller.pages.language import Words
from controller.pages.money_words import exact, price
from controller.pages.schedule_page import day_names, days_words
from controller.pages.timeline_picture import percent
from miners.inventory.coverage import gaps, hours_of
from miners.inventory.fleet import Tariff, TariffChange, Window
from miners.inventory.hours import DAY_END, DAYS, span_text

_ROOM: Final = 12.0
"""The narrowest piece that has room for its price, in percent of a day."""

_DENSITIES: Final = 4


class PricePiece(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of one price: where they stand in the strip, how dense, and their words."""

    x: str
    middle: str
    width: str
    density: int
    text: str
    title: str


class PriceDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the week. `said`: the text alternative."""

    name: str
    pieces: tuple[PricePiece, ...]
    said: str


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A price and the hours in which it holds, in words."""

    price: str
    hours: str
    density: int


class PriceWeek(msgspec.Struct, frozen=True, kw_only=True):
    """A week on the same terms; `lines`: the dearest price last."""

    days: tuple[PriceDay, ...]
    lines: tuple[PriceLine, ...]


_Span = tuple[int, int, int, str]
"""Hours of a day and their price: the day, the first minute, the minute after the last, the price."""


def price_week(terms: Tariff | TariffChange, currency: str, words: Words) -> PriceWeek:
    """Return the week of one set of terms."""
    spans = _spans(terms)
    dearness = sorted({span[3] for span in spans}, key=Decimal)
    density = {
        text: round(at * (_DENSITIES - 1) / max(1, len(dearness) - 1)) for at, text in enumerate(dearness)
    }
    days = []
    for day, name in day_names(words).items():
        of_day = [span for span in spans if DAYS[span[0]] == day]
        pieces = tuple(_piece(span, density[span[3]], currency, words) for span in of_day)
        said = "; ".join(piece.title for piece in pieces)
        days.append(PriceDay(name=name, pieces=pieces, said=f"{name}: {said}"))
    lines = tuple(
        PriceLine(price=price(text, currency, words), hours=_hours(spans, text, words), density=density[text])
        for text in dearness
    )
    return PriceWeek(days=tuple(days), lines=lines)


def _spans(terms: Tariff | TariffChange) -> list[_Span]:
    windows = [
        Window(zone.days, zone.from_minute, zone.to_minute, zone.price_per_kwh) for zone in terms.zones
    ]
    spans = [(*hours, window.profile) for window in windows for hours in hours_of(window)]
    if terms.price_per_kwh is not None:
        spans += [(*hours, terms.price_per_kwh) for hours in gaps(windows)]
    joined: list[_Span] = []
    for span in sorted(spans):
        if joined and joined[-1][0] == span[0] and joined[-1][2] == span[1] and joined[-1][3] == span[3]:
            joined[-1] = (span[0], joined[-1][1], span[2], span[3])
        else:
            joined.append(span)
    return joined


def _piece(span: _Span, density: int, currency: str, words: Words) -> PricePiece:
    _, begin, end, text = span
    width = (end - begin) / DAY_END * 100
    return PricePiece(
        x=percent(begin / DAY_END * 100),
        middle=percent((begin + end) / 2 / DAY_END * 100),
        width=percent(width),
        density=density,
        text=exact(text, words) if width >= _ROOM else "",
        title=f"{span_text(begin, end)} {price(text, currency, words)}",
    )


def _hours(spans: Sequence[_Span], text: str, words: Words) -> str:
    """Return the hours of one price: 07:00–23:00 (Mon–Fri); 00:00–24:00 (Sat, Sun)."""
    by_hours: dict[tuple[int, int], list[str]] = {}
    for day, begin, end, of in spans:
        if of == text:
            by_hours.setdefault((begin, end), []).append(DAYS[day])
    return "; ".join(
        f"{span_text(*hours)} ({days_words(days, words)})" for hours, days in sorted(by_hours.items())
    )
