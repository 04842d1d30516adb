"""What comes at an awkward moment: while an intent is being written down, between two actions, after a deed, at once twice."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.deeds import Busy, Choice, CommandWish, NotThere
from controller.model import Event, Operation, Override
from controller.ramps import Pending
from controller.reconcile import Judgement, Situation, judge
from controller.releasing import Releasing
from controller.storage.faults import StorageAway, StorageError
from controller.watched import Watched
from miners.actions import Sleep, Wake
from miners.inventory.fleet import Container, Miner, Profile, Ramp
from miners.inventory.secrets import target_of
from miners.model import Credentials, Target
from tests.system.control_stage import ANNA, Stage, changed, container, inventory, quietly, stage

ONE_BY_ONE = Ramp(step_w=1e9, every_s=10.0, batch=1)


def once_written(on: Stage, kind: str, then: Any) -> None:
    """Do something when the first event of a kind has been made durable, before whoever waits for it hears of that."""
    add, done = on.storage.events.add_with, []

    async def added(work: Any, *given: Event) -> None:
        await add(work, *given)
        if not done and any(event.kind == kind for event in given):
            done.append(asyncio.ensure_future(then()))
            for _ in range(5):
                await asyncio.sleep(0)

    on.storage.events.add_with = added  # type: ignore[method-assign]


@quietly
async def test_a_hold_that_comes_while_the_intent_is_written_down_stops_the_command(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=181)) as on:
        await on.pass_(30)
        before = on.view("north.a1").record
        once_written(on, "command.sent", lambda: on.engine.hold(None, "stop", ANNA))
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        assert on.received() == []
        (finished,) = await on.events("command.finished")
        assert (finished.outcome, finished.params["intended"], finished.params["sent"]) == (
            "refused",
            True,
            False,
        )
        assert "anna has stopped all writing everywhere" in finished.params["detail"]
        record = on.view("north.a1").record
        assert record is not None
        assert before is not None
        assert (record.restarts, record.not_before, record.attempts) == (before.restarts, None, 0)
        await on.meanwhile(on.engine.release(None, "go on", ANNA), 30)
        assert len(on.received()) == 1
        await on.accounted()


@quietly
async def test_a_deed_leaves_what_came_of_the_order_as_it_was(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=182)) as on:
        await on.pass_(30)
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        before = on.view("north.a1").record
        assert before is not None
        assert before.last_outcome == "applied"
        await on.command("locate", "north.a1")
        await on.pass_(30)
        after = on.view("north.a1").record
        assert after is not None
        assert (after.last_outcome, after.last_detail) == (before.last_outcome, before.last_detail)
        assert after.not_before is not None
        assert after.not_before.timestamp() <= on.clock.now()
        await on.restart()
        await on.pass_(30)
        assert await on.events("command.lost") == []
        await on.accounted()


@quietly
async def test_what_has_stepped_counts_also_while_nobody_in_the_container_is_due(tmp_path: Path) -> None:
    slow = Ramp(step_w=1e9, every_s=60.0, batch=1)
    north, east = container("north", 2, net=183, ramp=slow), container("east", 1, net=184)
    async with stage(tmp_path, north, east) as on:
        await on.pass_(30)
        for miner in ("north.a1", "east.a1", "north.a2"):
            await on.override("curtail", miners=(miner,))
            await on.pass_(5)
        assert sorted(on.told()) == ["east.a1", "north.a1"]
        await on.pass_(60)
        first, second = on.received("north.a1")[0], on.received("north.a2")[0]
        assert second.at - first.at >= 60.0


@quietly
async def test_one_miner_that_we_stumble_over_keeps_no_other_from_its_turn(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=185)) as on:
        await on.pass_(30)

        def stumbling(case: Situation) -> Judgement:
            if case.miner.name == "a1":
                raise ZeroDivisionError
            return judge(case)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("controller.reconciler.judge", stumbling)
            await on.override("curtail", containers=("north",))
            await on.pass_(5)
            assert sorted(on.told()) == ["north.a2", "north.a3"]
        await on.pass_(60)
        assert on.told() == {"north.a1": 1, "north.a2": 1, "north.a3": 1}


@quietly
async def test_an_override_that_could_not_be_kept_whole_is_not_kept_at_all(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 2, net=237)) as on:
        await on.pass_(30)
        await on.override("underclock", containers=("north",))
        await on.pass_(300)
        connection = sqlite3.connect(tmp_path / "hashyard.db", isolation_level=None)
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.kind LIKE 'override.%' "
            "BEGIN SELECT RAISE(FAIL, 'no room for it'); END"
        )
        told, in_force = on.told(), on.engine.overrides()
        begun = connection.execute("SELECT id FROM operations").fetchall()
        with pytest.raises(StorageError):
            await on.override("curtail", containers=("north",))
        with pytest.raises(StorageError):
            await on.meanwhile(on.engine.end_override(in_force[0].id, ANNA))
        with pytest.raises(StorageError):
            await on.meanwhile(
                on.engine.change_override(
                    in_force[0].id, ends="manual", until=None, reason="other", actor=ANNA
                )
            )
        await on.pass_(60)
        assert (on.told(), on.engine.overrides()) == (told, in_force)
        assert connection.execute("SELECT id, reason FROM overrides").fetchall() == [
            (in_force[0].id, in_force[0].reason)
        ]
        assert connection.execute("SELECT id FROM operations").fetchall() == begun
        connection.execute("DROP TRIGGER full")
        connection.close()
        await on.override("curtail", containers=("north",))
        await on.pass_(120)
        assert [on.truth(name) for name in ("north.a1", "north.a2")] == ["sleeping", "sleeping"]
        await on.accounted()


@quietly
async def test_no_action_of_an_order_restarts_mining_more_often_than_is_allowed(tmp_path: Path) -> None:
    north = container("north", 1, net=239, model="M50")
    low = Profile(name="underclock", target_percent=75, by_make={"whatsminer": {"mode": "low"}})
    async with stage(tmp_path, north) as on:
        await on.pass_(30)
        await on.override("curtail", containers=("north",))
        await on.pass_(600)
        record = on.view("north.a1").record
        assert record is not None
        on.settings = msgspec.structs.replace(on.settings, restarts_a_day=1)
        on.files.inventory = msgspec.structs.replace(
            on.files.inventory, profiles={**on.files.inventory.profiles, "underclock": low}
        )
        await on.stop()
        await on.write_record(msgspec.structs.replace(record, restarts=1, restarts_on="2026-05-29"))
        await on.start()
        before = len(on.received())
        await on.override(
            "underclock", containers=("north",)
        )  # to be woken, which restarts nothing, and then set
        await on.pass_(1800)
        assert [one.command for one in on.received()[before:]] == ["power_on"]
        record = on.view("north.a1").record
        assert record is not None
        assert record.restarts == 1
        await on.pass_(12 * 3600)  # tomorrow it may
        assert [one.command for one in on.received()[before:]] == ["power_on", "set_low_power"]
        await on.accounted()


@quietly
async def test_a_mistake_over_one_miner_keeps_no_other_from_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending, asked = Releasing._pending, Counter[str]()

    def stumbling(self: Releasing, watched: Watched) -> Pending:
        asked[watched.id] += 1
        if watched.id == "north.a1" and asked[watched.id] in range(2, 6):
            raise ZeroDivisionError
        return pending(self, watched)

    monkeypatch.setattr(Releasing, "_pending", stumbling)
    async with stage(tmp_path, container("north", 3, net=240)) as on:
        await on.pass_(30)
        await on.override("curtail", containers=("north",))
        await on.pass_(3)
        assert on.told() == {"north.a2": 1, "north.a3": 1}
        await on.pass_(120)
        assert on.told() == {"north.a1": 1, "north.a2": 1, "north.a3": 1}
        await on.accounted()


@quietly
async def test_a_cancelling_that_could_not_be_written_down_stops_no_miner_for_good(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 3, net=186, ramp=ONE_BY_ONE)) as on:
        await on.pass_(30)
        _, operation = await on.override("curtail", containers=("north",))
        await on.pass_(5)
        add = on.storage.events.add_with

        async def away(work: Any, *given: Event) -> None:
            if any(event.kind == "operation.cancelled" for event in given):
                raise StorageAway("the database is full", "full")
            await add(work, *given)

        on.storage.events.add_with = away  # type: ignore[method-assign]
        with pytest.raises(StorageAway):
            await on.meanwhile(on.engine.cancel(operation.id, undo=False, actor=ANNA))
        on.storage.events.add_with = add  # type: ignore[method-assign]
        assert len(on.engine.overrides()) == 1
        await on.pass_(90)
        assert on.told() == {"north.a1": 1, "north.a2": 1, "north.a3": 1}
        await on.accounted()


@quietly
async def test_of_two_deeds_at_once_on_the_same_miner_the_second_is_told_so(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=187)) as on:
        await on.pass_(30)
        wish = CommandWish(choice=Choice(miners=("north.a1",)), deed="reboot", reason="twice")
        both = asyncio.gather(
            on.engine.command(wish, ANNA), on.engine.command(wish, ANNA), return_exceptions=True
        )
        await on.pass_(400)
        done = [one for one in await both if isinstance(one, Operation)]
        assert [type(one) for one in both.result() if one not in done] == [Busy]
        assert (await on.operation(done[0].id)).state == "done"
        assert len(on.received()) == 1


@quietly
async def test_an_override_that_a_newer_one_covered_to_its_end_leaves_no_operation_open(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, container("north", 2, net=188)) as on:
        await on.pass_(30)
        now = on.engine.now
        _, covered = await on.override(
            "underclock",
            containers=("north",),
            starts_at=now + timedelta(minutes=5),
            ends="at",
            until=now + timedelta(minutes=10),
        )
        await on.override("curtail", containers=("north",))
        await on.pass_(660)
        ended = await on.operation(covered.id)
        assert (ended.state, ended.counts) == ("done", {"skipped": 2})
        assert on.told() == {"north.a1": 1, "north.a2": 1}


@quietly
async def test_a_lease_that_fails_by_our_mistake_does_not_keep_its_miners_busy(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 2, net=189)) as on:
        await on.pass_(30)
        leased = on.live.leased

        def broken(*_: object) -> AbstractAsyncContextManager[bool]:
            on.live.leased = leased  # type: ignore[method-assign]
            raise ZeroDivisionError

        on.live.leased = broken  # type: ignore[assignment,method-assign]
        await on.override("curtail", containers=("north",))
        await on.pass_(90)
        assert on.told() == {"north.a1": 1, "north.a2": 1}


@quietly
async def test_a_deed_that_waits_is_not_done_once_its_container_is_only_observed(tmp_path: Path) -> None:
    north = container("north", 3, net=190, ramp=Ramp(step_w=1e9, every_s=60.0, batch=1))
    async with stage(tmp_path, north) as on:
        await on.pass_(30)
        operation = await on.command("reboot", "north.a1", "north.a2", "north.a3")
        await on.pass_(20)
        await on.take(inventory(changed(north, control="observe")))
        await on.pass_(300)
        assert len(on.received()) == 1
        assert (await on.operation(operation.id)).counts == {"applied": 1, "skipped": 2}


@quietly
async def test_a_password_that_was_corrected_is_tried_soon_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    north = container("north", 1, net=191)

    def wrong(of: Container, miner: Miner) -> Target:
        return target_of(of, miner, Credentials("root", "mistyped"))

    async with stage(tmp_path, north) as on:
        await on.pass_(30)
        await on.live.apply(on.files.inventory, wrong)
        await on.engine.take_inventory(on.files.inventory)
        await on.override("curtail", containers=("north",))
        await on.pass_(3600)
        assert [one.outcome for one in await on.events("command.finished")] == ["auth_failed"]
        record = on.view("north.a1").record
        assert record is not None
        assert record.restarts == 0
        await on.take(inventory(north))
        await on.pass_(30)
        assert on.truth("north.a1") == "sleeping"
        await on.accounted()


@quietly
async def test_one_action_by_itself_keeps_to_the_limit_of_the_container_as_an_order_does(
    tmp_path: Path,
) -> None:
    north = container("north", 2, net=192, schedule=None, power_limit_w=5000.0)
    async with stage(tmp_path, north) as on:
        await on.pass_(30)
        for miner in ("north.a1", "north.a2"):
            done = await on.meanwhile(on.engine.act(miner, Sleep(), ANNA, reason="test"), 60)
            assert done.state == "applied"
        woken = await on.meanwhile(on.engine.act("north.a1", Wake(), ANNA, reason="test"), 400)
        assert woken.state == "applied"
        over = await on.meanwhile(on.engine.act("north.a2", Wake(), ANNA, reason="test"), 60)
        assert over.state == "skipped"
        assert "over its limit" in over.detail
        assert on.told() == {"north.a1": 2, "north.a2": 1}


@quietly
async def test_an_override_that_was_ended_does_not_come_back_by_a_change_of_it(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=193)) as on:
        await on.pass_(30)
        override, _ = await on.override("curtail", containers=("north",))
        both = asyncio.gather(
            on.engine.end_override(override.id, ANNA),
            on.engine.change_override(override.id, ends="manual", until=None, reason="longer", actor=ANNA),
            return_exceptions=True,
        )
        await on.pass_(60)
        _, changed_too = await both
        assert isinstance(changed_too, NotThere | Override)
        assert on.engine.overrides() == ()
        await on.restart()
        assert on.engine.overrides() == ()


@quietly
async def test_what_rises_together_keeps_to_the_limit_together(tmp_path: Path) -> None:
    north = container("north", 4, net=194, power_limit_w=4 * 3250.0 + 300)
    async with stage(tmp_path, north) as on:
        await on.pass_(30)
        sleepers = ("north.a2", "north.a3", "north.a4")
        asleep, _ = await on.override("curtail", miners=sleepers)
        await on.pass_(60)
        await on.override("overclock", miners=("north.a1",))
        await on.pass_(1000)
        on.bend("north.a1", "disobeys")
        await on.override("normal", miners=("north.a1",))
        await on.pass_(60)
        told = len(on.received())
        await on.meanwhile(on.engine.end_override(asleep.id, ANNA), 300)
        assert len(on.received()) == told + 2
        held_back = [view for view in on.engine.views() if view.doubt and "over its limit" in view.doubt]
        assert len(held_back) == 1


@quietly
async def test_an_inventory_that_comes_while_the_database_is_away_is_followed_all_the_same(
    tmp_path: Path,
) -> None:
    north, east = container("north", 1, net=195), container("east", 1, net=196)
    async with stage(tmp_path, north, east) as on:
        await on.take(inventory(north))
        await on.meanwhile(on.engine.hold(None, "half of it is gone", ANNA))
        await on.meanwhile(on.engine.release(None, "it is meant", ANNA))
        put = on.storage.settings.put

        async def away(*_: object) -> None:
            raise StorageAway("the database is full", "full")

        on.storage.settings.put = away  # type: ignore[method-assign]
        with pytest.raises(StorageAway):
            await on.take(inventory(north, changed(east, schedule="siesta")))
        on.storage.settings.put = put  # type: ignore[method-assign]
        await on.pass_(400)
        assert on.told() == {"east.a1": 1}
        assert on.truth("east.a1") == "sleeping"
