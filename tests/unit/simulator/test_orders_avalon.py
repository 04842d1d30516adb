"""Avalons told by `ascset`: at an epoch, in both forms, with every code, and the models that differ."""

import asyncio
from typing import Any

import pytest

from simulator.clock import ManualClock
from simulator.miner import SimulatedMiner
from tests.unit.simulator.ordering import control, rpc, running

NOW = 1_750_000_000


async def tell(miner: SimulatedMiner, option: str) -> tuple[int, str] | None:
    answer = await rpc(miner, {"command": "ascset", "parameter": f"0,{option}"})
    return None if answer is None else (answer["STATUS"][0]["Code"], answer["STATUS"][0]["STATUS"])


async def text(miner: SimulatedMiner) -> str:
    row = (await rpc(miner, {"command": "stats"}))["STATS"][0]
    return str(row.get("MM ID0") or row["MM ID0:Summary"])


@pytest.mark.parametrize(("model", "answer"), [("1246", (119, "S")), ("1566", (118, "I")), ("Q", (118, "I"))])
async def test_sleeping_and_waking_at_an_epoch(model: str, answer: tuple[int, str]) -> None:
    clock = ManualClock(NOW)
    async with running(model, "127.67.4.1", clock=clock) as (_, miner):
        assert await tell(miner, f"softoff,1:{NOW + 5}") == answer
        clock.advance(4)
        assert "SoftOFF[0]" in await text(miner)
        clock.advance(1)
        shown = await text(miner)
        assert ("SoftOFF[4]" in shown, "In Idle" in shown) == (True, True)
        assert await tell(miner, f"softon,1:{NOW + 5}") == answer
        clock.advance(1_200)
        assert "SoftOFF[0]" in await text(miner)
        assert miner.truth(clock.now()).state == "mining"
        assert [one.parameters["parameter"] for one in miner.received] == [
            f"0,softoff,1:{NOW + 5}",
            f"0,softon,1:{NOW + 5}",
        ]


@pytest.mark.parametrize(
    ("model", "option", "code"),
    [
        ("1066", f"softoff,1:{NOW + 5}", 120),
        ("741", f"softoff,1:{NOW + 5}", 120),
        ("1246", f"softoff,1:{NOW - 61}", 120),
        ("1246", "softoff,1", 120),
        ("1246", "softoff,1:soon", 120),
        ("1246", "workmode,set,3", 120),
        ("1246", "worklevel,set,99", 120),
        ("1246", "reboot,1", 120),
        ("1246", "led,7", 120),
        ("1246", "frequency,900", 120),
        ("1066", "workmode,set,2", 120),
        ("1566", "workmode,2", 120),
        ("1066", "workmode,2", 119),
        ("1246", "workmode,2", 119),
        ("1246", "workmode,set,2", 119),
        ("1566", "workmode,set,2", 118),
        ("1246", "worklevel,set,-5", 119),
    ],
)
async def test_codes(model: str, option: str, code: int) -> None:
    async with running(model, "127.67.4.2", clock=ManualClock(NOW)) as (_, miner):
        answer = await tell(miner, option)
        assert answer is not None
        assert answer[0] == code
        assert [one.accepted for one in miner.received] == [code != 120]


@pytest.mark.parametrize(
    ("option", "shown", "share"),
    [
        ("workmode,set,0", "WORKMODE[0]", 0.75),
        ("workmode,set,2", "WORKMODE[2]", 1.15),
        ("worklevel,set,-10", "WORKLEVEL[-10]", 0.7),
    ],
)
async def test_power_follows_mode_and_level(option: str, shown: str, share: float) -> None:
    clock = ManualClock(NOW)
    async with running("1246", "127.67.4.3", clock=clock) as (fleet, miner):
        await tell(miner, option)
        assert shown in await text(miner)
        clock.advance(1_500)
        assert fleet.power_w() == pytest.approx(share * 3_420, rel=0.06)


async def test_the_a14_wakes_without_a_word_and_the_1346_only_by_a_restart() -> None:
    clock = ManualClock(NOW)
    for model, wakes in (("1466", True), ("1346", False)):
        async with running(model, "127.67.4.4", clock=clock) as (_, miner):
            now = int(clock.now())
            await tell(miner, f"softoff,1:{now}")
            assert miner.truth(clock.now()).asleep
            assert await tell(miner, f"softon,1:{now}") is None
            assert miner.truth(clock.now()).asleep is not wakes
            assert [(one.accepted, one.obeyed) for one in miner.received][1:] == [(True, wakes)]
            await tell(miner, "reboot,0")
            clock.advance(90)
            assert not miner.truth(clock.now()).asleep


async def test_faults_and_the_light() -> None:
    clock = ManualClock(NOW)
    async with running("1246", "127.67.4.5", clock=clock) as (fleet, miner):

        async def have(**fault: Any) -> None:
            miner.remove_faults(None, clock.now())
            assert "faults" in await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)

        for fault, expected in (
            ("read_only", (45, "E")),
            ("no_writing", (14, "E")),
            ("refuses", (120, "E")),
            ("disobeys", (119, "S")),
            ("answers_lost", None),
        ):
            await have(fault=fault)
            assert await tell(miner, "led,1-1") == expected
            assert miner.truth(clock.now()).locating is (fault == "answers_lost")
        miner.remove_faults(None, clock.now())
        assert "Led[1]" in await text(miner)
        await tell(miner, "led,1-0")
        assert "Led[0]" in await text(miner)


async def test_a_silently_lost_answer_leaves_the_client_waiting() -> None:
    clock = ManualClock(NOW)
    async with running("1246", "127.67.4.6", clock=clock) as (fleet, miner):
        fault = {"fault": "answers_lost", "how": "silent"}
        await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)
        waiting = asyncio.create_task(tell(miner, f"softoff,1:{NOW}"))
        async with asyncio.timeout(60):
            while not miner.truth(clock.now()).asleep:  # noqa: ASYNC110  # nothing tells when a body falls asleep
                await asyncio.sleep(0.01)
        assert not waiting.done()
        waiting.cancel()
