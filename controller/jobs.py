"""What is done when: the boundaries of each schedule, and the periodic work, registered with the `schedule` library.

The library only wakes; what should be is decided by the pure function, whenever anybody looks. It reads the wall's clock
by itself, so its jobs are subclassed to go by the clock that is handed in, and to survive its being set.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
import schedule
import structlog

from controller.schedule import next_change
from miners.clock import Clock
from miners.errors import HashyardError
from miners.inventory.fleet import Inventory, Schedule

Work: TypeAlias = Callable[[], Awaitable[None]]

LONGEST_NAP_S = 5.0
"""How late a clock that was set forward is noticed at most."""

BOUNDARY = "boundary"

_log = structlog.get_logger(__name__)


class ClockJob(schedule.Job):
    """A job that goes by a clock handed in: every so many seconds of it, or once at a moment."""

    def __init__(self, interval_s: int, clock: "ClockScheduler", moment: datetime | None = None) -> None:
        """`moment`: when to run, once; None: every `interval_s` from now on."""
        super().__init__(interval_s, clock)
        self.unit = "seconds"
        self._clock = clock
        self._moment = moment

    @property
    def should_run(self) -> bool:
        """Whether its time has come."""
        return self.next_run is not None and self._clock.now() >= self.next_run

    def run(self) -> object:
        """Run it, and find its next time. One of a moment is over then."""
        found: object = self.job_func() if self.job_func is not None else None
        self.last_run = self._clock.now()
        if self._moment is not None:
            return schedule.CancelJob
        self._schedule_next_run()
        return found

    def mend(self) -> None:
        """Run soon after all, if the clock was set back since the next time was found."""
        if self._moment is None and self.next_run is not None:
            self.next_run = min(self.next_run, self._clock.now() + timedelta(seconds=self.interval))

    def _schedule_next_run(self) -> None:
        if self._moment is not None:
            self.next_run = self._moment
        else:
            self.next_run = self._clock.now() + timedelta(seconds=self.interval)


class ClockScheduler(schedule.Scheduler):
    """The library's scheduler on a clock handed in, in UTC: no daylight saving moves its times."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: tells the time for every job."""
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def every(self, interval: int = 1) -> ClockJob:
        """Return a job that runs every so many seconds, once `do` has said what."""
        return ClockJob(interval, self)

    def at(self, moment: datetime) -> ClockJob:
        """Return a job that runs once, at or after a moment (aware)."""
        return ClockJob(1, self, moment)

    @property
    def idle_seconds(self) -> float | None:
        """How long nothing is to be done; None without jobs."""
        first = self.get_next_run()
        return None if first is None else (first - self.now()).total_seconds()


class WorkSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How one piece of periodic work is. `ended_at`: the last time, None before the first; `failed`: whether it failed then.

    `reason`: why, where that is something that people can mend.
    """

    name: str
    every_s: float
    ended_at: datetime | None
    failed: bool
    next_at: datetime | None
    reason: str | None = None


class Jobs:
    """The controller's periodic work and the boundaries of its schedules."""

    def __init__(self, clock: Clock, on_boundary: Callable[[], None]) -> None:
        """`on_boundary`: called when a schedule changes its profile; it only wakes, and returns at once."""
        self._clock = clock
        self._scheduler = ClockScheduler(clock)
        self._on_boundary = on_boundary
        self._inventory = Inventory()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._ended: dict[str, tuple[datetime, bool, str | None]] = {}

    def every(self, seconds: int, name: str, work: Work) -> None:
        """Register periodic work: begun every so many seconds, and never while it is still under way."""
        self._scheduler.every(seconds).do(self._begin, name, work).tag(name)

    def follow(self, inventory: Inventory) -> None:
        """Register the next boundary of each schedule in each time zone that a container uses it in."""
        self._inventory = inventory
        self._scheduler.clear(BOUNDARY)
        for plan, zone in _plans(inventory):
            self._register(plan, zone)

    def clock_jumped(self) -> None:
        """Find every time anew: the clock was set."""
        for job in self._scheduler.get_jobs():
            if isinstance(job, ClockJob):
                job.mend()
        self.follow(self._inventory)
        self._on_boundary()

    def next_boundary(self) -> datetime | None:
        """Return when a schedule changes its profile next; None if none does."""
        return self._scheduler.get_next_run(BOUNDARY)

    def seen(self) -> list[WorkSeen]:
        """Return how each piece of periodic work is, in the order in which they were registered."""
        found = []
        for job in self._scheduler.get_jobs():
            for name in sorted(str(tag) for tag in job.tags - {BOUNDARY}):
                ended_at, failed, reason = self._ended.get(name, (None, False, None))
                found.append(
                    WorkSeen(
                        name=name,
                        every_s=float(job.interval),
                        ended_at=ended_at,
                        failed=failed,
                        next_at=job.next_run,
                        reason=reason,
                    )
                )
        return found

    async def run(self) -> None:
        """Do what is due until cancelled; then end what is under way."""
        try:
            while True:
                self._run_pending()
                idle_s = self._scheduler.idle_seconds
                nap_s = LONGEST_NAP_S if idle_s is None else min(max(idle_s, 0.0), LONGEST_NAP_S)
                await self._clock.sleep(nap_s)
        finally:
            tasks = tuple(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _run_pending(self) -> None:
        try:
            self._scheduler.run_pending()
        except Exception:  # noqa: BLE001  # one job's mistake must not end the clock for the others
            _log.exception("a job could not be begun")

    def _register(self, plan: Schedule, zone: str) -> None:
        change = next_change(plan, zone, self._scheduler.now())
        if change is not None:
            self._scheduler.at(change[0]).do(self._cross, plan, zone).tag(BOUNDARY)

    def _cross(self, plan: Schedule, zone: str) -> None:
        _log.info("a schedule changes its profile", schedule=plan.id, zone=zone)
        self._register(plan, zone)
        self._on_boundary()

    def _begin(self, name: str, work: Work) -> None:
        if name not in self._under_way:
            task = asyncio.create_task(self._do(name, work))
            self._under_way[name] = task
            task.add_done_callback(lambda _: self._under_way.pop(name, None))

    async def _do(self, name: str, work: Work) -> None:
        failed, reason = True, None
        try:
            await work()
            failed = False
        except HashyardError as error:
            reason = str(error)
            _log.warning("periodic work failed", work=name, reason=reason)
        except Exception:  # noqa: BLE001  # periodic work that fails is tried again at its next time
            _log.exception("periodic work failed", work=name)
        self._ended[name] = (self._scheduler.now(), failed, reason)


def _plans(inventory: Inventory) -> Iterable[tuple[Schedule, str]]:
    """Yield each schedule that is in use, once for each time zone."""
    used = {(container.schedule, container.timezone) for container in inventory.containers}
    for id_, zone in sorted((id_, zone) for id_, zone in used if id_ is not None):
        plan = inventory.schedules.get(id_)
        if plan is not None:
            yield plan, zone
