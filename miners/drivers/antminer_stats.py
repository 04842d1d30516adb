"""The readings in an Antminer's `stats`: boards, fans and units.

There is a flat form (`chain_acn1`) and a listed one (`chain[]`: firmware since 2021, and the web). VNish, Hiveon and
Elphapex write the same forms.

Facts from `protocols.md` section 2 and from captured replies of public projects.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from miners.draft import Draft
from miners.drivers.antminer_sensors import SILENT, sensors, warm
from miners.link import Object
from miners.model import Board, Fan
from miners.reply import numbering
from miners.units import count, hashes, number, rate_factor, rpm, seconds, text, watts

_Figure = TypeVar("_Figure", int, float)

DEFAULT_UNIT = "GH"
"""What the `GHS` names say; scrypt, Ethash and Equihash models put other units under them."""

GIGA = 1e9
"""The factor of that unit."""

_BELIEVABLE = 8.0
"""No miner hashes at more than this many times its nominal rate: beyond it the unit is not what the name says."""

_BELIEVABLE_UNIT = 100.0
"""The same where the reply itself names the unit: only a gross contradiction outweighs its word."""

_OTHER_UNIT = 300.0
"""A sum of boards this far from the miner's own figure is in the next unit, not a broken board."""

_BOARD_VOLTS = (5.0, 35.0)
"""Between these are the boards of all generations fed, so that the figure's size tells its unit."""

_MAX_BOARDS = 64
_PAIRS = {3: 6, 6: 3, 5: 6, 1: 2, 2: 1}
"""Where the other fan of a miner with two is plugged: 3 and 6 on an S9, 5 and 6 on some of its sisters."""

_BOARD_OF_CHAIN = {9: 2, 10: 2, 11: 3, 12: 3, 13: 4, 14: 4}
"""Each board of a T9+ is three chains: 2, 9 and 10; 3, 11 and 12; 4, 13 and 14 (as pyasic reads it, too)."""

_CHAINS_A_BOARD = 3

_FANS = tuple((number, f"fan{number}") for number in range(1, 9))


class _Chain(NamedTuple):
    """The names of one chain's fields, in the order in which `flat_boards` takes them apart."""

    number: int
    chips: str
    rate: str
    nominal: str
    hardware_errors: str
    map: str
    board: str
    chip: str
    sensors: str
    chip_sensors: str
    in_board: str
    out_board: str
    in_chip: str
    out_chip: str
    clock_average: str
    clock: str
    voltage: str


_CHAINS = tuple(
    _Chain(
        n,
        f"chain_acn{n}",
        f"chain_rate{n}",
        f"chain_rateideal{n}",
        f"chain_hw{n}",
        f"chain_acs{n}",
        f"temp{n}",
        f"temp2_{n}",
        f"temp_pcb{n}",
        f"temp_chip{n}",
        f"temp_in_pcb_{n}",
        f"temp_out_pcb_{n}",
        f"temp_in_chip_{n}",
        f"temp_out_chip_{n}",
        f"freq_avg{n}",
        f"freq{n}",
        f"chain_vol{n}",
    )
    for n in range(17)
)
_BY_CHIPS = tuple((chain.chips, chain) for chain in _CHAINS)


def factor_of(unit: object, reference: float | None, nominal_hs: float | None) -> float:
    """Return what turns this miner's figures into H/s.

    `unit`: `rate_unit` of the reply; absent, the names say GH/s. `reference`: the miner's own ideal rate, else the
    largest figure that it shows. `nominal_hs`: what its model is made for, None where that is not known.

    Names and units lie on models that are not SHA-256 (an L3+ writes 504.3 MH/s under `GHS 5s`, an E9 Pro 3,680, a
    Z15 420 kSol/s): so a figure that no miner of the model could reach is taken a thousand times smaller, until one
    could. A figure that is too small stays: that is what a broken miner shows.
    """
    named = rate_factor(unit, DEFAULT_UNIT) if unit else None
    factor = named or GIGA
    if reference and nominal_hs:
        most = nominal_hs * (_BELIEVABLE if named is None else _BELIEVABLE_UNIT)
        while reference * factor > most and factor >= 1e3:
            factor /= 1e3
    return factor


def largest(figures: Sequence[float | None]) -> float | None:
    """Return the largest figure that is there."""
    return max((figure for figure in figures if figure is not None), default=None)


def fill_listed(
    draft: Draft,
    row: Object,
    factor: float,
    *,
    first_fan: int = 1,
    chip_scale: float = 1.0,
    clock_scale_hz: float = 1e6,
    sensors_tell: bool = True,
) -> None:
    """Fill a Draft with one row of the listed form. `first_fan`: number of the first fan; the others: `listed_boards`."""
    get = row.get
    draft.hashrate_hs = hashes(get("rate_5s"), factor)
    draft.hashrate_average_hs = hashes(get("rate_avg"), factor)
    draft.nominal_hashrate_hs = hashes(get("rate_ideal"), factor) or None
    draft.mining_s = seconds(get("elapsed"))
    draft.boards = listed_boards(
        get("chain"),
        factor,
        chip_scale=chip_scale,
        clock_scale_hz=clock_scale_hz,
        sensors_tell=sensors_tell,
    )
    draft.fans = listed_fans(get("fan"), first_fan)
    draft.fan_duty_ratio = duty(get("fan_pwm"))
    draft.power_w = flat_power(row)


def flat_boards(stats: Object, factor: float, total_hs: float | None, *, whole: bool = True) -> list[Board]:
    """Return the boards of the flat form. `total_hs`: the miner's own hash rate, against which theirs is checked.

    `whole`: False where a board's own clock may have been cut off, for which the miner's else stands.
    A slot with neither chips nor a temperature is empty. One whose chips are gone and whose sensors still answer is
    a board with 0 chips. A temperature of 0 means that no sensor reported.
    """
    boards: list[Board] = []
    clock = _clock(stats.get("frequency")) if whole else None
    get = stats.get
    chains = [chain for chips_name, chain in _BY_CHIPS if chips_name in stats]
    if not chains:
        chains = [chain for _, chain in _BY_CHIPS if chain.rate in stats]
    for chain in chains:
        (
            index, chips_name, rate_name, nominal_name, errors_name, map_name, board_name, chip_name, sensors_name,
            chip_sensors_name, in_board, out_board, in_chip, out_chip, clock_average, clock_now, voltage,
        ) = chain  # fmt: skip
        on_board, on_chips = get(sensors_name), get(chip_sensors_name)
        if (
            not (get(chips_name) or get(rate_name) or get(board_name) or get(chip_name) or get(map_name))
            and on_board in SILENT
            and on_chips in SILENT
            and out_board not in stats
            and out_chip not in stats
        ):
            # Most slots of an S9 are empty, and the long way round would say so as well.
            continue
        chips = count(get(chips_name))
        hashing = hashes(get(rate_name), factor)
        board_c, chip_c = warm(get(board_name)), warm(get(chip_name))
        inlet_c, outlet_c, hottest_c, _ = sensors(on_board)
        _, _, hottest_chip_c, mean_c = sensors(on_chips)
        if out_board in stats:
            inlet_c, outlet_c = warm(get(in_board)), warm(get(out_board))
            hottest_c = largest((inlet_c, outlet_c))
        if out_chip in stats:
            hottest_chip_c = largest((warm(get(in_chip)), warm(get(out_chip)), hottest_chip_c))
        if chip_c is None or (hottest_chip_c is not None and hottest_chip_c > chip_c):
            chip_c = hottest_chip_c
        if board_c is None:
            board_c = hottest_c
        if not (chips or hashing) and board_c is None and chip_c is None and not _listed(get(map_name)):
            continue
        clock_said = get(clock_average, get(clock_now))
        boards.append(
            Board(
                index,
                None,
                hashing,
                (hashes(get(nominal_name), factor) or None) if nominal_name in stats else None,
                chips,
                None,
                inlet_c,
                outlet_c,
                board_c,
                chip_c,
                mean_c,
                clock if clock_said is None else _clock(clock_said),
                _volts(get(voltage)) if voltage in stats else None,
                count(get(errors_name)),
            )
        )
    return _in_unit_of_total(boards, total_hs)


def boards_of_chains(chains: list[Board], *, whole: bool) -> list[Board]:
    """Return the boards of a T9 or T9+: the latter reports each third of a board as a chain of its own.

    `whole`: False where chains may have been cut off; a board that lacks one is then left out.
    """
    if not any(chain.index in _BOARD_OF_CHAIN for chain in chains):
        return chains
    parts: dict[int, list[Board]] = {}
    for chain in chains:
        parts.setdefault(_BOARD_OF_CHAIN.get(chain.index, chain.index), []).append(chain)
    return [
        Board(
            index,
            hashrate_hs=_total([part.hashrate_hs for part in board], whole=whole),
            nominal_hashrate_hs=_total([part.nominal_hashrate_hs for part in board], whole=whole),
            chips=_total([part.chips for part in board], whole=whole),
            board_c=largest([part.board_c for part in board]),
            chip_max_c=largest([part.chip_max_c for part in board]),
            frequency_hz=board[0].frequency_hz,
            voltage_v=board[0].voltage_v,
            hardware_errors=_total([part.hardware_errors for part in board], whole=whole),
        )
        for index, board in sorted(parts.items())
        if whole or len(board) == _CHAINS_A_BOARD
    ]


def listed_boards(
    chains: object,
    factor: float,
    *,
    chip_scale: float = 1.0,
    clock_scale_hz: float = 1e6,
    sensors_tell: bool = True,
) -> list[Board]:
    """Return the boards of the listed form (`chain[]`).

    `chip_scale`: °C of one unit of `temp_chip`. `clock_scale_hz`: Hz of one unit of `freq_avg`. `sensors_tell`: False
    where an empty slot repeats the sensors of its neighbour (Elphapex), so that only chips make a board.
    """
    found = [chain for chain in chains if isinstance(chain, dict)] if isinstance(chains, list) else []
    found = found[:_MAX_BOARDS]
    numbers = numbering([chain.get("index") for chain in found])
    boards: list[Board] = []
    for index, chain in zip(numbers, found, strict=True):
        get = chain.get
        chips = count(get("asic_num"))
        hashing = hashes(get("rate_real"), factor)
        inlet_c, outlet_c, board_c, _ = sensors(get("temp_pcb"))
        _, _, chip_c, mean_c = sensors(get("temp_chip"), chip_scale)
        if not (chips or hashing) and not (sensors_tell and (board_c is not None or chip_c is not None)):
            continue
        ideal = hashes(get("rate_ideal"), factor)
        clock = number(get("freq_avg"))
        boards.append(
            Board(
                index,
                text(get("sn")),
                hashing,
                ideal or None,
                chips,
                None,
                inlet_c,
                outlet_c,
                board_c,
                chip_c,
                mean_c,
                clock * clock_scale_hz if clock is not None and 0 < clock < 1e9 else None,
                None,
                count(get("hw")),
            )
        )
    return boards


def flat_fans(stats: Object, expected: int | None, *, whole: bool = True) -> list[Fan]:
    """Return the fans of the flat form. `expected`: how many the model has, None where that is not known.

    `whole`: False where some connectors may have been cut off, so that one without a fan cannot be told by the others.

    A connector without a fan reads 0, and so does a fan that stands. Where the reply names more connectors than
    there are fans, those that turn are fans, and of the rest as many as are missing, the usual places first.
    """
    speeds: dict[str, float] = {}
    numbers: dict[str, int] = {}
    turning = 0
    for index, name in _FANS:
        said = stats.get(name)
        if said is not None:
            speed = rpm(said)
            if speed is not None:
                speeds[name] = speed
                numbers[name] = index
                turning += speed > 0
    if turning == len(speeds) or not whole:
        return [Fan(numbers[name], speed) for name, speed in speeds.items() if speed > 0]
    there = expected
    if there is None:
        said = count(stats.get("fan_num"))
        # Some firmwares count the fans that turn; fans come in pairs, so an odd count has lost one.
        there = said + said % 2 if said is not None else len(speeds) if len(speeds) <= 4 else 0
    if len(speeds) <= there:
        return [Fan(numbers[name], speed) for name, speed in speeds.items()]
    standing = [numbers[name] for name, speed in speeds.items() if speed == 0]
    if there == 2:
        spinning = [numbers[name] for name, speed in speeds.items() if speed > 0]
        usual = [_PAIRS.get(index, 0) for index in spinning] or [3, 6]
        standing.sort(key=lambda index: index not in usual)
    lost = standing[: max(there - turning, 0)]
    return [Fan(numbers[name], speed) for name, speed in speeds.items() if speed > 0 or numbers[name] in lost]


def listed_fans(speeds: object, begin: int) -> list[Fan]:
    """Return the fans of a list of speeds, numbered from `begin`: every place of the list is a fan."""
    if not isinstance(speeds, list):
        return []
    read = [(index, rpm(speed)) for index, speed in enumerate(speeds[:_MAX_BOARDS], begin)]
    return [Fan(index, speed) for index, speed in read if speed is not None]


def flat_power(stats: Object, *, whole: bool = True) -> float | None:
    """Return the wall power in W where the firmware reports one (most stock firmware does not), else None.

    `whole`: whether no board can be missing, so that theirs may be summed up.
    """
    for name in ("chain_power", "power", "watt", "total_power"):
        said = stats.get(name)
        if said is not None:
            power = watts(said)
            if power:
                return power
    return (_sum(stats, "chain_power") or _sum(stats, "chain_consumption")) if whole else None


def duty(percent: object) -> float | None:
    """Return a fan duty from 0 to 1 of a figure in percent, else None."""
    figure = number(percent)
    return figure / 100.0 if figure is not None and 0 <= figure <= 100 else None


def _total(figures: Sequence[_Figure | None], *, whole: bool) -> _Figure | None:
    there = [figure for figure in figures if figure is not None]
    if not there or (len(there) < len(figures) and not whole):
        return None
    return sum(there[1:], there[0])


def _sum(stats: Object, name: str) -> float | None:
    if f"{name}1" not in stats and f"{name}6" not in stats:
        return None
    total = 0.0
    for chain in _CHAINS:
        power = watts(stats.get(f"{name}{chain.number}"))
        if power is None and count(stats.get(chain.chips)):
            return None  # a board that draws power and does not say how much
        total += power or 0.0
    return total or None


def _in_unit_of_total(boards: list[Board], total_hs: float | None) -> list[Board]:
    """Bring the boards into the unit of the miner's own figure, where the two differ by a thousand."""
    together = 0.0
    for board in boards:
        together += board.hashrate_hs or 0.0
    if not total_hs or not together or 1 / _OTHER_UNIT < together / total_hs < _OTHER_UNIT:
        return boards
    scale = 1e-3 if together > total_hs else 1e3
    if not 1 / 3 < together * scale / total_hs < 3:
        return boards
    return [
        Board(
            board.index,
            board.serial,
            None if board.hashrate_hs is None else board.hashrate_hs * scale,
            *[getattr(board, name) for name in Board.__struct_fields__[3:]],
        )
        for board in boards
    ]


def _clock(value: object) -> float | None:
    """Return Hz of MHz, or None for 0: a board without a clock reports none."""
    figure = number(value)
    return figure * 1e6 if figure is not None and 0 < figure < 1e6 else None


def _volts(value: object) -> float | None:
    """Return V of what is written in V, in hundredths of it or in mV (VNish), or None for what is none of them."""
    figure = number(value)
    for scale in (1.0, 1e-2, 1e-3):
        if figure is not None and _BOARD_VOLTS[0] <= figure * scale <= _BOARD_VOLTS[1]:
            return figure * scale
    return None


def _listed(chips: object) -> bool:
    """Tell whether a map of chips names any: a board whose chips are all bad is still a board."""
    return isinstance(chips, str) and any(mark in chips for mark in "oxX")
