"""The lines of a report in words: energy with its coverage and source, time by kind, power, work, cost, and the meter. Pure.

What is not known is a dash, never nought; what is estimated carries its sign; each column is explained where it stands.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Final

import msgspec

from controller.accounting.meters import verdict
from controller.accounting.model import KINDS, Gap, MeterCheck, Report, ReportRow
from controller.accounting.money import rounding
from controller.pages.energy_chart import key_words
from controller.pages.formats import hash_rate_unit, wall
from controller.pages.language import Words
from controller.pages.money_words import (
    amount,
    amounts,
    charge_words,
    digits_for,
    kind_words,
    signed_percent,
    verdict_words,
)

NONE: Final = "–"
MOST_GAPS: Final = 50
_WHOLE_HOURS: Final = 1_000


class ShownMeter(msgspec.Struct, frozen=True, kw_only=True):
    """The meter beside the sum, in words. `span`: from when to when its readings reach; `whole`: the whole period.

    `sum_kwh`: what the miners of the same container did in the same time.
    """

    kwh: str
    sum_kwh: str
    variance: str
    verdict: str
    verdict_code: str
    span: str
    whole: bool


class ShownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line in words. `inside`: the address of what it is made of. `measured_share`: 0 to 100, for the bar; None: no energy.

    `estimated`: how much is, "" where nothing is. `energy`: a dash where nothing was read. `hours`: by kind, in the order of KINDS, then what nobody watched.
    `uncovered`: what nominal power would add for the time without readings. `rates`: algorithm and
    hash rate. `notes`: what else has to be said of it.
    """

    key: str
    container: str | None
    name: str
    of: str
    inside: str | None
    energy: str
    estimated: str
    coverage: str
    thin: bool
    measured_share: float | None
    measured: str
    uncovered: str
    hours: tuple[str, ...]
    hashing: str
    reachable: str
    average: str
    peak_hour: str
    peak: str
    rates: tuple[tuple[str, str], ...]
    efficiency: str
    charges: tuple[str, ...]
    cost: str
    unpriced: str
    billed: str
    meter: ShownMeter | None
    notes: tuple[str, ...]


class ShownGap(msgspec.Struct, frozen=True, kw_only=True):
    """A time that is missing: whose, from when to when, how long, and why."""

    name: str
    span: str
    lasts: str
    why: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column, and what it means."""

    name: str
    meaning: str


def shown_rows(
    report: Report,
    rows: Sequence[ReportRow],
    insides: Sequence[str | None],
    words: Words,
    zone: tzinfo,
    names: Mapping[str, str] | None = None,
    zones: Mapping[str, tzinfo] | None = None,
) -> list[ShownRow]:
    """Return lines of a report, each with where it leads; all energies of the report with as many figures.

    `names`: of clients by their slugs, where the reader may know them. `zones`: of containers, by whose clocks times are said.
    """
    digits = digits_for(row.energy_kwh.total for row in report.rows)
    of, clocks = names or {}, zones or {}
    return [
        shown_row(
            row,
            words,
            clocks.get(row.container or "", zone),
            digits=digits,
            by=report.wish.by,
            inside=inside,
            of=of.get(row.client or "", ""),
        )
        for row, inside in zip(rows, insides, strict=True)
    ]


def shown_row(
    row: ReportRow,
    words: Words,
    zone: tzinfo,
    *,
    digits: int | None = None,
    by: str = "",
    inside: str | None = None,
    of: str = "",
) -> ShownRow:
    """Return one line."""
    formats, energy = words.formats, row.energy_kwh
    digits = digits_for([energy.total]) if digits is None else digits
    counted = bool(row.coverage_ratio or energy.total)  # nothing read is not nought
    return ShownRow(
        key=row.key,
        container=row.container,
        name=_name(row, by, words),
        of=of if by == "container" else "",
        inside=inside,
        energy=formats.number(energy.total, digits) if counted else NONE,
        estimated=formats.number(energy.estimated, digits) if energy.estimated > 0 else "",
        coverage=_ratio(row.coverage_ratio, words),
        thin=row.coverage_ratio is not None and row.coverage_ratio < 0.98,
        measured_share=None if row.measured_ratio is None else round(row.measured_ratio * 100, 2),
        measured=_ratio(row.measured_ratio, words),
        uncovered=NONE
        if row.uncovered_kwh is None
        else formats.number(row.uncovered_kwh, digits)
        if row.uncovered_kwh
        else "0",
        hours=_hours(row, words),
        hashing=_ratio(row.hashing_ratio, words),
        reachable=_ratio(row.reachable_ratio, words),
        average=_power(row.average_w, words),
        peak_hour=_power(row.peak_hour_w if counted else None, words),
        peak=_power(row.peak_w, words),
        rates=_rates(row, words),
        efficiency=_efficiency(row, words),
        charges=tuple(charge_words(one, words) for one in row.charges),
        cost=amounts(row.cost, words) or NONE,
        unpriced=formats.of(row.unpriced_kwh, "kWh", digits_for([row.unpriced_kwh]))
        if row.unpriced_kwh > 0
        else "",
        billed=formats.number(row.billed_kwh, digits),
        meter=None if row.meter is None else shown_meter(row.meter, words, zone),
        notes=tuple(_notes(row, words)),
    )


def shown_meter(check: MeterCheck, words: Words, zone: tzinfo) -> ShownMeter:
    """Return a meter beside the sum."""
    formats = words.formats
    digits = digits_for((check.kwh, check.sum_kwh))
    return ShownMeter(
        kwh=formats.number(check.kwh, digits),
        sum_kwh=formats.number(check.sum_kwh, digits),
        variance=signed_percent(check.variance_ratio, words),
        verdict=verdict_words(words)[check.verdict],
        verdict_code=check.verdict,
        span=span_words(check.begins.astimezone(zone), check.ends.astimezone(zone), words),
        whole=check.whole,
    )


def span_words(begins: datetime, ends: datetime, words: Words) -> str:
    """Return from when to when, by the clock of the moments' zone; the day is said once where it is one."""
    first = f"{words.formats.day(begins.date())}, {wall(begins)}"
    if begins.date() == ends.date():
        return f"{first}–{wall(ends)}"
    return words.gettext(
        "%(first)s to %(last)s", first=first, last=f"{words.formats.day(ends.date())}, {wall(ends)}"
    )


def shown_gaps(
    gaps: Sequence[Gap], words: Words, zone: tzinfo, zones: Mapping[str, tzinfo] | None = None
) -> list[ShownGap]:
    """Return the times that are missing, the longest first, each by its container's clock where that is known."""
    clocks = zones or {}
    longest = sorted(gaps, key=lambda gap: gap.begins - gap.ends)
    return [
        ShownGap(
            name=gap.name,
            span=_span_by(gap, clocks.get(gap.container, zone), words),
            lasts=_lasts(gap, words),
            why=words.told(gap.why),
        )
        for gap in longest[:MOST_GAPS]
    ]


def _span_by(gap: Gap, zone: tzinfo, words: Words) -> str:
    return span_words(gap.begins.astimezone(zone), gap.ends.astimezone(zone), words)


def _lasts(gap: Gap, words: Words) -> str:
    """Return how long it is, and how much of it is missing where that is not all."""
    length = words.formats.duration((gap.ends - gap.begins).total_seconds())
    if gap.missing_hours is None:
        return length
    missing = words.formats.duration(gap.missing_hours * 3600)
    return words.gettext("%(missing)s of %(length)s", missing=missing, length=length)


def columns(words: Words) -> dict[str, Column]:
    """Return every column of a report and what it means, in the order in which they are explained."""
    gettext = words.gettext
    found = {
        "energy": (
            gettext("Energy"),
            gettext("Counted from readings of power over time. Nothing is added for time without readings."),
        ),
        "estimated": (
            gettext("Estimated of it"),
            gettext("The part that miners did not measure: reckoned from their model and hash rate."),
        ),
        "coverage": (
            gettext("Coverage"),
            gettext("Time that readings cover, of all time that there was: each miner counts each second."),
        ),
        "source": (
            gettext("Source"),
            gettext("The full part of the bar was measured, the hatched part estimated."),
        ),
        "uncovered": (
            gettext("Not covered, at nominal"),
            gettext(
                "What nominal power would have used in the time without readings. It is in no sum and in no cost."
            ),
        ),
        "cost": (
            gettext("Cost"),
            gettext("Energy at each price, rounded once, half up, to the smallest coin of the currency."),
        ),
        "meter": (
            gettext("Meter"),
            gettext(
                "What the container's own meter counted between the first and the last reading in the period, and how far the sum of the miners lies from it: within 5 %% it agrees, within 20 %% it is worth a look."
            ),
        ),
        "average": (
            gettext("Average power"),
            gettext("Energy over all the time by the clock; time without readings counts as none."),
        ),
        "peak": (
            gettext("Peak"),
            gettext("The highest mean of an hour; beneath it, where it is known, of a minute."),
        ),
        "hashing": (
            gettext("Hashing"),
            gettext("Time with a hash rate, of all time but the curtailed, which is held against no miner."),
        ),
        "reachable": (
            gettext("Reachable"),
            gettext("Time with an answer, of the time in which it was asked."),
        ),
        "hours": (
            gettext("Hours by kind"),
            gettext(
                "Miner-hours. Curtailed: off by order. Sleeping: off without one. Settling: the half hour after an order or a restart. Fault: wanted, answering, not hashing. Unwatched: nobody looked."
            ),
        ),
        "hashrate": (
            gettext("Hash rate"),
            gettext("Hashes done over the whole time, by algorithm."),
        ),
        "efficiency": (gettext("J/TH"), gettext("Energy for the work done, SHA-256 alone.")),
    }
    return {key: Column(name=name, meaning=meaning) for key, (name, meaning) in found.items()}


def hour_heads(words: Words) -> list[str]:
    """Return the names of the kinds of time, and of what nobody watched."""
    return [*kind_words(words).values(), words.pgettext("time", "unwatched")]


def _name(row: ReportRow, by: str, words: Words) -> str:
    if by in ("day", "month") and row.key:
        return key_words(row.key, words)
    return row.name or (words.gettext("nobody's") if by == "client" else row.key)


def _ratio(ratio: float | None, words: Words) -> str:
    return NONE if ratio is None else words.formats.percent(ratio)


def _power(power_w: float | None, words: Words) -> str:
    return NONE if power_w is None else words.formats.power(power_w)


def _hours(row: ReportRow, words: Words) -> tuple[str, ...]:
    """Return the hours of each kind: whole ones where there are thousands, a nought as such."""
    hours = [row.hours.get(kind) for kind in (*KINDS, "unwatched")]
    digits = 0 if max((value or 0.0 for value in hours), default=0.0) >= _WHOLE_HOURS else 1
    return tuple(
        NONE if value is None else words.formats.small(value, digits) if value else "0" for value in hours
    )


def _rates(row: ReportRow, words: Words) -> tuple[tuple[str, str], ...]:
    """Return each algorithm's hash rate."""
    return tuple(
        (name, words.formats.hash_rate(rate, hash_rate_unit([rate])))
        for name, rate in sorted(row.hashrate_hs.items())
        if rate > 0
    )


def _efficiency(row: ReportRow, words: Words) -> str:
    return NONE if row.joules_per_terahash is None else words.formats.number(row.joules_per_terahash, 1)


def _notes(row: ReportRow, words: Words) -> list[str]:
    """Return what else is to be known of a line before anybody pays by it."""
    formats, found = words.formats, []
    if row.not_booked_s > 0:
        found.append(words.gettext("%(time)s not booked yet", time=formats.duration(row.not_booked_s)))
    if row.unpriced_kwh > 0:
        found.append(
            words.gettext(
                "%(energy)s without a tariff",
                energy=formats.of(row.unpriced_kwh, "kWh", digits_for([row.unpriced_kwh])),
            )
        )
    if row.refused:
        found.append(
            words.ngettext(
                "%(num)s count was more than can be, and is left out",
                "%(num)s counts were more than can be, and are left out",
                row.refused,
            )
        )
    if row.meter is not None and row.meter.verdict != verdict(Fraction(row.meter.variance_ratio)):
        found.append(
            words.gettext("one of the meters lies further apart than all together: look by container")
        )
    if row.bridged_ratio:
        found.append(
            words.gettext(
                "%(share)s of the time lies between two distant readings, spread evenly",
                share=formats.percent(row.bridged_ratio),
            )
        )
    return found


def missing_words(row: ReportRow, words: Words) -> list[str]:
    """Return what of the time readings do not cover, why, and what that may come to; nothing where they cover all of it."""
    if row.coverage_ratio is None or row.coverage_ratio >= 1:
        return []
    formats, gettext = words.formats, words.gettext
    found = [gettext("Readings cover %(share)s of the time.", share=formats.percent(row.coverage_ratio))]
    told = dict(zip((*KINDS, "unwatched"), _hours(row, words), strict=True))
    if row.hours.get("unreachable"):
        found.append(gettext("%(hours)s miner-hours: the miner gave no answer.", hours=told["unreachable"]))
    if row.hours.get("unwatched"):
        found.append(gettext("%(hours)s miner-hours: nobody looked.", hours=told["unwatched"]))
    if row.uncovered_kwh:
        digits = digits_for([row.energy_kwh.total])
        energy = formats.of(row.uncovered_kwh, "kWh", digits)
        found.append(
            gettext("Nominal power would add %(energy)s. It is in no sum and in no cost.", energy=energy)
        )
    return found


def rounding_words(report: Report, words: Words) -> str:
    """Return what is said where the amounts of the lines do not add up to that of the whole; "" where they do."""
    parts = [money for row in report.rows for money in row.cost]
    apart = [amount(money, words) for money in rounding(parts, report.total.cost)]
    if not apart:
        return ""
    return words.gettext(
        "Rounding: %(difference)s. Each amount is rounded once from its own exact sum.",
        difference="; ".join(apart),
    )
