"""What would come of an end is told before it comes, and is what comes then: of holds, and of overrides that end sooner."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.deeds import Invalid, NotThere, PlanChanged
from tests.system.control_stage import ANNA, container, inventory, quietly, stage


@quietly
async def test_what_a_release_sets_moving_is_told_before_and_is_what_happens(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 4, net=71), container("east", 2, net=72)) as on:
        await on.unplug("north.a4")
        await on.pass_(60)
        await on.meanwhile(on.engine.hold(("north",), "smoke", ANNA))
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        assert on.received() == []
        plan = await on.engine.plan_release(("north",))
        assert (plan.miners.targeted, plan.miners.will_change, plan.miners.skipped) == (4, 3, 1)
        assert [one.reason for one in plan.skipped] == ["unreachable"]
        assert plan.becomes == {"curtail": 3}
        assert plan.power_change_w < -3 * 2700
        assert on.received() == []
        # Whoever looked at something else than would be done now is shown that first.
        await on.override("underclock", miners=("north.a1", "north.a2"))
        with pytest.raises(PlanChanged) as changed:
            await on.meanwhile(on.engine.release(("north",), "it was dust", ANNA, plan=plan.fingerprint))
        now = changed.value.plan
        assert now.becomes == {"underclock": 2, "curtail": 1}
        assert [hold.reason for hold in on.engine.holds()] == ["smoke"]
        await on.meanwhile(on.engine.release(("north",), "it was dust", ANNA, plan=now.fingerprint))
        await on.pass_(120)
        assert on.told() == {"north.a1": 1, "north.a2": 1, "north.a3": 1}


@quietly
async def test_of_several_holds_only_those_that_end_are_thought_away(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 2, net=73), container("east", 1, net=74)) as on:
        await on.pass_(60)
        await on.meanwhile(on.engine.hold(("north",), "smoke", ANNA))
        await on.meanwhile(on.engine.hold(None, "grid works", ANNA))
        await on.override("curtail", containers=("north", "east"))
        both = await on.engine.plan_release(None)
        assert (both.miners.will_change, both.becomes) == (1, {"curtail": 1})
        assert [(one.reason, one.miners) for one in both.skipped] == [("held", 2)]
        assert (await on.engine.plan_release(("north",))).miners.will_change == 0
        with pytest.raises(NotThere):
            await on.engine.plan_release(("nowhere",))
        with pytest.raises(Invalid):
            await on.engine.plan_release(())


@quietly
async def test_a_release_that_trusts_a_shrunken_inventory_counts_what_that_sets_free(tmp_path: Path) -> None:
    north = container("north", 5, net=75, schedule="siesta")
    async with stage(tmp_path, north, container("south", 1, net=76, schedule="siesta")) as on:
        await on.pass_(30)
        await on.take(inventory(north))
        await on.restart()
        await on.pass_(340)
        await on.meanwhile(on.engine.hold(None, "to say that it is meant", ANNA))
        await on.pass_(10)
        assert (await on.engine.plan_release(None)).miners.will_change == 5
        await on.meanwhile(on.engine.release(None, "it is meant", ANNA))
        await on.pass_(60)
        assert len(on.received()) == 5


@quietly
async def test_what_a_sooner_end_brings_is_told_and_a_later_one_brings_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=77)) as on:
        await on.pass_(60)
        override, _ = await on.override("curtail", containers=("north",))
        await on.pass_(120)
        told = len(on.received())
        soon, late = (on.engine.now + timedelta(hours=hours) for hours in (1, 3))
        plan = await on.engine.plan_change_override(override.id, ends="at", until=soon)
        assert plan is not None
        assert (plan.starts_at, plan.miners.will_change, plan.then_profile) == (soon, 3, "normal")
        assert plan.becomes == {"normal": 3}
        assert plan.power_change_w > 3 * 2700
        named: dict[str, Any] = {"ends": "at", "reason": "done sooner", "actor": ANNA}
        with pytest.raises(PlanChanged):  # nobody has looked at it
            await on.meanwhile(on.engine.change_override(override.id, until=soon, plan="", **named))
        await on.meanwhile(on.engine.change_override(override.id, until=soon, plan=plan.fingerprint, **named))
        assert await on.engine.plan_change_override(override.id, ends="at", until=late) is None
        assert await on.engine.plan_change_override(override.id, ends="manual", until=None) is None
        with pytest.raises(Invalid):
            await on.engine.plan_change_override(override.id, ends="at", until=None)
        assert len(on.received()) == told
        await on.meanwhile(on.engine.change_override(override.id, until=late, plan="", **named))
        await on.pass_(3700)
        assert len(on.received()) == told
