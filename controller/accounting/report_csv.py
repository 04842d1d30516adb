"""A report as lines for a table: one for each row, then the total, what rounding makes, and the times that are missing. Pure.

The first column says what a line is (`row`, `total`, `rounding`, `gap`, `note`). Units stand in the heads; what is not known is
empty. Columns of money, of prices and of algorithms are as many as the report has of them.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from controller.accounting.gaps import missing_seconds
from controller.accounting.model import KINDS, Charge, Money, Report, ReportRow
from controller.accounting.money import rounding

Value: TypeAlias = str | float | datetime | Decimal | None

_ABOUT = ("line", "key", "name", "container", "client", "begins", "ends", "why", "missing_h")
_HOURS = tuple(f"{kind}_h" for kind in (*KINDS, "unwatched"))
_FIGURES = (
    "energy_kwh",
    "measured_kwh",
    "estimated_kwh",
    "billed_kwh",
    "unpriced_kwh",
    "uncovered_kwh",
    "coverage_ratio",
    "measured_ratio",
    "bridged_ratio",
    "hashing_ratio",
    "reachable_ratio",
    "average_w",
    "peak_hour_w",
    "peak_w",
    "joules_per_terahash",
    "meter_kwh",
    "meter_sum_kwh",
    "meter_variance_ratio",
    "meter_verdict",
    "not_booked_h",
    "refused_hours",
    *_HOURS,
)


def lines_of(report: Report) -> Iterator[list[Value]]:
    """Return the head, then the lines."""
    shown = (*report.rows, report.total)
    currencies = sorted({one.currency for row in shown for one in row.cost})
    charges = sorted({_price(one) for row in shown for one in row.charges})
    algorithms = sorted({name for row in shown for name in row.hashrate_hs})
    yield [
        *_ABOUT,
        *_FIGURES,
        *(f"hashrate_hs {name}" for name in algorithms),
        *(f"kwh {price}" for price in charges),
        *(f"cost {currency}" for currency in currencies),
    ]
    width = len(_FIGURES) + len(algorithms) + len(charges)
    for row in shown:
        yield [
            "total" if row is report.total else "row",
            row.key,
            row.name,
            row.container,
            row.client,
            *[None] * 4,
            *_figures(row),
            *(row.hashrate_hs.get(name) for name in algorithms),
            *_by_price(row, charges),
            *_amounts(row.cost, currencies),
        ]
    left = rounding((one for row in report.rows for one in row.cost), report.total.cost)
    if left and report.rows:
        yield ["rounding", *[None] * (len(_ABOUT) - 1), *[None] * width, *_amounts(left, currencies)]
    rest: list[Value] = [None] * (width + len(currencies))
    for gap in report.gaps:
        yield [
            "gap",
            gap.container,
            gap.name,
            gap.container,
            None,
            gap.begins,
            gap.ends,
            gap.why,
            missing_seconds(gap) / 3600,
            *rest,
        ]
    if report.booked_until is not None:
        yield ["note", None, None, None, None, None, report.booked_until, "booked until", None, *rest]
    if report.closed is not None:
        yield [
            "note",
            str(report.closed),
            None,
            None,
            None,
            None,
            None,
            "closed under this number",
            None,
            *rest,
        ]


def _figures(row: ReportRow) -> list[Value]:
    meter = row.meter
    return [
        row.energy_kwh.total,
        row.energy_kwh.measured,
        row.energy_kwh.estimated,
        row.billed_kwh,
        row.unpriced_kwh,
        row.uncovered_kwh,
        row.coverage_ratio,
        row.measured_ratio,
        row.bridged_ratio,
        row.hashing_ratio,
        row.reachable_ratio,
        row.average_w,
        row.peak_hour_w,
        row.peak_w,
        row.joules_per_terahash,
        None if meter is None else meter.kwh,
        None if meter is None else meter.sum_kwh,
        None if meter is None else meter.variance_ratio,
        None if meter is None else meter.verdict,
        row.not_booked_s / 3600,
        row.refused,
        *(row.hours.get(kind) for kind in (*KINDS, "unwatched")),
    ]


def _price(charge: Charge) -> str:
    return f"at {charge.price_per_kwh} {charge.currency} ({charge.tariff})"


def _by_price(row: ReportRow, prices: list[str]) -> list[Value]:
    found = {_price(one): one.kwh for one in row.charges}
    return [found.get(price) for price in prices]


def _amounts(cost: tuple[Money, ...], currencies: list[str]) -> list[Value]:
    found = {one.currency: Decimal(one.amount) for one in cost}
    return [found.get(currency) for currency in currencies]
