"""What Whatsminer's fault codes say, and how to read them out of the many shapes in which firmwares list them.

Codes and their meanings are those of the maker's published list of error codes, in our words. Where the miner gives
its own reason (API v3), that reason is the text: it knows its firmware better than any table.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from miners.model import Fault
from miners.units import number, text

MAX_FAULTS = 64
"""More at once no miner has; a stranger's list may be longer."""

_MAX_DEPTH = 6
_MAX_CODE_DIGITS = 8
_OLDEST = datetime(2009, 1, 3, tzinfo=UTC)
_AHEAD_S = 15 * 3600.0
"""A miner's clock is local and its zone unknown: east of Greenwich it reads up to 14 hours ahead of UTC."""

_WHOLE = {
    110: "intake fan: no speed measured",
    111: "exhaust fan: no speed measured",
    120: "intake fan: speed more than 2000 rpm off",
    121: "exhaust fan: speed more than 2000 rpm off",
    130: "intake fan: speed more than 3000 rpm off",
    131: "exhaust fan: speed more than 3000 rpm off",
    140: "fan speed too high",
    200: "power supply not found",
    201: "power supply does not match the configuration",
    202: "power supply: wrong output voltage",
    203: "power supply protects itself",
    204: "power supply: current protection",
    205: "power supply: current error",
    206: "power supply: input voltage low",
    207: "power supply: input current protection",
    210: "power supply reports an error",
    213: "power supply: input voltage and current do not fit the power",
    216: "power unchanged for a long time",
    217: "power supply could not be switched on",
    218: "input voltage below 230 V, too low for high power mode",
    233: "power supply: output over temperature",
    234: "power supply: output over temperature",
    235: "power supply: output over temperature",
    236: "power supply: output over current",
    237: "power supply: output over current",
    238: "power supply: output over current",
    239: "power supply: output over voltage",
    240: "power supply: output under voltage",
    241: "power supply: output currents unbalanced",
    243: "power supply: input over temperature",
    244: "power supply: input over temperature",
    245: "power supply: input over temperature",
    246: "power supply: input over current",
    247: "power supply: input over current",
    248: "power supply: input over voltage",
    249: "power supply: input over voltage",
    250: "power supply: input under voltage",
    251: "power supply: input under voltage",
    253: "power supply: fan error",
    254: "power supply: fan error",
    255: "power supply: output over power",
    256: "power supply: output over power",
    257: "power supply: primary side over current",
    263: "power supply: communication warning",
    264: "power supply: communication error",
    267: "power supply: watchdog tripped",
    268: "power supply: output over current",
    269: "power supply: input over current",
    270: "power supply: input over voltage",
    271: "power supply: input under voltage",
    272: "power supply: output power too high",
    273: "power supply: input power too high",
    274: "power supply: fan warning",
    275: "power supply: over temperature",
    329: "control board: temperature sensor does not answer",
    360: "hash boards too hot",
    600: "ambient temperature high",
    610: "ambient temperature too high for high performance mode",
    701: "control board: chip not supported",
    710: "control board restarted unexpectedly",
    712: "control board restarted unexpectedly",
    800: "cgminer: wrong checksum",
    801: "system-monitor: wrong checksum",
    802: "remote-daemon: wrong checksum",
    2000: "no pool configured",
    2010: "all pools disabled",
    2020: "pool 0: no connection",
    2021: "pool 1: no connection",
    2022: "pool 2: no connection",
    2030: "pool rejects many shares",
    2040: "pool does not support AsicBoost",
    2310: "hash rate too low",
    2320: "hash rate too low",
    2340: "hash rate loss too high",
    2350: "hash rate loss too high",
    8410: "firmware is for another model",
    100001: "system file illegal: /antiv/signature",
    100002: "system file illegal: /antiv/dig/initd.dig",
    100003: "system file illegal: /antiv/dig/pf_partial.dig",
}

_BOARD = {
    300: "temperature sensor not found",
    320: "temperature not readable",
    350: "over temperature protection",
    410: "EEPROM not found",
    420: "EEPROM not understood",
    430: "wrong chip bin",
    440: "wrong number of chips in EEPROM",
    450: "EEPROM transfer error",
    510: "belongs to another model",
    520: "wrong bin type",
    530: "not found",
    540: "chip ids not readable",
    550: "bad chips",
    560: "out of balance",
    5070: "coolant flow abnormal",
    5110: "frequency not reached in time",
}
"""By the code of board 0; the last digit is the board's."""

_BOARDS = 4


def fault_text(code: int) -> str | None:
    """Return what a code means, in short, or None if that is not known."""
    found = _WHOLE.get(code)
    if found is None and code % 10 < _BOARDS:
        board = _BOARD.get(code - code % 10)
        found = board and f"board {code % 10}: {board}"
    return found


def read_faults(listed: object, now: float) -> list[Fault]:
    """Return the faults of a list as any firmware writes it; what cannot be a fault is left out.

    Seen: `[{"218": "time"}]`, `[{"264": "time", "reason": "…"}]`, `["329", "time"]`, `[218, 110]`, `{"218": "time"}`,
    each bare or below `error_code` or `error-code`. `now`: unix seconds. `since`: the miner writes its local time
    and not its zone; it is taken as UTC, and so up to 14 hours off. A time that cannot be read or be is None.
    """
    faults: dict[str, Fault] = {}
    for code, reason, since in _walk(listed, now, 0):
        if code not in faults:
            faults[code] = Fault(code, reason or fault_text(int(code)), since)
            if len(faults) == MAX_FAULTS:
                break
    return list(faults.values())


def _walk(listed: object, now: float, depth: int) -> Iterator[tuple[str, str | None, datetime | None]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(listed, dict):
        yield from _walk_object(listed, now, depth)
    elif isinstance(listed, list):
        yield from _walk_list(listed, now, depth)
    else:
        code = _code(listed)
        if code is not None:
            yield code, None, None


def _walk_object(
    listed: dict[str, object], now: float, depth: int
) -> Iterator[tuple[str, str | None, datetime | None]]:
    reason = listed.get("reason")
    words = text(reason) if isinstance(reason, str) else None
    named = _code(listed.get("code"))
    if named is not None:
        yield named, words, _since(listed.get("time"), now)
    for key, value in listed.items():
        code = _code(key)
        if code is None:
            if isinstance(value, dict | list) or key in ("error_code", "error-code"):
                yield from _walk(value, now, depth + 1)
        elif isinstance(value, dict):
            inner = value.get("reason")
            yield code, text(inner) if isinstance(inner, str) else words, _since(value.get("time"), now)
        else:
            yield code, words, _since(value, now)


def _walk_list(
    listed: list[object], now: float, depth: int
) -> Iterator[tuple[str, str | None, datetime | None]]:
    for at, value in enumerate(listed):
        code = _code(value)
        if code is not None:
            # Old firmwares write code and time as neighbours.
            yield code, None, _since(listed[at + 1], now) if at + 1 < len(listed) else None
        elif isinstance(value, dict | list):
            yield from _walk(value, now, depth + 1)


def _code(value: object) -> str | None:
    """Return a code as the maker writes it, without leading zeros; None for what is none (0 says "no fault")."""
    if type(value) is int:
        return str(value) if 0 < value < 10**_MAX_CODE_DIGITS else None
    if isinstance(value, str) and len(value) <= _MAX_CODE_DIGITS and value.isascii() and value.isdigit():
        return value.lstrip("0") or None
    return None


def _since(value: object, now: float) -> datetime | None:
    if isinstance(value, str) and ("-" in value or "/" in value):
        try:
            read = datetime.fromisoformat(value.strip().replace("/", "-"))
            at = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return at if at >= _OLDEST and at.timestamp() <= now + _AHEAD_S else None
    seconds = number(value)
    if seconds is None or not _OLDEST.timestamp() <= seconds <= now + _AHEAD_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)
