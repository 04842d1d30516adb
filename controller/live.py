"""The live fleet: readings kept fresh through the exporter, or by ourselves while it is away, and miners taken for writing.

The exporter is followed every few seconds. Where none is configured every miner is read by us; where one is away, the
miners of the containers that we write to (`enforce`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

import msgspec
import structlog

from controller.deeds import Source
from controller.exporter_client import ExporterClient, MinerName
from controller.exporter_work import ExporterWork
from controller.follow import Follower
from controller.own_reading import OwnReading, Reader
from controller.readings import STALE_INTERVALS, Known, Readings, TargetOf
from controller.wording import figure, worded
from miners.client import read_miner
from miners.clock import Clock
from miners.inventory.fleet import Inventory
from miners.model import Reading

__all__ = ["ExporterSeen", "Known", "Live"]

LEASE_S = 30.0

WORK_S = 15.0
"""So often the exporters are asked how they keep up."""

_log = structlog.get_logger(__name__)


class ExporterSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How one exporter is. `since`: it answers, or does not; `newest_at`: when its newest reading was taken, by our clock.

    `clock_ahead_s`: how far its clock is before ours, in s; `work`: how it keeps up. None where that is not known now.
    """

    url: str
    state: Literal["ok", "stale", "away"]
    since: datetime
    newest_at: datetime | None
    reason: str | None
    clock_ahead_s: float | None = None
    work: ExporterWork | None = None


class Live(Readings):
    """Readings of every miner of the inventory, kept fresh between `start` and `stop`."""

    def __init__(
        self,
        clock: Clock,
        exporter: ExporterClient,
        *,
        reader: Reader = read_miner,
        max_reads: int = 100,
        follow_s: float = 5.0,
        work_s: float = WORK_S,
    ) -> None:
        """Nothing is read yet. `exporter`: opened before `start`.

        `follow_s`: at most so long between two questions to it, on the clock; it is less where miners are read more often.
        `work_s`: between two questions how it keeps up.
        """
        super().__init__(clock)
        self._exporter = exporter
        self._follow_s = follow_s
        self._work_s = work_s
        self._own = OwnReading(self, reader, clock, max_reads)
        self._followers = [Follower(at, exporter, self, clock) for at in range(exporter.configured)]
        self._away: frozenset[int] = frozenset()
        self._began = clock.now()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to keep the readings fresh. The inventory has been applied before."""
        self._choose()
        self._tasks = [asyncio.create_task(self._own.run())]
        self._tasks += [
            asyncio.create_task(self._again_and_again(follower.catch_up, self._until_next))
            for follower in self._followers
        ]
        self._tasks += [
            asyncio.create_task(self._again_and_again(follower.look_at_work, lambda: self._work_s))
            for follower in self._followers
        ]
        self._tasks.append(asyncio.create_task(self._again_and_again(self._look_round, self._until_next)))

    async def stop(self) -> None:
        """Read and ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def apply(self, inventory: Inventory, target_of: TargetOf) -> None:
        """Take over an inventory: miners come, go and move; what is the same device keeps its readings."""
        await super().apply(inventory, target_of)
        self._choose()

    async def read(self, id_: str) -> Reading:
        """Read a miner by ourselves now, and keep the reading. Raises KeyError if the inventory has none of that id."""
        return await self._own.read(id_)

    @asynccontextmanager
    async def leased(self, ids: Iterable[str], seconds: float = LEASE_S) -> AsyncIterator[bool]:
        """Take miners for writing: neither the exporter nor we poll them as long as the context lasts.

        `seconds`: of a lease (≤ 60), which is renewed as long as it takes, and lapses by itself should we die. Gives
        False if the exporter is away and it goes on without. Raises LeaseBusy if a miner cannot be had now.
        """
        mine = tuple(ids)
        names = [
            MinerName(known.container.name, known.miner.name)
            for known in map(self.known, mine)
            if known is not None and known.miner.active
        ]
        reached = [name for name in names if self._answers(name.container)]
        async with self._own.left_alone(mine), self._exporter.lease(reached, seconds) as whole:
            yield whole and (not self._followers or len(reached) == len(names))

    def source(self) -> Source:
        """Return where readings come from, and how that goes; of several exporters the worst."""
        if not self._followers:
            return Source(state="ok", since=_at(self._began))
        away = [follower for follower in self._followers if follower.reason is not None]
        if away:
            return Source(
                state="away",
                since=_at(min(follower.since for follower in away)),
                reason="; ".join(str(follower.reason) for follower in away),
            )
        seen = self.exporters()
        stale = next((one for one in seen if one.state == "stale"), None)
        if stale is not None:
            return Source(state="stale", since=stale.newest_at, reason=stale.reason)
        return Source(state="ok", since=max(one.since for one in seen))

    def exporters(self) -> list[ExporterSeen]:
        """Return how each exporter is, in the order in which they are configured; none: every miner is read by us."""
        return [self._seen(follower) for follower in self._followers]

    def _seen(self, follower: Follower) -> ExporterSeen:
        now, newest_at, reason = self._clock.now(), follower.newest_at, follower.reason
        longest = STALE_INTERVALS * max((one.interval_s for one in self.inventory.containers), default=30.0)
        stale = reason is None and newest_at is not None and now - newest_at > longest
        if newest_at is not None and stale:
            reason = worded(
                "%(url)s answers, and has read no miner for %(idle_s)s s",
                url=follower.exporter.url,
                idle_s=figure(now - newest_at, ".0f"),
            )
        return ExporterSeen(
            url=follower.exporter.url,
            state="stale" if stale else "ok" if reason is None else "away",
            since=_at(follower.since),
            newest_at=None if newest_at is None else _at(newest_at),
            reason=reason,
            clock_ahead_s=follower.clock_ahead_s,
            work=follower.work,
        )

    def _answers(self, container: str) -> bool:
        """Return whether the exporter of a container answered the last time; one that is away is not waited for."""
        owner = self._exporter.owner(container)
        return owner is not None and self._followers[owner].reason is None

    def answering(self) -> dict[str, bool]:
        """Return each exporter's URL, and whether it answered the last time."""
        return {follower.exporter.url: follower.reason is None for follower in self._followers}

    async def _look_round(self) -> None:
        away = frozenset(follower.number for follower in self._followers if follower.away)
        if away != self._away:
            self._away = away
            for follower in self._followers:
                self.mark_away(follower.number, away=follower.number in away)
            self._choose()
        await self.look()

    def _choose(self) -> None:
        """Decide which miners we read ourselves."""
        if not self._followers:
            self._own.choose(self.all().values())
            return
        mine = [
            container.id
            for container in self.inventory.containers
            if container.control == "enforce" and self._left_to_us(container.name)
        ]
        self._own.choose(known for id_ in mine for known in self.of_container(id_))

    def _left_to_us(self, container: str) -> bool:
        owner = self._exporter.owner(container)
        return bool(self._away) if owner is None else owner in self._away

    def _until_next(self) -> float:
        """Return after how many seconds the exporters are asked again.

        Asked more seldom than they read, they would hand over readings that are soon stale, and what waits until a container
        is seen well would wait for a moment between two questions.
        """
        return min([self._follow_s, *(one.interval_s for one in self.inventory.containers)])

    async def _again_and_again(
        self, what: Callable[[], Awaitable[None]], wait_s: Callable[[], float]
    ) -> None:
        while True:
            try:
                await what()
            except Exception:  # noqa: BLE001  # one reply that nobody thought of must not end the following for good
                _log.exception("the live state could not be brought up to date")
            await self._clock.sleep(wait_s())


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
