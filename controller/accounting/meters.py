"""A container's own meter beside the sum of its miners: what it counted between readings, and whether a new one can be right.

Pure. A meter that was replaced says nothing of the time before its first figure; what lies between that and the last of the
old one is left out of both sides.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

import msgspec

from controller.accounting.model import MeterCheck, Reading, Verdict
from controller.accounting.money import JOULES_PER_KWH, kwh
from controller.wording import Wording, worded

_AGREES: Final = Fraction(5, 100)
_LOOK: Final = Fraction(20, 100)


class Counted(msgspec.Struct, frozen=True):
    """What a meter counted between two of its readings."""

    begins: datetime
    ends: datetime
    kwh: Decimal


class Fault(msgspec.Struct, frozen=True):
    """Why a reading cannot be taken: its place among those given, from 0, and the words."""

    index: int
    why: Wording


def counted(readings: Iterable[Reading]) -> list[Counted]:
    """Return what one container's meter counted from reading to reading, in order of time; withdrawn ones say nothing."""
    standing = sorted((one for one in readings if one.withdrawn_at is None), key=lambda one: one.at)
    return [
        Counted(earlier.at, later.at, Decimal(later.kwh) - Decimal(earlier.kwh))
        for earlier, later in pairwise(standing)
        if not later.replaced
    ]


def check_of(spans: Sequence[Counted], joules: Fraction, *, whole: bool) -> MeterCheck:
    """Return the meter beside the sum. `joules`: of the miners over exactly these spans. `whole`: they are all the period.

    The variance is the sum's from the meter; where the meter stood still and the miners did not, it is all of it.
    """
    metered = metered_joules(spans)
    variance = (joules - metered) / metered if metered else Fraction(1 if joules else 0)
    return MeterCheck(
        begins=spans[0].begins,
        ends=spans[-1].ends,
        kwh=kwh(metered),
        sum_kwh=kwh(joules),
        variance_ratio=float(round(variance, 6)),
        verdict=verdict(variance),
        whole=whole,
    )


def metered_joules(spans: Iterable[Counted]) -> Fraction:
    """Return what the meter counted, in joules, exactly."""
    return sum((Fraction(one.kwh) for one in spans), Fraction(0)) * JOULES_PER_KWH


def verdict(variance: Fraction) -> Verdict:
    """Return what is to be said of a difference: less than 5 %, less than 20 %, more."""
    if abs(variance) < _AGREES:
        return "agrees"
    return "look" if abs(variance) < _LOOK else "dispute"


def faults(kept: Iterable[Reading], new: Sequence[Reading], now: datetime) -> list[Fault]:
    """Return why any of the new readings cannot stand beside the others: of the future, twice at a time, or falling.

    `kept`: those of the books. All of them may be of several containers, in any order.
    """
    found = [
        Fault(index, worded("%(at)s is still to come", at=one.at.isoformat()))
        for index, one in enumerate(new)
        if one.at > now
    ]
    rows: list[tuple[str, datetime, int, Reading]] = [
        (one.container, one.at, -1, one) for one in kept if one.withdrawn_at is None
    ]
    rows += [(one.container, one.at, index, one) for index, one in enumerate(new)]
    rows.sort(key=lambda row: row[:3])
    for (container, at, before, earlier), (next_container, next_at, index, later) in pairwise(rows):
        if container != next_container:
            continue
        if at == next_at:
            found.append(Fault(index, _twice(earlier, known=before < 0)))
        elif not later.replaced and Decimal(later.kwh) < Decimal(earlier.kwh):
            # Whichever of the two is new is the one to look at.
            wrong = index if index >= 0 else before
            found.append(Fault(wrong, _falls(earlier, later)))
    return sorted(found, key=lambda fault: fault.index)


def _twice(earlier: Reading, *, known: bool) -> Wording:
    if known:
        return worded(
            "a reading of %(at)s is in the books already, %(kwh)s kWh: withdraw that one first, or leave this out",
            at=earlier.at.isoformat(),
            kwh=earlier.kwh,
        )
    return worded("another reading of %(at)s stands before it", at=earlier.at.isoformat())


def _falls(earlier: Reading, later: Reading) -> Wording:
    return worded(
        "the figure falls from %(before)s kWh at %(first)s to %(after)s kWh at %(last)s: if the meter was replaced, say so "
        "of the new one's first reading",
        before=earlier.kwh,
        first=earlier.at.isoformat(),
        after=later.kwh,
        last=later.at.isoformat(),
    )
