"""LuxOS told: the one session and how it ends, presets that change power and hash rate, sleep, restart, light, faults."""

from typing import Any

import pytest

from simulator.clock import ManualClock
from simulator.miner import SimulatedMiner
from tests.unit.simulator.ordering import control, rpc, running


async def code(miner: SimulatedMiner, command: str, parameter: str = "") -> int:
    answer = await rpc(miner, {"command": command, "parameter": parameter})
    return -99 if answer is None else int(answer["STATUS"][0]["Code"])


async def log_on(miner: SimulatedMiner) -> str:
    answer = await rpc(miner, {"command": "logon"})
    assert answer["STATUS"][0]["Code"] == 316
    return str(answer["SESSION"][0]["SessionID"])


async def config(miner: SimulatedMiner) -> Any:
    return (await rpc(miner, {"command": "config"}))["CONFIG"][0]


async def test_a_preset_changes_power_and_hash_rate_as_its_row_promises() -> None:
    clock = ManualClock()
    async with running("S19k Pro", "127.67.5.1", clock=clock, device="luxos") as (fleet, miner):
        rows = {row["Profile Name"]: row for row in (await rpc(miner, {"command": "profiles"}))["PROFILES"]}
        for name in ("415MHz", "640MHz", "default"):
            session = await log_on(miner)
            await code(miner, "atmset", f"{session},enabled=false")
            assert await code(miner, "profileset", f"{session},{name}") == 321
            assert await code(miner, "logoff", session) == 317
            assert (await config(miner))["Profile"] == name
            assert miner.truth(clock.now()).hashrate_hs == 0  # mining restarts
            clock.advance(1_500)
            assert fleet.power_w() == pytest.approx(rows[name]["Watts"], rel=0.06)
            assert miner.truth(clock.now()).hashrate_hs == pytest.approx(
                rows[name]["Hashrate"] * 1e12, rel=0.05
            )
        assert session not in str(miner.received)
        assert [one.parameters["parameter"] for one in miner.received][:2] == ["enabled=false", "415MHz"]
        assert [one.command for one in miner.orders.sessions][:2] == ["logon", "logoff"]


async def test_a_preset_wants_the_tuning_off_and_a_name_that_is_there() -> None:
    async with running("S19k Pro", "127.67.5.2", device="luxos") as (_, miner):
        session = await log_on(miner)
        assert (await config(miner))["IsAtmEnabled"] is True
        assert await code(miner, "profileset", f"{session},415MHz") == 499
        assert await code(miner, "atmset", f"{session},enabled=maybe") == 499
        await code(miner, "atmset", f"{session},enabled=false")
        assert (await config(miner))["IsAtmEnabled"] is False
        assert await code(miner, "profileset", f"{session},turbo") == 499
        assert await code(miner, "profileset", f"{session},415mhz") == 321
        assert (await config(miner))["Profile"] == "415MHz"


async def test_sleeping_and_waking() -> None:
    clock = ManualClock()
    async with running("S19k Pro", "127.67.5.3", clock=clock, device="luxos") as (_, miner):
        session = await log_on(miner)
        assert await code(miner, "curtail", f"{session},sleep") == 335
        assert (await config(miner))["CurtailMode"] == "Sleep"
        assert miner.truth(clock.now()).power_w < 100
        assert await code(miner, "curtail", f"{session},nap") == 499
        assert await code(miner, "curtail", f"{session},wakeup") == 335
        clock.advance(1_200)
        assert miner.truth(clock.now()).state == "mining"


async def test_the_session_lapses_after_a_minute_without_use() -> None:
    clock = ManualClock()
    async with running("S19k Pro", "127.67.5.4", clock=clock, device="luxos") as (_, miner):
        session = await log_on(miner)
        assert await code(miner, "logon") == 402
        clock.advance(59)
        assert await code(miner, "ledset", f"{session},red,blink") == 324
        clock.advance(59)
        assert (await rpc(miner, {"command": "session"}))["SESSION"][0]["SessionID"] == session
        assert await code(miner, "ledset", f"{session},red,auto") == 324
        clock.advance(61)
        assert await code(miner, "curtail", f"{session},sleep") == 403
        assert await code(miner, "logoff", session) == 403
        assert await log_on(miner) != session
        assert await code(miner, "curtail", "wrong,sleep") == 403
        assert await code(miner, "curtail", "") == 403


async def test_restart_ends_the_session() -> None:
    clock = ManualClock()
    async with running("S19k Pro", "127.67.5.5", clock=clock, device="luxos") as (_, miner):
        session = await log_on(miner)
        assert await code(miner, "rebootdevice", session) == 359
        assert miner.truth(clock.now()).restarts == 1
        assert miner.device.session_shown(clock.now()) == ""  # type: ignore[attr-defined]


async def test_faults_tell_apart() -> None:
    clock = ManualClock()
    async with running("S19k Pro", "127.67.5.6", clock=clock, device="luxos") as (fleet, miner):

        async def have(**fault: Any) -> None:
            miner.remove_faults(None, clock.now())
            assert "faults" in await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)

        await have(fault="session_taken")
        assert await code(miner, "logon") == 402
        assert (await rpc(miner, {"command": "session"}))["SESSION"][0]["SessionID"]
        assert await code(miner, "curtail", "x,sleep") == 403
        await have(fault="read_only")
        assert await code(miner, "logon") == 45
        await have(fault="no_writing")
        assert await code(miner, "logon") == 14
        await have(fault="lapsing")
        assert await code(miner, "curtail", f"{await log_on(miner)},sleep") == 403
        await have(fault="lapsing", seconds=5)
        session = await log_on(miner)
        assert await code(miner, "ledset", f"{session},green,on") == 324
        clock.advance(6)
        assert await code(miner, "ledset", f"{session},green,on") == 403
        await have(fault="refuses")
        session = await log_on(miner)
        assert await code(miner, "curtail", f"{session},sleep") == 499
        await have(fault="disobeys")
        assert await code(miner, "curtail", f"{session},sleep") == 335
        assert not miner.truth(clock.now()).asleep
        await have(fault="answers_lost")
        assert await code(miner, "curtail", f"{session},sleep") == -99
        assert miner.truth(clock.now()).asleep
