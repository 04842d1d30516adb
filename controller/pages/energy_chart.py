"""Energy and cost by day or month, drawn: bars with round labels, estimated energy apart from measured, thin days marked. Pure.

A period without a row has no bar; one that readings cover only in part has a mark at its foot, so that a low bar does not
pass for a quiet day. All places across are shares of the width in percent, so texts keep their size at any width.
"""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
from babel.dates import format_date

from controller.accounting.model import Money, ReportRow
from controller.pages.chart_axes import Label, round_numbers
from controller.pages.language import Words
from controller.pages.money_words import amount, day_name, digits_for, month_name, symbol

HEIGHT: Final = 140
"""Of the bars, in pixels."""

WELL_COVERED: Final = 0.98
"""A bar below this share of its time with readings is marked."""

_TOP: Final = 4
_SHARE: Final = 72.0
"""How much of its place a bar takes, in percent."""

_MOST_LABELS: Final = 8


class Part(msgspec.Struct, frozen=True):
    """A piece of a bar: `look` is the class of its style, heights in pixels from the top."""

    look: str
    y: float
    height: float


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar. `x`, `width`: as SVG takes them. `said`: what it says when pointed at. `thin`: little of its time is covered."""

    x: str
    width: str
    middle: str
    parts: tuple[Part, ...]
    said: str
    thin: bool


class BarChart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart as its template writes it. `up`: labels at heights in pixels; `across`: labels in percent of the width.

    `heads`, `rows`: the same as a table: what stands in a row behind its day or month.
    """

    title: str
    unit: str
    description: str
    bars: tuple[Bar, ...]
    up: tuple[Label, ...]
    across: tuple[Label, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    estimated: bool = False
    thin: bool = False


def energy_chart(rows: Sequence[ReportRow], keys: Sequence[str], words: Words) -> BarChart | None:
    """Return the energy of each day or month. `keys`: all of them in order, also those without a row. None without energy."""
    found = {row.key: row for row in rows}
    high = max((row.energy_kwh.total for row in rows), default=0.0)
    if high <= 0:
        return None
    digits, formats = digits_for([high]), words.formats
    bars, lines = [], []
    for at, key in enumerate(keys):
        row = found.get(key)
        if row is None:
            lines.append((key_words(key, words), (words.gettext("no readings"), "", "")))
            continue
        energy, thin = row.energy_kwh, _is_thin(row)
        covered = "–" if row.coverage_ratio is None else formats.percent(row.coverage_ratio)
        told = words.gettext(
            "%(day)s: %(energy)s, coverage %(coverage)s",
            day=key_words(key, words),
            energy=formats.of(energy.total, "kWh", digits),
            coverage=covered,
        )
        if energy.estimated > 0:
            told = words.gettext(
                "%(figures)s; estimated of it %(energy)s",
                figures=told,
                energy=formats.of(energy.estimated, "kWh", digits),
            )
        parts = _stacked((("bar-measured", energy.measured), ("bar-estimated", energy.estimated)), high)
        bars.append(_bar(at, len(keys), parts, told, thin=thin))
        lines.append(
            (
                key_words(key, words),
                (
                    formats.number(energy.total, digits),
                    formats.number(energy.estimated, digits),
                    covered,
                ),
            )
        )
    total = sum(row.energy_kwh.total for row in rows)
    return BarChart(
        title=words.gettext("Energy"),
        unit=formats.unit_name("kWh"),
        description=words.gettext(
            "%(energy)s in all, at most %(most)s",
            energy=formats.of(total, "kWh", digits),
            most=formats.of(high, "kWh", digits),
        ),
        bars=tuple(bars),
        up=_labels_up(high, words),
        across=_labels_across(keys, words),
        heads=(
            words.gettext("Energy, kWh"),
            words.gettext("Estimated of it, kWh"),
            words.gettext("Coverage"),
        ),
        rows=tuple(lines),
        estimated=any(row.energy_kwh.estimated > 0 for row in rows),
        thin=any(bar.thin for bar in bars),
    )


def cost_charts(rows: Sequence[ReportRow], keys: Sequence[str], words: Words) -> list[BarChart]:
    """Return the cost of each day or month: a chart for each currency, for nothing adds two of them."""
    currencies = sorted({money.currency for row in rows for money in row.cost})
    return [chart for one in currencies if (chart := _cost_chart(rows, keys, one, words)) is not None]


def _cost_chart(
    rows: Sequence[ReportRow], keys: Sequence[str], currency: str, words: Words
) -> BarChart | None:
    found = {row.key: _in(currency, row) for row in rows}
    known = [value for value in found.values() if value is not None]
    high = float(max(known, default=Decimal(0)))
    if high <= 0:
        return None
    told = _teller(currency, words)
    thin = {row.key for row in rows if _is_thin(row)}
    bars = [
        _bar(
            at,
            len(keys),
            _stacked((("bar-cost", float(value)),), high),
            words.gettext("%(day)s: %(cost)s", day=key_words(key, words), cost=told(value)),
            thin=key in thin,
        )
        for at, key in enumerate(keys)
        if (value := found.get(key)) is not None
    ]
    lines = []
    for key in keys:
        value = found.get(key)
        lines.append((key_words(key, words), (words.gettext("no cost") if value is None else told(value),)))
    return BarChart(
        title=words.gettext("Cost"),
        unit=symbol(currency, words),
        description=words.gettext("at most %(most)s", most=told(max(known))),
        bars=tuple(bars),
        up=_labels_up(high, words),
        across=_labels_across(keys, words),
        heads=(words.gettext("Cost"),),
        rows=tuple(lines),
        thin=any(bar.thin for bar in bars),
    )


def keys_between(begins: date, ends: date, by: str) -> list[str]:
    """Return the key of every day, or month, of a period, both ends included."""
    days = (date.fromordinal(number) for number in range(begins.toordinal(), ends.toordinal() + 1))
    if by == "day":
        return [day.isoformat() for day in days]
    return list(dict.fromkeys(f"{day:%Y-%m}" for day in days))


def key_words(key: str, words: Words) -> str:
    """Return the day or month that a key names."""
    return month_name(key, words) if len(key) == len("2026-10") else day_name(date.fromisoformat(key), words)


def _in(currency: str, row: ReportRow) -> Decimal | None:
    return next((Decimal(money.amount) for money in row.cost if money.currency == currency), None)


def _teller(currency: str, words: Words) -> Callable[[Decimal], str]:
    return lambda value: amount(Money(currency, str(value)), words)


def _is_thin(row: ReportRow) -> bool:
    return row.coverage_ratio is not None and row.coverage_ratio < WELL_COVERED


def _bar(at: int, of: int, parts: tuple[Part, ...], said: str, *, thin: bool) -> Bar:
    place = 100.0 / of
    return Bar(
        x=_percent(place * at + place * (100 - _SHARE) / 200),
        width=_percent(place * _SHARE / 100),
        middle=_percent(place * (at + 0.5)),
        parts=parts,
        said=said,
        thin=thin,
    )


def _stacked(values: Sequence[tuple[str, float]], high: float) -> tuple[Part, ...]:
    """Return pieces upon each other from the foot, the largest sum as high as the drawing; without those of nothing."""
    found, foot = [], float(HEIGHT)
    for look, value in values:
        height = round(max(0.0, value) / high * (HEIGHT - _TOP), 1)
        if value > 0:
            foot = round(foot - height, 1)
            found.append(Part(look, foot, height))
    return tuple(found)


def _labels_up(high: float, words: Words) -> tuple[Label, ...]:
    numbers, digits = round_numbers(0.0, high)
    return tuple(
        Label(round(HEIGHT - number / high * (HEIGHT - _TOP), 1), words.formats.number(number, digits))
        for number in numbers
    )


def _labels_across(keys: Sequence[str], words: Words) -> tuple[Label, ...]:
    every = -(-len(keys) // _MOST_LABELS)
    place = 100.0 / max(1, len(keys))
    return tuple(
        Label(round(place * (at + 0.5), 2), _short(keys[at], words)) for at in range(0, len(keys), every)
    )


def _short(key: str, words: Words) -> str:
    if len(key) == len("2026-10"):
        return str(format_date(date.fromisoformat(f"{key}-01"), "LLL yy", locale=words.formats.locale))
    return str(format_date(date.fromisoformat(key), "d MMM", locale=words.formats.locale))


def _percent(share: float) -> str:
    return f"{share:.3f}".rstrip("0").rstrip(".") + "%"
