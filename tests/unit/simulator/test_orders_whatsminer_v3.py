"""Whatsminer API v3 told: the token of each command, its time, every code of refusal, and what the body then does."""

import base64
import hashlib
from typing import Any

import pytest

from simulator.clock import ManualClock
from simulator.miner import SimulatedMiner
from tests.unit.simulator.ordering import control, frame, running

PASSWORD = "farm"


async def info(miner: SimulatedMiner, what: str) -> Any:
    return (await frame(miner, {"cmd": "get.device.info", "param": what}))["msg"][what]


async def tell(
    miner: SimulatedMiner,
    command: str,
    parameter: Any = None,
    *,
    password: str = PASSWORD,
    ts: int = 1_750_000_000,
    **more: Any,
) -> int:
    """Return the code of the answer; None of it where none came."""
    salt = await info(miner, "salt")
    digest = hashlib.sha256(f"{command}{password}{salt}{ts}".encode()).digest()
    token = base64.b64encode(digest).decode()[:8]
    request = {"cmd": command, "ts": ts, "token": token, "account": "super"} | more
    if parameter is not None:
        request["param"] = parameter
    answer = await frame(miner, request)
    return int(answer["code"]) if answer else -99


async def test_sleeping_waking_and_how_it_reads() -> None:
    clock = ManualClock(1_750_000_000.0)
    async with running("M60S", "127.67.3.1", clock=clock, password=PASSWORD) as (_, miner):
        assert await tell(miner, "set.miner.service", "stop") == 0
        assert (await info(miner, "miner"))["working"] == "false"
        assert miner.truth(clock.now()).power_w < 100
        assert await tell(miner, "set.miner.service", "start") == 0
        clock.advance(1_200)
        assert (await info(miner, "miner"))["working"] == "true"
        assert miner.truth(clock.now()).state == "mining"
        assert [(one.command, one.parameters, one.accepted) for one in miner.received] == [
            ("set.miner.service", {"param": "stop"}, True),
            ("set.miner.service", {"param": "start"}, True),
        ]
        assert [one.command for one in miner.orders.sessions] == ["salt", "salt"]


@pytest.mark.parametrize(
    ("command", "parameter", "share", "field", "value"),
    [
        ("set.miner.power_limit", 2_753, 0.8, "power-limit", 2_753),
        ("set.miner.power_percent", {"percent": "60", "mode": "normal"}, 0.6, None, None),
        ("set.miner.power_percent", 60, 0.6, None, None),
        ("set.miner.power_mode", "0", 0.75, None, None),
        ("set.miner.power_mode", "high", 1.15, None, None),
    ],
)
async def test_power_follows_and_reads_back(
    command: str, parameter: Any, share: float, field: str | None, value: Any
) -> None:
    clock = ManualClock(1_750_000_000.0)
    async with running("M60S", "127.67.3.2", clock=clock, password=PASSWORD) as (fleet, miner):
        assert await tell(miner, command, parameter) == 0
        if command == "set.miner.power_mode":
            assert (await info(miner, "power"))["mode"] == {"0": "0", "high": "2"}[parameter]
        clock.advance(1_500)
        assert fleet.power_w() == pytest.approx(share * 3_441, rel=0.06)
        summary = (await frame(miner, {"cmd": "get.miner.status", "param": "summary"}))["msg"]["summary"]
        assert field is None or summary[field] == value


@pytest.mark.parametrize(
    ("command", "parameter", "more", "code"),
    [
        ("set.miner.service", "stop", {"password": "super"}, -4),
        ("set.miner.service", "stop", {"token": "AAAAAAAA"}, -4),
        ("set.miner.service", "stop", {"account": "user"}, -4),
        ("set.miner.service", "stop", {"ts": 1_750_000_181}, -4),
        ("set.miner.service", "stop", {"ts": 1_749_999_819}, -4),
        ("set.miner.service", "nap", {}, -3),
        ("set.miner.power_limit", 99_999, {}, -3),
        ("set.miner.power_percent", 130, {}, -3),
        ("set.miner.power_mode", "3", {}, -3),
        ("set.miner.mode", "0", {}, -2),
        ("set.no.such", "0", {}, -2),
    ],
)
async def test_what_is_refused_changes_nothing(
    command: str, parameter: Any, more: dict[str, Any], code: int
) -> None:
    clock = ManualClock(1_750_000_000.0)
    async with running("M60S", "127.67.3.3", clock=clock, password=PASSWORD) as (_, miner):
        assert await tell(miner, command, parameter, **more) == code
        assert miner.truth(clock.now()).state == "mining"
        (received,) = miner.received
        assert (received.accepted, received.answer.split()[0]) == (False, str(code))


async def test_a_firmware_that_says_its_mode_otherwise() -> None:
    async with running("M60S", "127.67.3.4", password=PASSWORD, mode_command="set.miner.mode") as (_, miner):
        assert await tell(miner, "set.miner.power_mode", 0) == -2
        assert await tell(miner, "set.miner.mode", 0) == 0
        assert (await info(miner, "power"))["mode"] == "0"


async def test_faults_light_and_restart() -> None:
    clock = ManualClock(1_750_000_000.0)
    async with running("M60S", "127.67.3.5", clock=clock, password=PASSWORD) as (fleet, miner):

        async def have(**fault: Any) -> None:
            miner.remove_faults(None, clock.now())
            assert "faults" in await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)

        await have(fault="read_only")
        assert (await info(miner, "system"))["apiswitch"] == "0"
        assert await tell(miner, "set.miner.service", "stop") == -4
        await have(fault="no_writing")
        assert await tell(miner, "set.miner.service", "stop") == -2
        await have(fault="refuses")
        assert await tell(miner, "set.miner.service", "stop") == -1
        await have(fault="disobeys")
        assert await tell(miner, "set.miner.service", "stop") == 0
        assert miner.truth(clock.now()).state == "mining"
        await have(fault="answers_lost")
        assert await tell(miner, "set.miner.service", "stop") == -99
        assert miner.truth(clock.now()).state == "sleeping"
        await have(fault="wrong_password")
        assert await tell(miner, "set.miner.service", "start") == -4
        miner.remove_faults(None, clock.now())
        assert await tell(miner, "set.system.led", {"color": "red"}) == 0
        assert (await info(miner, "system"))["ledstatus"] == "blink"
        assert await tell(miner, "set.system.led", "auto") == 0
        assert (await info(miner, "system"))["ledstatus"] == "auto"
        assert await tell(miner, "set.system.reboot") == 0
        assert miner.truth(clock.now()).restarts == 1
