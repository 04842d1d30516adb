"""What an Avalon can be told by `ascset`, with no password at all, and how its generations differ in taking it.

Source: `docs/protocols.md`, section 5. 119 is done, 118 with STATUS I too, 120 failed. A13 and A14 close without an
answer on `softon`; a 1346 wakes only by a restart; A10 and older know no `softoff`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from simulator.devices.device import ACCESS_DENIED, Json, RpcDevice
from simulator.moment import Moment
from simulator.orders import NoAnswerError
from simulator.setting import Change

INFO, DONE, FAILED = 118, 119, 120
MODES = {"0": "low", "1": "normal", "2": "high"}
LEVEL_PERCENT = 3.0  # of nominal power for a step of the work level
LOWEST_LEVEL, HIGHEST_LEVEL = -10, 5
LATEST_S = 60.0  # an epoch that has passed since longer is no order any more
NO_SOFT_OFF = frozenset({"741", "841", "1066"})
SHORT_MODES_ONLY, LONG_MODES_ONLY = NO_SOFT_OFF, frozenset({"1346", "1466", "1566", "Q"})
SILENT_ON_WAKING = frozenset({"1346", "1466"})
WAKES_BY_RESTART = frozenset({"1346"})
ANSWERS_WITH_INFO = frozenset({"1466", "1566", "Q"})


class Asked(NamedTuple):
    """What an `ascset` comes to: a change (None where nothing follows), and when it is to happen, if not at once."""

    change: Change | None
    at: float | None = None


class AvalonOrders(RpcDevice):
    """The writing side: `ascset` with `0,` and an option."""

    def ascset(self, parameter: str, moment: Moment) -> Json:
        """Take one `ascset`. Raises NoAnswerError where this model closes without a word."""
        now, shown = moment.now, {"parameter": parameter}
        obedience = self.orders.obedience
        if obedience.no_writing:
            self.orders.refuse("ascset", shown, f"{self.refused_words[0]}", now)
            return self._error(now, *self.refused_words)
        if obedience.read_only:
            self.orders.refuse("ascset", shown, f"{ACCESS_DENIED}", now)
            return self._error(now, ACCESS_DENIED, "Access denied to 'ascset' command")
        board, _, rest = parameter.partition(",")
        option, _, value = rest.partition(",")
        reader = OPTIONS.get(option)
        asked: Asked | str = f"unknown option: {option[:20]}"
        if board != "0":
            asked = "no such ASC"
        elif reader is not None:
            asked = reader(self.figures.name, value, now)
        if isinstance(asked, str):
            self.orders.refuse("ascset", shown, f"{FAILED} {asked}", now)
            return self._error(now, FAILED, f"ASC 0 set failed: {asked}")
        if not self.orders.obey("ascset", shown, asked.change, now, at=asked.at):
            return self._error(now, FAILED, "ASC 0 set failed: refused")
        if option == "softon" and self.figures.name in SILENT_ON_WAKING:
            raise NoAnswerError
        if self.figures.name in ANSWERS_WITH_INFO:
            words = f"ASC 0 set info: success {option}:{value}"
            return {"STATUS": [self.status(now, INFO, words, "I")], "id": 1}
        return {"STATUS": [self.status(now, DONE, "ASC 0 set OK")], "id": 1}


def work_level(moment: Moment) -> int:
    """Return the work level that comes to the power ordered."""
    return round((moment.power_percent - 100) / LEVEL_PERCENT)


def _soft(model: str, value: str, now: float, *, asleep: bool) -> Asked | str:
    if model in NO_SOFT_OFF:
        return "unknown option: softoff" if asleep else "unknown option: softon"
    first, _, epoch = value.partition(":")
    if first != "1" or not epoch.isdecimal() or len(epoch) > 12:
        return "invalid parameter"
    at = float(epoch)
    if at < now - LATEST_S:
        return "the time has passed"
    if not asleep and model in WAKES_BY_RESTART:
        return Asked(None)
    return Asked(Change({"asleep": asleep}), at)


def _mode(model: str, value: str, _now: float) -> Asked | str:
    word, comma, number = value.rpartition(",")
    if comma and word != "set":
        return "invalid parameter"
    if model in (SHORT_MODES_ONLY if comma else LONG_MODES_ONLY):
        return "invalid parameter"
    mode = MODES.get(number)
    return "invalid work mode" if mode is None else Asked(Change({"mode": mode}))


def _level(model: str, value: str, _now: float) -> Asked | str:
    word, _, number = value.partition(",")
    if model in SHORT_MODES_ONLY:
        return "unknown option: worklevel"
    try:
        level = int(number)
    except ValueError:
        return "invalid work level"
    if word != "set" or not LOWEST_LEVEL <= level <= HIGHEST_LEVEL:
        return "invalid work level"
    return Asked(Change({"power_percent": 100 + LEVEL_PERCENT * level}))


def _restart(model: str, value: str, _now: float) -> Asked | str:
    if value != "0":
        return "invalid parameter"
    return Asked(Change({"asleep": False} if model in WAKES_BY_RESTART else {}, reboots=True))


def _led(_model: str, value: str, _now: float) -> Asked | str:
    # the module, then the light
    on = {"1-1": True, "1": True, "1-0": False, "0": False}.get(value)
    return "invalid parameter" if on is None else Asked(Change({"locating": on}))


OPTIONS: Mapping[str, Callable[[str, str, float], Asked | str]] = {
    "softoff": lambda model, value, now: _soft(model, value, now, asleep=True),
    "softon": lambda model, value, now: _soft(model, value, now, asleep=False),
    "workmode": _mode,
    "worklevel": _level,
    "reboot": _restart,
    "led": _led,
}
