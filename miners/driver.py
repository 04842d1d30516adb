"""What a driver is: a name, a way of reading, and how long its makes take to warm up.

A driver's `read` asks through the Link (the only thing here that does I/O) and hands the replies to pure functions,
which fill a Draft. `miners.draft.conclude` makes the Snapshot of it, by the same rules for every make.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from miners.draft import Draft
from miners.link import Link
from miners.model import Credentials

NAMELESS_READINGS = 2
"""So many readings in a row without the firmware that is known there: it is another device (one may be a cut reply)."""

SAME_RUN_S = 60.0
"""How far the seconds that a miner says it has been mining may be off ours from poll to poll."""


LIGHT = "light"
SETTINGS = ("work mode", LIGHT, "web closed", "4028 is mute")
"""What is kept of a miner that a command may change, or that holds only while it is not restarting."""


class Memory(msgspec.Struct):
    """What is remembered of one miner from poll to poll. Lost on restart, and then asked again.

    `driver`: name of the driver found. `firmware`: what the memory holds for; when the miner reports another
    firmware, everything is forgotten and found again. `kept`: replies that change slowly (identity, web pages), by
    question, with the time (link.now) until which they are good. `no_join`: this firmware does not join commands.
    `notes`: a driver's own small facts from poll to poll. `silent`: polls in a row that nobody answered; `nameless`:
    readings in a row that did not name the firmware that is known. `run`: when it was last read (link.now), and for
    how many seconds it had been mining then. `refused`: the credentials that the web port did not take (None: the
    maker's default), and until when (of link.now) they are not tried again.
    """

    driver: str | None = None
    firmware: str | None = None
    no_join: bool = False
    kept: dict[str, tuple[float, Any]] = msgspec.field(default_factory=dict)
    notes: dict[str, Any] = msgspec.field(default_factory=dict)
    silent: int = 0
    nameless: int = 0
    run: tuple[float, float] | None = None
    refused: tuple[Credentials | None, float] | None = None

    def recall(self, question: str, now: float) -> Any:
        """Return what was kept for the question, or None when there is nothing or it is too old."""
        found = self.kept.get(question)
        return found[1] if found is not None and now < found[0] else None

    def keep(self, question: str, value: Any, until: float) -> None:
        """Keep an answer until the given time (of link.now)."""
        self.kept[question] = (until, value)

    def forget_settings(self, *, light: bool = True) -> None:
        """Forget what a command may have changed; who the miner is stays known. `light`: also whether its light is on."""
        for question in SETTINGS:
            if light or question != LIGHT:
                self.kept.pop(question, None)

    def shut_out(self, credentials: Credentials | None, now: float) -> bool:
        """Tell whether these credentials were refused, and it is too early to try them again."""
        return self.refused is not None and self.refused[0] == credentials and now < self.refused[1]

    def forget(self) -> None:
        """Forget everything: the miner is not what it was."""
        self.driver = self.firmware = None
        self.no_join = False
        self.nameless = 0
        self.run = self.refused = None
        self.kept.clear()
        self.notes.clear()

    def doubt(self) -> None:
        """Forget what another device would answer otherwise, so that it is asked anew; keep the way to ask.

        Without a firmware that is known, nothing would show that the driver is the wrong one: then it goes too.
        """
        if self.firmware is None:
            self.forget()
        self.nameless = NAMELESS_READINGS - 1
        self.kept.clear()
        self.notes.clear()

    def notice_run(self, mining_s: float | None, now: float) -> None:
        """Doubt what is remembered when the miner restarted, or one that has been mining longer stands in its place.

        `mining_s`: for how long it says that it has been mining, `now`: link.now. Other firmware and another device both
        show so, also where the driver goes on remembering the name of the one before.
        """
        if mining_s is None:
            return
        if self.run is not None:
            before, mined_s = self.run
            if not -SAME_RUN_S <= mining_s - mined_s <= max(now - before, 0.0) + SAME_RUN_S:
                self.doubt()
        self.run = (now, mining_s)


class Driver(msgspec.Struct, frozen=True):
    """One way of reading miners. `warm_up_s`: a miner younger than this that does not hash yet is starting."""

    name: str
    manufacturer: str | None
    read: Callable[[Link, Memory], Awaitable[Draft]]
    warm_up_s: float = 600.0
