"""The lines of a reading without its values: a form, made once for all miners that report the same set of things.

Most of a page's text is the same from poll to poll and from miner to miner. What is left to do for a poll is to list
its values, write them, and join them with the pieces of the form; that takes a third of the time of formatting lines.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import astuple

from exporter.energy import EnergyMeter
from exporter.exposition import numbers
from exporter.metrics import COUNTED, READ
from miners.model import STATES, Snapshot, State

Numbers: TypeAlias = tuple[int, ...]
"""How the miner numbers its boards, fans or pools."""

MOST_FORMS = 1024
"""A fleet has a few for each model. Strangers could ask for more: those that were not used for longest are dropped."""

# What stands for the labels of a miner in a form; no label can hold one (see exposition.label).
_WHOLE, _BEFORE_FAN, _MINER = "\1", "\2", "\3"

_FANS = [metric.name for metric in (*COUNTED, *READ)].index("miner_fan_speed_rpm")

_BOARD_VALUES = 12
_POOL_VALUES = 6
_TEMPERATURES = ("inlet", "outlet", "board_max", "chip_max", "chip_avg", "psu")
_BOARD_TEMPERATURES = ("inlet", "outlet", "board", "chip_max", "chip_avg")
_RESULTS = ("accepted", "rejected", "stale")


class Form(msgspec.Struct, frozen=True):
    """Pieces of text and, at every second place, the gap for a value. `pick` gives those values out of all."""

    pick: Callable[[Sequence[Any]], tuple[float, ...]]
    pieces: list[str]


class LabelBytes(msgspec.Struct, frozen=True, gc=False):
    """A miner's labels as they go into a form: all of them, those that sort before `fan`, and the rest."""

    whole: bytes
    before_fan: bytes
    miner: bytes


def filled(
    labels: LabelBytes, snapshot: Snapshot, last_seen: float, meter: EnergyMeter, pool_switches: int
) -> list[bytes]:
    """Return the chunks of `metrics.COUNTED` and `metrics.READ`; the last, of faults, is empty.

    `last_seen`: unix seconds. Raises NotFinite for values that no sample may have.
    """
    boards, fans, pools, shares, psu = (
        snapshot.boards,
        snapshot.fans,
        snapshot.pools,
        snapshot.shares,
        snapshot.psu,
    )
    expected = snapshot.expected_boards
    values: list[Any] = [
        last_seen,
        meter.observed_s,
        meter.measured_j,
        meter.estimated_j,
        snapshot.duration_s,
        snapshot.uptime_s,
        snapshot.hashrate_hs,
        snapshot.hashrate_average_hs,
        snapshot.hashes_total,
        snapshot.power_w,
        snapshot.power_limit_w,
        *astuple(snapshot.temperatures_c),
        None if psu is None else psu.fan_rpm,
        snapshot.fan_duty_ratio,
        # A miner whose boards nobody knows of reports none; with a count to compare, none is a finding.
        len(boards) if boards or expected is not None else None,
        expected,
        shares.accepted,
        shares.rejected,
        shares.stale,
        snapshot.hardware_errors,
        pool_switches,
    ]
    values += [fan.speed_rpm for fan in fans]
    for board in boards:
        values += astuple(board)[2:]
    for pool in pools:
        at = pool.last_share_at
        values += (
            pool.alive,
            pool.active,
            pool.accepted,
            pool.rejected,
            pool.stale,
            None if at is None else at.timestamp(),
        )
    form = _form(
        snapshot.state,
        snapshot.power_source,
        tuple([fan.index for fan in fans]),
        tuple([board.index for board in boards]),
        tuple([pool.index for pool in pools]),
        bytes([value is not None for value in values]),
    )
    pieces = form.pieces.copy()
    pieces[1::2] = numbers(form.pick(values))
    chunks = "".join(pieces).encode("latin-1").replace(b"\1", labels.whole).split(b"\0")
    if chunks[_FANS]:
        chunks[_FANS] = chunks[_FANS].replace(b"\2", labels.before_fan).replace(b"\3", labels.miner)
    return chunks


class _Drawing:
    """A form while it is drawn. `present`: for each value whether there is one."""

    def __init__(self, present: bytes) -> None:
        self.present = present
        self.pieces = [""]
        self.places: list[int] = []

    def add(self, text: str) -> None:
        """Add text as it stands."""
        self.pieces[-1] += text

    def line(self, series: str, place: int) -> None:
        """Add a line for the value of that place, if there is one."""
        if self.present[place]:
            self.pieces[-1] += f"{series} "
            self.places.append(place)
            self.pieces.append("\n")

    def chunk(self, *lines: tuple[str, int]) -> None:
        """Add all lines of a metric, and what parts it from the next."""
        for series, place in lines:
            self.line(series, place)
        self.pieces[-1] += "\0"

    def form(self) -> Form:
        """Return what was drawn."""
        pieces = [""] * (2 * len(self.pieces) - 1)
        pieces[::2] = self.pieces
        return Form(itemgetter(*self.places), pieces)


@lru_cache(maxsize=MOST_FORMS)
def _form(
    state: State, source: str | None, fans: Numbers, boards: Numbers, pools: Numbers, present: bytes
) -> Form:
    """Draw the form of a reading: the metrics in the order of the table, the values at the places that `filled` has."""
    fans_at = 26
    boards_at = fans_at + len(fans)
    pools_at = boards_at + _BOARD_VALUES * len(boards)
    drawing = _Drawing(present)
    chunk = drawing.chunk
    own = f"{{{_WHOLE}}}"

    drawing.add(f"miner_up{own} 1.0\n\0")
    chunk((f"miner_last_seen_timestamp_seconds{own}", 0))
    chunk((f"miner_observed_seconds_total{own}", 1))
    chunk(
        (f'miner_energy_joules_total{{{_WHOLE},source="measured"}}', 2),
        (f'miner_energy_joules_total{{{_WHOLE},source="estimated"}}', 3),
    )
    for one in STATES:
        drawing.add(f'miner_state{{{_WHOLE},state="{one}"}} {"1.0" if one == state else "0.0"}\n')
    drawing.add("\0")
    chunk((f"miner_poll_duration_seconds{own}", 4))
    chunk((f"miner_uptime_seconds{own}", 5))
    chunk((f"miner_hashrate_hashes_per_second{own}", 6))
    chunk((f"miner_hashrate_average_hashes_per_second{own}", 7))
    chunk((f"miner_hashes_total{own}", 8))
    chunk((f'miner_power_watts{{{_WHOLE},source="{source}"}}', 9))
    chunk((f"miner_power_limit_watts{own}", 10))
    chunk(
        *(
            (f'miner_temperature_celsius{{{_WHOLE},sensor="{sensor}"}}', place)
            for place, sensor in enumerate(_TEMPERATURES, start=11)
        )
    )
    chunk(
        *(
            (f'miner_fan_speed_rpm{{{_BEFORE_FAN}fan="{fan}",{_MINER}}}', place)
            for fan, place in [*zip(fans, range(fans_at, boards_at), strict=True), ("psu", 17)]
        )
    )
    chunk((f"miner_fan_duty_ratio{own}", 18))

    def of_boards(name: str, value: int, more: str = "") -> list[tuple[str, int]]:
        return [
            (f'{name}{{board="{board}",{_WHOLE}{more}}}', boards_at + _BOARD_VALUES * at + value)
            for at, board in enumerate(boards)
        ]

    chunk(*of_boards("miner_board_hashrate_hashes_per_second", 0))
    chunk(*of_boards("miner_board_nominal_hashrate_hashes_per_second", 1))
    sensors = [
        of_boards("miner_board_temperature_celsius", value, f',sensor="{sensor}"')
        for value, sensor in enumerate(_BOARD_TEMPERATURES, start=4)
    ]
    chunk(*(line for of_one in zip(*sensors, strict=True) for line in of_one))
    chunk(*of_boards("miner_board_chips", 2))
    chunk(*of_boards("miner_board_expected_chips", 3))
    chunk(*of_boards("miner_board_frequency_hertz", 9))
    chunk(*of_boards("miner_board_voltage_volts", 10))
    chunk(*of_boards("miner_board_hardware_errors_total", 11))
    chunk((f"miner_boards{own}", 19))
    chunk((f"miner_expected_boards{own}", 20))
    chunk(
        *(
            (f'miner_shares_total{{{_WHOLE},result="{result}"}}', place)
            for place, result in enumerate(_RESULTS, start=21)
        )
    )
    chunk((f"miner_hardware_errors_total{own}", 24))
    chunk((f"miner_pool_switches_total{own}", 25))

    def of_pools(name: str, value: int, more: str = "") -> list[tuple[str, int]]:
        return [
            (f'{name}{{{_WHOLE},pool="{pool}"{more}}}', pools_at + _POOL_VALUES * at + value)
            for at, pool in enumerate(pools)
        ]

    chunk(*of_pools("miner_pool_up", 0))
    chunk(*of_pools("miner_pool_active", 1))
    shares = [
        of_pools("miner_pool_shares_total", value, f',result="{result}"')
        for value, result in enumerate(_RESULTS, start=2)
    ]
    chunk(*(line for of_one in zip(*shares, strict=True) for line in of_one))
    chunk(*of_pools("miner_pool_last_share_timestamp_seconds", 5))
    return drawing.form()
