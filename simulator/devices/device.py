"""What every simulated device is: a body, an identity, ports, and the cgminer way of answering on one of them.

Source of the common form (envelope, codes, joined commands): the API of cgminer 4.x. Each maker's device adds a table
of commands and says how it differs: whether it joins, how it ends a reply, what it does to good JSON.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias

import orjson

from simulator.identity import Identity
from simulator.moment import Moment
from simulator.orders import Orders
from simulator.physics import Physics
from simulator.sensors import observe
from simulator.setting import Change, Mode

Json: TypeAlias = dict[str, Any]
INVALID_COMMAND, INVALID_JSON, MISSING_COMMAND, ACCESS_DENIED = 14, 23, 24, 45
MAXIMUM_REQUEST_BYTES = 4095
PROFILE_MODES: Mapping[str, Mode] = {"underclock": "low", "normal": "normal", "overclock": "high"}


class Command(NamedTuple):
    """One command: the section its answer stands in, the code and words of its status, and what builds the content.

    `build(device, moment, parameter)` returns the list (or mapping) that stands in the section.
    """

    section: str
    code: int
    message: str
    build: Callable[[Any, Moment, str], Any]


class Device:
    """A device with no port at all. Makers' devices add what they listen on."""

    answers_rpc: bool = False
    answers_web: bool = False
    answers_v3: bool = False
    realm: ClassVar[str] = ""
    most_addresses: ClassVar[int | None] = None  # how many client addresses it talks to within a minute
    default_password: ClassVar[str | None] = None  # the maker's; None for who asks for none
    pressed: ClassVar[frozenset[str]] = (
        frozenset()
    )  # the pages that change something when they are asked for with GET

    def __init__(self, physics: Physics, identity: Identity, orders: Orders) -> None:
        self.physics = physics
        self.figures = physics.figures
        self.identity = identity
        self.orders = orders

    def observe(self, now: float) -> Moment:
        """Bring the body to `now` and return what its sensors show then."""
        self.physics.advance(now)
        return observe(self.physics, self.identity.board_serials)

    def profile_change(self, profile: str) -> Change:
        """Return what underclock, normal or overclock come to, where a farm's gateway says so."""
        return Change({"mode": PROFILE_MODES[profile]})

    def reply(self, request: bytes, now: float) -> bytes:
        """Answer one request on the cgminer-style port."""
        raise NotImplementedError

    def web(self, path: str, now: float) -> bytes | None:
        """Answer one GET on the web port; None where there is no such page."""
        raise NotImplementedError

    def press(self, path: str, now: float) -> bytes | None:
        """Answer one GET of a page in `pressed`; None where there is no such page."""
        del path, now
        return None

    def post(self, path: str, body: bytes, now: float) -> bytes | None:
        """Answer one POST on the web port; None where there is no such page."""
        del path, body, now
        return None

    def frame(self, request: bytes, now: float) -> bytes:
        """Answer the JSON of one frame of the v3 port with the JSON of another."""
        raise NotImplementedError


class RpcDevice(Device):
    """A device that answers in the cgminer form. `joins`: commands that may be joined with `+`; None for all."""

    answers_rpc = True
    commands: ClassVar[Mapping[str, Command]] = {}
    joins: ClassVar[frozenset[str] | None] = None
    refused_words: ClassVar[tuple[int, str]] = (INVALID_COMMAND, "Invalid command")
    denied: ClassVar[frozenset[str]] = frozenset()  # commands it knows and lets nobody use
    accepts_cmd: ClassVar[bool] = False
    terminator: ClassVar[bytes] = b"\0"
    description = "cgminer 4.11.1"

    def reply(self, request: bytes, now: float) -> bytes:
        """Answer one request; what is no command gets the error of cgminer, never silence."""
        command, parameter, problem = self._read(request)
        if problem:
            return self._finish(self._error(now, *problem), "", now)
        if self._down(now):
            return b"Socket connect failed: Connection refused\n"
        moment = self.observe(now)
        if "+" in command:
            return self._finish(self._joined(command, moment), command, now)
        return self._finish(self.answer(command, parameter, moment), command, now)

    def answer(self, command: str, parameter: str, moment: Moment) -> Json:
        """Return the reply to one command by itself."""
        known = self.commands.get(command)
        if known is None:
            return self.refuse(command, moment)
        content = known.build(self, moment, parameter)
        message = known.message
        if "%d" in message:
            message = message.replace("%d", str(len(content)))
        return {
            "STATUS": [self.status(moment.now, known.code, message)],
            known.section: content,
            "id": 1,
        }

    def refuse(self, command: str, moment: Moment) -> Json:
        """Return the reply to a command that it does not know, or that nobody may use."""
        if command in self.denied:
            return self._error(moment.now, ACCESS_DENIED, f"Access denied to '{command}' command")
        return self._error(moment.now, *self.refused_words)

    def status(self, now: float, code: int, message: str, letter: str = "S") -> Json:
        """Return the status that begins every reply."""
        return {
            "STATUS": letter,
            "When": int(now),
            "Code": code,
            "Msg": message,
            "Description": self.description,
        }

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Do to good JSON what this firmware does to it."""
        del command
        return reply

    def _down(self, now: float) -> bool:
        """Whether the mining program is not up yet and something else answers in its place."""
        del now
        return False

    def _joined(self, command: str, moment: Moment) -> Json:
        names = [name for name in command.split("+") if name]
        if self.joins is not None and not self.joins:
            return self._error(moment.now, *self.refused_words)
        reply: Json = {}
        for name in names:
            if self.joins is None or name in self.joins:
                reply[name] = [self.answer(name, "", moment)]
            else:
                reply[name] = [self.refuse(name, moment)]
        reply["id"] = 1
        return reply

    def _read(self, request: bytes) -> tuple[str, str, tuple[int, str] | None]:
        try:
            asked = orjson.loads(request.rstrip(b"\0\r\n \t"))
        except orjson.JSONDecodeError:
            return "", "", (INVALID_JSON, "Invalid JSON")
        command = asked.get("command") if isinstance(asked, dict) else None
        if command is None and self.accepts_cmd and isinstance(asked, dict):
            command = asked.get("cmd")
        if not isinstance(command, str) or not command:
            return "", "", (MISSING_COMMAND, "Missing JSON 'command'")
        parameter = asked.get("parameter", "")
        if asked.get("new_api") is True:
            parameter = "new_api"
        return command, str(parameter), None

    def _error(self, now: float, code: int, message: str) -> Json:
        return {"STATUS": [self.status(now, code, message, "E")], "id": 1}

    def _finish(self, reply: Json, command: str, now: float) -> bytes:
        del now
        return self.spoil(orjson.dumps(reply), command) + self.terminator


def mega(hashrate_hs: float) -> float:
    """Return a hash rate in MH/s with two places."""
    return round(hashrate_hs / 1e6, 2)


def percent(part: float, whole: float) -> float:
    """Return part of whole in percent with four places, 0 where there is no whole."""
    return round(100 * part / whole, 4) if whole else 0.0


def ago(now: float, then: float) -> str:
    """Return how long ago a share was, as Antminers write it: `0:00:27`, and `0` for never."""
    if then <= 0:
        return "0"
    seconds = max(0, int(now - then))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def suffixed(difficulty: float) -> str:
    """Return a difficulty as pools' tables show it: `524K`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if difficulty >= size:
            return f"{difficulty / size:.0f}{letter}"
    return f"{difficulty:.0f}"
