"""A clock that a test moves: whoever sleeps on it wakes when its time has come, in order, and not before."""

import asyncio
import heapq
import itertools

START = 1_780_000_000.0


class DrivenClock:
    """Time that stands until `advance`; `jump` sets the clock as an administrator would, which makes nobody sleep less."""

    def __init__(self, start: float = START) -> None:
        self._steady = 0.0
        self._offset = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._offset + self._steady

    def steady(self) -> float:
        return self._steady

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._steady + seconds, next(self._order), future))
        await future

    def jump(self, seconds: float) -> None:
        self._offset += seconds

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, waking sleepers one after the other, each with some turns of the event loop."""
        end = self._steady + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._steady = max(self._steady, at)
            if not future.done():
                future.set_result(None)
                await settle(turns=6)
        self._steady = end
        await settle()


async def settle(turns: int = 20) -> None:
    """Let everything run that needs no time."""
    for _ in range(turns):
        await asyncio.sleep(0)
