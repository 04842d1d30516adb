"""Adding up rows of the ledger into a line of a report, and what follows from the sums: shares, power, hash rate, cost. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from operator import add
from typing import Final

import msgspec

from controller.accounting.gaps import joined
from controller.accounting.model import KINDS, Energy, MeterCheck, ReportRow, Terms
from controller.accounting.money import costs, kwh
from controller.storage.books_schema import SUMS
from controller.storage.ledger_reading import DayRow, HourRow, Span

HASHES_OF_EFFICIENCY: Final = "SHA-256"
"""The algorithm that joules per terahash are of."""

_HOUR_S: Final = 3600
_AT: Final = {name: place for place, name in enumerate(SUMS)}
_KINDS_AT: Final = tuple(_AT[f"{kind}_s"] for kind in KINDS)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of rows stand for. `factors`: meter by sum, of containers that are billed by their meter.

    `nominal_w`: the mean of a container's miners, by its number; `miner_nominal_w`: of single miners, by theirs.
    """

    containers: Mapping[int, str]
    terms: Mapping[int, Terms]
    algorithms: Mapping[int, str]
    factors: Mapping[int, Fraction] = {}
    nominal_w: Mapping[int, float] = {}
    miner_nominal_w: Mapping[int, float] = {}


class Tally:
    """The sums of one line as they grow."""

    __slots__ = (
        "_hours",
        "_spans",
        "energy",
        "hashes",
        "miner_s",
        "not_booked_s",
        "peaks_w",
        "refused",
        "sums",
        "unread",
    )

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sums = [0] * (len(SUMS) - 1)
        self.refused = 0
        self.hashes: dict[int, list[int]] = {}  # hashes and joules by algorithm
        self.energy: dict[tuple[int, int], int] = {}  # joules by container and terms
        self.unread: dict[tuple[int, int], int] = {}  # seconds by container and miner
        self._hours: dict[
            int, dict[int, list[int]]
        ] = {}  # joules and seconds by hour since 1970 and container
        self._spans: dict[int, set[Span]] = {}  # by day, in seconds since the container's day began
        self.miner_s: dict[int, int] = {}
        self.peaks_w: dict[int, float | None] = {}
        self.not_booked_s = 0

    def add(self, row: DayRow) -> None:
        """Add a day of a container, or of one miner."""
        sums = row.sums
        self.sums = list(map(add, self.sums, sums))  # the last of the row's, hashes, is apart by algorithm
        joules = sums[0] + sums[1]
        self.refused += row.refused
        if row.algorithm:
            hashes = self.hashes.setdefault(row.algorithm, [0, 0])
            hashes[0] += sums[-1]
            hashes[1] += joules
        key = (row.container, row.terms)
        self.energy[key] = self.energy.get(key, 0) + joules
        unread = (row.container, row.miner)
        self.unread[unread] = self.unread.get(unread, 0) + sums[2] - sums[3]
        if row.miner:
            self.miner_s[row.miner] = self.miner_s.get(row.miner, 0) + sums[2]
        self._peak(row.container, row.peak_w)

    def add_all(self, other: "Tally") -> None:
        """Add all that another has of days; its hours, and what is not booked of it, are not looked at."""
        self.sums = list(map(add, self.sums, other.sums))
        self.refused += other.refused
        for algorithm, (done, joules) in other.hashes.items():
            hashes = self.hashes.setdefault(algorithm, [0, 0])
            hashes[0] += done
            hashes[1] += joules
        for own, others in ((self.energy, other.energy), (self.unread, other.unread)):
            for key, figure in others.items():
                own[key] = own.get(key, 0) + figure
        for miner, seconds in other.miner_s.items():
            self.miner_s[miner] = self.miner_s.get(miner, 0) + seconds
        for container, peak_w in other.peaks_w.items():
            self._peak(container, peak_w)

    def _peak(self, container: int, peak_w: float | None) -> None:
        before = self.peaks_w.get(container)
        if before is None or (peak_w is not None and peak_w > before):
            self.peaks_w[container] = peak_w

    def add_hour(self, row: HourRow, day_begins: int) -> None:
        """Note a piece of an hour: for the highest, and for how long there was anything. `day_begins`: its day, there."""
        of_hour = self._hours.setdefault(row.hour // _HOUR_S, {}).setdefault(row.container, [0, 0])
        of_hour[0] += row.joules
        of_hour[1] += row.ends - row.begins
        self._spans.setdefault(row.day, set()).add((row.begins - day_begins, row.ends - day_begins))

    def containers(self) -> set[int]:
        """Return the numbers of the containers that it is of."""
        return {container for container, _ in self.energy}

    def clients(self, known: Known) -> set[str | None]:
        """Return whose all of it was."""
        return {known.terms[terms].client for _, terms in self.energy}

    def row(
        self,
        known: Known,
        *,
        key: str,
        name: str,
        container: str | None = None,
        client: str | None = None,
        meter: MeterCheck | None = None,
    ) -> ReportRow:
        """Return the line."""
        figures = dict(zip(SUMS, self.sums, strict=False))
        measured, estimated = figures["measured_j"], figures["estimated_j"]
        joules, miner_s, read_s = measured + estimated, figures["miner_s"], figures["read_s"]
        watched = sum(self.sums[place] for place in _KINDS_AT)
        wall_s = self._wall_s()
        billed = self._billed(known)
        charges, cost, unpriced = costs(billed)
        hours = {kind: figures[f"{kind}_s"] / _HOUR_S for kind in KINDS}
        return ReportRow(
            key=key,
            name=name,
            container=container,
            client=client,
            energy_kwh=Energy(kwh(measured), kwh(estimated), kwh(joules)),
            billed_kwh=kwh(sum(billed.values())),
            coverage_ratio=_share(read_s, miner_s),
            measured_ratio=_share(measured, joules),
            bridged_ratio=_share(figures["bridged_s"], miner_s),
            hours=hours | {"unwatched": max(0, miner_s - watched) / _HOUR_S},
            hashing_ratio=_share(figures["hashing_s"], miner_s - figures["curtailed_s"]) if watched else None,
            reachable_ratio=_share(watched - figures["unreachable_s"], watched),
            average_w=joules / wall_s if read_s and wall_s else None,
            peak_hour_w=max(map(_mean_w, self._hours.values()), default=None) if read_s else None,
            peak_w=next(iter(self.peaks_w.values())) if len(self.peaks_w) == 1 else None,
            hashrate_hs={
                known.algorithms[number]: hashes * 1e6 / wall_s
                for number, (hashes, _) in sorted(self.hashes.items())
                if wall_s and hashes
            },
            joules_per_terahash=self._efficiency(known),
            charges=charges,
            cost=cost,
            unpriced_kwh=kwh(unpriced),
            meter=meter,
            uncovered_kwh=self._uncovered_kwh(known) if miner_s else None,
            refused=self.refused,
            not_booked_s=self.not_booked_s,
        )

    def _wall_s(self) -> int:
        """Return for how long there was anything, by the clock: of days, else the longest that one miner was there.

        Times of a day are laid upon each other as each container's own clock has them: where clocks differ, the days of
        several containers together last longer than any of them, and no figure is a mean of that.
        """
        if self._spans:
            return sum(ends - begins for day in self._spans.values() for begins, ends in joined(day))
        return max(self.miner_s.values(), default=0)

    def _billed(self, known: Known) -> Mapping[Terms, int | Fraction]:
        billed: dict[Terms, int | Fraction] = defaultdict(int)
        for (container, terms), joules in self.energy.items():
            factor = known.factors.get(container)
            billed[known.terms[terms]] += joules if factor is None else joules * factor
        return billed

    def _efficiency(self, known: Known) -> float | None:
        for number, (hashes, joules) in self.hashes.items():
            if known.algorithms[number] == HASHES_OF_EFFICIENCY and hashes:
                return joules / hashes * 1e6
        return None

    def _uncovered_kwh(self, known: Known) -> float | None:
        joules = 0.0
        for (container, miner), seconds in self.unread.items():
            if seconds <= 0:
                continue
            nominal_w = known.miner_nominal_w.get(miner) if miner else known.nominal_w.get(container)
            if nominal_w is None:
                return None
            joules += nominal_w * seconds
        return kwh(round(joules))


def _mean_w(of_hour: Mapping[int, Sequence[int]]) -> float:
    """Return the mean power of an hour, joules and seconds by container, over as long as any of them was there."""
    return sum(joules for joules, _ in of_hour.values()) / max(seconds for _, seconds in of_hour.values())


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def day_text(day: int) -> str:
    """Return a day of the ledger as people write it: 2026-10-03."""
    return date(day // 10000, day // 100 % 100, day % 100).isoformat()
