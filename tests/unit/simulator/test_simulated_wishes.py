"""What the simulator refuses before it opens anything: every mistake named, in one line each."""

from pathlib import Path

import pytest

from simulator.build import build_miners
from simulator.devices.makes import DEVICES
from simulator.errors import SimulatorError
from simulator.faults import FAULTS, as_mapping, read_faults
from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec, MinerSpec


def mistakes_of(*miners: MinerSpec, **simulate: object) -> tuple[str, ...]:
    container = ContainerSpec(name="Контейнер 1", simulate=simulate, miners=miners)
    with pytest.raises(SimulatorError) as refused:
        build_miners([container], seed=1, start=0.0)
    assert all("\n" not in mistake for mistake in refused.value.mistakes)
    return refused.value.mistakes


def miner(name: str = "a1", address: str = "127.0.0.1", **more: object) -> MinerSpec:
    return MinerSpec(container="Контейнер 1", name=name, address=address, **{"model": "S19", **more})


@pytest.mark.parametrize("address", ["10.1.7.10", "0.0.0.0", "miner.example", "192.168.1.1", "::"])
def test_an_address_outside_loopback_is_refused_in_one_line(address: str) -> None:
    (mistake,) = mistakes_of(miner(address=address))
    assert mistake == (
        f"{address} (container Контейнер 1, miner a1): simulated miners listen on loopback only: "
        "give them addresses such as 127.10.1.10"
    )


def test_many_foreign_addresses_are_still_one_line() -> None:
    (mistake,) = mistakes_of(*(miner(f"a{n}", f"10.0.0.{n}") for n in range(1, 200)))
    assert "and 198 more" in mistake


def test_the_control_interface_stays_on_loopback_too() -> None:
    with pytest.raises(SimulatorError, match="loopback"):
        SimulatedFleet([], control_host="0.0.0.0")


def test_every_mistake_of_every_mapping_is_named() -> None:
    mistakes = mistakes_of(
        miner("a1", simulate={"fault": "board_dead", "board": "two", "bord": 3}),
        miner(
            "a2", "127.0.0.2", simulate={"faults": [{"fault": "sleepy"}, {"fault": "slow", "seconds": -1}, 7]}
        ),
        miner(
            "a3", "127.0.0.3", simulate={"colour": "red", "device": "toaster", "setting": {"mode": "turbo"}}
        ),
        weather={"mean_c": "warm"},
        faults=[{"fault": "silent", "miners": ["b*"]}],
    )
    expected = (
        "container Контейнер 1: simulate.weather: ",
        "container Контейнер 1: simulate.faults[0].miners: no miner",
        "container Контейнер 1, miner a1: simulate.board: 'two' does not do",
        "container Контейнер 1, miner a1: simulate.bord: board_dead has no such field; it has ",
        "container Контейнер 1, miner a2: simulate.faults[0].fault: 'sleepy' is no fault; there are board_dead,",
        "container Контейнер 1, miner a2: simulate.faults[1].seconds: -1 does not do",
        "container Контейнер 1, miner a2: simulate.faults[2]: a fault is a mapping",
        "container Контейнер 1, miner a3: simulate.colour: unknown",
        "container Контейнер 1, miner a3: simulate.device: 'toaster' is no device",
        "container Контейнер 1, miner a3: simulate.setting: ",
    )
    for beginning in expected:
        assert any(mistake.startswith(beginning) for mistake in mistakes), (beginning, mistakes)
    assert len(mistakes) == len(expected)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"model": "S77"}, "model 'S77' cannot be simulated: name one of S9, "),
        ({"model": None}, "no model: name one of "),
        (
            {"simulate": {"fault": "board_dead", "board": 4}},
            "board: 4 is too many, AntMiner S19 has 3 boards",
        ),
        ({"simulate": {"fault": "chip_loss", "chips": 500}}, "chips: 500 is too many"),
        ({"simulate": {"fault": "flapping", "every_s": 60, "down_s": 60}}, "take a shorter one"),
        ({"simulate": {"device": "avalon"}}, "AntMiner S19 cannot be simulated as avalon"),
        ({"simulate": {"pools": [{"url": "a", "user": "b"}] * 4}}, "one to three pools"),
        ({"port": None, "web_port": None}, "every port that antminer_new answers on is null"),
    ],
)
def test_what_does_not_fit_a_miner_is_said(more: dict, expected: str) -> None:
    mistakes = mistakes_of(miner(**more))
    assert any(expected in mistake for mistake in mistakes), mistakes


def test_two_miners_cannot_share_a_port() -> None:
    (mistake, *_) = mistakes_of(miner("a1"), miner("a2"))
    assert "127.0.0.1:4028 belongs to miner a1 of container Контейнер 1 already" in mistake


def test_the_list_of_mistakes_has_an_end() -> None:
    mistakes = mistakes_of(*(miner(f"a{n}", f"127.0.1.{n}", model="S77") for n in range(1, 120)))
    assert len(mistakes) == 51
    assert mistakes[-1] == "and 69 mistakes more"


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_asked_for_by_name_alone_and_says_what_it_does(name: str) -> None:
    mistakes: list[str] = []
    (fault,) = read_faults({"fault": name}, "faults", mistakes)
    assert not mistakes
    again = as_mapping(fault)
    assert again["fault"] == name
    assert read_faults([again], "faults", mistakes) == (fault,)
    assert type(fault).__doc__


def test_the_page_about_the_simulator_names_every_fault_and_every_device() -> None:
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert set(FAULTS) <= rows
    assert set(DEVICES) <= rows
