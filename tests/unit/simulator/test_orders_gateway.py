"""The token gateway: log in by a miner's address, set profiles, curtail, log out, tokens that lapse, miners that refuse."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.build import build_miners
from simulator.clock import ManualClock
from simulator.errors import SimulatorError
from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec, MinerSpec
from tests.unit.simulator.ordering import CALM, control

MODELS = ("S19 Pro", "M30S+", "S19k Pro", "DG1+")
START = 1_750_000_000.0


@pytest.fixture
async def fleet() -> AsyncIterator[SimulatedFleet]:
    miners = tuple(
        MinerSpec(
            container="c",
            name=f"a{number}",
            address=f"127.67.6.{number}",
            port=24028,
            web_port=28080,
            model=model,
            simulate={"device": "luxos"} if model == "S19k Pro" else {},
        )
        for number, model in enumerate(MODELS, 1)
    )
    spec = ContainerSpec(name="c", simulate={"wear": CALM, "gateway": 0}, miners=miners)
    running = SimulatedFleet([spec], seed=5, clock=ManualClock(START), control_port=0)
    await running.start()
    yield running
    await running.stop()


async def post(fleet: SimulatedFleet, call: str, **body: Any) -> tuple[int, Any]:
    (gateway,) = fleet.gateways
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/api/{call}", data=json.dumps(body)) as answer,
    ):
        return answer.status, await answer.json()


async def log_in(fleet: SimulatedFleet, number: int) -> str:
    status, answer = await post(fleet, "login", miner_ip=f"127.67.6.{number}")
    assert status == 200
    return str(answer["token"])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_profiles_change_power(fleet: SimulatedFleet, number: int) -> None:
    clock, miner = fleet.clock, fleet.miners[number - 1]
    assert isinstance(clock, ManualClock)
    token = await log_in(fleet, number)
    for profile, share in (("underclock", 0.75), ("normal", 1.0), ("overclock", 1.15)):
        assert await post(fleet, "profileset", token=token, profile=profile) == (200, {"message": "ok"})
        clock.advance(3_000)
        fleet.gateways[0].token_s = 1e9
        truth = miner.truth(clock.now())
        assert truth.power_w == pytest.approx(share * truth.nominal_power_w, rel=0.08)
    assert [(one.command, one.parameters) for one in miner.received] == [
        ("/api/profileset", {"profile": profile}) for profile in ("underclock", "normal", "overclock")
    ]
    assert token not in str(miner.received) + str(miner.orders.sessions)


async def test_curtailing_and_logging_out(fleet: SimulatedFleet) -> None:
    token = await log_in(fleet, 1)
    assert (await post(fleet, "curtail", token=token, mode="sleep"))[0] == 200
    assert fleet.miners[0].truth(fleet.now()).state == "sleeping"
    assert fleet.miners[1].truth(fleet.now()).state == "mining"
    assert (await post(fleet, "curtail", token=token, mode="active"))[0] == 200
    assert fleet.miners[0].truth(fleet.now()).state == "starting"
    assert (await post(fleet, "logout", miner_ip="127.67.6.1"))[0] == 200
    assert await post(fleet, "curtail", token=token, mode="sleep") == (
        400,
        {"error": "invalid or expired token"},
    )


async def test_what_is_wrong_is_400(fleet: SimulatedFleet) -> None:
    clock = fleet.clock
    assert isinstance(clock, ManualClock)
    token = await log_in(fleet, 1)
    assert (await post(fleet, "login", miner_ip="10.0.0.1"))[0] == 400
    assert (await post(fleet, "logout", miner_ip="10.0.0.1"))[0] == 400
    assert (await post(fleet, "profileset", token="x", profile="normal"))[0] == 400
    assert await post(fleet, "profileset", token=token, profile="turbo") == (
        400,
        {"error": "invalid profile"},
    )
    assert await post(fleet, "curtail", token=token, mode="nap") == (400, {"error": "invalid mode"})
    await control(fleet, "/miners/c/a1/faults", method="POST", body={"fault": "refuses"})
    assert (await post(fleet, "curtail", token=token, mode="sleep"))[0] == 400
    fleet.miners[0].remove_faults(None, clock.now())
    await control(fleet, "/miners/c/a1/faults", method="POST", body={"fault": "answers_lost"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(fleet, "curtail", token=token, mode="sleep")
    assert fleet.miners[0].truth(clock.now()).asleep
    fleet.miners[0].remove_faults(None, clock.now())
    clock.advance(600)
    assert (await post(fleet, "curtail", token=token, mode="active"))[0] == 400


def test_a_gateway_stays_on_loopback_and_its_wish_is_checked() -> None:
    elsewhere = ContainerSpec(name="c", simulate={"gateway": {"port": 8090, "address": "10.0.0.1"}})
    with pytest.raises(SimulatorError, match="not on loopback"):
        SimulatedFleet([elsewhere], control_port=None)
    with pytest.raises(SimulatorError, match="gateway"):
        build_miners([ContainerSpec(name="c", simulate={"gateway": 70_000})], seed=1, start=START)


async def test_a_taken_port_is_named(fleet: SimulatedFleet) -> None:
    port = int(fleet.gateways[0].url.rpartition(":")[2])
    other = SimulatedFleet([ContainerSpec(name="d", simulate={"gateway": port})], control_port=None)
    with pytest.raises(
        SimulatorError, match=f"container d: simulate.gateway: cannot listen on 127.0.0.1:{port}"
    ):
        await other.start()
