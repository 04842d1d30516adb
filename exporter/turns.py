"""When a miner's turn comes: its own phase in the interval, and the pause of a miner that is silent."""

import asyncio
from typing import Generic, TypeVar

from miners.model import FailureReason

FIRST_SWEEP_S = 10.0
"""Miners that are new are polled for the first time within so many seconds."""

FIRST_POLLS_PER_S = 100.0
"""A few new miners need not wait so long: they are polled at this rate."""

LONGEST_BACK_OFF_S = 120.0
"""A silent miner is polled at least this often (or at its interval, if that is longer)."""

SILENT: frozenset[FailureReason] = frozenset(("refused", "unreachable", "timeout"))
"""Failures that lead to a pause: nobody answers. Whoever answers wrongly is asked at the usual times."""

# Successive multiples of the golden ratio fall evenly into an interval, however many there are.
_GOLDEN_RATIO = 0.6180339887498949

P = TypeVar("P")


class Turn(Generic[P]):
    """One miner's place in the order of polls; times are on the loop's clock.

    `due_s` is below 0 once the miner is no longer polled. `silent`: polls in a row that nobody answered. `waits`: due
    and in a queue. `begun`: polls so far; `ended`: resolved at the end of the one under way.
    """

    __slots__ = (
        "began_s",
        "begun",
        "due_s",
        "ended",
        "interval_s",
        "leased_until_s",
        "miner",
        "phase",
        "polled",
        "round",
        "silent",
        "task",
        "waits",
    )

    def __init__(self, miner: P, interval_s: float, place: int) -> None:
        """`place`: how many miners had a place before this one; it decides the phase."""
        self.miner = miner
        self.interval_s = interval_s
        self.phase = place * _GOLDEN_RATIO % 1.0
        self.due_s = 0.0
        self.silent = 0
        self.leased_until_s = 0.0
        self.waits = False
        self.polled = False
        self.round = 0
        self.began_s = 0.0
        self.begun = 0
        self.task: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] | None = None

    def first_due_s(self, now: float, origin_s: float, within_s: float) -> float:
        """Return when to poll a miner that is new, or of which something changed: within `within_s` seconds.

        If its own time comes by then, that; the others are brought forward and fill the same span evenly.
        """
        own_s = self.interval_s - (now - origin_s - self.phase * self.interval_s) % self.interval_s
        if own_s <= within_s:
            return now + own_s
        return now + within_s * (own_s - within_s) / (self.interval_s - within_s)

    def next_due_s(self, now: float, origin_s: float) -> float:
        """Return the miner's next own time after a poll: a quarter of an interval from now, or later.

        While it is silent the pauses double, up to LONGEST_BACK_OFF_S. `origin_s`: where all intervals begin.
        """
        interval_s = self.interval_s
        pause_s = interval_s
        if self.silent > 1:
            longest_s = max(LONGEST_BACK_OFF_S, interval_s)
            pause_s = min(interval_s * 2.0 ** min(self.silent - 1, 20), longest_s)
        first_s = origin_s + self.phase * interval_s
        intervals = (now + pause_s - interval_s * 0.75 - first_s) // interval_s + 1.0
        return first_s + intervals * interval_s


def first_sweep_s(count: int) -> float:
    """Return over how many seconds the first polls of `count` miners are spread."""
    return min(FIRST_SWEEP_S, count / FIRST_POLLS_PER_S)
