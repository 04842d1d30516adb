"""The orders that one miner is given: noted as they come in, judged by its faults, obeyed by its body.

A device reads a command in its maker's words, checks what its firmware checks, and hands it over here. What changes
something stands in `received`, what only opens or closes a session in `sessions`; no secret stands in either.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from simulator.fault import Loss, Obedience
from simulator.physics import Physics
from simulator.setting import Change

MOST_KEPT = 10_000  # of each kind, for one miner: the oldest go first
CHANGED_PASSWORD = "changed-by-the-owner"  # noqa: S105  # of a simulated miner, and no one's


class Received(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One command that came in at `at` (simulated seconds since the epoch) from the address `source`.

    `command` and `parameters` are the maker's words, without tokens and passwords. `answer`: why it was refused, empty
    if it was not. `obeyed`: whether it did, or will do, as told.
    """

    at: float
    container: str
    miner: str
    command: str
    parameters: Mapping[str, Any]
    source: str
    accepted: bool
    obeyed: bool
    answer: str


class NoAnswerError(Exception):
    """The command came in, and its answer never leaves. `how`: the connection is closed, or nothing comes."""

    def __init__(self, how: Loss = "closed") -> None:
        self.how = how
        super().__init__(how)


class Orders:
    """What a miner was told. `password`: what writing wants, None where the make asks for none.

    `source`: the address of the client being answered. `count`: how many commands came in, of both kinds.
    `on_change`: called when ports may have to close, or something is to happen later.
    """

    __slots__ = (
        "_container",
        "_miner",
        "_password",
        "_physics",
        "count",
        "on_change",
        "received",
        "sessions",
        "source",
    )

    def __init__(self, container: str, miner: str, physics: Physics, password: str | None) -> None:
        self._container = container
        self._miner = miner
        self._physics = physics
        self._password = password
        self.source = ""
        self.count = 0
        self.received: list[Received] = []
        self.sessions: list[Received] = []
        self.on_change: Callable[[], None] | None = None

    @property
    def password(self) -> str:
        """The password in force now: somebody may have changed it. Empty where the make asks for none."""
        return CHANGED_PASSWORD if self._physics.manners.wrong_password else self._password or ""

    @property
    def obedience(self) -> Obedience:
        """What becomes of orders now."""
        return self._physics.obedience

    def obey(
        self,
        command: str,
        parameters: Mapping[str, Any],
        change: Change | None,
        now: float,
        *,
        at: float | None = None,
    ) -> bool:
        """Take a command that is well formed and allowed; return False if the miner says no to every order.

        `change`: None where it understands and nothing follows. `at`: when it does so, if not at once. Raises
        NoAnswerError where the answer gets lost.
        """
        obedience = self.obedience
        if obedience.refuses:
            self.refuse(command, parameters, "refused", now)
            return False
        obeyed = change is not None and not obedience.disobeys
        self._note(self.received, command, parameters, now, accepted=True, obeyed=obeyed)
        if change is not None and obeyed:
            begins = (now if at is None else at) + obedience.delay_s
            self._physics.order(change, now, at=begins)
            if self.on_change is not None and (change.reboots or begins > now):
                self.on_change()
        if obedience.answer_lost is not None:
            raise NoAnswerError(obedience.answer_lost)
        return True

    def refuse(self, command: str, parameters: Mapping[str, Any], answer: str, now: float) -> None:
        """Note a command that the firmware does not take: not allowed, not known, not well formed."""
        self._note(self.received, command, parameters, now, answer=answer)

    def session(self, command: str, now: float, *, answer: str = "") -> None:
        """Note what only opens, closes or asks for a session or a token; `answer`: why it was refused."""
        self._note(self.sessions, command, {}, now, accepted=not answer, answer=answer)

    def _note(
        self,
        journal: list[Received],
        command: str,
        parameters: Mapping[str, Any],
        now: float,
        *,
        accepted: bool = False,
        obeyed: bool = False,
        answer: str = "",
    ) -> None:
        self.count += 1
        if len(journal) >= MOST_KEPT:
            del journal[: MOST_KEPT // 10]
        journal.append(
            Received(
                at=now,
                container=self._container,
                miner=self._miner,
                command=command,
                parameters=parameters,
                source=self.source,
                accepted=accepted,
                obeyed=obeyed,
                answer=answer,
            )
        )
