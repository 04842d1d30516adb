"""How containers, miners and their sums look in answers: base units in the names, not reported is null.

Hash rates of different algorithms are never added. What a client may not know (addresses, drivers, MAC, origins, who
ordered it) is null for him.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from controller.deeds import Source
from controller.model import Event, Override
from miners.inventory.fleet import Control
from miners.model import Fault, PollFailure, PowerSource, Snapshot

MinerState: TypeAlias = Literal[
    "mining", "sleeping", "starting", "fault", "unknown", "unreachable", "inactive"
]
MINER_STATES: tuple[MinerState, ...] = (
    "mining",
    "sleeping",
    "starting",
    "fault",
    "unknown",
    "unreachable",
    "inactive",
)


class Place(msgspec.Struct, frozen=True):
    """Where an entry stands in a hand-written file."""

    file: str
    line: int


class Position(msgspec.Struct, frozen=True):
    """Row and column in the container, from 1."""

    row: int
    column: int


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where live figures come from, and how that goes. `prometheus` null: none is configured."""

    exporter: Literal["ok", "stale", "away"]
    prometheus: Literal["ok", "away"] | None = None
    reason: str | None = None
    since: datetime | None = None


class ClientName(msgspec.Struct, frozen=True):
    """A client by id (null where only the inventory's slug is known) and name."""

    id: str | None
    name: str


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Hash rate of one algorithm. `nominal_hs`: of the miners that should hash by it; null where none is known."""

    algorithm: str
    hs: float
    nominal_hs: float | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Miners by state; together they are `total`."""

    total: int = 0
    mining: int = 0
    sleeping: int = 0
    starting: int = 0
    fault: int = 0
    unknown: int = 0
    unreachable: int = 0
    inactive: int = 0


class Grid(msgspec.Struct, frozen=True):
    """The miners by place, a letter each, row by row (`m s t f u k i`, `.` empty; a capital is not as wanted)."""

    rows: int
    columns: int
    cells: str


class ShownProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a container. `name` null: nothing is wanted there."""

    name: str | None
    since: datetime | None = None
    source: Literal["schedule", "override", "default", "none"] = "none"
    override_id: str | None = None


class NextChange(msgspec.Struct, frozen=True):
    """The next change of the schedule."""

    profile: str
    at: datetime


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over miners.

    `power_measured_ratio`: share of the power that was measured; `power_unknown`: miners without a figure though they
    answer; `efficiency_j_per_th`: of the SHA-256 miners; `mismatched`: not doing what is wanted.
    """

    miners: Counts
    hashrate: Sequence[Rate]
    power_w: float | None
    power_measured_ratio: float | None
    power_unknown: int
    efficiency_j_per_th: float | None
    inlet_max_c: float | None
    chip_max_c: float | None
    mismatched: int


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container with its figures now. `grafana_url`: its dashboard, null where that is not known or not for the person."""

    id: str
    name: str
    description: str
    location: str
    time_zone: str
    client: ClientName | None
    tariff_id: str | None
    schedule_id: str | None
    feed: str | None
    power_limit_w: float | None
    control: Control
    active: bool
    held: bool
    editable: bool
    origin: Place | None
    grid: Grid | None
    miners: Counts
    hashrate: Sequence[Rate]
    power_w: float | None
    power_measured_ratio: float | None
    power_unknown: int
    efficiency_j_per_th: float | None
    inlet_max_c: float | None
    chip_max_c: float | None
    profile: ShownProfile
    next: NextChange | None
    mismatched: int
    operation_id: str | None
    grafana_url: str | None
    links: Mapping[str, str]
    as_of: datetime
    sources: Sources


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at: how many, and where."""

    kind: str
    count: int
    link: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All that one may see, summed up."""

    containers: int
    miners: Counts
    hashrate: Sequence[Rate]
    power_w: float | None
    power_measured_ratio: float | None
    power_unknown: int
    efficiency_j_per_th: float | None
    inlet_max_c: float | None
    chip_max_c: float | None
    mismatched: int
    attention: Sequence[Attention]
    as_of: datetime
    sources: Sources


class ShownFailure(msgspec.Struct, frozen=True):
    """Why a miner does not answer."""

    reason: str
    detail: str | None
    since: datetime | None


class ShownPool(msgspec.Struct, frozen=True):
    """The pool that gets the work now."""

    url: str | None
    user: str | None
    alive: bool | None


class MinerProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a miner should be doing and what was last confirmed. `matches` null: it cannot be told, or nothing is wanted."""

    desired: str | None
    applied: str | None
    matches: bool | None
    since: datetime | None
    source: Literal["schedule", "override", "default", "none"]
    override_id: str | None
    doubt: str | None = None
    last_outcome: str | None = None
    last_detail: str | None = None


class Miner(msgspec.Struct, frozen=True, kw_only=True):
    """One miner now. Figures are of its latest reading, null when that failed; `stale` ones are marked and dated."""

    id: str
    name: str
    container: str
    position: Position | None
    address: str | None
    port: int | None
    manufacturer: str | None
    model: str | None
    algorithm: str | None
    driver: str | None
    active: bool
    service: bool
    editable: bool
    origin: Place | None
    state: MinerState
    taken_at: datetime | None
    age_s: float | None
    stale: bool
    last_seen: datetime | None
    failure: ShownFailure | None
    hashrate_hs: float | None
    hashrate_average_hs: float | None
    nominal_hashrate_hs: float | None
    performance_ratio: float | None
    power_w: float | None
    power_source: PowerSource | None
    power_limit_w: float | None
    efficiency_j_per_th: float | None
    inlet_c: float | None
    chip_max_c: float | None
    uptime_s: float | None
    boards_ok: int | None
    expected_boards: int | None
    faults: Sequence[Fault]
    pool: ShownPool | None
    profile: MinerProfile
    links: Mapping[str, str]


class ServiceShown(msgspec.Struct, frozen=True):
    """That a miner is under somebody's hands. `reason` null: it is not shown to clients."""

    reason: str | None
    since: datetime
    by: str


class MinerDetail(Miner, frozen=True, kw_only=True):
    """A miner with all of its reading, what its driver can do, and what was done to it lately. `grafana_url`: its dashboard."""

    snapshot: Snapshot | PollFailure | None
    last_snapshot: Snapshot | None
    credentials: str | None
    nominal_power_w: float | None
    actions: Sequence[str]
    override: Override | None
    service_mark: ServiceShown | None
    grafana_url: str | None
    recent_events: Sequence[Event]
    as_of: datetime
    sources: Sources


def sources_of(source: Source, prometheus: Literal["ok", "away"] | None) -> Sources:
    """Return how the sources are, as answers show it."""
    return Sources(exporter=source.state, prometheus=prometheus, reason=source.reason, since=source.since)
