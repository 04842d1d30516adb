"""The live state by itself: which reading counts, how fresh it is, who is told, and what an inventory changes."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from controller.readings import FAILURE_KEPT_S, Readings
from miners.inventory.fleet import Inventory
from miners.model import Credentials, Target
from tests.unit.controller.driven_clock import DrivenClock
from tests.unit.controller.small_fleet import container, failure, inventory, snapshot, target

FIRST = container("one", "a", "b", interval_s=30.0)
SECOND = container("second", "c")


async def begun(clock: DrivenClock, *containers: Any) -> Readings:
    readings = Readings(clock)
    await readings.apply(inventory(*(containers or (FIRST, SECOND))), target)
    return readings


async def test_every_miner_is_there_and_stale_before_it_was_read() -> None:
    readings = await begun(DrivenClock())
    assert list(readings.all()) == ["one.a", "one.b", "second.c"]
    known = readings.known("one.a")
    assert known is not None
    assert known.reading is None
    assert known.stale
    assert readings.is_stale(known)
    assert [one.id for one in readings.of_container("one")] == ["one.a", "one.b"]
    assert readings.named("second", "c") is readings.known("second.c")
    assert readings.known("one.z") is None
    assert readings.of_container("none") == ()


async def test_a_reading_is_stale_after_three_intervals_and_the_last_good_one_stays() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    known = readings.known("one.a")
    assert known is not None
    good = snapshot(FIRST)
    readings.take([(good, clock.now())], 0)
    await clock.advance(90)
    assert not readings.is_stale(known)
    await clock.advance(1)
    assert readings.is_stale(known)
    assert not known.stale  # as it was last looked at
    before = readings.version
    await readings.look()
    assert known.stale
    assert readings.changes_since(before) == ["one.a"]
    bad = failure(FIRST)
    readings.take([(bad, clock.now())], 0)
    assert (known.reading, known.snapshot) == (bad, good)
    assert known.failing_since == clock.now()


async def test_a_failure_stands_as_long_as_the_silent_are_not_asked() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    known = readings.known("one.a")
    assert known is not None
    first = clock.now()
    readings.take([(failure(FIRST), first)], 0)
    await clock.advance(FAILURE_KEPT_S)
    assert not readings.is_stale(known)
    readings.take([(failure(FIRST), clock.now())], 0)
    assert known.failing_since == first
    await clock.advance(FAILURE_KEPT_S + 1)
    assert readings.is_stale(known)
    readings.take([(snapshot(FIRST), clock.now())], 0)
    assert known.failing_since is None
    assert not readings.is_stale(known)


async def test_what_the_engine_has_just_read_is_newer_than_what_the_exporter_brings_late() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    known = readings.known("one.a")
    assert known is not None
    asleep, awake = snapshot(FIRST, state="sleeping"), snapshot(FIRST)
    await clock.advance(10)
    readings.put("one.a", asleep)
    readings.take([(awake, clock.now() - 5)], 0)
    assert known.reading is asleep
    readings.take([(awake, clock.now() + 0.001)], 0)
    assert known.reading is awake


async def test_a_clock_set_back_does_not_make_old_readings_the_newest() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    known = readings.known("one.a")
    assert known is not None
    readings.take([(snapshot(FIRST), clock.now())], 0)
    clock.jump(-3600)
    assert readings.is_stale(known)
    new = snapshot(FIRST, power_w=1.0)
    readings.take([(new, clock.now())], 0)
    assert known.reading is new
    assert not readings.is_stale(known)


async def test_a_source_that_is_away_makes_its_readings_stale_and_ours_not() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    readings.take([(snapshot(FIRST), clock.now()), (snapshot(FIRST, 1), clock.now())], 0)
    readings.mark_away(0, away=True)
    readings.put("one.b", snapshot(FIRST, 1))
    a, b = readings.known("one.a"), readings.known("one.b")
    assert a is not None
    assert b is not None
    assert (readings.is_stale(a), readings.is_stale(b)) == (True, False)
    readings.mark_away(0, away=False)
    assert not readings.is_stale(a)


async def test_readings_of_strangers_and_of_other_addresses_are_left_out() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    before = readings.version
    elsewhere = snapshot(FIRST, address="127.9.3.99")
    unknown = snapshot(container("third", "x"))
    readings.take([(elsewhere, clock.now()), (unknown, clock.now())], 0)
    readings.put("one.a", elsewhere)
    readings.put("third.x", unknown)
    assert readings.version == before
    assert all(known.reading is None for known in readings.all().values())


async def test_miners_come_go_and_move() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    for of, place in ((FIRST, 0), (FIRST, 1), (SECOND, 0)):
        readings.take([(snapshot(of, place), clock.now())], 0)
    memory = readings.memory("one.a")
    assert memory.driver == "whatsminer_v2"
    before = readings.version
    a, b = FIRST.miners
    moved = replace(b, address="127.9.3.200")
    new = replace(a, name="d", address="127.9.3.201")
    kept = readings.known("one.a")
    await readings.apply(inventory(replace(FIRST, miners=(a, moved, new), interval_s=10.0)), target)
    assert list(readings.all()) == ["one.a", "one.b", "one.d"]
    assert readings.known("one.a") is kept
    assert kept is not None
    assert kept.reading is not None
    assert kept.container.interval_s == 10.0
    b_known = readings.known("one.b")
    assert b_known is not None
    assert b_known.reading is None  # another device may answer there
    assert readings.known("second.c") is None
    assert set(readings.changes_since(before)) == {"one.a", "one.b", "one.d", "second.c"}
    assert readings.memory("one.a") is memory


async def test_new_credentials_reach_the_target_and_keep_the_readings() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    readings.take([(snapshot(FIRST), clock.now())], 0)

    def with_credentials(of: Any, miner: Any) -> Target:
        return replace(target(of, miner), credentials=Credentials(user="root", password="x"))

    await readings.apply(readings.inventory, with_credentials)
    known = readings.known("one.a")
    assert known is not None
    assert known.target.credentials is not None
    assert known.reading is not None


async def test_nothing_of_half_an_inventory_is_seen() -> None:
    clock = DrivenClock()
    many = container("many", *(f"m{at}" for at in range(1000)))
    readings = await begun(clock, FIRST)
    applying = asyncio.create_task(readings.apply(inventory(many), target))
    sizes = set()
    while not applying.done():
        sizes.add(len(readings.all()))
        readings.take([(snapshot(FIRST), clock.now())], 0)
        await asyncio.sleep(0)
    assert sizes <= {2, 1000}
    assert len(readings.all()) == 1000


async def test_changed_wakes_all_who_wait_and_gives_up_in_time() -> None:
    clock = DrivenClock()
    readings = await begun(clock)
    seen = readings.version
    assert await readings.changed(seen, 0.01) == seen
    waiting = [asyncio.create_task(readings.changed(seen, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    readings.put("one.a", snapshot(FIRST))
    assert await asyncio.gather(*waiting[1:]) == [readings.version] * 2
    assert await readings.changed(seen, 0) == readings.version


async def test_no_inventory_is_no_miner() -> None:
    readings = await begun(DrivenClock())
    await readings.apply(Inventory(), target)
    assert not readings.all()
    with pytest.raises(KeyError):
        readings.memory("one.a")


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60), st.randoms(use_true_random=False))
async def test_changes_are_those_that_were_made(steps: list[tuple[int, bool]], chance: random.Random) -> None:
    clock = DrivenClock()
    of = container("ten", *(f"m{at}" for at in range(10)))
    readings = await begun(clock, of)
    versions: list[tuple[int, int]] = [(readings.version, 0)]
    made: list[str] = []
    for place, good in steps:
        await clock.advance(1)
        make = snapshot if good else failure
        readings.take([(make(of, place), clock.now())], 0)
        made.append(f"ten.m{place}")
        versions.append((readings.version, len(made)))
    version, at = chance.choice(versions)
    changed = readings.changes_since(version)
    assert set(changed) == set(made[at:])
    assert len(changed) == len(set(changed))
