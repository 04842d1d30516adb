"""A Snapshot to its lines: bytes of `/metrics`, made once, when the poll arrives.

A miner's row is a tuple of chunks, one for each metric of `metrics.MINER` and in its order; a chunk holds all lines of
that metric for this miner, and is empty where there are none. A page is then nothing but joined chunks. The text is
what prometheus_client would have written for the same families (labels sorted by name, Go's floats, escaping).
"""

from collections.abc import Sequence

import msgspec

from exporter.device import Nominal
from exporter.energy import EnergyMeter
from exporter.exposition import label, number
from exporter.metrics import COUNTED, KNOWN, READ, SAID
from exporter.pool_rules import Allowed
from miners.inventory.fleet import Container, Miner
from miners.model import FAILURE_REASONS, STATES, Board, Pool, Snapshot, State

Row = tuple[bytes, ...]

NOTHING_READ: Row = (b"",) * len(READ)
NOTHING_SAID: Row = (b"",) * len(SAID)
_SAID_AT, _COUNTED_AT = len(KNOWN), len(KNOWN) + len(SAID)
READ_AT = _COUNTED_AT + len(COUNTED)

# Chunks are cut out of one text at these; no label can hold one (see exposition.label).
_NEXT = "\0"

_STATE_VALUES: dict[State, tuple[str, ...]] = {
    state: tuple("1.0" if state == other else "0.0" for other in STATES) for state in STATES
}


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The usual labels of one miner as wire text, in the pieces between which others sort in.

    `whole` is `client="…",container="…",miner="…"`; `client` (with its comma, or empty) and `container` (with its
    comma) are for labels between them. `position` is for `miner_info`.
    """

    whole: str
    client: str
    container: str
    miner: str
    position: str


def miner_labels(container: Container, miner: Miner) -> Labels:
    """Return the labels of a miner."""
    client = f'client="{label(container.client)}",' if container.client is not None else ""
    container_text = f'container="{label(container.name)}",'
    miner_text = f'miner="{label(miner.name)}"'
    row, column = _place(miner.row), _place(miner.column)
    position = f"{row}-{column}" if row and column else ""
    return Labels(client + container_text + miner_text, client, container_text, miner_text, position)


def _place(place: int | None) -> str:
    """Return a row or column with a leading zero, for tables that sort by text: else 10 comes before 2."""
    return "" if place is None else f"{place:02d}"


def known_chunks(labels: Labels, miner: Miner, failures: Sequence[int], nominal: Nominal) -> Row:
    """Return the chunks of `metrics.KNOWN`. `failures`: counts in the order of FAILURE_REASONS."""
    whole = labels.whole
    text = [
        (
            f'miner_inventory_info{{address="{label(miner.address)}",{labels.client}column="{_place(miner.column)}",'
            f'{labels.container}manufacturer="{label(miner.manufacturer)}",{labels.miner},'
            f'model="{label(miner.model)}",row="{_place(miner.row)}"}} 1.0\n'
        ),
        _NEXT,
    ]
    for reason, count in zip(FAILURE_REASONS, failures, strict=True):
        text.append(f'miner_poll_failures_total{{{whole},reason="{reason}"}} {number(count)}\n')
    text.append(_NEXT)
    if nominal.hashrate_hs is not None:
        text.append(f"miner_nominal_hashrate_hashes_per_second{{{whole}}} {number(nominal.hashrate_hs)}\n")
    text.append(_NEXT)
    if nominal.power_w is not None:
        text.append(f"miner_nominal_power_watts{{{whole}}} {number(nominal.power_w)}\n")
    text.append(_NEXT)
    text += [
        f'miner_temperature_limit_celsius{{{whole},sensor="{label(sensor)}"}} {number(limit)}\n'
        for sensor, limit in nominal.limits_c
    ]
    return _chunks("".join(text))


def said_chunks(labels: Labels, snapshot: Snapshot, allowed: Allowed | None) -> Row:
    """Return the chunks of `metrics.SAID`. `allowed`: the inventory's list of pools, None without one."""
    who = snapshot.identity
    text = [
        (
            f'miner_info{{address="{label(snapshot.address)}",algorithm="{label(who.algorithm)}",{labels.client}'
            f'{labels.container}driver="{label(snapshot.driver)}",firmware="{label(who.firmware)}",'
            f'firmware_version="{label(who.firmware_version)}",mac="{label(who.mac)}",'
            f'manufacturer="{label(who.manufacturer)}",{labels.miner},model="{label(who.model)}",'
            f'position="{labels.position}",serial="{label(who.serial)}"}} 1.0\n'
        ),
        _NEXT,
    ]
    whole = labels.whole
    text += [
        f'miner_pool_info{{{whole},pool="{pool.index}",url="{label(pool.url)}",user="{label(pool.user)}"}} 1.0\n'
        for pool in snapshot.pools
    ]
    text.append(_NEXT)
    if allowed is not None:
        text += [
            f'miner_pool_allowed{{{whole},pool="{pool.index}"}} {"1.0" if allowed(pool.url, pool.user) else "0.0"}\n'
            for pool in snapshot.pools
        ]
    return _chunks("".join(text))


def says_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Return whether two readings of a miner have the same `said_chunks`: most polls find nothing new there."""
    if one.identity != other.identity or one.driver != other.driver or len(one.pools) != len(other.pools):
        return False
    for pool, again in zip(one.pools, other.pools, strict=True):
        if pool.index != again.index or pool.url != again.url or pool.user != again.user:
            return False
    return True


def counted_text(labels: Labels, *, up: bool, last_seen: float | None, meter: EnergyMeter) -> str:
    """Return the text of `metrics.COUNTED`, to be cut into chunks. `last_seen`: unix seconds."""
    whole = labels.whole
    seen = "" if last_seen is None else f"miner_last_seen_timestamp_seconds{{{whole}}} {number(last_seen)}\n"
    return (
        f"miner_up{{{whole}}} {'1.0' if up else '0.0'}\n\0{seen}\0"
        f"miner_observed_seconds_total{{{whole}}} {number(meter.observed_s)}\n\0"
        f'miner_energy_joules_total{{{whole},source="measured"}} {number(meter.measured_j)}\n'
        f'miner_energy_joules_total{{{whole},source="estimated"}} {number(meter.estimated_j)}\n'
    )


def failed_row(known: Row, labels: Labels, last_seen: float | None, meter: EnergyMeter) -> Row:
    """Return the row of a miner that has no reading now: what the exporter itself knows, and nothing else."""
    counted = counted_text(labels, up=False, last_seen=last_seen, meter=meter)
    return known + NOTHING_SAID + tuple(counted.encode("latin-1").split(b"\0")) + NOTHING_READ


def read_row(
    known: Row,
    said: Row,
    labels: Labels,
    snapshot: Snapshot,
    last_seen: float,
    meter: EnergyMeter,
    pool_switches: int,
) -> Row:
    """Return the row of a miner that was read just now. Raises NotFinite for values that no sample may have."""
    counted = counted_text(labels, up=True, last_seen=last_seen, meter=meter)
    text = f"{counted}\0{_read_text(labels, snapshot, pool_switches)}"
    return known + said + _chunks(text)


def said_of(row: Row) -> Row:
    """Return the chunks of `metrics.SAID` of a row, for the next one."""
    return row[_SAID_AT:_COUNTED_AT]


def _chunks(text: str) -> Row:
    return tuple(text.encode("latin-1").split(b"\0"))


def _read_text(labels: Labels, snapshot: Snapshot, pool_switches: int) -> str:  # the order of metrics.READ
    whole = labels.whole
    mining, sleeping, starting, fault, unknown = _STATE_VALUES[snapshot.state]
    text = [
        (
            f'miner_state{{{whole},state="mining"}} {mining}\nminer_state{{{whole},state="sleeping"}} {sleeping}\n'
            f'miner_state{{{whole},state="starting"}} {starting}\nminer_state{{{whole},state="fault"}} {fault}\n'
            f'miner_state{{{whole},state="unknown"}} {unknown}\n\0'
            f"miner_poll_duration_seconds{{{whole}}} {number(snapshot.duration_s)}\n\0"
        )
    ]
    add = text.append
    if snapshot.uptime_s is not None:
        add(f"miner_uptime_seconds{{{whole}}} {number(snapshot.uptime_s)}\n")
    add(_NEXT)
    if snapshot.hashrate_hs is not None:
        add(f"miner_hashrate_hashes_per_second{{{whole}}} {number(snapshot.hashrate_hs)}\n")
    add(_NEXT)
    if snapshot.hashrate_average_hs is not None:
        add(f"miner_hashrate_average_hashes_per_second{{{whole}}} {number(snapshot.hashrate_average_hs)}\n")
    add(_NEXT)
    if snapshot.hashes_total is not None:
        add(f"miner_hashes_total{{{whole}}} {number(snapshot.hashes_total)}\n")
    add(_NEXT)
    if snapshot.power_w is not None:
        add(f'miner_power_watts{{{whole},source="{snapshot.power_source}"}} {number(snapshot.power_w)}\n')
    add(_NEXT)
    if snapshot.power_limit_w is not None:
        add(f"miner_power_limit_watts{{{whole}}} {number(snapshot.power_limit_w)}\n")
    add(_NEXT)
    _add_temperatures(text, whole, snapshot)
    _add_fans(text, labels, snapshot)
    add(_boards_text(whole, snapshot.boards))
    if snapshot.boards or snapshot.expected_boards is not None:
        # A miner whose boards nobody knows of reports none; with a count to compare, none is a finding.
        add(f"miner_boards{{{whole}}} {len(snapshot.boards)}.0\n")
    add(_NEXT)
    if snapshot.expected_boards is not None:
        add(f"miner_expected_boards{{{whole}}} {number(snapshot.expected_boards)}\n")
    add(_NEXT)
    shares = snapshot.shares
    _add_shares(text, f"miner_shares_total{{{whole}", shares.accepted, shares.rejected, shares.stale)
    add(_NEXT)
    if snapshot.hardware_errors is not None:
        add(f"miner_hardware_errors_total{{{whole}}} {number(snapshot.hardware_errors)}\n")
    add(f"\0miner_pool_switches_total{{{whole}}} {number(pool_switches)}\n\0")
    add(_pools_text(whole, snapshot.pools))
    for reported in snapshot.faults:
        add(
            f'miner_fault{{{labels.client}code="{label(reported.code)}",{labels.container}{labels.miner}}} 1.0\n'
        )
    return "".join(text)


def _add_temperatures(text: list[str], whole: str, snapshot: Snapshot) -> None:
    temperatures = snapshot.temperatures_c
    head = f'miner_temperature_celsius{{{whole},sensor="'
    if (inlet := temperatures.inlet) is not None:
        text.append(f'{head}inlet"}} {number(inlet)}\n')
    if (outlet := temperatures.outlet) is not None:
        text.append(f'{head}outlet"}} {number(outlet)}\n')
    if (board_max := temperatures.board_max) is not None:
        text.append(f'{head}board_max"}} {number(board_max)}\n')
    if (chip_max := temperatures.chip_max) is not None:
        text.append(f'{head}chip_max"}} {number(chip_max)}\n')
    if (chip_avg := temperatures.chip_avg) is not None:
        text.append(f'{head}chip_avg"}} {number(chip_avg)}\n')
    if (psu := temperatures.psu) is not None:
        text.append(f'{head}psu"}} {number(psu)}\n')
    text.append(_NEXT)


def _add_fans(text: list[str], labels: Labels, snapshot: Snapshot) -> None:
    head, tail = f'miner_fan_speed_rpm{{{labels.client}{labels.container}fan="', f'",{labels.miner}}} '
    text += [f"{head}{fan.index}{tail}{number(fan.speed_rpm)}\n" for fan in snapshot.fans]
    if snapshot.psu is not None and snapshot.psu.fan_rpm is not None:
        text.append(f"{head}psu{tail}{number(snapshot.psu.fan_rpm)}\n")
    text.append(_NEXT)
    if snapshot.fan_duty_ratio is not None:
        text.append(f"miner_fan_duty_ratio{{{labels.whole}}} {number(snapshot.fan_duty_ratio)}\n")
    text.append(_NEXT)


def _boards_text(whole: str, boards: Sequence[Board]) -> str:
    hashrate = nominal = temperature = chips = expected = frequency = voltage = errors = ""
    for board in boards:
        place = f'{{board="{board.index}",{whole}'
        if board.hashrate_hs is not None:
            hashrate += f"miner_board_hashrate_hashes_per_second{place}}} {number(board.hashrate_hs)}\n"
        if board.nominal_hashrate_hs is not None:
            nominal += f"miner_board_nominal_hashrate_hashes_per_second{place}}} {number(board.nominal_hashrate_hs)}\n"
        if board.inlet_c is not None:
            temperature += (
                f'miner_board_temperature_celsius{place},sensor="inlet"}} {number(board.inlet_c)}\n'
            )
        if board.outlet_c is not None:
            temperature += (
                f'miner_board_temperature_celsius{place},sensor="outlet"}} {number(board.outlet_c)}\n'
            )
        if board.board_c is not None:
            temperature += (
                f'miner_board_temperature_celsius{place},sensor="board"}} {number(board.board_c)}\n'
            )
        if board.chip_max_c is not None:
            temperature += (
                f'miner_board_temperature_celsius{place},sensor="chip_max"}} {number(board.chip_max_c)}\n'
            )
        if board.chip_avg_c is not None:
            temperature += (
                f'miner_board_temperature_celsius{place},sensor="chip_avg"}} {number(board.chip_avg_c)}\n'
            )
        if board.chips is not None:
            chips += f"miner_board_chips{place}}} {number(board.chips)}\n"
        if board.expected_chips is not None:
            expected += f"miner_board_expected_chips{place}}} {number(board.expected_chips)}\n"
        if board.frequency_hz is not None:
            frequency += f"miner_board_frequency_hertz{place}}} {number(board.frequency_hz)}\n"
        if board.voltage_v is not None:
            voltage += f"miner_board_voltage_volts{place}}} {number(board.voltage_v)}\n"
        if board.hardware_errors is not None:
            errors += f"miner_board_hardware_errors_total{place}}} {number(board.hardware_errors)}\n"
    return f"{hashrate}\0{nominal}\0{temperature}\0{chips}\0{expected}\0{frequency}\0{voltage}\0{errors}\0"


def _pools_text(whole: str, pools: Sequence[Pool]) -> str:
    up = active = last_share = ""
    shares: list[str] = []
    for pool in pools:
        place = f'{{{whole},pool="{pool.index}"'
        if pool.alive is not None:
            up += f"miner_pool_up{place}}} {'1.0' if pool.alive else '0.0'}\n"
        if pool.active is not None:
            active += f"miner_pool_active{place}}} {'1.0' if pool.active else '0.0'}\n"
        _add_shares(shares, f"miner_pool_shares_total{place}", pool.accepted, pool.rejected, pool.stale)
        if pool.last_share_at is not None:
            seconds = pool.last_share_at.timestamp()
            last_share += f"miner_pool_last_share_timestamp_seconds{place}}} {number(seconds)}\n"
    return f"{up}\0{active}\0{''.join(shares)}\0{last_share}\0"


def _add_shares(
    text: list[str], head: str, accepted: int | None, rejected: int | None, stale: int | None
) -> None:
    if accepted is not None:
        text.append(f'{head},result="accepted"}} {number(accepted)}\n')
    if rejected is not None:
        text.append(f'{head},result="rejected"}} {number(rejected)}\n')
    if stale is not None:
        text.append(f'{head},result="stale"}} {number(stale)}\n')
