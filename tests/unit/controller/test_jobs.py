"""What the controller does when: periodic work and boundaries of schedules, on a clock that a test drives and sets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from controller.history import HistoryAway
from controller.jobs import LONGEST_NAP_S, Jobs
from controller.schedule import next_change
from miners.inventory.fleet import Inventory, Schedule, Window
from tests.unit.controller.driven_clock import DrivenClock, settle
from tests.unit.controller.small_fleet import container

ALL_DAYS = tuple(range(7))
DAY = Schedule(
    id="day",
    name="Day",
    windows=tuple(
        Window(days=ALL_DAYS, from_minute=at, to_minute=at + 360, profile=profile)
        for at, profile in ((0, "overclock"), (360, "normal"), (720, "underclock"), (1080, "curtail"))
    ),
)
NIGHT = Schedule(
    id="night",
    name="Night",
    windows=(Window(days=ALL_DAYS, from_minute=1320, to_minute=360, profile="overclock"),),
    otherwise="normal",
)
ALWAYS = Schedule(id="always", name="Always", otherwise="normal")
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC).timestamp()


def fleet(*used: tuple[str | None, str]) -> Inventory:
    containers = tuple(
        container(f"c{at}", "a", schedule=plan, timezone=zone) for at, (plan, zone) in enumerate(used)
    )
    return Inventory(containers=containers, schedules={one.id: one for one in (DAY, NIGHT, ALWAYS)})


@asynccontextmanager
async def running(jobs: Jobs) -> AsyncIterator[None]:
    task = asyncio.create_task(jobs.run())
    await settle()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def woken(clock: DrivenClock) -> tuple[list[float], Callable[[], None]]:
    times: list[float] = []
    return times, lambda: times.append(clock.now())


async def test_every_boundary_wakes_at_its_moment() -> None:
    clock = DrivenClock(MIDNIGHT + 60)
    times, wake = woken(clock)
    jobs = Jobs(clock, wake)
    jobs.follow(fleet(("day", "UTC"), ("day", "UTC"), (None, "UTC"), ("always", "UTC")))
    assert jobs.next_boundary() == datetime(2026, 3, 1, 6, tzinfo=UTC)
    async with running(jobs):
        await clock.advance(86_400)
    wanted = [MIDNIGHT + hours * 3600 for hours in (6, 12, 18, 24)]
    assert [round(at - MIDNIGHT) for at in times] == [round(at - MIDNIGHT) for at in wanted]


async def test_each_zone_has_its_own_boundaries_also_where_the_clock_is_put_forward() -> None:
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    clock = DrivenClock(begin.timestamp())
    times, wake = woken(clock)
    jobs = Jobs(clock, wake)
    jobs.follow(fleet(("night", "Europe/Berlin"), ("night", "Asia/Irkutsk")))
    async with running(jobs):
        await clock.advance(86_400)
    assert [datetime.fromtimestamp(round(at), UTC) for at in times] == [
        datetime(2026, 3, 28, 14, tzinfo=UTC),  # Irkutsk 22:00, all the year at +8
        datetime(2026, 3, 28, 21, tzinfo=UTC),  # Berlin 22:00 at +1
        datetime(2026, 3, 28, 22, tzinfo=UTC),  # Irkutsk 06:00
        datetime(2026, 3, 29, 4, tzinfo=UTC),  # Berlin 06:00 at +2
    ]


async def test_another_inventory_has_other_boundaries() -> None:
    clock = DrivenClock(MIDNIGHT + 60)
    times, wake = woken(clock)
    jobs = Jobs(clock, wake)
    jobs.follow(fleet(("day", "UTC")))
    async with running(jobs):
        await clock.advance(7 * 3600)
        assert len(times) == 1
        jobs.follow(fleet(("always", "UTC"), ("no such", "UTC")))
        assert jobs.next_boundary() is None
        await clock.advance(86_400)
    assert len(times) == 1


async def test_a_clock_set_forward_past_boundaries_wakes_within_seconds_and_goes_on_from_there() -> None:
    clock = DrivenClock(MIDNIGHT + 60)
    times, wake = woken(clock)
    jobs = Jobs(clock, wake)
    jobs.follow(fleet(("day", "UTC")))
    async with running(jobs):
        clock.jump(13 * 3600)
        await clock.advance(LONGEST_NAP_S)
        assert len(times) == 1
        assert jobs.next_boundary() == datetime(2026, 3, 1, 18, tzinfo=UTC)


async def test_a_clock_set_back_finds_every_time_anew() -> None:
    clock = DrivenClock(MIDNIGHT + 7 * 3600)
    times, wake = woken(clock)
    done: list[float] = []

    async def work() -> None:
        done.append(clock.steady())

    jobs = Jobs(clock, wake)
    jobs.every(60, "work", work)
    jobs.follow(fleet(("day", "UTC")))
    async with running(jobs):
        await clock.advance(120)
        clock.jump(-5 * 3600)
        jobs.clock_jumped()
        assert len(times) == 1
        assert jobs.next_boundary() == datetime(2026, 3, 1, 6, tzinfo=UTC)
        before = len(done)
        await clock.advance(300)
        assert len(done) - before >= 4


async def test_periodic_work_is_never_done_twice_at_once_and_survives_its_failures() -> None:
    clock = DrivenClock(MIDNIGHT)
    released = asyncio.Event()
    begun: list[str] = []

    async def slow() -> None:
        begun.append("slow")
        await released.wait()

    async def failing() -> None:
        begun.append("failing")
        raise RuntimeError("a mistake of ours")

    jobs = Jobs(clock, lambda: None)
    jobs.every(10, "slow", slow)
    jobs.every(10, "failing", failing)
    with capture_logs() as logs:
        async with running(jobs):
            await clock.advance(55)
            assert begun.count("slow") == 1
            assert begun.count("failing") == 5
            released.set()
            await clock.advance(10)
            assert begun.count("slow") == 2
    assert [entry["work"] for entry in logs] == ["failing"] * 6


async def test_work_that_fails_for_what_people_can_mend_says_why_until_it_succeeds() -> None:
    clock = DrivenClock(MIDNIGHT)
    away = [True]

    async def keep() -> None:
        if away[0]:
            raise HistoryAway("Prometheus does not answer")

    jobs = Jobs(clock, lambda: None)
    jobs.every(10, "keep the books", keep)
    with capture_logs() as logs:
        async with running(jobs):
            await clock.advance(10)
            (seen,) = jobs.seen()
            assert (seen.failed, seen.reason) == (True, "Prometheus does not answer")
            away[0] = False
            await clock.advance(10)
            (seen,) = jobs.seen()
            assert (seen.failed, seen.reason) == (False, None)
    assert [(entry["log_level"], entry["reason"]) for entry in logs] == [
        ("warning", "Prometheus does not answer")
    ]


async def test_what_is_under_way_ends_with_the_jobs() -> None:
    clock = DrivenClock(MIDNIGHT)
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    jobs = Jobs(clock, lambda: None)
    jobs.every(1, "endless", endless)
    async with running(jobs):
        await clock.advance(2)
        assert ended == []
    assert ended == ["ended"]


_MINUTES = st.integers(0, 1439)


@settings(max_examples=25)
@given(
    st.lists(_MINUTES, min_size=2, max_size=4, unique=True).map(sorted),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(0, 400),
)
async def test_wakings_are_the_changes_of_the_pure_function(cuts: list[int], zone: str, day: int) -> None:
    ends = [*cuts[1:], cuts[0]]
    windows = tuple(
        Window(days=ALL_DAYS, from_minute=begin, to_minute=end, profile=f"p{at}")
        for at, (begin, end) in enumerate(zip(cuts, ends, strict=True))
    )
    plan = Schedule(id="day", name="Day", windows=windows)
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    clock = DrivenClock(begin.timestamp())
    times, wake = woken(clock)
    jobs = Jobs(clock, wake)
    of = container("c", "a", schedule="day", timezone=zone)
    jobs.follow(Inventory(containers=(of,), schedules={"day": plan}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controller.jobs.LONGEST_NAP_S", 900.0)  # nobody sets this clock
        async with running(jobs):
            await clock.advance(90_000)
    expected: list[Any] = []
    at = begin
    while (change := next_change(plan, zone, at)) and change[0] <= begin + timedelta(seconds=90_000):
        at = change[0]
        expected.append(at)
    assert [datetime.fromtimestamp(round(one), UTC) for one in times] == expected
