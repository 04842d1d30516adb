"""One moment of a simulated miner as its own sensors and counters have it: what a device puts into its words."""

from typing import Literal, TypeAlias

import msgspec

Phase: TypeAlias = Literal["booting", "starting", "mining", "sleeping", "protected", "stopped"]
TrueState: TypeAlias = Literal["mining", "starting", "sleeping", "fault", "down"]
Trouble: TypeAlias = Literal["board", "chips", "fan", "heat", "pools", "rate"]

STATE_OF_PHASE: dict[Phase, TrueState] = {
    "booting": "down",
    "starting": "starting",
    "mining": "mining",
    "sleeping": "sleeping",
    "protected": "fault",
    "stopped": "fault",
}


class BoardMoment(msgspec.Struct, gc=False):
    """One slot for a board. `place` from 0; `number` as the maker counts. Absent boards have 0 chips and no heat."""

    place: int
    number: int
    serial: str
    chips: int
    expected_chips: int
    hashrate_hs: float
    nominal_hashrate_hs: float
    inlet_c: float
    outlet_c: float
    chip_avg_c: float
    chip_max_c: float
    chip_min_c: float
    frequency_mhz: float
    voltage_v: float
    hardware_errors: int


class PoolMoment(msgspec.Struct, gc=False):
    """One configured pool. `last_share_at`: seconds since the epoch, 0 for never."""

    place: int
    url: str
    user: str
    alive: bool
    active: bool
    accepted: int
    rejected: int
    stale: int
    last_share_at: float
    difficulty: float


class Moment(msgspec.Struct, gc=False):
    """The whole miner. Hash rates in H/s by window; `held_hashrate_hs` is the last before it fell asleep or hung.

    `troubled_since`: when the latest of its troubles began.
    """

    now: float
    phase: Phase
    uptime_s: float
    elapsed_s: float
    hashrate_hs: float
    hashrate_1m_hs: float
    hashrate_5m_hs: float
    hashrate_15m_hs: float
    hashrate_30m_hs: float
    hashrate_average_hs: float
    held_hashrate_hs: float
    nominal_hashrate_hs: float
    hashes: float
    power_w: float
    power_limit_w: float
    power_percent: float
    mode: str
    preset: str
    locating: bool
    inlet_c: float
    outlet_c: float
    chip_avg_c: float
    chip_max_c: float
    psu_c: float
    fan_duty: float
    fans_rpm: list[int]
    psu_fan_rpm: int
    mains_v: float
    boards: list[BoardMoment]
    pools: list[PoolMoment]
    accepted: int
    rejected: int
    stale: int
    difficulty: float
    hardware_errors: int
    troubles: list[Trouble]
    troubled_since: float
