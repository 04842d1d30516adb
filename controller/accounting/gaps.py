"""Times that are missing in a report, by container, and why: not booked, not read, watched by nobody. Pure.

Booked hours count as missing where readings leave out more than a twentieth of the miners' time; hours that follow on each
other for the same reason are one gap, which says how much of it is missing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from controller.accounting.model import Gap
from controller.storage.ledger_numbers import moment
from controller.storage.ledger_reading import HourRow, Span
from controller.wording import Wording, worded

NOT_BOOKED: Final = worded("not booked yet")
NOT_READ: Final = worded("not read: the miners did not answer")
NOT_WATCHED: Final = worded("nobody watched: no readings were kept")
BEGINS: Final = worded("the books of the container begin here")
NEVER: Final = worded("nothing of the container is booked yet")
GONE: Final = worded("no longer in the inventory")

THIN: Final = 20
"""One part in so many may be missing of an hour before it is named."""


class _Open(msgspec.Struct):
    """A gap that may go on."""

    begins: int
    ends: int
    why: Wording
    missing_s: float


def unread(rows: Iterable[HourRow], container: str, name: str) -> list[Gap]:
    """Return the gaps of one container's booked hours, given in order."""
    gaps: list[_Open] = []
    for row in rows:
        missing = row.miner_s - row.read_s
        if missing * THIN <= row.miner_s:
            continue
        why = NOT_WATCHED if (row.miner_s - row.watched_s) * 2 >= missing else NOT_READ
        lacking = missing / row.miner_s * (row.ends - row.begins)
        if gaps and gaps[-1].ends == row.begins and gaps[-1].why == why:
            gaps[-1].ends = row.ends
            gaps[-1].missing_s += lacking
        else:
            gaps.append(_Open(row.begins, row.ends, why, lacking))
    return [
        Gap(
            container=container,
            name=name,
            begins=moment(gap.begins),
            ends=moment(gap.ends),
            why=gap.why,
            missing_hours=round(gap.missing_s / 3600, 3),
        )
        for gap in gaps
    ]


def missing_seconds(gap: Gap) -> float:
    """Return how much of a gap is missing (s): all of it unless it says otherwise."""
    return (gap.ends - gap.begins).total_seconds() if gap.missing_hours is None else gap.missing_hours * 3600


def outside(begins: int, ends: int, booked: Sequence[Span]) -> list[Span]:
    """Return the parts of a time that lie in none of these spans, which come in order."""
    found = []
    at = begins
    for first, last in booked:
        if first > at:
            found.append((at, min(first, ends)))
        at = max(at, last)
        if at >= ends:
            return found
    if at < ends:
        found.append((at, ends))
    return found


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        elif begins < ends:
            found.append((begins, ends))
    return found


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Return the time that lies in both."""
    return joined(
        (max(begins, other_begins), min(ends, other_ends))
        for begins, ends in some
        for other_begins, other_ends in others
        if max(begins, other_begins) < min(ends, other_ends)
    )


def named(spans: Iterable[Span], container: str, name: str, why: Wording) -> list[Gap]:
    """Return spans as gaps."""
    return [
        Gap(container=container, name=name, begins=moment(begins), ends=moment(ends), why=why)
        for begins, ends in spans
    ]


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the first of some moments, None where there is none."""
    return min((one for one in moments if one is not None), default=None)
