"""Antminers and Elphapex told on the web: digest, the whole configuration, work modes, restart, light, and faults."""

import asyncio
from typing import Any

import aiohttp
import pytest

from simulator.clock import ManualClock
from simulator.miner import SimulatedMiner
from tests.unit.simulator.ordering import control, running, web


async def configure(miner: SimulatedMiner, **changes: Any) -> tuple[int, Any]:
    """Post the whole configuration with changes; a value of None leaves the key out."""
    _, whole = await web(miner, "get_miner_conf")
    whole |= changes
    return await web(
        miner, "set_miner_conf", {key: value for key, value in whole.items() if value is not None}
    )


@pytest.mark.parametrize(
    ("number", "mode", "asleep"), [(1, "normal", True), (2, "high", False), ("3", "low", False)]
)
async def test_the_work_mode_is_posted_as_miner_mode_and_read_as_bitmain_work_mode(
    number: int | str, mode: str, asleep: bool
) -> None:
    async with running("S19 Pro", "127.67.1.1") as (fleet, miner):
        assert await configure(miner, **{"miner-mode": number}) == (
            200,
            {"stats": "success", "code": "M000", "msg": "OK!"},
        )
        assert (await web(miner, "get_miner_conf"))[1]["bitmain-work-mode"] == str(number)
        truth = miner.truth(fleet.now())
        assert (truth.asleep, truth.mode) == (asleep, mode)
        assert truth.state == ("sleeping" if asleep else "starting")
        (received,) = miner.received
        assert (received.command, received.accepted, received.obeyed) == (
            "/cgi-bin/set_miner_conf.cgi",
            True,
            True,
        )
        assert received.parameters["miner-mode"] == str(number)
        assert received.source == "127.0.0.1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pools": None, "miner-mode": 1}, "missing pools"),
        ({}, "missing miner-mode"),
        ({"bitmain-fan-ctrl": None, "miner-mode": 1}, "missing bitmain-fan-ctrl"),
        ({"miner-mode": 4}, "no such miner-mode: 4"),
        ({"miner-mode": 1, "pools": []}, "one to three pools"),
        ({"miner-mode": 1, "pools": [{"url": "stratum+tcp://a:1", "user": "x"}]}, "url, user and pass"),
        ({"miner-mode": 1, "pools": [{"url": "", "user": "x", "pass": "x"}]}, "no url"),
    ],
)
async def test_an_incomplete_configuration_is_refused_and_changes_nothing(
    changes: dict[str, Any], words: str
) -> None:
    async with running("S19 Pro", "127.67.1.2") as (fleet, miner):
        before = (await web(miner, "get_miner_conf"))[1]
        status, answer = await configure(miner, **changes)
        assert (status, answer["code"]) == (200, "M001")
        assert words in answer["msg"]
        assert (await web(miner, "get_miner_conf"))[1] == before
        assert miner.truth(fleet.now()).state == "mining"
        assert [(one.accepted, one.obeyed) for one in miner.received] == [(False, False)]


async def test_what_was_posted_is_kept_pools_too() -> None:
    async with running("S19 Pro", "127.67.1.3") as (_, miner):
        pools = [
            {"url": f"stratum+tcp://other{n}.example:1", "user": f"u{n}", "pass": f"p{n}"} for n in range(3)
        ]
        await configure(miner, **{"miner-mode": 0, "pools": pools, "bitmain-fan-pwm": "77"})
        _, read = await web(miner, "get_miner_conf")
        assert (read["pools"], read["bitmain-fan-pwm"]) == (pools, "77")
        _, shown = await web(miner, "pools")
        assert [pool["user"] for pool in shown["POOLS"]] == ["u0", "u1", "u2"]
        assert "p1" not in str(miner.received)


async def test_a_configuration_with_an_empty_value_comes_back_whole() -> None:
    async with running("S19", "127.67.1.4") as (_, miner):
        assert (await web(miner, "get_miner_conf"))[1]["bitmain-freq-level"] is None
        status, answer = await web(
            miner, "set_miner_conf", (await web(miner, "get_miner_conf"))[1] | {"miner-mode": 1}
        )
        assert (status, answer["code"]) == (200, "M000")
        assert (await web(miner, "get_miner_conf"))[1]["bitmain-freq-level"] is None


async def test_every_configuration_restarts_mining_and_power_follows_the_mode() -> None:
    clock = ManualClock()
    async with running("S19 Pro", "127.67.1.5", clock=clock) as (fleet, miner):
        normal = miner.truth(clock.now()).power_w
        await configure(miner, **{"miner-mode": 0})
        assert miner.truth(clock.now()).hashrate_hs == 0
        await configure(miner, **{"miner-mode": 3})
        clock.advance(1_200)
        assert fleet.power_w() == pytest.approx(0.75 * normal, rel=0.03)


async def test_a_wrong_password_is_told_apart_from_a_first_question() -> None:
    async with running("S19 Pro", "127.67.1.6", password="farm") as (_, miner):
        assert (await web(miner, "set_miner_conf", {"miner-mode": 1}, password="root"))[0] == 401
        assert [(one.accepted, one.answer) for one in miner.received] == [(False, "401 wrong password")]
        assert (await web(miner, "set_miner_conf", {"miner-mode": 1}, password=None))[0] == 401
        assert len(miner.received) == 1
        status, answer = await web(miner, "set_miner_conf", {"miner-mode": 1}, password="farm")
        assert (status, answer["code"]) == (200, "M001")


@pytest.mark.parametrize(
    "fault", [{"fault": "no_writing"}, {"password": "farm"}], ids=["no writing", "password"]
)
async def test_a_restart_that_is_asked_for_in_vain_is_noted(fault: Any) -> None:
    async with running("S19 Pro", "127.67.1.14", **fault) as (_, miner):
        status, _ = await web(miner, "reboot")
        assert status in (401, 404)
        assert [(one.command, one.accepted) for one in miner.received] == [("/cgi-bin/reboot.cgi", False)]


@pytest.mark.parametrize("model", ["S21", "DG1+"])
async def test_the_light_and_its_status(model: str) -> None:
    async with running(model, "127.67.1.7") as (_, miner):
        assert (await web(miner, "get_blink_status"))[1]["blink"] is False
        assert (await web(miner, "blink", {"blink": True}))[1]["code"] == "B000"
        assert (await web(miner, "get_blink_status"))[1]["blink"] is True
        assert (await web(miner, "blink", {"blink": "false"}))[1]["code"] == "B100"
        assert (await web(miner, "get_blink_status"))[1]["blink"] is False
        assert (await web(miner, "blink", {"blink": 7}))[1]["code"] == "M001"


@pytest.mark.parametrize("model", ["S19 Pro", "DG1+", "DG-Home1"])
@pytest.mark.parametrize("body", [None, {}], ids=["GET", "POST"])
async def test_a_restart_closes_the_ports_until_it_is_over(model: str, body: Any) -> None:
    clock = ManualClock()
    async with running(model, "127.67.1.8", clock=clock) as (_, miner):
        assert (await web(miner, "reboot", body))[0] == 200
        assert [(one.command, one.accepted) for one in miner.received] == [("/cgi-bin/reboot.cgi", True)]
        async with asyncio.timeout(60):
            while True:
                try:
                    await web(miner, "get_system_info")
                    await asyncio.sleep(0.01)
                except aiohttp.ClientConnectionError:
                    break
        clock.advance(90)
        async with asyncio.timeout(60):
            while True:
                try:
                    assert (await web(miner, "get_system_info"))[0] == 200
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.01)
        assert miner.truth(clock.now()).restarts == 1


@pytest.mark.parametrize("model", ["S19 Pro", "DG1+"])
async def test_disobedience(model: str) -> None:
    clock = ManualClock()

    async def sleep() -> tuple[int, Any]:
        if model == "DG1+":
            return await web(miner, "luci/setworkmode", {"workmode": "-1000"})
        return await configure(miner, **{"miner-mode": 1})

    def asleep() -> bool:
        return miner.truth(clock.now()).state == "sleeping"

    async with running(model, "127.67.1.9", clock=clock) as (fleet, miner):

        async def have(**fault: Any) -> None:
            miner.remove_faults(None, clock.now())
            await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)

        await have(fault="disobeys")
        assert (await sleep())[1]["code"] == "M000"
        assert not asleep()
        await have(fault="refuses")
        assert (await sleep())[1]["code"] == "M001"
        await have(fault="no_writing")
        assert (await sleep())[0] == 404
        await have(fault="slow_to_obey", seconds=120)
        assert (await sleep())[1]["code"] == "M000"
        clock.advance(119)
        assert not asleep()
        clock.advance(2)
        assert asleep()
        await have(fault="answers_lost")
        with pytest.raises(aiohttp.ClientConnectionError):
            await sleep()
        journal = [(one.accepted, one.obeyed) for one in miner.received]
        assert journal == [(True, False), (False, False), (False, False), (True, True), (True, True)]


async def test_elphapex_sleeps_and_wakes_and_shows_it() -> None:
    clock = ManualClock()
    async with running("DG1+", "127.67.1.10", clock=clock) as (_, miner):
        assert (await web(miner, "get_miner_conf"))[1]["fc-work-mode"] == 0
        assert (await web(miner, "luci/setworkmode", {"workmode": "-1000"}))[1]["code"] == "M000"
        assert (await web(miner, "get_miner_conf"))[1]["fc-work-mode"] == "-1000"
        assert miner.truth(clock.now()).power_w < 100
        assert (await web(miner, "luci/setworkmode", {"workmode": "7"}))[1]["code"] == "M001"
        assert (await web(miner, "luci/setworkmode", {"workmode": "0"}, password="no"))[0] == 401
        assert (await web(miner, "luci/setworkmode", {"workmode": "0"}))[1]["code"] == "M000"
        clock.advance(1_200)
        assert miner.truth(clock.now()).power_w > 3_000


async def test_received_on_the_control_interface() -> None:
    clock = ManualClock(1_750_000_000.0)
    async with running("S19 Pro", "127.67.1.11", clock=clock) as (fleet, miner):
        await configure(miner, **{"miner-mode": 1})
        clock.advance(10)
        await configure(miner, **{"miner-mode": 0})
        found = await control(fleet, "/received?container=c&miner=a1")
        assert [one["parameters"]["miner-mode"] for one in found["received"]] == ["1", "0"]
        assert found["sessions"] == []
        late = await control(fleet, "/received?since=1750000005")
        assert [one["at"] for one in late["received"]] == [1_750_000_010.0]
        assert (await control(fleet, "/received?container=other"))["received"] == []
        assert "since" in (await control(fleet, "/received?since=noon"))["mistakes"][0]


async def test_a_static_miner_sleeps_and_wakes_at_once() -> None:
    clock = ManualClock()
    async with running("S19 Pro", "127.67.1.12", clock=clock, static=True) as (_, miner):
        _, awake = await web(miner, "stats")
        await configure(miner, **{"miner-mode": 1})
        _, asleep = await web(miner, "stats")
        await configure(miner, **{"miner-mode": 0})
        _, again = await web(miner, "stats")
        assert asleep["STATS"][0]["rate_5s"] == 0
        assert again["STATS"][0]["rate_5s"] == pytest.approx(awake["STATS"][0]["rate_5s"], rel=0.02)
        assert again["STATS"][0]["rate_30m"] == pytest.approx(awake["STATS"][0]["rate_5s"], rel=0.02)
