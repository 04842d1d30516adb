"""Overrides, holds, marks, operations, records of miners, settings: what the controller takes up again after a restart."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.model import (
    SYSTEM,
    Actor,
    Hold,
    MinerRecord,
    Operation,
    Override,
    Result,
    ServiceMark,
    Stagger,
    new_id,
)
from controller.storage.faults import NotKept, Taken
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA = Actor("user", "Anna", "usr_anna")


def override(**changes: Any) -> Override:
    values: dict[str, Any] = {
        "id": new_id("ov"),
        "profile": "curtail",
        "ends": "manual",
        "reason": "breaker",
        "created_by": ANNA,
        "created_at": NOON,
        "starts_at": NOON,
    }
    return Override(**values | changes)


def operation(**changes: Any) -> Operation:
    values: dict[str, Any] = {
        "id": new_id("op"),
        "cause": "override",
        "action": "profile curtail",
        "state": "running",
        "created_by": ANNA,
        "created_at": NOON,
    }
    return Operation(**values | changes)


async def test_an_override_comes_back_as_it_was_given(storage: Storage) -> None:
    full = override(
        containers=("k-1",),
        miners=("k-2.a1", "k-2.a2"),
        except_miners=("k-1.a9",),
        ends="next_change",
        until=NOON + timedelta(hours=1),
        until_by_container={"k-1": NOON, "k-2": NOON + timedelta(microseconds=7)},
        emergency=True,
        stagger=Stagger(over_s=30.5, batch=4),
        operation_id="op_1",
    )
    await storage.overrides.add(full)
    assert await storage.overrides.get(full.id) == full
    ended = override(id=full.id, ended_at=NOON, ended_by=SYSTEM, containers=("k-3",))
    await storage.overrides.replace(ended)
    assert await storage.overrides.get(full.id) == ended
    assert await storage.overrides.get("ov_unknown") is None
    with pytest.raises(Taken):
        await storage.overrides.add(full)
    with pytest.raises(NotKept, match="ov_unknown"):
        await storage.overrides.replace(override(id="ov_unknown"))


async def test_overrides_are_found_by_state_and_container(storage: Storage) -> None:
    kept = storage.overrides
    waiting = override(starts_at=NOON + timedelta(hours=1), containers=("k-1", "k-2"))
    active = override(miners=("k-1.a1",), created_at=NOON + timedelta(seconds=1))
    ended = override(containers=("k-3",), ended_at=NOON - timedelta(days=1))
    for one in (waiting, active, ended):
        await kept.add(one)
        await asyncio.sleep(0.002)  # ids are in order of time, to the millisecond
    assert await kept.live() == [active, waiting]
    questions: list[tuple[dict[str, Any], list[Override]]] = [
        ({}, [ended, active, waiting]),
        ({"states": ("active",)}, [active]),
        ({"states": ("waiting", "ended")}, [ended, waiting]),
        ({"states": ()}, []),
        ({"containers": ("k-1",)}, [active, waiting]),
        ({"containers": ("k-2", "k-3")}, [ended, waiting]),
        ({"containers": ("k-1",), "states": ("active",)}, [active]),
    ]
    for asked, expected in questions:
        assert (await kept.find(now=NOON, **asked))[0] == expected, asked
        assert await kept.count(now=NOON, **asked) == len(expected), asked
    first, more = await kept.find(now=NOON, limit=2)
    rest, end = await kept.find(now=NOON, limit=2, after=more)
    assert (first + rest, end) == ([ended, active, waiting], None)
    assert await kept.purge(NOON) == 1
    assert await kept.count(now=NOON) == 2


async def test_holds_and_marks_last_until_they_are_ended(storage: Storage) -> None:
    everywhere = Hold(id="hold_1", container=None, reason="fire", created_by=ANNA, created_at=NOON)
    one = Hold(id="hold_2", container="k-1", reason="", created_by=ANNA, created_at=NOON + timedelta(1))
    await storage.holds.add(one, everywhere)
    with pytest.raises(Taken):
        await storage.holds.add(
            Hold(id="hold_3", container=None, reason="", created_by=ANNA, created_at=NOON), one
        )
    assert await storage.holds.live() == [everywhere, one]
    assert await storage.holds.end("hold_1", "hold_unknown") == 1
    assert await storage.holds.live() == [one]
    mark = ServiceMark(miner="k-1.a1", reason="fan", created_by=ANNA, created_at=NOON)
    again = ServiceMark(miner="k-1.a1", reason="board", created_by=SYSTEM, created_at=NOON)
    await storage.marks.add(mark)
    await storage.marks.add(again)
    assert await storage.marks.live() == [again]
    assert await storage.marks.end("k-1.a1")
    assert not await storage.marks.end("k-1.a1")
    assert await storage.marks.live() == []


async def test_operations_keep_an_outcome_for_each_miner(storage: Storage) -> None:
    kept = storage.operations
    begun = operation(
        intent=True, total=3, counts={"waiting": 3}, power_before_w=1e6, stagger=Stagger(batch=2)
    )
    given = [Result(miner=f"k-{number}.a1") for number in (3, 1, 2)]
    await kept.add(begun, given)
    done = Result(
        miner="k-2.a1",
        state="refused",
        detail="it said \0 no",
        attempts=2,
        started_at=NOON,
        duration_s=1.25,
        power_before_w=3400.0,
        power_after_w=3399.5,
    )
    await kept.save_results(begun.id, [done])
    [first, second, third] = await kept.all_results(begun.id)
    assert (first, third) == (given[1], given[0])
    assert second == Result(
        **{name: getattr(done, name) for name in done.__struct_fields__} | {"detail": "it said \ufffd no"}
    )
    assert await kept.results(begun.id, limit=2) == ([first, second], "k-2.a1")
    assert await kept.results(begun.id, limit=2, after="k-2.a1") == ([third], None)
    assert await kept.results(begun.id, states=("waiting",), containers=("k-1", "k-2")) == ([first], None)
    assert await kept.count_results(begun.id, states=("waiting",)) == 2
    assert await kept.count_results(begun.id, containers=()) == 0
    ended = operation(id=begun.id, state="done_with_failures", ended_at=NOON, counts={"refused": 1})
    await kept.save(ended, [Result(miner="k-1.a1", state="applied")])
    assert await kept.get(begun.id) == ended
    assert (await kept.results(begun.id, states=("applied",)))[0][0].miner == "k-1.a1"
    assert await kept.get("op_unknown") is None
    with pytest.raises(Taken):
        await kept.add(begun, [])
    with pytest.raises(NotKept):
        await kept.save(operation(id="op_unknown"), [Result(miner="k-1.a1")])
    with pytest.raises(Taken):
        await kept.save_results("op_unknown", given)
    assert await kept.all_results("op_unknown") == []


async def test_operations_are_found_and_what_was_left_behind_is_taken_up(storage: Storage) -> None:
    kept = storage.operations
    given = []
    for number, state in enumerate(("queued", "done", "cancelling", "interrupted", "running")):
        given.append(
            operation(state=state, override_id=f"ov_{number % 2}", ended_at=NOON if number % 2 else None)
        )
        await kept.add(given[-1], [Result(miner=f"k-{number % 3}.a1"), Result(miner="k-9.a1")])
        await asyncio.sleep(0.002)
    assert await kept.unfinished() == [given[0], given[2], given[4]]
    newest = given[::-1]
    questions: list[tuple[dict[str, Any], list[Operation]]] = [
        ({}, newest),
        ({"states": ("done", "running")}, [given[4], given[1]]),
        ({"containers": ("k-1",)}, [given[4], given[1]]),
        ({"containers": ("k-9", "k-1")}, newest),
        ({"containers": ("k-1",), "states": ("done",)}, [given[1]]),
        ({"override_id": "ov_1"}, [given[3], given[1]]),
        ({"containers": ()}, []),
    ]
    for asked, expected in questions:
        assert (await kept.find(**asked))[0] == expected, asked
        assert await kept.count(**asked) == len(expected), asked
    assert await kept.counts([given[1].id, given[3].id], ("k-1", "k-9")) == {
        given[1].id: {"waiting": 2},
        given[3].id: {"waiting": 1},
    }
    assert await kept.counts([given[3].id], ("k-1",)) == {}
    assert (await kept.find(limit=2, after=given[3].id)) == ([given[2], given[1]], given[1].id)
    assert await kept.purge(NOON) == 0
    assert await kept.purge(NOON + timedelta(seconds=1)) == 2
    assert await kept.all_results(given[1].id) == []
    assert await kept.unfinished() == [given[0], given[2], given[4]]


async def test_ten_thousand_miners_are_remembered_in_one_go(storage: Storage) -> None:
    records = [
        MinerRecord(
            miner=f"k-1.a{number}",
            address="10.1.7.1",
            mac="02:00:00:00:00:01",
            applied_profile="normal",
            applied_ratio=0.1 + 0.2,
            applied_at=NOON,
            last_outcome="accepted_unverified",
            restarts_on="2026-06-01",
            restarts=number,
        )
        for number in range(10_000)
    ]
    await storage.miners.save(iter(records))
    assert await storage.miners.load() == {record.miner: record for record in records}
    changed = MinerRecord(miner="k-1.a7", attempts=3, not_before=NOON, last_detail="\ud800")
    await storage.miners.save([changed, MinerRecord(miner="new")])
    await storage.miners.forget(record.miner for record in records[8:])
    found = await storage.miners.load()
    assert len(found) == 9
    assert found["k-1.a7"].last_detail == "?"
    assert found["k-1.a7"].applied_profile is None
    assert found["k-1.a0"] == records[0]
    await storage.miners.save([])
    await storage.miners.forget([])


async def test_settings_keep_what_json_can_say(storage: Storage) -> None:
    values = {"retention_days": 400, "names": ["ä", None], "half": 0.5, "off": False, "nested": {"a": {}}}
    for name, value in values.items():
        await storage.settings.put(name, value)
    assert await storage.settings.all() == values
    assert json.dumps(await storage.settings.get("nested")) == '{"a": {}}'
    await storage.settings.put("half", 0.25)
    await storage.settings.put("off", None)
    assert await storage.settings.get("half") == 0.25
    assert await storage.settings.get("off") is None
    assert "off" not in await storage.settings.all()
    with pytest.raises(TypeError):
        await storage.settings.put("odd", object())


async def test_wall_clock_times_are_not_taken_for_moments(storage: Storage) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        await storage.overrides.add(override(until=datetime(2026, 6, 1)))  # noqa: DTZ001  # the mistake that is meant
    assert await storage.overrides.live() == []
