"""From what is known of miners to what answers show: pure functions over MinerViews.

One rule for what a miner's state, figures and place in a container's picture are, so that lists, sums and pictures agree.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from controller.api.shapes import (
    MINER_STATES,
    Counts,
    Figures,
    Grid,
    Miner,
    MinerProfile,
    MinerState,
    Place,
    Position,
    Rate,
    ShownFailure,
    ShownPool,
)
from controller.deeds import MinerView
from miners import models
from miners.inventory.fleet import Container
from miners.model import PollFailure, Snapshot

LETTERS: Final[dict[MinerState, str]] = {
    "mining": "m",
    "sleeping": "s",
    "starting": "t",
    "fault": "f",
    "unknown": "k",
    "unreachable": "u",
    "inactive": "i",
}
EMPTY: Final = "."
SHA256: Final = "SHA-256"
WIDEST: Final = 20
"""Columns of the picture of a container that does not say how many it has."""


def state_of(view: MinerView) -> MinerState:
    """Return the state that is shown: the reading's, or why there is none."""
    if not view.miner.active:
        return "inactive"
    if isinstance(view.reading, Snapshot):
        return view.reading.state
    return "unknown" if view.reading is None else "unreachable"


def model_of(view: MinerView) -> str | None:
    """Return the model: as the device names itself, else as the inventory says."""
    snapshot = view.last_snapshot
    return (snapshot.identity.model if snapshot else None) or view.miner.model


def algorithm_of(view: MinerView) -> str | None:
    """Return the algorithm: of the device, else what the table says of the inventory's model."""
    snapshot = view.last_snapshot
    if snapshot is not None and snapshot.identity.algorithm is not None:
        return snapshot.identity.algorithm
    if view.miner.model is None:
        return None
    facts = models.find_model(view.miner.manufacturer, view.miner.model)
    return facts.algorithm if facts is not None else None


def nominal_of(view: MinerView) -> float | None:
    """Return the nominal hash rate, H/s: the inventory's, else what the last good reading gave."""
    if view.miner.nominal_hashrate_hs is not None:
        return view.miner.nominal_hashrate_hs
    return view.last_snapshot.nominal_hashrate_hs if view.last_snapshot is not None else None


def shown_miner(view: MinerView, now: datetime, *, editable: bool, private: bool) -> Miner:
    """Return a miner as answers show it. `private`: for a client, to whom the operator's own business is not shown."""
    reading, miner = view.reading, view.miner
    snapshot = reading if isinstance(reading, Snapshot) else None
    last = view.last_snapshot
    nominal = nominal_of(view)
    algorithm = algorithm_of(view)
    ratio = None
    if snapshot is not None and snapshot.hashrate_hs is not None and nominal:
        ratio = snapshot.hashrate_hs / nominal
    return Miner(
        id=view.id,
        name=miner.name,
        container=view.container.id,
        position=Position(miner.row, miner.column) if miner.row and miner.column else None,
        address=None if private else miner.address,
        port=None if private else miner.port,
        manufacturer=(last.identity.manufacturer if last else None) or miner.manufacturer,
        model=model_of(view),
        algorithm=algorithm,
        driver=None if private else (last.driver if last else miner.driver),
        active=miner.active,
        service=view.service is not None,
        editable=editable and not private,
        origin=None if private or editable else Place(miner.origin.file, miner.origin.line),
        state=state_of(view),
        taken_at=reading.taken_at if reading is not None else None,
        age_s=max(0.0, (now - reading.taken_at).total_seconds()) if reading is not None else None,
        stale=view.stale,
        last_seen=last.taken_at if last is not None else None,
        failure=_failure(reading, view.failing_since, private=private),
        hashrate_hs=snapshot.hashrate_hs if snapshot else None,
        hashrate_average_hs=snapshot.hashrate_average_hs if snapshot else None,
        nominal_hashrate_hs=nominal,
        performance_ratio=ratio,
        power_w=snapshot.power_w if snapshot else None,
        power_source=snapshot.power_source if snapshot else None,
        power_limit_w=snapshot.power_limit_w if snapshot else None,
        efficiency_j_per_th=_efficiency(snapshot, algorithm),
        inlet_c=snapshot.temperatures_c.inlet if snapshot else None,
        chip_max_c=snapshot.temperatures_c.chip_max if snapshot else None,
        uptime_s=snapshot.uptime_s if snapshot else None,
        boards_ok=boards_ok(snapshot) if snapshot else None,
        expected_boards=snapshot.expected_boards if snapshot else None,
        faults=snapshot.faults if snapshot else (),
        pool=_pool(snapshot),
        profile=_profile(view, private=private),
        links={"self": f"/api/v1/miners/{view.id}"},
    )


def boards_ok(snapshot: Snapshot) -> int | None:
    """Return how many boards hash; None where the miner reports no board, or no hash rate of any."""
    rates = [board.hashrate_hs for board in snapshot.boards if board.hashrate_hs is not None]
    return sum(1 for rate in rates if rate) if rates else None


class Sums(msgspec.Struct, kw_only=True):
    """What sums over miners are made of, so that those of containers are added up to those of the fleet.

    Powers in W, rates in H/s by algorithm, temperatures in °C; `known`, `unknown`: miners that answer with and without a
    power. `sha_power`, `sha_rate`: of the SHA-256 miners that report both.
    """

    counts: dict[MinerState, int] = msgspec.field(default_factory=lambda: dict.fromkeys(MINER_STATES, 0))
    rates: dict[str, float] = {}
    nominal: dict[str, float] = {}
    power: float = 0.0
    measured: float = 0.0
    sha_power: float = 0.0
    sha_rate: float = 0.0
    known: int = 0
    unknown: int = 0
    mismatched: int = 0
    inlet_max: float | None = None
    chip_max: float | None = None

    def add(self, other: "Sums") -> None:
        """Add the sums over other miners."""
        for state, number in other.counts.items():
            self.counts[state] += number
        for mine, more in ((self.rates, other.rates), (self.nominal, other.nominal)):
            for algorithm, rate in more.items():
                mine[algorithm] = mine.get(algorithm, 0.0) + rate
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.inlet_max = _higher(self.inlet_max, other.inlet_max)
        self.chip_max = _higher(self.chip_max, other.chip_max)

    def figures(self) -> Figures:
        """Return the figures as answers show them."""
        return Figures(
            miners=Counts(total=sum(self.counts.values()), **self.counts),
            hashrate=tuple(
                Rate(algorithm=name, hs=self.rates.get(name, 0.0), nominal_hs=self.nominal.get(name))
                for name in sorted({*self.rates, *self.nominal})
            ),
            power_w=self.power if self.known else None,
            power_measured_ratio=self.measured / self.power if self.power else None,
            power_unknown=self.unknown,
            efficiency_j_per_th=self.sha_power / (self.sha_rate / 1e12) if self.sha_rate else None,
            inlet_max_c=self.inlet_max,
            chip_max_c=self.chip_max,
            mismatched=self.mismatched,
        )


_ADDED: Final = ("power", "measured", "sha_power", "sha_rate", "known", "unknown", "mismatched")


def _higher(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def figures_of(views: Iterable[MinerView]) -> Figures:
    """Return the sums over miners. Only readings that are not stale count; a stale figure is never summed as current."""
    return sums_of(views).figures()


def sums_of(views: Iterable[MinerView]) -> Sums:
    """Return what the sums over miners are made of, of readings that are not stale."""
    sums = Sums()
    counts, rates, nominal = sums.counts, sums.rates, sums.nominal
    for view in views:
        counts[state_of(view)] += 1
        if view.matches is False:
            sums.mismatched += 1
        if not view.miner.active:
            continue
        algorithm = algorithm_of(view) or "unknown"
        if (wanted := nominal_of(view)) is not None:
            nominal[algorithm] = nominal.get(algorithm, 0.0) + wanted
        reading = view.reading
        if not isinstance(reading, Snapshot) or view.stale:
            continue
        if reading.hashrate_hs is not None:
            rates[algorithm] = rates.get(algorithm, 0.0) + reading.hashrate_hs
        if reading.power_w is None:
            sums.unknown += 1
        else:
            sums.known += 1
            sums.power += reading.power_w
            if reading.power_source == "measured":
                sums.measured += reading.power_w
            if algorithm == SHA256 and reading.hashrate_hs:
                sums.sha_power += reading.power_w
                sums.sha_rate += reading.hashrate_hs
        temperatures = reading.temperatures_c
        if temperatures.inlet is not None and (sums.inlet_max is None or temperatures.inlet > sums.inlet_max):
            sums.inlet_max = temperatures.inlet
        if temperatures.chip_max is not None and (
            sums.chip_max is None or temperatures.chip_max > sums.chip_max
        ):
            sums.chip_max = temperatures.chip_max
    return sums


def grid_of(container: Container, views: Sequence[MinerView]) -> Grid:
    """Return the picture of a container. A miner without a place takes the next free one, in order of name."""
    return places_of(container, views)[0]


def places_of(container: Container, views: Sequence[MinerView]) -> tuple[Grid, dict[int, MinerView]]:
    """Return the picture of a container, and who stands in which of its cells, counted from 0 row by row."""
    placed = {(view.miner.row, view.miner.column): view for view in views if view.miner.row}
    columns = container.columns or max((column or 0 for _, column in placed), default=0)
    columns = columns or min(WIDEST, len(views)) or 1
    loose = sorted((view for view in views if not view.miner.row), key=lambda view: view.miner.name)
    rows = max(container.rows or 0, max((row or 0 for row, _ in placed), default=0))
    free = rows * columns - sum(
        1 for row, column in placed if (row or 0) <= rows and (column or 0) <= columns
    )
    if len(loose) > free:
        rows += -(-(len(loose) - free) // columns)
    waiting = iter(loose)
    places = {}
    for cell in range(rows * columns):
        view = placed.get((cell // columns + 1, cell % columns + 1)) or next(waiting, None)
        if view is not None:
            places[cell] = view
    letters = (cell_of(places[cell]) if cell in places else EMPTY for cell in range(rows * columns))
    return Grid(rows, columns, "".join(letters)), places


def cell_of(view: MinerView) -> str:
    """Return a miner's letter; a capital where it is not doing what is wanted."""
    letter = LETTERS[state_of(view)]
    return letter.upper() if view.matches is False else letter


def _failure(
    reading: Snapshot | PollFailure | None, since: datetime | None, *, private: bool
) -> ShownFailure | None:
    if not isinstance(reading, PollFailure):
        return None
    # The detail names the address, which is not a client's business.
    return ShownFailure(reading.reason, None if private else reading.detail, since)


def _efficiency(snapshot: Snapshot | None, algorithm: str | None) -> float | None:
    if snapshot is None or algorithm != SHA256 or not snapshot.power_w or not snapshot.hashrate_hs:
        return None
    return snapshot.power_w / (snapshot.hashrate_hs / 1e12)


def _pool(snapshot: Snapshot | None) -> ShownPool | None:
    if snapshot is None:
        return None
    for pool in snapshot.pools:
        if pool.active:
            return ShownPool(pool.url, pool.user, pool.alive)
    return None


def _profile(view: MinerView, *, private: bool) -> MinerProfile:
    record = view.record
    return MinerProfile(
        desired=view.wanted.profile,
        applied=record.applied_profile if record is not None else None,
        matches=view.matches,
        since=view.wanted.since,
        source=view.wanted.source,
        override_id=view.wanted.override_id,
        doubt=None if private else view.doubt,
        last_outcome=record.last_outcome if record is not None else None,
        last_detail=None if private or record is None else record.last_detail,
    )
