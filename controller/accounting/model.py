"""What the books consist of: sums of counted figures, on what terms they were, and the reports made of them.

Sums are whole numbers (joules, seconds, millions of hashes), so that hours add up to days and days to months exactly,
in whatever order they are added. Times are aware datetimes in UTC; a day and a month are the container's own.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Self, TypeAlias

import msgspec

Kind: TypeAlias = Literal["hashing", "curtailed", "sleeping", "settling", "fault", "unreachable"]
KINDS: tuple[Kind, ...] = ("hashing", "curtailed", "sleeping", "settling", "fault", "unreachable")
"""What a minute of a miner was worth (docs/rules.md, `miner:time_class:bool`)."""

By: TypeAlias = Literal["container", "client", "miner", "day", "month"]
BYS: tuple[By, ...] = ("container", "client", "miner", "day", "month")

Basis: TypeAlias = Literal["readings", "meter"]
"""What a bill rests on: the sum of the miners' readings, or the container's own meter where it has one."""

Verdict: TypeAlias = Literal["agrees", "look", "dispute"]
"""Of meter and sum: less than 5 % apart, less than 20 %, more. In order, the worst last."""


class KnownContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container that left the inventory, as the books and Prometheus still know it. It has no tariff any more."""

    id: str
    name: str
    timezone: str


Labels: TypeAlias = Sequence[tuple[datetime, str | None]]
"""Whose a container was by the label `client` on its series, at the scrapes of a time, in order."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a container was and at what price. `client`: a slug; `price_per_kwh`: a decimal text. None: nobody's, no tariff."""

    client: str | None = None
    tariff: str | None = None
    currency: str | None = None
    price_per_kwh: str | None = None


class Sums(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What was counted over some time of one miner or of many.

    `miner_s`: seconds that there were, one for each second of each miner of the inventory. `read_s`: those of them that
    readings cover, which energy was integrated over. `…_s` by kind: the rest to `miner_s` is what nobody watched.
    `bridged_s`: of `read_s`, what lies between two samples so far apart that their difference was spread evenly.
    `megahashes`: hashes done, by algorithm: those of different algorithms are never added.
    """

    measured_j: int = 0
    estimated_j: int = 0
    miner_s: int = 0
    read_s: int = 0
    bridged_s: int = 0
    hashing_s: int = 0
    curtailed_s: int = 0
    sleeping_s: int = 0
    settling_s: int = 0
    fault_s: int = 0
    unreachable_s: int = 0
    megahashes: Mapping[str, int] = {}

    @property
    def total_j(self) -> int:
        """Return all energy."""
        return self.measured_j + self.estimated_j

    @property
    def unwatched_s(self) -> int:
        """Return the time of which nobody knows what it was."""
        return self.miner_s - sum(self.seconds_of(kind) for kind in KINDS)

    def seconds_of(self, kind: Kind) -> int:
        """Return the seconds of one kind."""
        seconds: int = getattr(self, f"{kind}_s")
        return seconds

    def __add__(self, other: Self) -> Self:
        """Return both together."""
        added = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__struct_fields__
            if name != "megahashes"
        }
        hashes = dict(self.megahashes)
        for algorithm, count in other.megahashes.items():
            hashes[algorithm] = hashes.get(algorithm, 0) + count
        return type(self)(**added, megahashes=hashes)


class MinerSums(msgspec.Struct, frozen=True, gc=False):
    """What one miner (its name in the container) did in a piece of an hour. `refused`: more energy than can be, left out."""

    miner: str
    sums: Sums
    refused: bool = False


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an hour on the same terms throughout. `peak_w`: the highest mean of a minute, None where not known."""

    begins: datetime
    ends: datetime
    terms: Terms
    miners: tuple[MinerSums, ...]
    peak_w: float | None = None


class BookedHour(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of one container (id), by its own clock, in as many pieces as its terms had. `day`: which one it belongs to."""

    container: str
    name: str
    timezone: str
    begins: datetime
    ends: datetime
    day: date
    pieces: tuple[Piece, ...]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a container's meter showed: `kwh` is the figure on its display, a decimal text.

    `replaced`: the first figure of a meter that was newly put in. `withdrawn_at`: it was a mistake; it stays in the books.
    """

    id: str
    container: str
    at: datetime
    kwh: str
    replaced: bool = False
    note: str = ""
    entered_at: datetime
    entered_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


class ReportWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is to be of. `begins`, `ends`: days of each container's own calendar, both included.

    `containers` (ids), `clients` (slugs), `miners` (ids): only these; None: whatever there is. A client's own report has
    `clients` set to his slug alone: rows go by whose the container was then.
    """

    begins: date
    ends: date
    by: By = "container"
    containers: tuple[str, ...] | None = None
    clients: tuple[str, ...] | None = None
    miners: tuple[str, ...] | None = None
    basis: Basis = "readings"


class Energy(msgspec.Struct, frozen=True, gc=False):
    """Kilowatt-hours, to a thousandth."""

    measured: float
    estimated: float
    total: float


class Charge(msgspec.Struct, frozen=True, gc=False):
    """Energy at one price and what it costs. `amount`: decimal text, rounded once, half up, to the currency's small unit."""

    currency: str
    price_per_kwh: str
    tariff: str
    kwh: float
    amount: str


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount, rounded once from the exact sum."""

    currency: str
    amount: str


class MeterCheck(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The meter beside the sum, over the time between the first and the last of its readings that lie in the period.

    `verdict`: of several meters as one, the worst of theirs and of all together.
    """

    begins: datetime
    ends: datetime
    kwh: float
    sum_kwh: float
    variance_ratio: float
    verdict: Verdict
    whole: bool


class ReportRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line of a report. `key`: id, slug, `2026-10-03` or `2026-10`; `name`: for people.

    Ratios are of `miner_s`, 0 to 1; None where nothing was there. `hashing_ratio` leaves curtailed time out of both sides, and
    is None where nobody watched; `reachable_ratio` is of the watched time. `average_w`: energy over all the time by the
    clock. `peak_hour_w`: the highest mean of an hour; `peak_w`: of a minute, for one container. `uncovered_kwh`: what nominal power would have used in
    the time that readings do not cover: never part of a sum. `not_booked_s`: seconds of the period that are not in the books yet.
    """

    key: str
    name: str
    container: str | None = None
    client: str | None = None
    energy_kwh: Energy
    billed_kwh: float
    coverage_ratio: float | None
    measured_ratio: float | None
    bridged_ratio: float | None
    hours: Mapping[str, float]
    hashing_ratio: float | None
    reachable_ratio: float | None
    average_w: float | None
    peak_hour_w: float | None
    peak_w: float | None = None
    hashrate_hs: Mapping[str, float]
    joules_per_terahash: float | None
    charges: tuple[Charge, ...] = ()
    cost: tuple[Money, ...] = ()
    unpriced_kwh: float = 0.0
    meter: MeterCheck | None = None
    uncovered_kwh: float | None = None
    refused: int = 0
    not_booked_s: int = 0


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time of a container that readings do not cover, or that is not in the books: named, never left out silently.

    `missing_hours`: how much of that time is missing, the mean of the miners there were; None: all of it.
    """

    container: str
    name: str
    begins: datetime
    ends: datetime
    why: str
    missing_hours: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is shown, printed and sent. `closed`: the number of the closing it is part of; its figures stay.

    `booked_until`: up to when all of it is in the books, None where that is the whole period. `meters`: by container (id);
    on the basis of the meter, a container's energy is billed times `kwh / sum_kwh` of its own.
    """

    wish: ReportWish
    made_at: datetime
    rows: tuple[ReportRow, ...]
    total: ReportRow
    gaps: tuple[Gap, ...] = ()
    booked_until: datetime | None = None
    closed: int | None = None
    meters: Mapping[str, MeterCheck] = {}


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """A month that is closed: nothing of it changes any more. `incomplete`: somebody closed it though hours were missing."""

    number: int
    month: str
    basis: Basis
    closed_at: datetime
    closed_by: str
    incomplete: bool = False
