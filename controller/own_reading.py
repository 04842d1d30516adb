"""Reading miners ourselves: all of them where there is no exporter, those that we write to while the exporter is away.

Each miner is due once an interval of its container, the first round spread over some seconds; silent ones are asked less
and less often. Miners that somebody writes to are left alone.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import structlog

from controller.readings import Known, Readings
from miners.clock import Clock
from miners.driver import Memory
from miners.model import PollFailure, Reading, Target

Reader: TypeAlias = Callable[[Target, Memory], Awaitable[Reading]]
"""What reads one miner, `miners.client.read_miner` in earnest."""

FIRST_ROUND_S = 10.0
"""The first round is spread over so long at most."""

EACH_FIRST_S = 0.02
"""And over so long for each miner, so that a small fleet is known at once."""

SILENT_MOST_S = 120.0
"""Whoever does not answer is asked this often at least."""

_NAP_S = 1.0

_log = structlog.get_logger(__name__)


class OwnReading:
    """When which miner is read by us, and reading it."""

    def __init__(self, readings: Readings, reader: Reader, clock: Clock, max_reads: int) -> None:
        """`max_reads`: at once."""
        self._readings = readings
        self._reader = reader
        self._clock = clock
        self._at_once = asyncio.Semaphore(max_reads)
        self._due: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._turn: dict[str, int] = {}  # the turn that counts; others of the same miner in the heap are void
        self._silent: dict[str, int] = {}
        self._left_alone: dict[str, int] = {}
        self._under_way: dict[str, asyncio.Task[Reading | None]] = {}
        self._longest_s = SILENT_MOST_S

    def choose(self, miners: Iterable[Known]) -> None:
        """Say which miners are to be read from now on; those that were before keep their turns."""
        chosen: dict[str, None] = {}
        self._longest_s = SILENT_MOST_S
        for known in miners:
            if known.miner.active:
                chosen[known.id] = None
                self._longest_s = max(self._longest_s, known.container.interval_s)
        new = [id_ for id_ in chosen if id_ not in self._turn]
        now = self._clock.now()
        for at, id_ in enumerate(new):
            spread_s = min(self._interval_s(id_), FIRST_ROUND_S, EACH_FIRST_S * len(new))
            self._give_turn(id_, now + spread_s * at / len(new))
        for id_ in [id_ for id_ in self._turn if id_ not in chosen]:
            del self._turn[id_]
            self._silent.pop(id_, None)

    async def run(self) -> None:
        """Read whoever is due until cancelled."""
        try:
            while True:
                for due, turn, id_ in self._taken_due():
                    await self._at_once.acquire()
                    self._begin(id_, (due, turn))
                await self._clock.sleep(self._wait_s())
        finally:
            tasks = tuple(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def read(self, id_: str) -> Reading:
        """Read a miner now and keep the reading; joins a reading that is under way. Raises KeyError for no such miner."""
        while True:
            self._readings.memory(id_)  # KeyError before anything begins
            task = self._under_way.get(id_) or self._begin(id_, None)
            reading = await asyncio.shield(task)
            if reading is not None:
                return reading

    @asynccontextmanager
    async def left_alone(self, ids: Iterable[str]) -> AsyncIterator[None]:
        """Read none of these as long as the context lasts; begins when readings under way have ended."""
        mine = tuple(ids)
        for id_ in mine:
            self._left_alone[id_] = self._left_alone.get(id_, 0) + 1
        try:
            under_way = [task for id_ in mine if (task := self._under_way.get(id_)) is not None]
            if under_way:
                await asyncio.wait(under_way)
            yield
        finally:
            for id_ in mine:
                if self._left_alone[id_] == 1:
                    del self._left_alone[id_]
                else:
                    self._left_alone[id_] -= 1

    def _taken_due(self) -> Iterator[tuple[float, int, str]]:
        """Yield whose turn it is. Whoever is left alone, or read already, gets the next one."""
        while self._due and self._due[0][0] <= self._clock.now():
            due, turn, id_ = heapq.heappop(self._due)
            if self._turn.get(id_) != turn:
                continue
            if id_ in self._left_alone or id_ in self._under_way:
                self._give_next_turn(id_, due)
            else:
                yield due, turn, id_

    def _give_turn(self, id_: str, at: float) -> None:
        turn = self._turn[id_] = next(self._order)
        heapq.heappush(self._due, (at, turn, id_))

    def _give_next_turn(self, id_: str, due: float) -> None:
        """Give the turn after the one that was due. After a pause or a jump of the clock, missed ones are not made up for."""
        interval_s = self._interval_s(id_)
        doubled = interval_s * 2 ** min(self._silent.get(id_, 0), 10)
        wait_s = min(doubled, max(SILENT_MOST_S, interval_s))
        now = self._clock.now()
        following = due + wait_s
        self._give_turn(id_, following if now < following <= now + wait_s else now + wait_s)

    def _interval_s(self, id_: str) -> float:
        known = self._readings.known(id_)
        return self._longest_s if known is None else known.container.interval_s

    def _wait_s(self) -> float:
        """Return how long nobody is due. A turn far ahead was given before the clock was set back: it is mended."""
        now = self._clock.now()
        if self._due and self._due[0][0] > now + self._longest_s:
            self._due = [(now, turn, id_) for _, turn, id_ in self._due]
            heapq.heapify(self._due)
        return min(max(self._due[0][0] - now, 0.0), _NAP_S) if self._due else _NAP_S

    def _begin(self, id_: str, turn: tuple[float, int] | None) -> asyncio.Task[Reading | None]:
        """Begin to read. `turn`: whose it is (due, number), and one of those at once; None: out of turn."""
        task = asyncio.create_task(self._read(id_))
        self._under_way[id_] = task
        task.add_done_callback(lambda done: self._ended(id_, done, turn))
        return task

    async def _read(self, id_: str) -> Reading | None:
        """Read and keep; None if the inventory has changed under it."""
        known = self._readings.known(id_)
        if known is None:
            return None
        at = self._clock.now()
        reading = await self._reader(known.target, self._readings.memory(id_))
        if self._readings.known(id_) is not known:
            return None
        if isinstance(reading, PollFailure):
            self._silent[id_] = self._silent.get(id_, 0) + 1
        else:
            self._silent.pop(id_, None)
        self._readings.put(id_, reading, at=at)
        return reading

    def _ended(self, id_: str, task: asyncio.Task[Reading | None], turn: tuple[float, int] | None) -> None:
        if self._under_way.get(id_) is task:
            del self._under_way[id_]
        if turn is not None:
            due, number = turn
            self._at_once.release()
            if self._turn.get(id_) == number:
                self._give_next_turn(id_, due)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a miner could not be read by a mistake of ours", miner=id_, exc_info=error)
