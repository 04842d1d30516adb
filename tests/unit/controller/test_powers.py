"""What is known of a miner's power, from the best source to the last."""

from datetime import UTC, datetime

import pytest

from controller.model import MinerRecord
from controller.powers import highest_nominal_w, nominal_w
from miners.inventory.fleet import Miner, Origin
from miners.model import Identity, Snapshot

ORIGIN = Origin("targets.yml", 1)


def read(nominal_power_w: float | None, model: str | None = None, mode: str | None = None) -> Snapshot:
    return Snapshot(
        container="C",
        miner="m",
        address="a",
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_s=0.1,
        driver="avalon",
        state="mining",
        identity=Identity(manufacturer="Avalon", model=model),
        nominal_power_w=nominal_power_w,
        power_mode=mode,
    )


@pytest.mark.parametrize(
    ("given", "model", "snapshot", "watts"),
    [
        (3300.0, "1166 Pro", read(3400.0), 3300.0),
        (None, "1166 Pro", read(3350.0), 3350.0),
        (None, "1166 Pro", read(None), 3400.0),
        (None, "1166 Pro", None, 3400.0),
        (None, None, read(2600.0, "1166 Pro", "low"), 3400.0),
        (None, None, read(2600.0, "1166 Pro", "normal"), 2600.0),
        (None, None, read(3500.0, "1166 Pro", "low"), 3500.0),
        (None, None, read(2600.0, "of nobody's", "low"), 2600.0),
        (None, None, None, None),
        (None, "of nobody's", None, None),
    ],
)
def test_nominal_power_is_of_the_inventory_then_of_the_reading_then_of_the_model(
    given: float | None, model: str | None, snapshot: Snapshot | None, watts: float | None
) -> None:
    miner = Miner(
        name="m",
        container="C",
        address="a",
        manufacturer="Avalon",
        model=model,
        nominal_power_w=given,
        origin=ORIGIN,
    )
    assert nominal_w(miner, snapshot, None) == watts
    assert nominal_w(miner, snapshot, MinerRecord(miner="c.m")) == watts


def test_nominal_power_does_not_sink_with_the_mode_of_a_device_that_no_table_knows() -> None:
    miner = Miner(name="m", container="C", address="a", origin=ORIGIN)
    highest: float | None = None
    found = []
    for watts, mode in ((2600.0, "low"), (3300.0, "normal"), (2600.0, "low"), (None, "low"), (1800.0, "low")):
        snapshot = read(watts, "of nobody's", mode)
        highest = highest_nominal_w(miner, snapshot, highest)
        found.append(nominal_w(miner, snapshot, MinerRecord(miner="c.m", nominal_power_w=highest)))
    assert found == [2600.0, 3300.0, 3300.0, 3300.0, 3300.0]
    assert highest == 3300.0
    assert nominal_w(miner, None, MinerRecord(miner="c.m", nominal_power_w=3300.0)) == 3300.0


def test_what_the_inventory_says_and_what_is_beyond_its_model_is_not_taken_for_a_devices_own() -> None:
    told = Miner(name="m", container="C", address="a", nominal_power_w=9000.0, origin=ORIGIN)
    assert highest_nominal_w(told, read(9000.0), None) is None
    assert nominal_w(told, read(9000.0), MinerRecord(miner="c.m", nominal_power_w=3300.0)) == 9000.0
    silent = Miner(name="m", container="C", address="a", origin=ORIGIN)
    assert highest_nominal_w(silent, read(34e6, "1166 Pro"), 3400.0) == 3400.0
    assert highest_nominal_w(silent, read(3500.0, "1166 Pro"), 3400.0) == 3500.0
