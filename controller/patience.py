"""The places for miners that are being written to, and the clock of one command, whose waiting takes no place."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from miners.clock import Clock


class Slots:
    """So many places for miners that are being written to."""

    def __init__(self, most: int) -> None:
        """`most`: at once."""
        self._most, self._taken = most, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many places can be taken without waiting; who waits comes first."""
        return max(self._most - self._taken - len(self._waiting), 0)

    def take_now(self) -> None:
        """Take a place that is free."""
        self._taken += 1

    async def take(self) -> None:
        """Wait for a place and take it."""
        if self._taken < self._most:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            else:
                self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """Give a place back, to whoever waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1


class Patience:
    """The clock for one command: waiting in it takes no place, and can be cut short when the wait has lost its point."""

    def __init__(self, clock: Clock, slots: Slots, on_wait: Callable[[], None]) -> None:
        """`on_wait` is called when waiting begins."""
        self._clock, self._slots, self._on_wait = clock, slots, on_wait
        self._sleeping: asyncio.Task[Any] | None = None
        self.is_cut = False
        self.holds_slot = True

    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of the clock, then for a place."""
        self._on_wait()
        if self.is_cut:
            raise asyncio.CancelledError
        self._sleeping = asyncio.current_task()
        self._give()
        try:
            await self._clock.sleep(seconds)
            await self._slots.take()
            self.holds_slot = True
        finally:
            self._sleeping = None

    def cut(self) -> None:
        """End the waiting: what is asked of the miner meanwhile finishes."""
        self.is_cut = True
        if self._sleeping is not None:
            self._sleeping.cancel()

    def close(self) -> None:
        """Give the place back for good."""
        self._give()

    def _give(self) -> None:
        if self.holds_slot:
            self.holds_slot = False
            self._slots.give()
