"""Which temperatures are too hot, and that an inventory which leaves chips without a limit is told so, with the remedy."""

from pathlib import Path

import pytest

from miners.inventory.check import check_report
from miners.inventory.heat import temperature_limits_c
from miners.inventory.load import load
from miners.models import find_model

INVENTORY = """\
{defaults}
containers:
  - name: Yard
    miners:
      - {{addresses: 10.1.7.10-19, manufacturer: AntMiner, model: S19}}
      - {{address: 10.1.7.30}}
      - {{address: 10.1.7.31, active: false}}
      - {{address: 10.1.7.40, manufacturer: Avalon, model: "741"}}
  - name: Tank
    temperature_limits: {{chip_max: 80, inlet: 45}}
    miners: [{{address: 10.1.8.10}}]
  - name: Shed
    temperature_limits: {{inlet: 40}}
    miners: [{{address: 10.1.9.10, manufacturer: AntMiner, model: S9}}]
"""


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    return tmp_path / "targets.yml"


def test_a_check_counts_the_chips_without_a_limit(targets: Path) -> None:
    targets.write_text(INVENTORY.format(defaults=""))
    text, code = check_report([targets])
    assert code == 0
    remedy = "give the container, or `defaults`, temperature_limits: {chip_max: …}"
    unseen = "no limit for the hottest chip, so MinerOverTemperature does not see how hot"
    assert text.splitlines()[-3:] == [
        "2 notices:",
        f"Yard: 11 miners have {unseen} they are: {remedy}",
        f"Shed: 1 miner has {unseen} it is: {remedy}",
    ]


def test_a_limit_of_the_defaults_holds_for_all_and_under_a_containers_own(targets: Path) -> None:
    targets.write_text(
        INVENTORY.format(defaults="defaults: {temperature_limits: {chip_max: 95, outlet: 70}}")
    )
    text, _ = check_report([targets])
    assert "notice" not in text
    yard, tank, shed = load([targets]).containers
    assert temperature_limits_c(yard, None) == {"chip_max": 95.0, "outlet": 70.0}
    assert temperature_limits_c(tank, None) == {"chip_max": 80.0, "outlet": 70.0, "inlet": 45.0}
    assert temperature_limits_c(shed, None) == {"chip_max": 95.0, "outlet": 70.0, "inlet": 40.0}


def test_a_published_limit_stands_where_nobody_gave_one(targets: Path) -> None:
    targets.write_text(INVENTORY.format(defaults=""))
    yard, tank, _ = load([targets]).containers
    avalon, antminer = find_model("Avalon", "741"), find_model("AntMiner", "S19")
    assert temperature_limits_c(yard, avalon) == {"chip_max": 105.0}
    assert temperature_limits_c(tank, avalon) == {"chip_max": 80.0, "inlet": 45.0}
    assert temperature_limits_c(yard, antminer) == {}


@pytest.mark.parametrize("name", ["targets.yml", "targets.demo.yml"])
def test_the_repositorys_own_inventories_leave_no_chip_without_a_limit(name: str) -> None:
    text, _ = check_report([Path(__file__).parents[3] / name])
    assert "notice" not in text
