"""What a writer is: which actions a make can do, how it is told, and how its readings show that it obeys.

Writing is apart from reading on purpose: a driver gets a Link, which cannot write; a writer gets a Hand, which can. A
writer's `send` is the thin edge; `shows` is pure and decides from a Snapshot alone, so the same rule verifies a command
and finds the miner that somebody changed by hand.

WriteError (a HashyardError; its text is one line: the miner's own words and what to do next, never a secret)
├── CommandRefused       the miner understood and said no: wrong value, busy, not now
├── ReadOnly             writing is switched off on the miner, or this firmware has dropped it
├── NoPermission         wrong password, or none is configured: writing never tries a maker's default
├── SessionTaken         somebody else holds the only session
└── NotSupported         this make, model or firmware does not know the action
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from miners.actions import Action, Status
from miners.errors import HashyardError
from miners.link import Link, Object
from miners.model import Snapshot


class WriteError(HashyardError):
    """A command that the miner did not take. `status` is that of the Outcome which comes of it."""

    status: ClassVar[Status] = "refused"


class CommandRefused(WriteError):
    """The miner understood, and refuses."""


class ReadOnly(WriteError):
    """The miner's API is read-only, or its firmware has dropped writing."""


class NoPermission(WriteError):
    """The password is wrong, or there is none."""

    status = "auth_failed"


class SessionTaken(WriteError):
    """Another program holds the miner's only session."""


class NotSupported(WriteError):
    """The make, model or firmware cannot do it."""

    status = "unsupported"


class Session(msgspec.Struct):
    """What is kept between commands to one miner: tokens and session ids, never logged nor stored.

    `token`: whatever the writer needs (None: none yet). `until`: on the clock (unix seconds) when it lapses.
    Prints as `<secret>`.
    """

    token: Any = None
    until: float = 0.0

    def valid(self, now: float) -> bool:
        """Return whether there is a token that has not lapsed at `now`."""
        return self.token is not None and now < self.until

    def drop(self) -> None:
        """Forget the token: the next command asks for a new one."""
        self.token = None
        self.until = 0.0

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


class Hand(Link, Protocol):
    """A Link that can also write. Every method raises a PollError or a WriteError and nothing else.

    What is sent is not recorded anywhere: it may hold secrets. `left`: a command has left and was not turned away at the
    door, so it may have been obeyed; `tell`, `tell_frame`, `post` and `press` see to it, and a writer that writes in
    another way. `target.model` is the model that was just read. `now`: the clock when the command began, for a Session. Each question has `target.timeout_s` of its own.
    """

    left: bool

    async def tell(self, request: Object) -> Object:
        """Send any JSON object to `target.port`, cgminer-style (one request, one reply); return the reply object."""

    async def tell_frame(self, request: Object) -> Object:
        """Send any JSON object to `target.v3_port` in a Whatsminer v3 frame; return the reply object."""

    async def post(self, path: str, body: Object) -> Object:
        """POST a JSON object to `target.web_port` with digest authentication; return the reply object ({} if empty).

        Raises NoPermission on 401/403, and when no credentials are configured (nothing is sent then); NotSupported on
        404. Never uses a maker's default password, nor does `web` of a Hand.
        """

    async def press(self, path: str) -> Object:
        """GET a path of `target.web_port` whose being asked for changes something (`reboot.cgi`).

        Returns the reply object, {} where the answer is none. Raises as `post`.
        """


class Ability(msgspec.Struct, frozen=True, kw_only=True):
    """That a make can do one action. A row of the table in the docs.

    `within_s`: how long it may take until its readings show it; `shows_after_s`: before then they cannot, so nobody looks
    (an appointment with the miner). `restarts_mining`: hash rate drops to 0 for minutes.
    `wakes`: also wakes a miner that sleeps (an Antminer's work mode). `least`, `most`: the range of the action's number
    (percent or watts), refused outside before anything is sent. `modes`: the modes it knows. `note`: for people.
    """

    within_s: float
    shows_after_s: float = 0.0
    restarts_mining: bool = False
    wakes: bool = False
    least: float | None = None
    most: float | None = None
    modes: tuple[str, ...] = ()
    note: str = ""


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A firmware's preset, as the miner lists it: watts at the wall and hash rate it promises; None where it says none."""

    name: str
    watts: float | None = None
    hashrate_hs: float | None = None


class Writer(msgspec.Struct, frozen=True, kw_only=True):
    """One way of writing, named as the driver that reads the same miners.

    `send(hand, session, action)` sends one action and returns the miner's own words of consent (may be empty); it raises
    WriteError or PollError. It keeps tokens in `session`, gets a new one when that lapsed and repeats once, no more.
    `shows(action, now, before)`: True if the reading shows that the action holds, False if it shows that it does not
    (yet), None if this make's readings cannot tell. `before`: the reading before the command, where there is one.
    `presets`: the presets that the miner has, where the make has any. `leave`: gives back what the session still holds,
    when the program ends; None where there is nothing to give back.
    """

    name: str
    abilities: Mapping[type[Action], Ability]
    send: Callable[[Hand, Session, Action], Awaitable[str]]
    shows: Callable[[Action, Snapshot, Snapshot | None], bool | None]
    presets: Callable[[Hand], Awaitable[tuple[Preset, ...]]] | None = None
    leave: Callable[[Hand, Session], Awaitable[None]] | None = None
