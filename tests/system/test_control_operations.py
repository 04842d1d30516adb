"""Operations on many miners: planned, carried out, cancelled, undone, tried again, gone on with after a restart."""

from datetime import timedelta
from pathlib import Path

import pytest

from controller.deeds import Busy, Invalid, NotThere, OverrideWish, PlanChanged
from controller.model import Stagger
from miners.inventory.fleet import Ramp, Schedule
from tests.system.control_stage import ANNA, Choice, container, inventory, quietly, stage

ASLEEP = Schedule(id="asleep", name="asleep", otherwise="curtail")
ONE_BY_ONE = Ramp(step_w=1e9, every_s=10.0, batch=1)


def curtail(**more: object) -> OverrideWish:
    given = {
        "choice": Choice(containers=("north",)),
        "profile": "curtail",
        "ends": "manual",
        "reason": "grid",
    }
    return OverrideWish(**(given | more))  # type: ignore[arg-type]


@quietly
async def test_a_plan_counts_miners_and_watts_and_changes_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 4, net=41), container("east", 2, net=42)) as on:
        await on.unplug("north.a4")
        await on.pass_(60)
        plan = await on.engine.plan_override(curtail(), ANNA)
        assert (plan.miners.targeted, plan.miners.will_change, plan.miners.skipped) == (4, 3, 1)
        assert [(one.reason, one.miners) for one in plan.skipped] == [("unreachable", 1)]
        assert plan.power_now_w > 3 * 2800
        assert plan.power_after_w == pytest.approx(3 * 40.0)
        assert plan.power_known_ratio == 0.75
        assert plan.ends_at is None
        again = await on.engine.plan_override(curtail(), ANNA)
        assert again.fingerprint == plan.fingerprint
        assert [warned.code for warned in plan.warnings] == ["no_end"]
        with pytest.raises(PlanChanged) as changed:
            await on.engine.override(
                curtail(choice=Choice(containers=("north", "east")), plan=plan.fingerprint), ANNA
            )
        assert changed.value.plan.miners.targeted == 6
        assert on.engine.overrides() == ()
        _, operation = await on.meanwhile(on.engine.override(curtail(plan=plan.fingerprint), ANNA), 90)
        assert (await on.operation(operation.id)).counts == {"applied": 3, "unreachable": 1}
        plan = await on.engine.plan_override(curtail(), ANNA)
        assert (plan.miners.already, plan.miners.will_change) == (3, 0)
        assert "covers_override" in [warned.code for warned in plan.warnings]


@quietly
async def test_a_changed_profile_is_planned_before_it_is_written(tmp_path: Path) -> None:
    north = container("north", 2, net=43)
    async with stage(tmp_path, north) as on:
        await on.pass_(60)
        same = await on.meanwhile(on.engine.plan_inventory(inventory(north)))
        assert (same.miners.already, same.miners.will_change) == (2, 0)
        asleep = container("north", 2, net=43, schedule="asleep")
        plan = await on.meanwhile(on.engine.plan_inventory(inventory(asleep, schedules=(ASLEEP,))))
        assert plan.miners.will_change == 2
        assert on.received() == []


@quietly
async def test_wishes_that_cannot_be_are_refused_before_anything_is_kept(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=44)) as on:
        await on.pass_(30)
        now = on.engine.now
        for wish, at in (
            (curtail(profile="ludicrous"), "/profile"),
            (curtail(reason=" "), "/reason"),
            (curtail(ends="at"), "/until"),
            (curtail(ends="at", until=now), "/until"),
            (curtail(ends="at", until=now + timedelta(days=8)), "/until"),
            (curtail(ends="next_change"), "/ends"),
            (curtail(until=now + timedelta(hours=1)), "/until"),
            (curtail(choice=Choice()), "/target"),
            (curtail(stagger=Stagger(batch=0)), "/stagger/batch"),
        ):
            with pytest.raises(Invalid) as refused:
                await on.engine.override(wish, ANNA)
            assert refused.value.at == at
        with pytest.raises(NotThere, match=r"south, north\.a9"):
            await on.engine.override(
                curtail(choice=Choice(containers=("south",), miners=("north.a9",))), ANNA
            )
        await on.pass_(60)
        assert on.received() == []
        assert await on.events("override.created") == []


@quietly
async def test_a_cancelled_operation_leaves_done_what_is_done(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 6, net=45, ramp=ONE_BY_ONE)) as on:
        await on.pass_(30)
        override, operation = await on.override("curtail", containers=("north",))
        await on.pass_(22)
        cancelled = await on.meanwhile(on.engine.cancel(operation.id, undo=False, actor=ANNA), 60)
        told = len(on.received())
        assert 2 <= told <= 4
        done = await on.operation(cancelled.id)
        assert (done.state, done.counts) == ("cancelled", {"applied": told, "cancelled": 6 - told})
        await on.pass_(300)
        assert len(on.received()) == told
        asleep = {view.id for view in on.engine.views() if on.truth(view.id) == "sleeping"}
        assert len(asleep) == told
        kept = on.engine.overrides()[0]
        assert kept.id == override.id
        assert set(kept.except_miners) == {view.id for view in on.engine.views()} - asleep
        with pytest.raises(Invalid, match="has ended"):
            await on.engine.cancel(operation.id, undo=False, actor=ANNA)
        await on.accounted()


@quietly
async def test_an_undone_operation_brings_back_what_it_changed(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 6, net=46, ramp=ONE_BY_ONE)) as on:
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        await on.pass_(22)
        await on.meanwhile(on.engine.cancel(operation.id, undo=True, actor=ANNA))
        await on.pass_(400)
        assert on.engine.overrides() == ()
        assert {on.truth(view.id) for view in on.engine.views()} <= {"mining", "starting"}
        assert (await on.operation(operation.id)).state == "cancelled"
        assert all(view.matches for view in on.engine.views())
        await on.accounted()


@quietly
async def test_the_schedule_cannot_be_cancelled(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=47, schedule="siesta", ramp=ONE_BY_ONE)) as on:
        await on.pass_(305)
        running = (await on.storage.operations.find(limit=1))[0][0]
        with pytest.raises(Invalid, match="hold the container"):
            await on.engine.cancel(running.id, undo=False, actor=ANNA)


@quietly
async def test_a_restart_goes_on_with_intentions_and_interrupts_the_rest(tmp_path: Path) -> None:
    async with stage(
        tmp_path,
        container("north", 5, net=48, ramp=ONE_BY_ONE),
        container("east", 3, net=49, ramp=ONE_BY_ONE),
    ) as on:
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        reboot = await on.command("reboot", "east.a1", "east.a2", "east.a3")
        await on.pass_(15)
        await on.restart()
        await on.pass_(15)
        assert (await on.operation(reboot.id)).state == "interrupted"
        assert (await on.operation(operation.id)).state == "running"
        await on.pass_(300)
        done = await on.operation(operation.id)
        assert done.state == "done"
        assert sum(done.counts.values()) == 5
        assert {on.truth(f"north.a{at}") for at in range(1, 6)} == {"sleeping"}
        assert all(on.told()[f"north.a{at}"] == 1 for at in range(1, 6))
        assert sum(on.told()[f"east.a{at}"] for at in range(1, 4)) <= 2
        await on.pass_(600)
        assert len(on.received()) <= 7


@quietly
async def test_commands_are_done_once_one_at_a_time(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=50)) as on:
        await on.unplug("north.a3")
        await on.pass_(60)
        reboot = await on.command("reboot", "north.a1", "north.a3")
        assert (await on.operation(reboot.id)).counts.get("unreachable") == 1
        with pytest.raises(Busy) as busy:
            await on.command("locate", "north.a1")
        assert busy.value.operation_id == reboot.id
        await on.pass_(900)
        done = await on.operation(reboot.id)
        assert (done.state, done.counts) == ("done_with_failures", {"applied": 1, "unreachable": 1})
        assert on.told() == {"north.a1": 1}
        await on.heal("north.a3")
        await on.pass_(180)
        again = await on.meanwhile(on.engine.retry(reboot.id, (), ANNA))
        assert (again.cause, again.retry_of, again.total) == ("retry", reboot.id, 1)
        await on.pass_(900)
        assert (await on.operation(again.id)).counts == {"applied": 1}
        light = await on.command("locate", "north.a1", locate_on=False)
        await on.pass_(60)
        assert (await on.operation(light.id)).counts == {"unchanged": 1}
        reapply = await on.command("reapply", "north.a1", "north.a2")
        await on.pass_(60)
        assert (await on.operation(reapply.id)).counts == {"unchanged": 2}
        with pytest.raises(Invalid, match="nothing is left"):
            await on.engine.retry(light.id, (), ANNA)
        await on.accounted()


@quietly
async def test_a_staggered_override_is_spread_and_waits_for_its_start(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 4, net=51)) as on:
        await on.pass_(30)
        starts = on.engine.now + timedelta(seconds=100)
        override, operation = await on.override(
            "curtail", containers=("north",), starts_at=starts, stagger=Stagger(over_s=80.0, batch=1)
        )
        await on.pass_(90)
        assert on.received() == []
        assert (await on.operation(operation.id)).state == "queued"
        await on.pass_(200)
        times = [one.at - starts.timestamp() for one in sorted(on.received(), key=lambda one: one.at)]
        assert times == pytest.approx([0, 20, 40, 60], abs=3)
        assert (await on.operation(operation.id)).state == "done"
        assert on.view("north.a1").wanted.override_id == override.id


@quietly
async def test_a_newer_order_takes_over_from_a_running_one(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 5, net=52, ramp=ONE_BY_ONE)) as on:
        await on.pass_(30)
        _, first = await on.override("underclock", containers=("north",))
        await on.pass_(15)
        _, second = await on.override("curtail", containers=("north",), emergency=True)
        await on.pass_(60)
        assert {on.truth(view.id) for view in on.engine.views()} == {"sleeping"}
        assert (await on.operation(second.id)).counts == {"applied": 5}
        older = await on.operation(first.id)
        assert older.counts["skipped"] >= 3
        assert sum(older.counts.values()) == 5
        assert older.state in ("done", "done_with_failures")
        await on.accounted()
