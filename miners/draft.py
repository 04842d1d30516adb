"""From what a driver found to a Snapshot: the rules of reading, the same for every make.

A driver fills a Draft with what the device itself reported and nothing else. `conclude` decides the state, fills gaps
from the operator's figures and the model table (and marks them as estimated), and sums boards up to the miner.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from msgspec.structs import force_setattr

from miners.model import (
    Board,
    Fan,
    Fault,
    Identity,
    Pool,
    PowerSource,
    Psu,
    Shares,
    Snapshot,
    State,
    Target,
    Temperatures,
)
from miners.models import ModelFacts, find_model
from miners.reply import share_sum

STANDBY_POWER_W = 40.0
"""What a sleeping miner is taken to draw where neither it nor the operator says: controller and fans at rest."""


class Draft(msgspec.Struct, gc=False):
    """What the device reported, in base units; None for what it did not. The driver fills it, `conclude` reads it.

    `asleep`: True if the device says that it sleeps, False if it says that it does not, None if it says neither.
    `whole`: whether every reply came uncut; else nothing is summed up over parts, of which some may be lost.
    `power_w`: only a figure that the device measured. `manufacturer`, `model`: as the device names itself.
    """

    whole: bool = True
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    firmware_version: str | None = None
    mac: str | None = None
    serial: str | None = None
    hostname: str | None = None
    asleep: bool | None = None
    uptime_s: float | None = None
    mining_s: float | None = None
    hashrate_hs: float | None = None
    hashrate_average_hs: float | None = None
    nominal_hashrate_hs: float | None = None
    hashes_total: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    power_mode: str | None = None
    profile: str | None = None
    power_percent: float | None = None
    locating: bool | None = None
    inlet_c: float | None = None
    outlet_c: float | None = None
    board_max_c: float | None = None
    chip_max_c: float | None = None
    chip_avg_c: float | None = None
    psu_c: float | None = None
    boards: list[Board] = msgspec.field(default_factory=list)
    expected_boards: int | None = None
    fans: list[Fan] = msgspec.field(default_factory=list)
    fan_duty_ratio: float | None = None
    psu: Psu | None = None
    pools: list[Pool] = msgspec.field(default_factory=list)
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    hardware_errors: int | None = None
    faults: list[Fault] = msgspec.field(default_factory=list)


def count_shares(draft: Draft) -> None:
    """Take for the miner's shares what its pools counted, unless one of them may be cut off: a counter never falls."""
    if draft.whole and draft.pools:
        draft.accepted = share_sum([pool.accepted for pool in draft.pools])
        draft.rejected = share_sum([pool.rejected for pool in draft.pools])
        draft.stale = share_sum([pool.stale for pool in draft.pools])


def conclude(
    draft: Draft,
    target: Target,
    *,
    driver: str,
    warm_up_s: float,
    now: float,
    duration_s: float,
    truncated: bool,
) -> Snapshot:
    """Make the Snapshot of a Draft. `now`: unix seconds at which the poll began; `warm_up_s`: the driver's."""
    manufacturer = draft.manufacturer or target.manufacturer
    model = draft.model or target.model
    facts = find_model(manufacturer, model)
    estimated: list[str] = []

    hashrate = draft.hashrate_hs
    boards = draft.boards
    if draft.asleep:
        # A sleeping miner may go on showing the hash rate it fell asleep with.
        hashrate = 0.0
        for board in boards:
            force_setattr(board, "hashrate_hs", 0.0)
    state = _state(draft.asleep, hashrate, draft.mining_s, draft.uptime_s, warm_up_s)

    nominal_hs = draft.nominal_hashrate_hs
    if nominal_hs is None:
        nominal_hs = target.nominal_hashrate_hs or (facts.nominal_hashrate_hs if facts else None)
        if nominal_hs is not None:
            estimated.append("nominal_hashrate_hs")

    nominal_w = target.nominal_power_w
    if nominal_w is None and facts is not None:
        nominal_w = _nominal_power(facts, nominal_hs)
    if nominal_w is not None:
        estimated.append("nominal_power_w")

    power = draft.power_w
    source: PowerSource | None = None
    if power is not None:
        source = "measured"
    else:
        if state == "sleeping":
            power = STANDBY_POWER_W if target.standby_power_w is None else target.standby_power_w
        elif state == "mining" and nominal_w is not None and nominal_hs and hashrate is not None:
            power = nominal_w * hashrate / nominal_hs
        if power is not None:
            source = "estimated"
            estimated.append("power_w")

    expected_boards = draft.expected_boards
    fans: Iterable[Fan] = draft.fans
    if facts is not None:
        if expected_boards is None and facts.boards is not None:
            expected_boards = facts.boards
            estimated.append("expected_boards")
        if facts.chips_per_board is not None:
            for board in boards:
                if board.expected_chips is None:
                    force_setattr(board, "expected_chips", facts.chips_per_board)
        if facts.cooling not in ("air", None) and not any(fan.speed_rpm for fan in fans):
            fans = ()

    return Snapshot(
        container=target.container,
        miner=target.miner,
        address=target.address,
        taken_at=datetime.fromtimestamp(now, UTC),
        duration_s=duration_s,
        driver=driver,
        state=state,
        identity=Identity(
            manufacturer,
            model,
            facts.algorithm if facts else None,
            draft.firmware,
            draft.firmware_version,
            draft.mac,
            draft.serial,
            draft.hostname,
        ),
        uptime_s=draft.mining_s if draft.uptime_s is None else draft.uptime_s,
        mining_s=draft.mining_s,
        hashrate_hs=hashrate,
        hashrate_average_hs=draft.hashrate_average_hs,
        nominal_hashrate_hs=nominal_hs,
        hashes_total=_plausible_total(draft.hashes_total, draft.hashrate_average_hs, draft.mining_s),
        power_w=power,
        power_source=source,
        nominal_power_w=nominal_w,
        power_limit_w=draft.power_limit_w,
        power_mode=draft.power_mode,
        profile=draft.profile,
        power_percent=draft.power_percent,
        locating=draft.locating,
        temperatures_c=_temperatures(draft),
        boards=tuple(boards),
        expected_boards=expected_boards,
        fans=tuple(fans),
        fan_duty_ratio=draft.fan_duty_ratio,
        psu=draft.psu,
        pools=tuple(draft.pools),
        shares=Shares(draft.accepted, draft.rejected, draft.stale),
        hardware_errors=draft.hardware_errors,
        faults=tuple({fault.code: fault for fault in draft.faults}.values()) if draft.faults else (),
        estimated=tuple(estimated),
        truncated=truncated,
    )


def _state(
    asleep: bool | None,
    hashrate: float | None,
    mining_s: float | None,
    uptime_s: float | None,
    warm_up_s: float,
) -> State:
    if asleep:
        return "sleeping"
    if hashrate is None:
        return "unknown"
    if hashrate > 0:
        return "mining"
    # Mining that never began (0 s) says nothing about the age: the system's own uptime does, where it is known.
    age = mining_s or uptime_s or 0.0
    return "starting" if age < warm_up_s else "fault"


def _nominal_power(facts: ModelFacts, nominal_hs: float | None) -> float | None:
    """Wall power at the nominal hash rate: the table's W per hash scaled to this device's own bin."""
    if facts.nominal_power_w is None or not facts.nominal_hashrate_hs or not nominal_hs:
        return facts.nominal_power_w
    return facts.nominal_power_w * nominal_hs / facts.nominal_hashrate_hs


def _plausible_total(total: float | None, average: float | None, mining_s: float | None) -> float | None:
    """Return the hashes counted, unless they contradict the miner's own average: then the field means something else.

    LuxOS writes its average under `Total MH`, an L9 writes 0, and scrypt miners count in other units.
    """
    if total is None or not average or not mining_s:
        return total
    return total if 0.5 <= total / (average * mining_s) <= 2.0 else None


def _temperatures(draft: Draft) -> Temperatures:
    board_max, chip_max, chip_avg = draft.board_max_c, draft.chip_max_c, draft.chip_avg_c
    boards = draft.boards
    if boards:
        if board_max is None:
            board_max = max((board.board_c for board in boards if board.board_c is not None), default=None)
        if chip_max is None:
            chip_max = max(
                (board.chip_max_c for board in boards if board.chip_max_c is not None), default=None
            )
        if chip_avg is None:
            means = [board.chip_avg_c for board in boards if board.chip_avg_c is not None]
            chip_avg = sum(means) / len(means) if means else None
    psu = draft.psu_c
    if psu is None and draft.psu is not None:
        psu = draft.psu.temperature_c
    return Temperatures(draft.inlet_c, draft.outlet_c, board_max, chip_max, chip_avg, psu)
