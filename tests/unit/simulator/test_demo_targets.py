"""The demo's file: read by the real inventory, taken by the simulator, and as large and as varied as was promised."""

from pathlib import Path

import msgspec
import pytest

from miners.inventory.fleet import Inventory
from miners.inventory.load import load
from simulator.build import build_miners
from simulator.devices.makes import DEVICES
from simulator.faults import FAULTS
from simulator.miner import SimulatedMiner
from simulator.specs import ContainerSpec

DEMO = Path(__file__).parents[3] / "targets.demo.yml"
START = 1_750_000_000.0


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load([DEMO])


@pytest.fixture(scope="module")
def miners(inventory: Inventory) -> list[SimulatedMiner]:
    specs = [
        msgspec.convert(container, ContainerSpec, from_attributes=True) for container in inventory.containers
    ]
    return build_miners(specs, seed=1, start=START)


def test_it_is_large_and_has_every_make(inventory: Inventory, miners: list[SimulatedMiner]) -> None:
    assert not inventory.warnings
    assert len(inventory.containers) >= 4
    assert len({container.timezone for container in inventory.containers}) >= 4
    assert len(miners) >= 240
    assert {miner.device_name for miner in miners} == set(DEVICES)
    assert {miner.physics.figures.cooling for miner in miners} >= {"air", "hydro"}
    assert all(port >= 1024 for miner in miners for port in miner.ports.values())


def test_about_a_tenth_is_faulty_in_different_ways(miners: list[SimulatedMiner]) -> None:
    faults = [fault.name for miner in miners for fault in miner.physics.faults()]
    assert 0.07 < len(faults) / len(miners) < 0.15
    assert len(set(faults)) >= 15
    assert set(faults) <= set(FAULTS)


def test_every_container_stays_within_its_power_limit_and_its_places(
    inventory: Inventory, miners: list[SimulatedMiner]
) -> None:
    for container in inventory.containers:
        drawn = sum(
            miner.truth(START + 3_600).power_w for miner in miners if miner.spec.container == container.name
        )
        assert container.power_limit_w is not None
        assert 0.5 * container.power_limit_w < drawn < container.power_limit_w
        places = [(miner.row, miner.column) for miner in container.miners]
        assert len(set(places)) == len(places)
