"""Reading miners ourselves: when each is due, how many at once, who is left alone, and the silent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from controller.own_reading import OwnReading
from controller.readings import Readings
from miners.driver import Memory
from miners.inventory.fleet import Container
from miners.model import Reading, Target
from tests.unit.controller.driven_clock import DrivenClock, settle
from tests.unit.controller.small_fleet import answer, container, failure, inventory, target


class Bench:
    """Readings, what reads them, and miners that answer as the test says."""

    def __init__(self, *containers: Container, max_reads: int = 100) -> None:
        self.clock = DrivenClock()
        self.containers = containers
        self.readings = Readings(self.clock)
        self.reads: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.answers: dict[str, Callable[[Target], Any]] = {}
        self.own = OwnReading(self.readings, self.read, self.clock, max_reads)

    async def read(self, to: Target, memory: Memory) -> Reading:
        assert isinstance(memory, Memory)
        self.reads[to.miner] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            found = self.answers.get(to.miner, answer)(to)
            reading: Reading = await found if asyncio.iscoroutine(found) else found
        finally:
            self.at_once -= 1
        return reading

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        await self.readings.apply(inventory(*self.containers), target)
        self.own.choose(self.readings.all().values())
        task = asyncio.create_task(self.own.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def many(count: int, **more: Any) -> Container:
    return container("one", *(f"m{at}" for at in range(count)), **more)


async def test_every_miner_is_read_once_an_interval() -> None:
    bench = Bench(many(20, interval_s=30.0))
    async with bench.reading():
        await bench.clock.advance(1)
        assert set(bench.reads.values()) == {1}
        assert len(bench.reads) == 20
        await bench.clock.advance(298)
        assert set(bench.reads.values()) == {10}
        assert not any(known.stale for known in bench.readings.all().values())


async def test_the_first_round_of_a_large_fleet_is_spread() -> None:
    bench = Bench(many(1000, interval_s=30.0))
    async with bench.reading():
        await bench.clock.advance(5)
        assert 400 <= bench.reads.total() <= 600
        await bench.clock.advance(5.1)
        assert bench.reads.total() == 1000


async def test_the_silent_are_asked_less_often_and_at_once_again_when_they_answer() -> None:
    bench = Bench(many(1, interval_s=30.0))
    bench.answers["m0"] = lambda _: failure(bench.containers[0])
    async with bench.reading():
        await bench.clock.advance(1200)
        silent = bench.reads["m0"]
        assert 10 <= silent <= 13  # every two minutes in the end
        del bench.answers["m0"]
        await bench.clock.advance(121)
        awake = bench.reads["m0"]
        await bench.clock.advance(300)
        assert bench.reads["m0"] - awake >= 9


async def test_no_more_than_so_many_at_once() -> None:
    bench = Bench(many(30), max_reads=4)
    released = asyncio.Event()

    async def slow(to: Target) -> Reading:
        await released.wait()
        return answer(to)

    bench.answers = {f"m{at}": slow for at in range(30)}
    async with bench.reading():
        await bench.clock.advance(10)
        assert bench.most_at_once == 4
        released.set()
        await settle()
        await bench.clock.advance(19)
        assert bench.reads.total() == 30
        assert bench.most_at_once == 4


async def test_a_miner_that_is_written_to_is_left_alone() -> None:
    bench = Bench(many(2, interval_s=10.0))
    started, released = asyncio.Event(), asyncio.Event()

    async def slow(to: Target) -> Reading:
        started.set()
        await released.wait()
        return answer(to)

    bench.answers["m0"] = slow
    async with bench.reading():
        await bench.clock.advance(0.1)
        await started.wait()
        entering = bench.own.left_alone(["one.m0"])
        waiting = asyncio.create_task(entering.__aenter__())
        await settle()
        assert not waiting.done()  # the poll under way ends first
        released.set()
        await waiting
        before = bench.reads.copy()
        await bench.clock.advance(100)
        assert bench.reads["m0"] == before["m0"]
        assert bench.reads["m1"] >= before["m1"] + 9
        async with bench.own.left_alone(["one.m0"]):
            await entering.__aexit__(None, None, None)
            await bench.clock.advance(30)
            assert bench.reads["m0"] == before["m0"]  # the second still holds it
        await bench.clock.advance(11)
        assert bench.reads["m0"] > before["m0"]


async def test_a_reading_of_now_joins_one_that_is_under_way() -> None:
    bench = Bench(many(1))
    released = asyncio.Event()

    async def slow(to: Target) -> Reading:
        await released.wait()
        return answer(to)

    bench.answers["m0"] = slow
    await bench.readings.apply(inventory(*bench.containers), target)
    first = asyncio.create_task(bench.own.read("one.m0"))
    second = asyncio.create_task(bench.own.read("one.m0"))
    await settle()
    released.set()
    assert await first is await second
    assert bench.reads["m0"] == 1
    known = bench.readings.known("one.m0")
    assert known is not None
    assert known.reading is await first
    with pytest.raises(KeyError):
        await bench.own.read("one.none")


async def test_a_miner_that_moved_while_it_was_read_is_read_where_it_is_now() -> None:
    bench = Bench(many(1))
    released = asyncio.Event()

    async def slow(to: Target) -> Reading:
        if to.address == bench.containers[0].miners[0].address:
            await released.wait()
        return answer(to)

    bench.answers["m0"] = slow
    await bench.readings.apply(inventory(*bench.containers), target)
    reading = asyncio.create_task(bench.own.read("one.m0"))
    await settle()
    (miner,) = bench.containers[0].miners
    moved = replace(bench.containers[0], miners=(replace(miner, address="127.9.3.77"),))
    await bench.readings.apply(inventory(moved), target)
    released.set()
    assert (await reading).address == "127.9.3.77"


async def test_who_is_no_longer_chosen_or_inactive_is_not_read() -> None:
    of = many(3)
    resting = replace(of.miners[2], active=False)
    bench = Bench(replace(of, miners=(*of.miners[:2], resting)))
    async with bench.reading():
        await bench.clock.advance(1)
        assert set(bench.reads) == {"m0", "m1"}
        bench.own.choose(known for known in bench.readings.all().values() if known.id == "one.m1")
        await bench.clock.advance(300)
        assert bench.reads["m0"] == 1
        assert bench.reads["m1"] > 9


async def test_a_clock_that_is_set_delays_nobody() -> None:
    bench = Bench(many(1, interval_s=30.0))
    async with bench.reading():
        await bench.clock.advance(1)
        bench.clock.jump(-7200)
        await bench.clock.advance(2)
        assert bench.reads["m0"] == 2
        bench.clock.jump(7200)
        await bench.clock.advance(2)
        assert bench.reads["m0"] == 3  # once, not for every turn that was missed
        await bench.clock.advance(29)
        assert bench.reads["m0"] == 4


async def test_a_mistake_of_ours_is_logged_and_ends_nothing() -> None:
    bench = Bench(many(2, interval_s=10.0))

    def broken(_: Target) -> Reading:
        raise RuntimeError("a mistake of ours")

    bench.answers["m0"] = broken
    with capture_logs() as logs:
        async with bench.reading():
            await bench.clock.advance(25)
    assert bench.reads["m1"] == 3
    assert bench.reads["m0"] == 3
    assert {entry["miner"] for entry in logs} == {"one.m0"}
