"""Simulated time: seconds since the epoch that run at a chosen speed, or stand until they are told to move."""

import time
from typing import Protocol


class Clock(Protocol):
    """Whatever tells simulated time: seconds since the epoch."""

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        ...

    def wall_seconds(self, simulated: float) -> float:
        """Return how many seconds of the wall's clock so many simulated ones take."""
        ...


class RunningClock:
    """Time that runs `speed` times as fast as the wall's clock, from `start` on (default: the present)."""

    def __init__(self, *, speed: float = 1.0, start: float | None = None) -> None:
        self._speed = speed
        self._start = time.time() if start is None else start
        self._began = time.monotonic()

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        return self._start + (time.monotonic() - self._began) * self._speed

    def wall_seconds(self, simulated: float) -> float:
        """Return how many seconds of the wall's clock so many simulated ones take."""
        return simulated / self._speed


class ManualClock:
    """Time that stands until somebody moves it: for tests, and for a history that is computed and not waited for."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        return self._now

    def wall_seconds(self, simulated: float) -> float:
        """Return a short while: what is due may have become due by a hand's move at any moment."""
        return min(simulated, 0.05)

    def advance(self, seconds: float) -> None:
        """Move time on by so many seconds."""
        self._now += seconds
