"""What is known of one miner at a moment of the past: the figures that recorded series and alerts are made of.

They come from a reading where the miner was read, and else from the truth about the simulated miner, put as that miner's
readings would have put it (`Likeness`): a week of readings would take ten times as long as a week of truth.
"""

from collections.abc import Mapping

import msgspec

from exporter.device import Nominal
from miners.inventory.fleet import Container, Miner
from miners.model import Pool, Snapshot, State
from simulator.miner import SimulatedMiner
from simulator.moment import TrueState
from tools.history_orders import Order

SURE_C = 5.0
"""Where chips and inlet are no further apart than this, nothing is learnt of the sensors between them."""
SAME_START_S = 120.0
"""How far a reading's uptime may be off the time since a start, to be counted from it."""

_STATES: Mapping[TrueState, State] = {
    "mining": "mining",
    "starting": "starting",
    "sleeping": "sleeping",
    "fault": "fault",
    "down": "unknown",
}


class Subject(msgspec.Struct, frozen=True, eq=False):
    """Which miner it is: what the inventory says of it, and what that makes nominal."""

    container: Container
    miner: Miner
    nominal: Nominal

    @property
    def limits_c(self) -> dict[str, float]:
        """Limits of temperature by sensor."""
        return dict(self.nominal.limits_c)


class Figures(msgspec.Struct, gc=False, kw_only=True):
    """One miner at a moment; None is not told.

    `counters`: the miner's own, and those of the exporter: `measured` and `estimated` (energy, J), `observed` (s).
    `measured`: whether power is. `temperatures_c`: by sensor. `order`, `applied`: in force, and confirmed last.
    """

    up: bool
    last_seen: float | None = None
    state: State | None = None
    uptime_s: float | None = None
    hashrate_hs: float | None = None
    power_w: float | None = None
    measured: bool = False
    temperatures_c: Mapping[str, float] = {}
    boards: int | None = None
    expected_boards: int | None = None
    chips: int | None = None
    expected_chips: int | None = None
    slowest_fan: float | None = None
    pools: tuple[Pool, ...] = ()
    counters: Mapping[str, float] = {}
    order: Order | None = None
    applied: Order | None = None

    @property
    def hashing(self) -> bool:
        """Whether it says that it mines, and its hash rate is not 0."""
        return self.state == "mining" and not (self.hashrate_hs is not None and self.hashrate_hs <= 0)


def of_reading(snapshot: Snapshot | None, last_seen: float | None) -> Figures:
    """Return the figures of a reading; None: it could not be read. `last_seen`: unix seconds."""
    if snapshot is None:
        return Figures(up=False, last_seen=last_seen)
    temperatures = msgspec.structs.asdict(snapshot.temperatures_c)
    boards, expected = snapshot.boards, snapshot.expected_boards
    chips = [board.chips for board in boards if board.chips is not None]
    whole = [board.expected_chips for board in boards if board.expected_chips is not None]
    speeds = [fan.speed_rpm for fan in snapshot.fans]
    fastest = max(speeds, default=0.0)
    counters = {
        "accepted": snapshot.shares.accepted,
        "rejected": snapshot.shares.rejected,
        "stale": snapshot.shares.stale,
        "hashes": snapshot.hashes_total,
        "hardware_errors": snapshot.hardware_errors,
    }
    return Figures(
        up=True,
        last_seen=last_seen,
        state=snapshot.state,
        uptime_s=snapshot.uptime_s,
        hashrate_hs=snapshot.hashrate_hs,
        power_w=snapshot.power_w,
        measured=snapshot.power_source == "measured",
        temperatures_c={sensor: value for sensor, value in temperatures.items() if value is not None},
        boards=len(boards) if boards or expected is not None else None,
        expected_boards=expected,
        chips=sum(chips) if chips else None,
        expected_chips=sum(whole) if whole else None,
        slowest_fan=min(speeds) / fastest if fastest > 0 else None,
        pools=snapshot.pools,
        counters={name: float(value) for name, value in counters.items() if value is not None},
    )


class Likeness:
    """How one simulated miner is seen through its readings, learnt from one; then its truth can stand for readings."""

    def __init__(self, miner: SimulatedMiner, sample: Figures) -> None:
        """`sample`: a reading's figures of the moment that the miner's body is at."""
        self._miner = miner
        self._sample = sample
        self._seen = sample.last_seen
        physics = miner.physics
        truth = miner.truth(physics.now)
        self._state = truth.state
        inlet_c, chip_c = physics.heat.inlet_c, physics.heat.chip_c
        span_c = chip_c - inlet_c
        self._places = {
            sensor: (value - inlet_c) / span_c if abs(span_c) > SURE_C else 0.0
            for sensor, value in sample.temperatures_c.items()
        }
        uptime_s = sample.uptime_s
        self._since_boot = (
            uptime_s is not None and abs(uptime_s - (physics.now - physics.booted_at)) < SAME_START_S
        )
        self._power = _share(sample.power_w, truth.power_w)
        self._rate = _share(sample.hashrate_hs, truth.hashrate_hs)

    def at(self, now: float) -> Figures:
        """Return the figures at `now`, unix seconds, not before the last one asked for."""
        miner, sample = self._miner, self._sample
        physics = miner.physics
        physics.advance(now)
        if not sample.up or physics.down:
            return Figures(up=False, last_seen=self._seen)
        self._seen = now
        truth = miner.truth(now)
        same = truth.state == self._state
        hashrate_hs = None if sample.hashrate_hs is None else truth.hashrate_hs * self._rate
        if same and truth.hashrate_hs == 0:
            hashrate_hs = sample.hashrate_hs  # what stands in the display of one that has hung
        inlet_c, chip_c = physics.heat.inlet_c, physics.heat.chip_c
        counters = {
            "accepted": float(truth.accepted),
            "rejected": float(truth.rejected),
            "stale": float(truth.stale),
            "hashes": truth.hashes,
            "hardware_errors": physics.hardware_errors,
        }
        counters = {name: value for name, value in counters.items() if name in sample.counters}
        if sample.power_w is not None:
            energy_j = truth.energy_joules * self._power
            counters |= {
                "measured": energy_j if sample.measured else 0.0,
                "estimated": 0.0 if sample.measured else energy_j,
                "observed": now,
            }
        return Figures(
            up=True,
            last_seen=now,
            state=sample.state if same else _STATES[truth.state],
            uptime_s=now - (physics.booted_at if self._since_boot else physics.mining_since),
            hashrate_hs=hashrate_hs,
            power_w=None if sample.power_w is None else truth.power_w * self._power,
            measured=sample.measured,
            temperatures_c={
                sensor: inlet_c + place * (chip_c - inlet_c) for sensor, place in self._places.items()
            },
            boards=sample.boards if sample.boards is None else truth.boards,
            expected_boards=sample.expected_boards,
            chips=sample.chips if not same else _chips(sample, truth.chips),
            expected_chips=sample.expected_chips,
            slowest_fan=sample.slowest_fan,
            pools=_pools(sample.pools, truth.active_pool),
            counters=counters,
        )


def _share(seen: float | None, true: float) -> float:
    return seen / true if seen and true > 0 else 1.0


def _chips(sample: Figures, chips: int) -> int | None:
    return None if sample.chips is None else chips


def _pools(sample: tuple[Pool, ...], active: int | None) -> tuple[Pool, ...]:
    """Return the pools with the work at the one of that place; those before it do not answer."""
    return tuple(
        msgspec.structs.replace(pool, active=place == active, alive=active is not None and place >= active)
        for place, pool in enumerate(sample)
    )
