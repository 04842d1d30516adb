"""Whether the time is trusted: jumps, steadiness, and what the kernel and the time service say."""

import asyncio
from pathlib import Path

import pytest

from controller.clock_watch import (
    JUMP_S,
    STEADY_S,
    ClockWatch,
    Synchronised,
    boot_time,
    kernel_error_s,
    kernel_synchronised,
)
from miners.clock import SystemClock
from tests.unit.controller.driven_clock import DrivenClock


def watch(clock: DrivenClock, word: bool | None = True) -> ClockWatch:
    return ClockWatch(clock, steady=clock.steady, synchronised=lambda: word)


async def test_time_that_only_passes_is_trusted() -> None:
    clock = DrivenClock()
    watched = watch(clock)
    assert watched.doubts() == []
    await clock.advance(7 * 86_400)
    assert watched.doubts() == []


@pytest.mark.parametrize(("jump", "way"), [(3600.0, "forward by 3600 s"), (-3600.0, "back by 3600 s")])
async def test_a_jump_is_a_doubt_at_once_and_until_the_clock_has_run_steadily(jump: float, way: str) -> None:
    clock = DrivenClock()
    watched = watch(clock)
    clock.jump(jump)
    (doubt,) = watched.doubts()
    assert way in doubt
    assert "trusted again in 300 s" in doubt
    await clock.advance(STEADY_S - 1)
    assert "trusted again in 1 s" in watched.doubts()[0]
    await clock.advance(1)
    assert watched.doubts() == []


async def test_a_second_jump_begins_the_waiting_anew() -> None:
    clock = DrivenClock()
    watched = watch(clock)
    clock.jump(JUMP_S + 1)
    assert watched.doubts()
    await clock.advance(STEADY_S - 10)
    clock.jump(-JUMP_S - 1)
    await clock.advance(20)
    assert "back" in watched.doubts()[0]


async def test_what_a_time_service_puts_right_is_no_jump() -> None:
    clock = DrivenClock()
    watched = watch(clock)
    running = asyncio.create_task(watched.run())
    for _ in range(100):
        await clock.advance(10)
        clock.jump(JUMP_S - 1)
        assert watched.doubts() == []
    running.cancel()


async def test_whoever_waits_is_told_of_a_jump_once() -> None:
    clock = DrivenClock()
    watched = watch(clock)
    told: list[str] = []
    watched.on_jump(lambda: told.append("jumped"))
    running = asyncio.create_task(watched.run())
    await clock.advance(60)
    assert told == []
    clock.jump(100)
    await clock.advance(60)
    assert told == ["jumped"]
    running.cancel()


async def test_a_clock_that_is_not_synchronised_is_a_doubt_and_unknown_is_none() -> None:
    clock = DrivenClock()
    said: list[bool | None] = [None]
    watched = ClockWatch(clock, steady=clock.steady, synchronised=lambda: said[0])
    watched.look()
    assert watched.doubts() == []
    assert watched.synchronised is None
    said[0] = False
    watched.look()
    assert "not synchronised" in watched.doubts()[0]
    said[0] = True
    watched.look()
    assert watched.doubts() == []


def test_the_kernels_no_counts_where_somebody_should_keep_the_time(tmp_path: Path) -> None:
    service = tmp_path / "timesync"
    word: list[bool | None] = [False]
    asked = Synchronised(lambda: word[0], (service,))
    assert asked() is None
    service.mkdir()
    assert asked() is False
    service.rmdir()
    word[0] = None
    assert asked() is None
    word[0] = True
    assert asked() is True
    word[0] = False
    assert asked() is False  # it was in time earlier, so somebody kept it


def test_how_wrong_the_clock_is_at_most_is_known_only_while_somebody_keeps_it() -> None:
    word: list[bool | None] = [True]
    watch = ClockWatch(SystemClock(), steady=boot_time, synchronised=lambda: word[0], error=lambda: 0.0034)
    assert watch.error_s is None
    watch.look()
    assert watch.error_s == 0.0034
    word[0] = None
    watch.look()
    assert watch.error_s is None


def test_this_machine_can_be_asked() -> None:
    assert kernel_synchronised() in (True, False, None)
    assert Synchronised()() in (True, False, None)
    error_s = kernel_error_s()
    assert error_s is None or error_s >= 0
    assert (error_s is None) is (kernel_synchronised() is not True)
    before = boot_time()
    assert boot_time() >= before > 0
    assert ClockWatch(SystemClock(), steady=boot_time, synchronised=lambda: None).doubts() == []
