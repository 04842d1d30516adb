"""The clocks that wait: sleepers wake in order, time stands while anything is left to do, time-outs follow the shared time."""

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from simulator.clock import ManualClock, RunningClock, SharedClock
from simulator.fleet import SimulatedFleet
from simulator.quiet import QuietLoop, run_quietly
from simulator.specs import ContainerSpec, MinerSpec

if TYPE_CHECKING:
    from miners.clock import Clock

START = 1_750_000_000.0


async def test_every_clock_fits_what_the_controller_asks_of_one() -> None:
    clocks: list[Clock] = [RunningClock(), ManualClock(), SharedClock()]
    assert all(clock.now() > 0 for clock in clocks)


async def test_a_running_clock_sleeps_at_its_speed() -> None:
    clock = RunningClock(speed=10_000, start=START)
    await clock.sleep(600)
    assert clock.now() >= START + 600


async def test_a_manual_clock_wakes_those_whose_time_has_come() -> None:
    clock = ManualClock(START)
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (30, 10, 20, 40)]
    await asyncio.sleep(0)
    clock.advance(30)
    await asyncio.gather(*tasks[:3])
    assert woken == [10, 20, 30]
    assert clock.sleepers == 1
    tasks[3].cancel()
    await asyncio.wait(tasks)
    assert clock.next_at() is None


@pytest.mark.parametrize("run", [run_quietly, asyncio.run])
def test_a_shared_clock_goes_from_sleeper_to_sleeper(run: object) -> None:
    clock = SharedClock(START)
    seen: list[tuple[str, float]] = []

    async def every(name: str, seconds: float) -> None:
        while True:
            await clock.sleep(seconds)
            seen.append((name, clock.now() - START))

    async def main() -> None:
        tasks = [asyncio.create_task(every("a", 10)), asyncio.create_task(every("b", 15))]
        await clock.advance(30)
        assert clock.now() == START + 30
        assert await clock.jump()
        for task in tasks:
            task.cancel()

    assert callable(run)
    run(main())
    assert seen == [("a", 10), ("b", 15), ("a", 20), ("b", 30), ("a", 30), ("a", 40)]


def test_nobody_sleeps_and_no_time_passes() -> None:
    clock = SharedClock(START)

    async def main() -> bool:
        await clock.sleep(0)
        return await clock.jump()

    assert run_quietly(main()) is False
    assert clock.now() == START


def test_time_stands_while_sockets_and_threads_work() -> None:
    clock = SharedClock(START)
    took: list[float] = []

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(20):
                writer.write(await reader.readexactly(1))
            await asyncio.to_thread(time.sleep, 0.02)
            writer.close()

        async def ask() -> None:
            await clock.sleep(100)
            before = clock.now()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(20):
                writer.write(b"x")
                await reader.readexactly(1)
            assert await reader.read() == b""
            writer.close()
            took.append(clock.now() - before)

        async def tick() -> None:
            while True:
                await clock.sleep(1)

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        asking, ticking = asyncio.create_task(ask()), asyncio.create_task(tick())
        await clock.advance(200)
        await asking
        ticking.cancel()
        server.close()

    run_quietly(main())
    assert took == [0]


def test_what_the_loop_does_not_see_holds_time() -> None:
    clock = SharedClock(START)
    seen: list[float] = []

    async def write() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            time.sleep(0.05)
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=work).start()
        await done.wait()

    async def main() -> None:
        held = clock.holding(write)

        async def job() -> None:
            await clock.sleep(5)
            await held()
            seen.append(clock.now() - START)

        task = asyncio.create_task(job())
        await clock.advance(3_600)
        await task

    run_quietly(main())
    assert seen == [5]


def test_time_outs_and_naps_of_the_loop_follow_the_shared_time() -> None:
    clock = SharedClock(START)
    seen: list[tuple[str, float]] = []

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(90):
                await asyncio.Event().wait()
        seen.append(("gave up", clock.now() - START))

    async def nap() -> None:
        await clock.sleep(60)
        await asyncio.sleep(60)
        seen.append(("napped", clock.now() - START))

    async def main() -> None:
        tasks = [asyncio.create_task(give_up()), asyncio.create_task(nap())]
        await clock.advance(3_600)
        await asyncio.gather(*tasks)

    run_quietly(main())
    assert [what for what, _ in seen] == ["gave up", "napped"]
    assert [at for _, at in seen] == pytest.approx([90, 120], abs=0.01)


def test_a_timer_of_the_loop_passes_without_anybody_moving_time() -> None:
    async def main() -> float:
        await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time()

    assert run_quietly(main()) > 0


def test_a_day_of_a_fleet_is_the_same_each_time_and_ports_follow() -> None:
    def day() -> list[object]:
        clock = SharedClock(START)
        seen: list[object] = []

        async def main() -> None:
            assert isinstance(asyncio.get_running_loop(), QuietLoop)
            miners = tuple(
                MinerSpec(container="c", name=f"a{n}", address=f"127.67.7.{n}", port=24028, model="S9")
                for n in range(1, 6)
            )
            wear = {"restarts_per_day": 40}
            spec = ContainerSpec(name="c", simulate={"wear": wear}, miners=miners)
            fleet = SimulatedFleet([spec], seed=5, clock=clock, control_port=None)
            await fleet.start()

            async def watch() -> None:
                while True:
                    await clock.sleep(600)
                    answers = await asyncio.gather(*(ask(miner.spec.address) for miner in fleet.miners))
                    assert answers == [not miner.physics.down for miner in fleet.miners]
                    seen.append((clock.now(), fleet.power_w("c"), answers))

            async def ask(address: str) -> bool:
                try:
                    reader, writer = await asyncio.open_connection(address, 24028)
                except ConnectionRefusedError:
                    return False
                writer.write(b'{"command":"summary"}')
                reply = await reader.read()
                writer.close()
                return b"SUMMARY" in reply

            watching = asyncio.create_task(watch())
            await clock.advance(86_400)
            assert not watching.done()
            watching.cancel()
            await fleet.stop()

        run_quietly(main())
        return seen

    first = day()
    assert len(first) == 144
    assert any(False in answers for _, _, answers in first)  # type: ignore[misc]
    assert day() == first
