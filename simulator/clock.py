"""Simulated time: seconds since the epoch that run at a chosen speed, or stand until they are told to move.

Whoever waits sleeps on the clock, so that a simulation and what watches over it can share one. A `SharedClock` is moved
by `await clock.advance(seconds)`: it goes from sleeper to sleeper and lets each finish what it does before time goes on,
which makes a day of a fleet a matter of seconds, and the same day each time (see `simulator/quiet.py`).
"""

import asyncio
import functools
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

from simulator.quiet import QuietLoop

SHORTEST_NAP_S = 0.001  # of the wall's clock: keeps a fast clock from spinning
TURNS_TO_SETTLE = 50
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Clock(Protocol):
    """Whatever tells simulated time: seconds since the epoch."""

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until so many simulated seconds have passed."""
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

    async def sleep(self, seconds: float) -> None:
        """Wait until so many simulated seconds have passed."""
        await asyncio.sleep(max(SHORTEST_NAP_S, seconds / self._speed))


class _StandingClock:
    """Time that stands, and those who sleep on it, in the order in which they wake."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        return self._now

    @property
    def sleepers(self) -> int:
        """How many sleep on it."""
        return sum(1 for _, _, waking in self._sleepers if not waking.done())

    async def sleep(self, seconds: float) -> None:
        """Wait until somebody has moved time on by so much; without a wait, others get a turn."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waking))
        await waking

    def next_at(self) -> float | None:
        """Return when the next sleeper wakes, seconds since the epoch; None if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake(self) -> None:
        """Wake those whose time has come, the earliest first."""
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waking = heapq.heappop(self._sleepers)[2]
            if not waking.done():
                waking.set_result(None)


class ManualClock(_StandingClock):
    """Time that stands until somebody moves it: for tests, and for a history that is computed and not waited for."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        super().__init__(start)

    def advance(self, seconds: float) -> None:
        """Move time on by so many seconds at once; who should have woken meanwhile wakes now."""
        self._now += seconds
        self._wake()


class SharedClock(_StandingClock):
    """Time that is moved from sleeper to sleeper, for a simulation and its watchers in one program.

    On a QuietLoop, time goes on only when nothing is left to do, and the loop's own timers (time-outs, `asyncio.sleep`)
    run on simulated time while it is moved. On another loop it is a good guess. What works outside the loop's sight, such
    as a thread that was not started by `run_in_executor`, holds time by `hold` or `holding`.
    """

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        super().__init__(start)
        self._holds = 0
        self._released = asyncio.Event()
        self._released.set()
        self._moving = asyncio.Lock()

    async def advance(self, seconds: float) -> None:
        """Move time on by so many seconds, from one sleeper to the next; returns when nothing is left to do then."""
        async with self._moving:
            await self._go_to(self._now + seconds)

    async def jump(self) -> bool:
        """Move time on to the next sleeper and let it do what it wants; False if nobody sleeps."""
        async with self._moving:
            await self._settle()
            at = self.next_at()
            if at is None:
                return False
            await self._go_to(at)
            return True

    async def settle(self) -> None:
        """Let everything be done that can be without time going on."""
        async with self._moving:
            await self._settle()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let time stand while something works that the loop does not see."""
        self._holds += 1
        self._released.clear()
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._released.set()

    def holding(
        self, work: Callable[_Arguments, Awaitable[_Result]]
    ) -> Callable[_Arguments, Awaitable[_Result]]:
        """Return `work` with time held while it runs: `database.write = clock.holding(database.write)`."""

        @functools.wraps(work)
        async def held(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
            with self.hold():
                return await work(*arguments, **named)

        return held

    async def _go_to(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        quiet = loop if isinstance(loop, QuietLoop) else None
        if quiet is None:
            await self._walk(until, None)
            return
        with quiet.driven():
            await self._walk(until, quiet)

    async def _walk(self, until: float, loop: QuietLoop | None) -> None:
        while True:
            timer_s = await self._settle()
            sleeper = self.next_at()
            at = until if sleeper is None else min(until, sleeper)
            if timer_s is not None and self._now + timer_s < at:
                at = max(self._now, self._now + timer_s)
                passed = timer_s
            else:
                passed = at - self._now
            if loop is not None:
                # by the timer's own measure: seconds since the epoch are too coarse for it
                loop.skip(max(passed, at - self._now))
            done = at >= until
            self._now = at
            self._wake()
            if done:
                await self._settle()
                return

    async def _settle(self) -> float | None:
        """Wait until nothing is left to do; return the seconds until the loop's next timer, None if there is none."""
        loop = asyncio.get_running_loop()
        while True:
            if isinstance(loop, QuietLoop):
                timer_s = await loop.quiet()
            else:
                timer_s = None
                for _ in range(TURNS_TO_SETTLE):
                    await asyncio.sleep(0)
                await asyncio.sleep(SHORTEST_NAP_S)
            if not self._holds:
                return timer_s
            await self._released.wait()
