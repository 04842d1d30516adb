"""What both Whatsminer protocols write alike: yes and no, names, sensors, fans, mains input.

Each function takes whatever JSON can hold and gives None for what it cannot mean; none of them raises.
"""

from miners.model import Fan
from miners.units import celsius, number, rpm, text

MAX_BOARDS = 32
"""No Whatsminer has more; a stranger could write thousands, and each would become a series."""

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
    return text(value) if isinstance(value, str) else None


def lowered(value: object) -> str | None:
    """Return a word of the firmware's in small letters."""
    words = named(value)
    return words.lower() if words else None


def locating(value: object) -> bool | None:
    """Return whether the lights do something else than show the miner's own state (`auto`), as a person had them do."""
    word = lowered(value)
    return None if word is None else word != "auto"


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


def fans(speed_in: object, speed_out: object, *, liquid: bool) -> list[Fan]:
    """Return the fans: 0 blows in, 1 blows out. A liquid-cooled miner has none, and writes 0."""
    found = []
    inward, outward = rpm(speed_in), rpm(speed_out)
    if inward is not None and (inward or not liquid):
        found.append(Fan(0, inward))
    if outward is not None and (outward or not liquid):
        found.append(Fan(1, outward))
    return found


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
