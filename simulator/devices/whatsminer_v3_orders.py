"""The writing side of Whatsminer's API v3: a token for every command, made of it, the password, the salt and the time.

Source: `docs/protocols.md`, section 4. Answers: 0 done, -1 failed, -2 no such command, -3 a bad parameter, -4 no
permission: a wrong token, a time that is minutes off, or writing switched off.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from simulator.catalogue import Figures
from simulator.devices import whatsminer_changes as changes
from simulator.devices.device import Device, Json
from simulator.moment import Moment
from simulator.setting import Change

OK, FAILED, INVALID_COMMAND, BAD_PARAMETER, NO_PERMISSION = 0, -1, -2, -3, -4
MOST_SECONDS_OFF = 180.0
TOKEN_LENGTH = 8
ACCOUNT = "super"
ModeCommand: TypeAlias = Literal["set.miner.power_mode", "set.miner.mode"]
_MODES = {"0": changes.LOW, "1": changes.NORMAL, "2": changes.HIGH}
_MODES |= {"low": changes.LOW, "normal": changes.NORMAL, "high": changes.HIGH}


def _service(_figures: Figures, asked: Any) -> Change | str:
    wanted = {"start": changes.ON, "stop": changes.OFF, "restart": Change(restarts=True)}.get(str(asked))
    return wanted or "neither start, stop nor restart"


def _percent(_figures: Figures, asked: Any) -> Change | str:
    return changes.percent(asked.get("percent") if isinstance(asked, dict) else asked)


def _mode(_figures: Figures, asked: Any) -> Change | str:
    return _MODES.get(str(asked)) or "no such mode"


def _led(_figures: Figures, asked: Any) -> Change | str:
    if asked == "auto":
        return Change({"locating": False})
    if isinstance(asked, dict | list) and asked:
        return Change({"locating": True})
    return "neither auto nor what to show"


COMMANDS: Mapping[str, Callable[[Figures, Any], Change | str]] = {
    "set.miner.service": _service,
    "set.miner.power_limit": changes.limit,
    "set.miner.power_percent": _percent,
    "set.miner.power_mode": _mode,
    "set.miner.mode": _mode,
    "set.system.reboot": lambda _figures, _asked: changes.RESTART,
    "set.system.led": _led,
}


class WhatsminerV3Orders(Device):
    """What a Whatsminer does with a `set.` command. `mode_command`: how this firmware wants its mode to be said."""

    default_password: ClassVar[str | None] = ACCOUNT
    mode_command: ModeCommand = "set.miner.power_mode"

    def salt(self) -> str:
        """Return what every token is made with."""
        return self.identity.dna[-8:]

    def set(self, asked: Json, moment: Moment) -> tuple[int, str]:
        """Take a command; return the answer's code and words."""
        command, parameter = str(asked["cmd"]), asked.get("param")
        shown = {} if parameter is None else {"param": parameter}
        obedience = self.orders.obedience
        rule = COMMANDS.get(command)
        other_mode = "mode" in command.rpartition(".")[2] and command != self.mode_command
        if rule is None or other_mode or obedience.no_writing:
            return self._turn_away(command, shown, moment, INVALID_COMMAND, "invalid command")
        if obedience.read_only or not self._permitted(command, asked, moment.now):
            return self._turn_away(command, shown, moment, NO_PERMISSION, "no permission")
        change = rule(self.figures, parameter)
        if isinstance(change, str):
            return self._turn_away(command, shown, moment, BAD_PARAMETER, change)
        if not self.orders.obey(command, shown, change, moment.now):
            return FAILED, "failed"
        return OK, "ok"

    def _permitted(self, command: str, asked: Json, now: float) -> bool:
        at = asked.get("ts")
        if not isinstance(at, int) or isinstance(at, bool) or abs(now - at) > MOST_SECONDS_OFF:
            return False
        mixed = f"{command}{self.orders.password}{self.salt()}{at}"
        right = base64.b64encode(hashlib.sha256(mixed.encode()).digest()).decode()[:TOKEN_LENGTH]
        return asked.get("token") == right and asked.get("account") == ACCOUNT

    def _turn_away(
        self, command: str, shown: Mapping[str, Any], moment: Moment, code: int, words: str
    ) -> tuple[int, str]:
        self.orders.refuse(command, shown, f"{code} {words}", moment.now)
        return code, words
