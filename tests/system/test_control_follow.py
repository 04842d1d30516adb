"""Miners follow their orders over real sockets: by the clock, by people, and when something goes against it."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from controller.watched import moment
from miners.inventory.fleet import Ramp
from simulator.setting import Setting
from tests.system.control_stage import ANNA, NOON, container, quietly, stage


@quietly
async def test_a_boundary_puts_every_miner_to_sleep_once_and_wakes_it_again(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 4, net=1, schedule="siesta")) as on:
        await on.pass_(60)
        assert on.received() == []
        assert all(view.matches for view in on.engine.views())
        await on.pass_(240 + 60)
        assert set(on.told().values()) == {1}
        assert all(on.truth(view.id) == "sleeping" for view in on.engine.views())
        await on.pass_(900)
        assert {on.truth(view.id) for view in on.engine.views()} <= {"mining", "starting"}
        assert all(view.matches for view in on.engine.views())
        await on.accounted()
        begun = await on.events("schedule.period_begun")
        assert [event.params["profile"] for event in begun] == ["normal", "curtail", "normal"]


@quietly
async def test_a_late_miner_is_caught_and_one_changed_by_hand_is_put_right(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=2, schedule="siesta")) as on:
        await on.pass_(250)
        await on.unplug("north.a1")
        await on.pass_(150)
        assert on.told() == {"north.a2": 1, "north.a3": 1}
        operation = (await on.storage.operations.find(limit=1))[0][0]
        assert (operation.cause, operation.state) == ("schedule", "done_with_failures")
        assert operation.counts == {"applied": 2, "unreachable": 1}
        await on.heal("north.a1")
        await on.pass_(180)
        assert on.truth("north.a1") == "sleeping"
        on.miner("north.a2").order(Setting(), on.clock.now())
        await on.pass_(120)
        assert on.truth("north.a2") == "sleeping"
        why = [(event.miner, event.params["why"]) for event in await on.events("command.sent")]
        assert why[2:] == [("north.a1", "late"), ("north.a2", "departed")]
        assert [event.miner for event in await on.events("state.departed")] == ["north.a2"]
        await on.accounted()


@quietly
async def test_an_override_holds_until_it_lapses_and_an_older_one_holds_again(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 2, net=3)) as on:
        await on.pass_(30)
        older, _ = await on.override("underclock", containers=("north",))
        await on.pass_(120)
        until = on.engine.now + timedelta(seconds=120)
        newer, operation = await on.override("curtail", miners=("north.a1",), ends="at", until=until)
        await on.pass_(60)
        done = await on.operation(operation.id)
        assert (done.state, done.counts) == ("done", {"applied": 1})
        assert [on.view(f"north.a{at}").wanted.override_id for at in (1, 2)] == [newer.id, older.id]
        assert on.truth("north.a1") == "sleeping"
        await on.pass_(240)
        assert on.view("north.a1").wanted.override_id == older.id
        assert on.view("north.a1").matches
        assert on.truth("north.a1") in ("mining", "starting")
        assert [event.params["override_id"] for event in await on.events("override.lapsed")] == [newer.id]
        assert [one.id for one in on.engine.overrides()] == [older.id]
        ended = await on.meanwhile(on.engine.end_override(older.id, ANNA))
        await on.pass_(240)
        assert (await on.operation(ended.id)).state == "done"
        assert {view.wanted.source for view in on.engine.views()} == {"schedule"}
        assert all(view.matches for view in on.engine.views())
        await on.accounted()


@quietly
async def test_an_override_until_the_next_change_ends_with_it(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=4, schedule="siesta")) as on:
        await on.pass_(30)
        override, _ = await on.override("underclock", containers=("north",), ends="next_change")
        assert override.until_by_container["north"] == moment(NOON + 300)
        await on.pass_(260)
        assert on.view("north.a1").wanted.profile == "underclock"
        await on.pass_(20)
        assert on.view("north.a1").wanted.profile == "curtail"
        assert on.engine.overrides() == ()


@quietly
async def test_a_disobedient_miner_is_told_so_looked_at_again_and_raises_drift(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 2, net=5, interval_s=20.0)) as on:
        on.bend("north.a1", "disobeys")
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        while on.engine.operation(operation.id) is not None:
            await on.pass_(10)
        done = await on.operation(operation.id)
        assert (done.state, done.counts) == ("done_with_failures", {"applied": 1, "accepted_unverified": 1})
        record = on.view("north.a1").record
        assert record is not None
        assert (record.applied_profile, record.last_outcome) == ("normal", "accepted_unverified")
        assert on.told() == {"north.a1": 1, "north.a2": 1}
        await on.pass_(280)
        assert await on.events("drift.begun") == []
        assert on.told()["north.a1"] == 1
        await on.pass_(40)
        assert [event.miner for event in await on.events("drift.begun")] == ["north.a1"]
        assert next(one for one in on.engine.container_figures()).drifting == 1
        drifting = [one for one in on.engine.miner_figures() if one.drifting]
        assert [(one.miner, one.control) for one in drifting] == [("a1", "enforce")]
        figures = {one.miner: (one.desired_ratio, one.applied_ratio) for one in on.engine.miner_figures()}
        assert figures == {"a1": (0.0, 1.0), "a2": (0.0, 0.0)}
        await on.heal("north.a1")
        await on.pass_(3600)
        assert on.truth("north.a1") == "sleeping"
        assert [event.miner for event in await on.events("drift.ended")] == ["north.a1"]
        assert 2 <= on.told()["north.a1"] <= 5
        await on.accounted()


@quietly
async def test_a_wrong_password_is_not_tried_again_and_again(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=6)) as on:
        on.bend("north.a1", "wrong_password")
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        await on.pass_(3600)
        assert (await on.operation(operation.id)).counts == {"auth_failed": 1}
        # Before the override the schedule may have tried too: the fault may come before the first reading of the mode.
        finished = await on.events("command.finished")
        told = [event.outcome for event in finished if event.operation_id == operation.id]
        assert told == ["auth_failed"]
        assert len(finished) <= 2
        await on.heal("north.a1")
        again = await on.meanwhile(on.engine.retry(operation.id, ("auth_failed",), ANNA))
        await on.pass_(60)
        assert (await on.operation(again.id)).counts == {"applied": 1}
        assert on.truth("north.a1") == "sleeping"
        await on.accounted()


@quietly
async def test_a_clock_that_was_set_back_a_year_makes_nobody_wait_a_year(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=238)) as on:
        await on.pass_(30)
        await on.unplug("north.a1")
        await on.pass_(60)
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        await on.stop()
        record = on.view("north.a1").record
        assert record is not None
        later = on.engine.now + timedelta(days=365)
        await on.write_record(msgspec.structs.replace(record, not_before=later, attempts=1))
        await on.heal("north.a1")
        await on.start()
        await on.pass_(1700)
        assert on.received() == []
        await on.pass_(300)
        assert on.truth("north.a1") == "sleeping"
        await on.accounted()


@quietly
async def test_what_refuses_is_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=7)) as on:
        on.bend("north.a1", "refuses")
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        await on.pass_(3000)
        tries = [event.at.timestamp() for event in await on.events("command.finished")]
        pauses = [round(after - before, -1) for before, after in pairwise(tries)]
        assert pauses[:4] == [30, 60, 120, 300]
        done = await on.operation(operation.id)
        assert (done.state, done.counts) == ("done_with_failures", {"refused": 1})
        assert (await on.results(operation.id))["north.a1"].attempts == 3


@quietly
async def test_ramps_bound_how_many_go_at_once_and_an_emergency_skips_them(tmp_path: Path) -> None:
    ramp = Ramp(step_w=7_000.0, every_s=20.0, batch=20)
    async with stage(tmp_path, container("north", 6, net=8, ramp=ramp)) as on:
        await on.pass_(30)
        override, _ = await on.override("curtail", containers=("north",))
        await on.pass_(90)
        times = sorted(one.at for one in on.received())
        assert len(times) == 6
        for begin in times:
            assert sum(begin <= at < begin + 19.9 for at in times) <= 2
        await on.meanwhile(on.engine.end_override(override.id, ANNA))
        await on.pass_(600)
        assert all(view.matches for view in on.engine.views())
        before = len(on.received())
        await on.override("curtail", containers=("north",), emergency=True)
        await on.pass_(3)
        assert len(on.received()) - before == 6
        await on.accounted()


@quietly
async def test_restarts_of_mining_are_rationed_over_a_restart_of_the_controller(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=9)) as on:
        on.settings = msgspec.structs.replace(on.settings, restarts_a_day=2)
        await on.restart()
        await on.pass_(30)
        for profile in ("underclock", "overclock"):
            await on.override(profile, containers=("north",))
            await on.pass_(600)
        assert on.told() == {"north.a1": 2}
        await on.restart()
        await on.override("underclock", containers=("north",))
        await on.pass_(600)
        assert on.told() == {"north.a1": 2}
        await on.override("curtail", containers=("north",))
        await on.pass_(300)
        assert on.truth("north.a1") == "sleeping"
        await on.accounted()
