"""From what a stranger wrote to a figure in base units: numbers, counts, texts, rates, temperatures, times.

Every function takes whatever JSON can hold and gives None for what it cannot mean; none of them raises. They run some
sixty times a poll, so the types that miners should send are tried first and expressions last.
"""

import re
from datetime import UTC, datetime
from math import isfinite

MAX_TEXT = 200
"""Texts are cut to this many characters: longer than any name a maker gives, short enough for a label."""

_MAX_NUMBER = 64
"""A longer string is no number, whatever it says; it also bounds the work that a string can cause."""

_MAX_COUNT = 2**63 - 1
"""What a counter of 64 bits can hold; JSON can hold more, and those who write it out again cannot."""

_COLDEST_C, _HOTTEST_C = -60.0, 200.0
"""No sensor in a container reads beyond these: what lies outside is a sentinel (-273) or a broken sensor."""

_MOST_HS = 1e21
"""More than the whole Bitcoin network: no miner, and sums of such figures still are finite."""

_MOST_RPM = 1e6

_FIRST_SHARE = 1_230_768_000
"""2009-01-01: nobody found a share before. A smaller figure counts from the miner's boot, not from 1970."""

_CLOCK_SKEW_S = 60.0
"""A miner's clock may run ahead of ours by this much; a share of the near future was found just now."""

_WITH_UNIT = re.compile(
    r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([^\d\s.,+-][^\d]{0,15})?", re.ASCII
)
_STEPS = (0, 24, 60, 60)
"""How many of each unit make one of the unit before it: days, hours, minutes, seconds."""

_PREFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18}
_RATES = {
    prefix + word: factor
    for prefix, factor in _PREFIXES.items()
    for word in ("h", "hs", "hash", "hashes", "sol", "sols")
} | {prefix: factor for prefix, factor in _PREFIXES.items() if prefix}
_ALIVE = {
    "alive": True,
    "active": True,
    "working": True,
    "connected": True,
    "dead": False,
    "unreachable": False,
    "disabled": False,
    "rejecting": False,
    "inactive": False,
    "disconnected": False,
    "offline": False,
}
# As cgminer writes them: looking them up at once spares three pools a poll the search in small letters.
_ALIVE |= {word.capitalize(): alive for word, alive in _ALIVE.items()}
_NO_MACS = frozenset(("000000000000", "FFFFFFFFFFFF"))
_HEX = frozenset("0123456789ABCDEF")


def number(value: object) -> float | None:
    """Return a finite float of a number or a text that begins as one (`"3250 W"`, `"72%"`, `"1,234.5"`), else None.

    A bool is no number, nor are `nan` and `inf`, quoted or not.
    """
    kind = type(value)
    if kind is float:
        return value if isfinite(value) else None  # type: ignore[arg-type,return-value]  # kind says that it is one
    if kind is int:
        return _whole(value)  # type: ignore[arg-type]  # kind says that it is one
    if isinstance(value, str):
        return _written(value)
    return None


def _whole(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _written(value: str) -> float | None:
    if len(value) > _MAX_NUMBER:
        return None
    try:
        figure = float(value)
    except ValueError:
        found = _WITH_UNIT.fullmatch(value.strip())
        if found is None:
            return None
        try:
            figure = float(found[1].replace(",", ""))
        except ValueError:
            return None
    return figure if isfinite(figure) else None


def count(value: object) -> int | None:
    """Return a whole number from 0 to 2^63 - 1 (`7`, `7.0`, `"7"`), else None."""
    if type(value) is int:
        return value if 0 <= value <= _MAX_COUNT else None
    figure = number(value)
    if figure is None or not 0 <= figure < _MAX_COUNT or figure != int(figure):
        return None
    return int(figure)


def text(value: object) -> str | None:
    """Return printable text of any script, stripped and cut to 200 characters; None where nothing is left.

    Control and format characters (line ends, bidirectional marks, lone surrogates) are dropped: they have no place
    in a name, and would let a stranger rewrite the line that shows it. Numbers become their text, bools do not.
    """
    if isinstance(value, str):
        shown = value.strip()
        if len(shown) <= MAX_TEXT and shown.isprintable():
            return shown or None
        if not shown.isprintable():
            # Cut before the work, and again after it: the text may be a megabyte of control characters.
            shown = "".join(char for char in shown[: 4 * MAX_TEXT] if char.isprintable()).strip()
        return shown[:MAX_TEXT].rstrip() or None
    if type(value) is int:
        return str(value) if abs(value) <= _MAX_COUNT else None
    if type(value) is float and isfinite(value):
        return str(value)
    return None


def mac(value: object) -> str | None:
    """Return a hardware address as `AA:BB:CC:DD:EE:FF`, whatever parts or does not part its digits; else None."""
    if not isinstance(value, str) or len(value) > _MAX_NUMBER:
        return None
    digits = value.strip().upper().replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or not _HEX.issuperset(digits) or digits in _NO_MACS:
        return None
    return ":".join([digits[at : at + 2] for at in range(0, 12, 2)])


def rate_factor(unit: object, default_unit: str) -> float | None:
    """Return what turns a figure of the unit into H/s: `GH`, `MH/s`, `kSol/s`, in any case; absent is the default.

    None for a unit that nobody knows: a guess could be wrong by a thousand. Solutions count as hashes.
    """
    if unit is None or unit == "":
        unit = default_unit
    if not isinstance(unit, str) or len(unit) > _MAX_NUMBER:
        return None
    name = unit.strip().lower()
    found = _RATES.get(name)
    if found is None:
        found = _RATES.get(name.removesuffix("/s").removesuffix("/sec").removesuffix("ps"))
    return found


def rate(value: object, unit: object, default_unit: str) -> float | None:
    """Return a hash rate in H/s, or None. `unit` is the device's word for it, absent: `default_unit`.

    A text that names its own unit (`"5659.83 MH/s"`) is taken at that.
    """
    if isinstance(value, str) and len(value) <= _MAX_NUMBER:
        found = _WITH_UNIT.fullmatch(value.strip())
        if found is not None and found[2]:
            unit = found[2]
    factor = rate_factor(unit, default_unit)
    return None if factor is None else hashes(value, factor)


def hashes(value: object, factor: float) -> float | None:
    """Return a hash rate in H/s of a figure whose unit's factor is known (see `rate_factor`), or None.

    Nothing hashes backwards, and no miner outdoes the Bitcoin network: such figures are None.
    """
    figure = number(value)
    if figure is None:
        return None
    figure *= factor
    return figure if 0.0 <= figure <= _MOST_HS else None


def megahertz(value: object) -> float | None:
    """Return Hz of a figure in MHz, or None. 0 stays 0: whether that means "not reported" the driver knows."""
    figure = number(value)
    return figure * 1e6 if figure is not None and 0.0 <= figure < 1e6 else None


def celsius(value: object) -> float | None:
    """Return a temperature that a sensor in a container can read (-60 to 200 °C), else None.

    0 stays 0: whether the maker means "no sensor" by it the driver knows.
    """
    figure = number(value)
    return figure if figure is not None and _COLDEST_C <= figure <= _HOTTEST_C else None


def watts(value: object) -> float | None:
    """Return a power of 0 W up to a megawatt, else None."""
    figure = number(value)
    return figure if figure is not None and 0.0 <= figure <= 1e6 else None


def rpm(value: object) -> float | None:
    """Return a fan's speed, 0 for one that stands, else None."""
    figure = number(value)
    return figure if figure is not None and 0.0 <= figure <= _MOST_RPM else None


def seconds(value: object) -> float | None:
    """Return a time of 0 s up to three hundred years, else None."""
    figure = number(value)
    return figure if figure is not None and 0.0 <= figure <= 1e10 else None


def last_share(value: object, now: float) -> datetime | None:
    """Return when the last share was found: of an epoch (`1755615292`) or of how long ago (`"0:00:27"`), or None.

    `now`: unix seconds of the poll. 0, `"0"` and `""` mean never. Seconds since boot (Avalon) cannot be told from
    nonsense and are None, as is what lies in the future.
    """
    if not value or value == "0":
        return None
    if isinstance(value, str) and ":" in value:
        ago = _seconds_of(value)
        return None if ago is None or ago >= now - _FIRST_SHARE else datetime.fromtimestamp(now - ago, UTC)
    at = number(value)
    if at is None or not _FIRST_SHARE <= at <= now + _CLOCK_SKEW_S:
        return None
    return datetime.fromtimestamp(min(at, now), UTC)


def _seconds_of(value: str) -> int | None:
    """Return the seconds of `m:s`, `h:m:s` or `d:h:m:s`."""
    parts = value.strip().split(":")
    if len(value) > _MAX_NUMBER or len(parts) > 4 or not value.isascii():
        return None
    passed = 0
    for part, step in zip(parts, _STEPS[-len(parts) :], strict=True):
        if not part.isdigit():
            return None
        passed = passed * step + int(part)
    return passed


def alive(status: object) -> bool | None:
    """Return whether a pool answers, by the miner's word for it (`Alive`, `Dead`, `Unreachable`), else None."""
    if isinstance(status, bool):
        return status
    if not isinstance(status, str):
        return None
    found = _ALIVE.get(status)
    return _ALIVE.get(status.strip().lower()) if found is None else found
