"""The truth about a simulated miner: what it really did and does, for whoever compares it with what was concluded."""

import msgspec

from simulator.catalogue import Cooling
from simulator.moment import TrueState
from simulator.physics import Physics


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One miner at `at` (seconds since the epoch). Energy (J), hashes and seconds count since the simulation began.

    `answering`: whether a well-meant question would be answered whole. `seconds`: by state, those that occurred.
    """

    container: str
    miner: str
    address: str
    model: str
    device: str
    cooling: Cooling
    at: float
    state: TrueState
    answering: bool
    hashrate_hs: float
    nominal_hashrate_hs: float
    power_w: float
    nominal_power_w: float
    inlet_c: float
    chip_max_c: float
    boards: int
    expected_boards: int
    chips: int
    expected_chips: int
    active_pool: int | None
    accepted: int
    rejected: int
    stale: int
    energy_joules: float
    hashes: float
    seconds: dict[TrueState, float]
    mining_since: float
    restarts: int
    pool_switches: int
    asleep: bool
    mode: str
    power_percent: float
    power_limit_w: float | None
    preset: str
    locating: bool
    faults: tuple[str, ...]


class Identified(msgspec.Struct, frozen=True):
    """Which miner the truth is about."""

    container: str
    miner: str
    address: str
    device: str


def truth_of(who: Identified, physics: Physics) -> Truth:
    """Return the truth at `physics.now`; advance it first."""
    figures, setting = physics.figures, physics.setting
    since = physics.since_settled_s
    seconds = dict(physics.seconds)
    if since > 0:
        seconds[physics.state] = seconds.get(physics.state, 0.0) + since
    gone = physics.dead_boards
    lost = physics.conditions.lost_chips
    chips = [
        max(0, count - lost.get(place, 0)) for place, count in enumerate(physics.chips) if place not in gone
    ]
    pools = physics.pools.moments(physics.hashrate_hs, since, physics.now)
    return Truth(
        container=who.container,
        miner=who.miner,
        address=who.address,
        model=figures.reported,
        device=who.device,
        cooling=figures.cooling,
        at=physics.now,
        state=physics.state,
        answering=not physics.down and physics.manners.plain,
        hashrate_hs=physics.hashrate_hs,
        nominal_hashrate_hs=figures.hashrate_hs,
        power_w=physics.power_w,
        nominal_power_w=figures.power_w,
        inlet_c=physics.heat.inlet_c,
        chip_max_c=physics.hottest_chip_c,
        boards=sum(1 for count in chips if count),
        expected_boards=figures.boards,
        chips=sum(chips),
        expected_chips=figures.boards * figures.chips_per_board,
        active_pool=physics.pools.active,
        accepted=sum(pool.accepted for pool in pools),
        rejected=sum(pool.rejected for pool in pools),
        stale=sum(pool.stale for pool in pools),
        energy_joules=physics.energy_j + physics.power_w * since,
        hashes=physics.hashes + physics.hashrate_hs * since,
        seconds=seconds,
        mining_since=physics.mining_since,
        restarts=physics.restarts,
        pool_switches=physics.pools.switches,
        asleep=setting.asleep,
        mode=setting.mode,
        power_percent=setting.power_percent,
        power_limit_w=setting.power_limit_w,
        preset=setting.preset,
        locating=setting.locating,
        faults=tuple(fault.name for fault in physics.faults()),
    )
