"""From counters at some moments to what was counted between others, in whole numbers that add up exactly.

A counter says how much there has been, at the moments at which somebody looked. Between two looks it is taken to have
risen evenly. Where it has fallen it began anew: the new figure counts, in the time just before the second look. A first
figure says nothing of when, and counts for nothing. Every figure is rounded as a level of the counter and not as a
difference, so that the parts of a time add up to the whole, wherever it is cut, and whoever looked more often comes to
the same as who looked only around the cuts.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import floor, isfinite
from typing import Final, TypeAlias

import msgspec

from controller.accounting.model import KINDS, Kind, Sums

Point: TypeAlias = tuple[float, float]
"""When (unix seconds), and what the counter said."""

BRIDGED_ABOVE_S: Final = 300.0
"""Looks further apart are a gap: what was counted across it is spread evenly, and the time is said to be bridged."""
SILENT_ABOVE_S: Final = 7 * 86400.0
"""Across a gap longer than this nothing is said of what was between."""
MINUTE_S: Final = 60
MEGA: Final = 1e6
MOST_POWER_RATIO: Final = 1.5
"""A mean above so many times the nominal power is a mistake of somebody's and not energy."""
MOST_HASHRATE_RATIO: Final = 2.0
"""The same of hash rates, which a miner counts itself: by more, since its restart may be read as a beginning anew."""
MOST_POWER_W: Final = 50_000.0
MOST_HASHRATE_HS: Final = 1e17
"""What a miner can be at most whose nominal figures nobody knows."""


class Rise(msgspec.Struct, frozen=True, gc=False):
    """A counter that rose evenly, from `low` at `begins` to `high` at `ends`. `bridged`: nobody looked meanwhile."""

    begins: float
    low: float
    ends: float
    high: float
    bridged: bool = False

    def at(self, moment: float) -> float:
        """Return the level at a moment, which is cut to the time of the rise."""
        if moment <= self.begins:
            return self.low
        if moment >= self.ends:
            return self.high
        part = (moment - self.begins) / (self.ends - self.begins)
        return min(self.low + (self.high - self.low) * part, self.high)


def rises(
    points: Iterable[Point], seen: Sequence[float], lasted: Mapping[float, float] | None = None
) -> list[Rise]:
    """Return how a counter rose, of its figures in the order of time.

    `seen`: moments, in order, at which somebody looked: between two figures with such a moment between them there is no
    gap, though the figure of that moment was not asked for; none, where all figures are there. `lasted`: by moment, for how long at most a counter that
    began anew has counted (s). Figures that are none (negative, infinite, not a number) are passed over.
    """
    found: list[Rise] = []
    before: Point | None = None
    for at, value in points:
        if not (isfinite(value) and value >= 0.0) or (before is not None and at <= before[0]):
            continue
        if before is not None:
            begins, low = before
            silent = _is_silent(begins, at, seen)
            if value < low:
                if lasted is not None and at in lasted:
                    begins = max(begins, at - lasted[at])
                low = 0.0
            if begins < at and not (silent and at - before[0] > SILENT_ABOVE_S):
                found.append(Rise(begins, low, at, value, silent and at - begins > BRIDGED_ABOVE_S))
        before = (at, value)
    return found


def counted(
    course: Iterable[Rise], begin: float, end: float, unit: float = 1.0, *, bridged_only: bool = False
) -> int:
    """Return by how many whole units a counter rose from `begin` to `end` (unix seconds)."""
    return sum(
        _rounded(rise.at(end) / unit) - _rounded(rise.at(begin) / unit)
        for rise in course
        if rise.begins < end and rise.ends > begin and (rise.bridged or not bridged_only)
    )


class MinerPoints(msgspec.Struct, gc=False):
    """The figures of one miner's counters, each in the order of time. `hashes` is the miner's own, the rest the exporter's."""

    measured: list[Point] = msgspec.field(default_factory=list)
    estimated: list[Point] = msgspec.field(default_factory=list)
    observed: list[Point] = msgspec.field(default_factory=list)
    hashes: list[Point] = msgspec.field(default_factory=list)

    def moments(self) -> list[float]:
        """Return when the exporter told of the miner, in order."""
        return sorted({at for points in (self.measured, self.estimated, self.observed) for at, _ in points})


def miner_sums(
    points: MinerPoints,
    cuts: Sequence[float],
    seen: Sequence[float],
    algorithm: str,
    *,
    there_from: float | None = None,
    there_until: float | None = None,
) -> list[Sums]:
    """Return what a miner did between each two neighbouring cuts (unix seconds), its kinds of time left out.

    It was there from the first figure of it to the last; `there_from`, `there_until`: also before, also after. `seen` as
    `rises` has it.
    """
    moments = points.moments()
    if not moments:
        moments = [moment for moment in (there_from, there_until) if moment is not None]
    if not moments:
        return [Sums() for _ in cuts[1:]]
    first = moments[0] if there_from is None else min(there_from, moments[0])
    last = moments[-1] if there_until is None else max(there_until, moments[-1])
    lasted = dict(points.observed)
    observed = rises(points.observed, seen, lasted)
    measured = rises(points.measured, seen, lasted)
    estimated = rises(points.estimated, seen, lasted)
    hashes = _read_share(rises(points.hashes, seen), observed)
    sums = []
    for begin, end in pairwise(cuts):
        there_s = max(0, _rounded(min(end, last)) - _rounded(max(begin, first)))
        read_s = min(counted(observed, begin, end), there_s)
        megahashes = counted(hashes, begin, end, MEGA)
        sums.append(
            Sums(
                measured_j=counted(measured, begin, end),
                estimated_j=counted(estimated, begin, end),
                miner_s=there_s,
                read_s=read_s,
                bridged_s=min(counted(observed, begin, end, bridged_only=True), read_s),
                megahashes={algorithm: megahashes} if megahashes else {},
            )
        )
    return sums


def with_kinds(sums: Sums, minutes: Mapping[Kind, int]) -> Sums:
    """Return the sums with what each minute was worth, never more than there was: the longest kind gives way."""
    seconds = {kind: minutes.get(kind, 0) * MINUTE_S for kind in KINDS}
    for _ in KINDS:
        over = sum(seconds.values()) - sums.miner_s
        if over <= 0:
            break
        longest = max(KINDS, key=lambda kind: seconds[kind])
        seconds[longest] -= min(over, seconds[longest])
    return msgspec.structs.replace(sums, **{f"{kind}_s": count for kind, count in seconds.items()})


def believed(
    sums: Sequence[Sums], length_s: float, nominal_power_w: float | None, nominal_hashrate_hs: float | None
) -> tuple[list[Sums], bool]:
    """Return a miner's sums of one hour, with what cannot be left out, and whether that was so.

    Energy that is refused takes the time that it was read over with it: nobody knows what was used in it. `length_s`: of
    the hour. A nominal figure that is not known: what no miner can.
    """
    most_w = MOST_POWER_RATIO * nominal_power_w if nominal_power_w else MOST_POWER_W
    most_hs = MOST_HASHRATE_RATIO * nominal_hashrate_hs if nominal_hashrate_hs else MOST_HASHRATE_HS
    refused = False
    kept = list(sums)
    if sum(one.total_j for one in kept) > most_w * length_s:
        kept = [
            msgspec.structs.replace(one, measured_j=0, estimated_j=0, read_s=0, bridged_s=0) for one in kept
        ]
        refused = True
    if sum(sum(one.megahashes.values()) for one in kept) * MEGA > most_hs * length_s:
        kept = [msgspec.structs.replace(one, megahashes={}) for one in kept]
        refused = True
    return kept, refused


def edges_around(cuts: Sequence[float], seen: Sequence[float]) -> list[float]:
    """Return the moments out of `seen` (in order) at which figures are needed: all that changes what lies between cuts.

    Those are the looks next before and next after each cut, and both ends of every gap.
    """
    wanted = set()
    for cut in cuts:
        after = bisect_right(seen, cut)
        if after:
            wanted.add(seen[after - 1])
        if after < len(seen) and (not after or seen[after - 1] < cut):
            wanted.add(seen[after])
    for gap in gaps_in(seen):
        wanted.update(gap)
    return sorted(wanted)


def falls_between(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return the moments of the two figures between which a counter began anew, for each time that it did."""
    return [(before[0], after[0]) for before, after in pairwise(points) if after[1] < before[1]]


def gaps_in(seen: Sequence[float]) -> list[Point]:
    """Return the gaps between looks, in order: when each begins and when it ends."""
    return [(before, after) for before, after in pairwise(seen) if after - before > BRIDGED_ABOVE_S]


def unread_s(points: MinerPoints, seen: Sequence[float], gaps: Sequence[Point]) -> float:
    """Return for how long the exporter looked and could not read the miner, from its first figure to its last (s).

    `gaps`: those in `seen`, in which nobody looked.
    """
    if not points.observed:
        return 0.0
    first, last = points.observed[0][0], points.observed[-1][0]
    looked_s = last - first - sum(end - begin for begin, end in gaps if begin >= first and end <= last)
    course = rises(points.observed, seen, dict(points.observed))
    return looked_s - sum(rise.high - rise.low for rise in course if not rise.bridged)


def _read_share(course: Iterable[Rise], observed: Sequence[Rise]) -> list[Rise]:
    """Return the rises with only that part of a bridged one which readings cover: as energy is, so that J/TH holds."""
    share: Callable[[Rise], float] = lambda rise: min(  # noqa: E731  # one formula with a name
        1.0,
        sum(one.at(rise.ends) - one.at(rise.begins) for one in observed if one.ends > rise.begins)
        / (rise.ends - rise.begins),
    )
    return [
        Rise(rise.begins, 0.0, rise.ends, (rise.high - rise.low) * share(rise), bridged=True)
        if rise.bridged
        else rise
        for rise in course
    ]


def _is_silent(begin: float, end: float, seen: Sequence[float]) -> bool:
    """Return whether nobody looked between two moments."""
    after = bisect_right(seen, begin)
    return after >= len(seen) or seen[after] >= end


def _rounded(number: float) -> int:
    return floor(number + 0.5)
