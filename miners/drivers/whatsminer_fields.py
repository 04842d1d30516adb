"""What both Whatsminer protocols write alike: yes and no, names, sensors, fans, mains input, slot numbers.

Each function takes whatever JSON can hold and gives None for what it cannot mean; none of them raises.
"""

from msgspec.structs import replace

from miners.model import Board, Fan, Pool
from miners.units import MAX_TEXT, celsius, count, number, text

MAX_SLOT = 99
"""No Whatsminer has more boards or pools; a larger number is none."""

_MAX_RPM = 50_000
_MAX_MHZ = 100_000
_COLDEST_C, _HOTTEST_C = -60.0, 200.0
_FLAGS = {
    "true": True,
    "1": True,
    "y": True,
    "yes": True,
    "false": False,
    "0": False,
    "n": False,
    "no": False,
}
_LONGEST_FLAG = 16


def flag(value: object) -> bool | None:
    """Return a yes or no as the maker writes it (`true`, `"true"`, `"false"`, 1, `"0"`, `"Y"`), else None."""
    if value is True or value is False:
        return value
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower()) if len(value) <= _LONGEST_FLAG else None
    if type(value) is int:
        return bool(value) if value in (0, 1) else None
    return None


def named(value: object) -> str | None:
    """Return a name: a text, never a number that stands where a name should."""
    if type(value) is str and value.isprintable() and value.strip() == value and 0 < len(value) <= MAX_TEXT:
        return value
    return text(value) if isinstance(value, str) else None


def lowered(value: object) -> str | None:
    """Return a word of the firmware's in small letters."""
    words = named(value)
    return words.lower() if words else None


def hertz(value: object) -> float | None:
    """Return Hz of a clock in MHz."""
    if type(value) is int and 0 <= value < _MAX_MHZ:
        return value * 1e6
    figure = number(value)
    return figure * 1e6 if figure is not None and 0.0 <= figure < _MAX_MHZ else None


def sensor(value: object) -> float | None:
    """Return °C of a board's or chip's sensor. 0 is one that was not read: what hashes is warm, what rests is unread."""
    if type(value) is float and _COLDEST_C < value < _HOTTEST_C:
        return value or None
    return celsius(value) or None


def speed_rpm(value: object) -> float | None:
    """Return a fan's speed in rpm."""
    figure = number(value)
    return figure if figure is not None and 0.0 <= figure <= _MAX_RPM else None


def fans(speed_in: object, speed_out: object, *, liquid: bool) -> list[Fan]:
    """Return the fans: 0 blows in, 1 blows out. A liquid-cooled miner has none, and writes 0."""
    found = []
    inward, outward = speed_rpm(speed_in), speed_rpm(speed_out)
    if inward is not None and (inward or not liquid):
        found.append(Fan(0, inward))
    if outward is not None and (outward or not liquid):
        found.append(Fan(1, outward))
    return found


def seconds(value: object) -> float | None:
    """Return a time span in s."""
    figure = number(value)
    return figure if figure is not None and 0.0 <= figure < 1e10 else None


def input_volts(value: object) -> float | None:
    """Return the mains voltage in V. v2 writes 10 mV (22400), v3 volts (235.75): told by the size."""
    figure = number(value)
    if figure is None or not 0.0 <= figure < 100_000.0:
        return None
    return figure / 100.0 if figure >= 1000.0 else figure


def input_amperes(value: object) -> float | None:
    """Return the mains current in A. v2 writes mA (8718), v3 amperes (14.5): told by the size."""
    figure = number(value)
    if figure is None or not 0.0 <= figure < 200_000.0:
        return None
    return figure / 1000.0 if figure >= 200.0 else figure


def slot_number(index: object, at: int) -> int:
    """Return a slot's number as the miner writes it, or its place in the list where that is none."""
    figure = count(index)
    return figure if figure is not None and figure <= MAX_SLOT else at


def numbered_boards(boards: list[Board]) -> list[Board]:
    """Return the boards with their own numbers, or counted from 0 if two claim the same."""
    if len({board.index for board in boards}) == len(boards):
        return boards
    return [replace(board, index=at) for at, board in enumerate(boards)]


def numbered_pools(pools: list[Pool]) -> list[Pool]:
    """Return the pools with their own numbers, or counted from 0 if two claim the same."""
    if len({pool.index for pool in pools}) == len(pools):
        return pools
    return [replace(pool, index=at) for at, pool in enumerate(pools)]
