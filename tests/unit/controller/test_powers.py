"""What is known of a miner's power, from the best source to the last."""

from datetime import UTC, datetime

import pytest

from controller.powers import nominal_w
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
    assert nominal_w(miner, snapshot) == watts
