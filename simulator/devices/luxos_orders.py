"""What LuxOS can be told, by whoever holds its only session: presets, sleep, a restart, the light.

Source: `docs/protocols.md`, section 7. The session comes first in every parameter; it lapses after a minute without use.
A preset is not taken while the automatic tuning (ATM) would take it back.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from simulator.devices.device import ACCESS_DENIED, PROFILE_MODES, Json, RpcDevice
from simulator.presets import nearest_preset, preset_named
from simulator.setting import MODE_POWER, Change

SESSION_LAPSES_AFTER_S = 60.0
SESSION_CREATED, SESSION_ENDED, SESSION_SHOWN, ANOTHER_SESSION, INVALID_SESSION = 316, 317, 318, 402, 403
PROFILE_SET, CURTAIL_SENT, ATM_SET, RESTARTING, LED_SET = 321, 335, 346, 359, 324
NOT_DONE = 499
FOREIGN_SESSION = "f0e1gn00"
SESSION_COMMANDS = frozenset({"logon", "logoff"})


class Asked(NamedTuple):
    """What a command comes to, and the code and words of consent. `atm`: what becomes of the automatic tuning."""

    change: Change
    code: int
    words: str
    atm: bool | None = None


class LuxosOrders(RpcDevice):
    """The one session, and the commands that want it."""

    atm_enabled = True
    _session: str = ""
    _session_used_at: float = 0.0
    _sessions_made: int = 0

    def profile_change(self, profile: str) -> Change:
        """Return the preset whose power is nearest to what the profile asks for."""
        power = MODE_POWER[PROFILE_MODES[profile]]
        return Change({"preset": nearest_preset(self.figures, power).name})

    def session_shown(self, now: float) -> str:
        """Return the session that is open, empty if none is."""
        if self.orders.obedience.session_taken:
            return FOREIGN_SESSION
        return self._session if self._session_open(now) else ""

    def take(self, command: str, parameter: str, now: float) -> Json:
        """Answer what opens or closes a session, or wants one."""
        obedience = self.orders.obedience
        note = self._note_session if command in SESSION_COMMANDS else self._note_refused
        session, _, rest = parameter.partition(",")
        if obedience.no_writing:
            note(command, rest, f"{self.refused_words[0]}", now)
            return self._error(now, *self.refused_words)
        if obedience.read_only:
            note(command, rest, f"{ACCESS_DENIED}", now)
            return self._error(now, ACCESS_DENIED, f"Access denied to '{command}' command")
        if command == "logon":
            return self._logon(now)
        if not self._session_open(now) or session != self._session:
            note(command, rest, f"{INVALID_SESSION} invalid session id", now)
            return self._error(now, INVALID_SESSION, "Invalid session id")
        if command == "logoff":
            self._session = ""
            self.orders.session(command, now)
            return {"STATUS": [self.status(now, SESSION_ENDED, "Session ended")], "id": 1}
        self._session_used_at = now
        return self._told(command, rest, now)

    def _told(self, command: str, rest: str, now: float) -> Json:
        asked = COMMANDS[command](self, rest)
        if isinstance(asked, str):
            self._note_refused(command, rest, asked, now)
            return self._error(now, NOT_DONE, asked)
        obedience = self.orders.obedience
        if asked.atm is not None and not (obedience.refuses or obedience.disobeys):
            self.atm_enabled = asked.atm
        if not self.orders.obey(command, _shown(rest), asked.change, now):
            return self._error(now, NOT_DONE, f"{command} refused")
        if asked.change.reboots:
            self._session = ""
        return {"STATUS": [self.status(now, asked.code, asked.words)], "id": 1}

    def _session_open(self, now: float) -> bool:
        """Whether there is a session; one that has lapsed, or that somebody else has taken, is over for good."""
        obedience = self.orders.obedience
        unused = now - self._session_used_at
        lives = SESSION_LAPSES_AFTER_S if obedience.token_s is None else obedience.token_s
        if obedience.session_taken or unused > lives or not lives:
            self._session = ""
        return bool(self._session)

    def _logon(self, now: float) -> Json:
        if self.orders.obedience.session_taken or self._session_open(now):
            self.orders.session("logon", now, answer=f"{ANOTHER_SESSION}")
            return self._error(now, ANOTHER_SESSION, "Another session is active")
        self._sessions_made += 1
        self._session = f"{self.identity.dna[-6:]}{self._sessions_made:04x}"
        self._session_used_at = now
        self.orders.session("logon", now)
        return {
            "STATUS": [self.status(now, SESSION_CREATED, "Session created")],
            "SESSION": [{"SessionID": self._session}],
            "id": 1,
        }

    def _note_session(self, command: str, rest: str, answer: str, now: float) -> None:
        del rest
        self.orders.session(command, now, answer=answer)

    def _note_refused(self, command: str, rest: str, answer: str, now: float) -> None:
        self.orders.refuse(command, _shown(rest), answer, now)


def _shown(rest: str) -> Mapping[str, Any]:
    return {"parameter": rest} if rest else {}


def _profile(device: LuxosOrders, name: str) -> Asked | str:
    preset = preset_named(device.figures, name)
    if preset is None:
        return f"Invalid profile {name[:40]}"
    if device.atm_enabled:
        return "ATM is enabled"
    return Asked(Change({"preset": preset.name}), PROFILE_SET, f"Profile set to {preset.name}")


def _curtail(_device: LuxosOrders, mode: str) -> Asked | str:
    if mode not in {"sleep", "wakeup"}:
        return "Invalid curtail mode"
    return Asked(Change({"asleep": mode == "sleep"}), CURTAIL_SENT, "Curtail command sent")


def _atm(_device: LuxosOrders, words: str) -> Asked | str:
    for word in words.split(","):
        key, _, value = word.partition("=")
        if key == "enabled" and value in {"true", "false"}:
            return Asked(Change(), ATM_SET, "ATM configuration set", atm=value == "true")
    return "Invalid ATM parameter"


def _led(_device: LuxosOrders, words: str) -> Asked | str:
    color, _, state = words.partition(",")
    if color not in {"red", "green"} or state not in {"on", "off", "blink", "auto"}:
        return "Invalid LED parameter"
    change = Change({"locating": state in {"on", "blink"}}) if color == "red" else Change()
    return Asked(change, LED_SET, "LED set")


def _restart(_device: LuxosOrders, rest: str) -> Asked | str:
    return "Too many parameters" if rest else Asked(Change(reboots=True), RESTARTING, "Rebooting")


COMMANDS: Mapping[str, Callable[[LuxosOrders, str], Asked | str]] = {
    "profileset": _profile,
    "curtail": _curtail,
    "atmset": _atm,
    "ledset": _led,
    "rebootdevice": _restart,
}
