"""The steps that are kept: worked out once for miners that are alike, and never more than so many."""

import msgspec
import pytest

from controller import steps
from controller.model import MinerRecord, Step
from controller.readings import Known
from controller.watched import Watched
from miners.inventory.fleet import Inventory, Profile
from tests.unit.controller.small_fleet import container, snapshot, target

YARD = container("Yard", "a1")
INVENTORY = Inventory(profiles={"normal": Profile(name="normal", target_percent=100)})


def watched(nominal_power_w: float) -> Watched:
    miner = msgspec.structs.replace(YARD.miners[0], nominal_power_w=nominal_power_w)
    known = Known(
        id="yard.a1", container=YARD, miner=miner, target=target(YARD, miner), snapshot=snapshot(YARD)
    )
    return Watched(known=known, record=MinerRecord(miner=known.id))


def test_steps_are_worked_out_once_for_all_alike_and_no_more_are_kept_than_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "MOST", 3)
    made: list[float | None] = []
    work_out = steps.step_for

    def counted(*given: object, **more: object) -> Step:
        made.append(given[3])  # type: ignore[arg-type]
        return work_out(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "step_for", counted)
    kept = steps.Steps()
    for _ in range(2):
        kept.of(INVENTORY, watched(3000.0), "normal")
    assert made == [3000.0]
    for at in range(1, 10):
        assert kept.of(INVENTORY, watched(3000.0 + at), "normal")[0] is not None
    assert made == [3000.0 + at for at in range(10)]
    assert len(kept._steps) <= 3
