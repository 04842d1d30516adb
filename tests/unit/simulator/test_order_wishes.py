"""What a file may wish of taking orders, and what it is told where the make has no such thing; faults that begin later."""

from typing import Any

import pytest

from simulator.build import build_miners
from simulator.clock import ManualClock
from simulator.errors import SimulatorError
from simulator.order_faults import ORDER_FAULTS
from simulator.specs import ContainerSpec, MinerSpec
from tests.unit.simulator.ordering import control, rpc, running

START = 1_750_000_000.0
NOW = int(START)


def build(model: str, container: dict[str, Any] | None = None, **simulate: Any) -> Any:
    spec = MinerSpec(container="c", name="a1", address="127.0.0.1", model=model, simulate=simulate)
    return build_miners(
        [ContainerSpec(name="c", simulate=container or {}, miners=(spec,))], seed=1, start=START
    )[0]


@pytest.mark.parametrize("fault", [str(kind.__struct_config__.tag) for kind in ORDER_FAULTS])
def test_no_order_fault_for_who_takes_no_orders(fault: str) -> None:
    with pytest.raises(SimulatorError, match=f"{fault}: antminer_old cannot have it: it is for"):
        build("S9", fault=fault)


@pytest.mark.parametrize(
    ("model", "device", "fault"),
    [
        ("S19 Pro", None, "read_only"),
        ("DG1+", None, "read_only"),
        ("M30S+", None, "session_taken"),
        ("1246", None, "lapsing"),
        ("S19k Pro", "vnish", "disobeys"),
        ("S19k Pro", "antminer_new", "session_taken"),
    ],
)
def test_a_fault_that_the_make_cannot_have_is_refused(model: str, device: str | None, fault: str) -> None:
    with pytest.raises(SimulatorError, match=f"{fault}: .* cannot have it"):
        build(model, **({"device": device} if device else {}), fault=fault)


def test_passwords_of_a_miner_and_of_its_container() -> None:
    assert build("S19 Pro").orders.password == "root"
    assert build("M30S+").orders.password == "admin"
    assert build("M60S").orders.password == "super"
    assert build("S19 Pro", {"password": "all"}).orders.password == "all"
    assert build("S19 Pro", {"password": "all"}, password="own").orders.password == "own"
    assert build("1246", {"password": "all"}).device.default_password is None
    with pytest.raises(SimulatorError, match="avalon asks for none: leave it out"):
        build("1246", password="own")
    with pytest.raises(SimulatorError, match="password"):
        build("S19 Pro", password="")


def test_the_mode_command_is_for_v3_alone() -> None:
    with pytest.raises(SimulatorError, match="whatsminer_v2 has none: it is for whatsminer_v3"):
        build("M30S+", mode_command="set.miner.mode")
    with pytest.raises(SimulatorError, match="mode_command"):
        build("M60S", mode_command="set.miner.turbo")


async def test_a_misfit_is_refused_while_it_runs_too() -> None:
    async with running("1246", "127.67.8.1") as (fleet, _):
        answer = await control(fleet, "/miners/c/a1/faults", method="POST", body={"fault": "session_taken"})
        assert answer == {"mistakes": ["session_taken: avalon cannot have it: it is for luxos"]}


async def test_a_fault_that_begins_later_and_ends() -> None:
    clock = ManualClock(START)
    async with running("1246", "127.67.8.2", clock=clock, fault="refuses", after_s=60, for_s=60) as (
        _,
        miner,
    ):
        codes = []
        for _ in range(3):
            answer = await rpc(miner, {"command": "ascset", "parameter": "0,led,1-1"})
            codes.append(answer["STATUS"][0]["Code"])
            clock.advance(61)
        assert codes == [119, 120, 119]


async def test_the_fleet_says_where_its_gateways_are() -> None:
    async with running("1246", "127.67.8.3") as (fleet, _):
        assert (await control(fleet, "/fleet"))["gateways"] == []


@pytest.mark.parametrize("model", ["S19 Pro", "M30S+", "M60S", "1246", "S19k Pro"])
def test_a_static_miner_obeys_at_once_and_keeps_what_it_says_otherwise(model: str) -> None:
    spec = MinerSpec(
        container="c",
        name="a1",
        address="127.0.0.1",
        model=model,
        simulate={"device": "luxos"} if model == "S19k Pro" else {},
    )
    miner = build_miners([ContainerSpec(name="c", miners=(spec,))], seed=1, start=START, static=True)[0]
    before = miner.truth(START + 10).hashrate_hs
    change = miner.device.profile_change("underclock")
    miner.orders.obey("asleep", {}, change._replace(fields={"asleep": True}), START + 20)
    assert miner.truth(START + 20).state == "sleeping"
    miner.orders.obey("awake", {}, change._replace(fields={"asleep": False}), START + 30)
    truth = miner.truth(START + 30)
    assert (truth.state, truth.hashrate_hs) == ("mining", pytest.approx(before, rel=0.02))
    miner.orders.obey("underclock", {}, change, START + 40)
    assert miner.truth(START + 40).hashrate_hs == pytest.approx(0.8 * before, rel=0.04)


def test_a_journal_forgets_the_oldest_first() -> None:
    miner = build("1246")
    for number in range(10_001):
        miner.orders.refuse("ascset", {"number": number}, "120", START)
    assert len(miner.received) == 9_001
    assert miner.received[0].parameters == {"number": 1_000}
