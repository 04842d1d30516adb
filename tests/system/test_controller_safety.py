"""What stands between the controller and megawatts, proved over the whole of it: files, clock, sockets, record.

Each test has a fleet of two makes in one or two containers, whose schedule puts them to sleep from 12:05 to 12:25; it
begins at noon.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.clock_watch import STEADY_S
from controller.deeds import InDoubt, OverLimit
from miners.actions import Reboot
from simulator.quiet import run_quietly
from simulator.setting import Setting
from tests.system.whole_controller import ANNA, CALM, USUAL, Yard, yard

NOON = 1_780_056_000.0  # 2026-05-29 12:00:00 UTC
MINUTE = 60.0
RESTARTED_S = 1200.0
"""By then a miner that begins anew hashes as it should, and its make's proof has been had."""

FAST = "ramp: {step: 1 MW, every: 1s, batch: 1000}"
ONE_BY_ONE = "ramp: {step: 1 MW, every: 10s, batch: 1}"


def targets(*containers: str, more: str = "") -> str:
    """Return an inventory of these containers."""
    return "\n".join(
        (
            f"defaults: {{interval: 20s, control: enforce, schedule: siesta, {FAST}, {USUAL}}}",
            "schedules:",
            '  siesta: {windows: [{from: "12:05", to: "12:25", profile: curtail}], otherwise: normal}',
            "  always: {otherwise: normal}",
            more,
            "containers:",
            *containers,
            "",
        )
    )


def container(name: str, net: int, *, antminers: int = 2, whatsminers: int = 2, more: str = "") -> str:
    """Return the entry of a container. `more`: further keys of it, in flow style."""
    found = [
        f"  - name: {name}",
        f"    simulate: {{{CALM}}}",
        *(["    " + more] if more else []),
        "    miners:",
    ]
    if antminers:
        found.append(
            f'      - {{name: "a{{n}}", addresses: 127.N.{net}.1-{antminers}, manufacturer: AntMiner, model: S19 Pro}}'
        )
    if whatsminers:
        found.append(
            f'      - {{name: "w{{n}}", addresses: 127.N.{net}.101-{100 + whatsminers}, '
            "manufacturer: Whatsminer, model: M50}"
        )
    return "\n".join(found)


def on_a_yard(folder: Path, text: str, scenario: Any, **more: Any) -> None:
    """Run a scenario on a yard that has been read once."""

    async def run() -> None:
        async with yard(folder, text, NOON, **more) as on:
            await on.pass_(MINUTE)
            await scenario(on)
            await on.accounted()

    run_quietly(run())


def asleep(on: Yard) -> set[str]:
    """Return the miners that truly sleep."""
    return {id_ for id_ in on.miners if on.truth(id_) == "sleeping"}


def test_what_is_only_observed_is_never_written_to(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        await on.pass_(40 * MINUTE)
        assert on.received() == []
        assert [one for miner in on.miners.values() for one in miner.orders.sessions] == []
        assert await on.events("command.sent") == []
        begun = await on.events("schedule.period_begun")
        assert [event.params["profile"] for event in begun] == ["normal", "curtail", "normal"]
        figures = on.controller.engine.miner_figures()
        assert [one.planned_ratio for one in figures] == [1.0] * 4
        assert [one.desired_ratio for one in figures] == [None] * 4
        await on.do(on.controller.engine.mark_service("north.a1", "a new fan", ANNA))
        assert [one.in_service for one in on.controller.engine.miner_figures()].count(True) == 1

    on_a_yard(tmp_path, targets(container("north", 1, more="control: observe")), scenario)


def test_a_miner_in_service_is_neither_written_to_nor_woken(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        engine = on.controller.engine
        await on.do(engine.mark_service("north.a1", "a new fan", ANNA))
        await on.pass_(10 * MINUTE)
        assert asleep(on) == {"north.a2", "north.w1", "north.w2"}
        await on.do(engine.mark_service("north.w1", "its cable is in my hands", ANNA))
        assert {one.miner for one in engine.miner_figures() if one.in_service} == {"a1", "w1"}
        await on.pass_(20 * MINUTE)
        assert asleep(on) == {"north.w1"}
        assert "north.a1" not in on.told()
        assert [one.command for one in on.received("north.w1")] == ["power_off"]
        await on.do(engine.end_service("north.w1", "done", ANNA))
        await on.pass_(RESTARTED_S)
        assert asleep(on) == set()
        assert on.view("north.w1").matches
        assert {one.miner for one in engine.miner_figures() if one.in_service} == {"a1"}

    on_a_yard(tmp_path, targets(container("north", 1)), scenario)


def test_a_limit_of_a_container_refuses_the_plan_and_stops_the_raise(tmp_path: Path) -> None:
    limited = container("north", 1, more="power_limit: 13500 W")
    smaller = container("north", 1, more="power_limit: 12000 W")

    async def scenario(on: Yard) -> None:
        with pytest.raises(OverLimit, match=r"north would draw 15\.\d kW, over its limit of 13\.5 kW"):
            await on.override("overclock", containers=["north"])
        assert on.received() == []
        assert on.controller.engine.overrides() == ()
        await on.pass_(10 * MINUTE)
        assert len(asleep(on)) == 4
        told = len(on.received())
        await on.write(targets(smaller))  # now normal is too much for it as well
        await on.pass_(30 * MINUTE)
        assert len(on.received()) == told
        assert len(asleep(on)) == 4
        assert "over its limit of 12.0 kW" in str(on.view("north.a1").doubt)
        assert on.fleet.power_w() < 12_000
        await on.write(targets(limited))
        await on.pass_(RESTARTED_S)
        assert asleep(on) == set()

    on_a_yard(tmp_path, targets(limited), scenario)


def test_power_is_not_raised_while_a_container_overheats_and_is_lowered_all_the_same(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        older, _ = await on.override("underclock", containers=["north"])
        await on.pass_(RESTARTED_S)
        for id_ in ("north.a1", "north.a2"):
            on.bend(id_, "overheating", degrees=22)
        await on.pass_(5 * MINUTE)
        told = len(on.received())
        await on.do(on.controller.engine.end_override(older.id, ANNA))
        await on.pass_(3 * MINUTE)
        assert len(on.received()) == told
        assert "2 of 4 miners of north are too hot (chip_max of a1 is at" in str(on.view("north.w1").doubt)
        assert len(await on.events("interlock.begun")) >= 1
        await on.override("curtail", containers=["north"])
        await on.pass_(3 * MINUTE)
        assert len(asleep(on)) == 4

    on_a_yard(
        tmp_path,
        targets(container("north", 1, more="temperature_limits: {chip_max: 80}\n    schedule: always")),
        scenario,
    )


def test_power_is_not_raised_where_too_little_is_seen(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        await on.pass_(10 * MINUTE)
        assert len(asleep(on)) == 4
        for id_ in ("north.w1", "north.w2"):
            on.bend(id_, "silent")
        await on.pass_(20 * MINUTE)
        assert len(asleep(on)) == 4
        assert "2 of 4 miners of north have no reading" in str(on.view("north.a1").doubt)
        for id_ in ("north.w1", "north.w2"):
            await on.heal(id_)
        await on.pass_(RESTARTED_S)
        assert asleep(on) == set()

    on_a_yard(tmp_path, targets(container("north", 1)), scenario)


def test_swapped_addresses_are_seen_and_neither_is_written_to(tmp_path: Path) -> None:
    pairs = (("north.a1", "north.a2"), ("north.w1", "north.w2"))
    swapped = {id_ for pair in pairs for id_ in pair}

    async def scenario(on: Yard) -> None:
        for pair in pairs:
            on.exchange(*pair)
        await on.pass_(9 * MINUTE)
        assert on.told() == {"north.a3": 1, "north.w3": 1}
        for id_ in swapped:
            assert "last seen there was" in str(on.view(id_).doubt)
        begun = await on.events("doubt.begun")
        assert {event.miner for event in begun} == swapped
        assert {event.params["about"] for event in begun} == {"identity"}
        for pair in pairs:
            on.exchange(*pair)
        await on.pass_(2 * MINUTE)
        assert asleep(on) == set(on.miners)
        assert set(on.told().values()) == {1}

    on_a_yard(tmp_path, targets(container("north", 1, antminers=3, whatsminers=3)), scenario)


def test_a_tenth_of_the_inventory_gone_stops_everything_until_it_is_back(tmp_path: Path) -> None:
    north, south = container("north", 1, antminers=4, whatsminers=4), container("south", 2, whatsminers=0)
    fewer = container("south", 2, antminers=1, whatsminers=0)

    async def scenario(on: Yard) -> None:
        await on.write(targets(north))
        await on.pass_(10 * MINUTE)
        assert on.received() == []
        (doubt,) = on.controller.engine.doubts()
        assert "2 of 10 miners are gone from the inventory" in doubt
        with pytest.raises(InDoubt, match="2 of 10 miners are gone"):
            await on.do(on.controller.engine.act("north.a1", Reboot(), ANNA, reason="to see"))
        await on.write(targets(north, fewer))  # a tenth, and no more
        await on.pass_(3 * MINUTE)
        assert on.controller.engine.doubts() == ()
        assert len(asleep(on)) == 9

    on_a_yard(tmp_path, targets(north, south), scenario)


@pytest.mark.parametrize("jump_s", [3600.0, 400.0, -3600.0])
def test_nothing_is_written_after_the_clock_has_jumped_until_it_runs_steadily(
    tmp_path: Path, jump_s: float
) -> None:
    async def scenario(on: Yard) -> None:
        await on.pass_(3 * MINUTE)
        on.wall.jump(jump_s)
        await on.pass_(MINUTE)
        assert f"the clock jumped {'forward' if jump_s > 0 else 'back'}" in on.controller.engine.doubts()[0]
        on.wall.jump(-jump_s)
        await on.pass_(STEADY_S - MINUTE)
        assert on.received() == []
        await on.pass_(3 * MINUTE)
        assert on.controller.engine.doubts() == ()
        assert len(asleep(on)) == 4
        told = Counter(event.kind for event in await on.events("doubt.begun", "doubt.ended"))
        assert told["doubt.begun"] == told["doubt.ended"] >= 1

    on_a_yard(tmp_path, targets(container("north", 1)), scenario)


def test_a_hold_in_the_middle_of_an_operation(tmp_path: Path) -> None:
    north = container("north", 1, antminers=0, whatsminers=6, more=ONE_BY_ONE)
    south = container("south", 2, antminers=1, whatsminers=0, more="schedule: always")

    async def scenario(on: Yard) -> None:
        for id_ in on.miners:
            on.bend(id_, "slow_to_obey", seconds=30)
        engine = on.controller.engine
        _, operation = await on.override("curtail", containers=["north"])
        await on.pass_(25)
        left = set(on.told())
        assert 2 <= len(left) <= 3
        assert asleep(on) == set()  # in flight: told, and not shown yet
        await on.do(engine.hold(["north"], "smoke", ANNA))
        await on.pass_(4 * MINUTE)
        assert set(on.told()) == left
        assert asleep(on) == left
        counts = (await on.operation(operation.id)).counts
        assert counts == {"applied": len(left), "waiting": 6 - len(left)}
        await on.override("curtail", containers=["south"])  # the hold is not on it
        await on.pass_(MINUTE)
        assert "south.a1" in asleep(on)
        await on.do(engine.release(["north"], "it was dust", ANNA))
        await on.pass_(4 * MINUTE)
        done = await on.operation(operation.id)
        assert (done.state, done.counts) == ("done", {"applied": 6})
        assert set(on.told().values()) == {1}

    on_a_yard(tmp_path, targets(north, south), scenario)


def test_a_refused_inventory_stops_all_writing_until_it_is_right(tmp_path: Path) -> None:
    north = container("north", 1)

    async def scenario(on: Yard) -> None:
        await on.write(targets(north).replace("model: M50", "modell: M50"))
        await on.pass_(10 * MINUTE)
        assert on.received() == []
        (doubt,) = on.controller.engine.doubts()
        assert "the inventory was refused" in doubt
        assert "modell" in doubt
        await on.write(targets(north))
        await on.pass_(2 * MINUTE)
        assert on.controller.engine.doubts() == ()
        assert len(asleep(on)) == 4

    on_a_yard(tmp_path, targets(north), scenario)


def test_what_somebody_changes_by_hand_or_a_restart_forgets_is_put_right(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        await on.override("curtail", containers=["north"])
        await on.pass_(10 * MINUTE)
        assert len(asleep(on)) == 4
        for id_ in ("north.a1", "north.w1"):
            on.miner(id_).order(Setting(), on.clock.now())
        await on.pass_(2 * MINUTE)
        assert len(asleep(on)) == 4
        for id_ in ("north.a2", "north.w2"):
            on.miner(id_).order(Setting(), on.clock.now())
            on.miner(id_).reboot(on.clock.now())
            await on.fleet.align(on.miner(id_))
        await on.pass_(10 * MINUTE)
        assert len(asleep(on)) == 4
        assert on.told() == dict.fromkeys(on.miners, 2)
        departed = await on.events("state.departed")
        assert {event.miner for event in departed} == set(on.miners)
        again = [event for event in await on.events("command.sent") if event.params["why"] == "departed"]
        assert {event.miner for event in again} == set(on.miners)
        await on.pass_(20 * MINUTE)
        assert on.told() == dict.fromkeys(on.miners, 2)

    on_a_yard(tmp_path, targets(container("north", 1, more="schedule: always")), scenario)


def test_one_that_says_yes_and_does_not_obey_is_called_so(tmp_path: Path) -> None:
    async def scenario(on: Yard) -> None:
        on.bend("north.w1", "disobeys")
        _, operation = await on.override("curtail", containers=["north"])
        await on.pass_(10 * MINUTE)
        done = await on.operation(operation.id)
        assert (done.state, done.counts) == ("done_with_failures", {"applied": 3, "accepted_unverified": 1})
        found = await metrics(on)
        assert found["hashyard_controller_container_drifting_miners", None, None] == 1
        counted = "hashyard_controller_commands_total"
        assert found[counted, "sleep", "accepted_unverified"] == 1
        assert found[counted, "sleep", "applied"] == 3
        assert on.view("north.w1").matches is False
        await on.heal("north.w1")
        await on.pass_(40 * MINUTE)
        assert len(asleep(on)) == 4
        assert (await metrics(on))["hashyard_controller_container_drifting_miners", None, None] == 0

    on_a_yard(tmp_path, targets(container("north", 1, more="schedule: always")), scenario)


async def metrics(on: Yard) -> dict[tuple[str, str | None, str | None], float]:
    """Return the controller's series of a container by name, action and status."""
    pieces = on.controller.process.metrics(openmetrics=False)
    assert pieces is not None
    page = b"".join([piece async for piece in pieces]).decode()
    return {
        (sample.name, sample.labels.get("action"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if "miner" not in sample.labels
    }
