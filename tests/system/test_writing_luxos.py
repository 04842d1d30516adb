"""Writing to simulated LuxOS over real sockets: one session at a time, each action proved, each failure told apart."""

import asyncio
import logging
from typing import Any

import pytest

from miners.actions import Action, Locate, Reboot, SetMode, SetPowerLimit, SetPreset, Sleep, Status, Wake
from miners.apply import presets_of
from miners.model import Snapshot
from miners.writers import WRITERS
from simulator.devices.luxos_orders import LuxosOrders
from simulator.faults import read_fault
from tests.system.writing_stage import Stage, stage, until


def luxos(number: int, **more: Any) -> Any:
    return stage(f"127.77.3.{number}", "S19k Pro", web_port=None, device="luxos", **more)


def have(on: Stage, **fault: Any) -> None:
    """Take every fault away and give it this one."""
    on.miner.remove_faults(None, on.clock.now())
    if fault:
        found = read_fault(fault, "fault", [])
        assert found is not None
        on.miner.add_faults((found,), on.clock.now())


def open_session(on: Stage) -> str:
    device = on.miner.device
    assert isinstance(device, LuxosOrders)
    return device.session_shown(on.clock.now())


def sessions(on: Stage) -> list[tuple[str, bool]]:
    return [(one.command, one.accepted) for one in on.miner.orders.sessions]


async def applied(on: Stage, action: Action) -> Snapshot:
    done = await on.do(action)
    assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
    assert open_session(on) == ""
    assert done.after is not None
    return done.after


async def test_every_action_is_applied_and_shown() -> None:
    async with luxos(1) as on:
        assert (await applied(on, Sleep())).state == "sleeping"
        assert on.miner.truth(on.clock.now()).state == "sleeping"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        found = await presets_of(on.target, WRITERS["luxos"], on.clock)
        small = min(found, key=lambda preset: preset.watts or 0)
        assert (small.watts or 0) < 0.8 * max(preset.watts or 0 for preset in found)
        assert (await applied(on, SetPreset(small.name))).profile == small.name
        assert on.miner.at(on.clock.now()).preset == small.name
        assert (await applied(on, Locate(on=True))).locating is True
        assert (await applied(on, Locate(on=False))).locating is False
        assert [order.command for order in on.received] == [
            "curtail", "curtail", "atmset", "profileset", "ledset", "ledset",
        ]  # fmt: skip
        assert all(order.accepted for order in on.received)
        assert sessions(on) == [("logon", True), ("logoff", True)] * 5


async def test_a_preset_changes_the_power_that_it_promises() -> None:
    async with luxos(2) as on:
        preset = min(await presets_of(on.target, WRITERS["luxos"], on.clock), key=lambda one: one.watts or 0)
        await applied(on, SetPreset(preset.name))
        on.clock.simulated.advance(1800.0)
        assert on.fleet.power_w() == pytest.approx(preset.watts, rel=0.05)


async def test_a_reboot_shows_by_the_mining_that_begins_anew() -> None:
    async with luxos(3) as on:
        await applied(on, Reboot())
        assert on.miner.physics.restarts == 1
        assert [order.command for order in on.received] == ["rebootdevice"]


async def test_what_shows_already_is_not_sent_again_and_takes_no_session() -> None:
    async with luxos(4) as on:
        actions: tuple[Action, ...] = (Wake(), SetPreset("default"), Locate(on=False))
        for action in actions:
            outcome = (await on.do(action)).outcome
            assert (outcome.status, outcome.sent) == ("unchanged", False), outcome.detail
        assert (on.received, on.intents, sessions(on)) == ([], 0, [])


async def test_one_that_says_yes_and_does_not_obey_is_unverified() -> None:
    async with luxos(5, fault="disobeys") as on:
        actions: tuple[Action, ...] = (Sleep(), Locate(on=True), Reboot())
        for action in actions:
            done = await on.do(action)
            assert (done.outcome.status, done.outcome.sent) == ("accepted_unverified", True), action
            within_s = WRITERS["luxos"].abilities[type(action)].within_s
            assert done.outcome.duration_s == pytest.approx(within_s, abs=1.0)
            assert open_session(on) == ""
        # It says yes to switching its tuning off, does not, and so takes no preset.
        found = await presets_of(on.target, WRITERS["luxos"], on.clock)
        outcome = (await on.do(SetPreset(found[0].name))).outcome
        assert (outcome.status, outcome.sent) == ("refused", True)
        assert "ATM is enabled" in outcome.detail
        assert open_session(on) == ""


async def test_one_that_obeys_late_is_waited_for() -> None:
    async with luxos(6, faults=[{"fault": "slow_to_obey", "seconds": 40}]) as on:
        done = await on.do(Sleep())
        assert done.outcome.status == "applied", done.outcome.detail
        assert 40 <= done.outcome.duration_s <= 60


@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_lost_answer_is_decided_by_the_reading_and_not_repeated(how: str) -> None:
    async with luxos(7 + len(how), faults=[{"fault": "answers_lost", "how": how}]) as on:
        done = await on.do(Sleep())
        assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
        assert done.outcome.detail.startswith("no answer came; it shows sleeping")
        assert [order.command for order in on.received] == ["curtail"]
        assert open_session(on) == ""


async def test_a_session_that_lapsed_once_is_taken_anew_once() -> None:
    async with luxos(20, fault="lapsing", seconds=0) as on:

        async def mend() -> None:
            await until(lambda: on.received)
            have(on)

        mending = asyncio.create_task(mend())
        await applied(on, Sleep())
        await mending
        assert [order.accepted for order in on.received] == [False, True]
        assert [command for command, _ in sessions(on)] == ["logon", "logoff"] * 2


async def test_sessions_that_always_lapse_end_in_a_clear_failure() -> None:
    async with luxos(21, fault="lapsing", seconds=0) as on:
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert "takes its own session for lapsed, twice in a row" in outcome.detail
        assert [order.accepted for order in on.received] == [False, False]
        assert on.miner.truth(on.clock.now()).state == "mining"


async def test_a_task_that_is_cancelled_gives_its_session_back() -> None:
    async with luxos(22, faults=[{"fault": "answers_lost", "how": "silent"}]) as on:
        task = asyncio.create_task(on.do(Sleep()))
        await until(lambda: on.received)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not open_session(on))
        assert sessions(on) == [("logon", True), ("logoff", True)]


async def test_another_session_is_waited_out_by_trying_again() -> None:
    async with luxos(23, fault="session_taken") as on:
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert "another program commands it; it is free a minute after that has ended" in outcome.detail
        have(on)
        await applied(on, Sleep())


Failure = tuple[dict[str, Any], Action, Status, str, bool]
FAILURES: dict[str, Failure] = {
    "says no": ({"fault": "refuses"}, Sleep(), "refused", 'refuses curtail: "curtail refused"', True),
    "read-only": ({"fault": "read_only"}, Sleep(), "refused", "read-only for this host; allow it", False),
    "session taken": ({"fault": "session_taken"}, Sleep(), "refused", "Another session is active", False),
    "firmware without writing": (
        {"fault": "no_writing"},
        Sleep(),
        "unsupported",
        "this version of LuxOS does not know it",
        False,
    ),
    "unknown preset": ({}, SetPreset("turbo"), "refused", "has no preset 'turbo'; it has ", False),
    "preset that hides another parameter": ({}, SetPreset("default,1"), "refused", "has no preset", False),
    "mode": ({}, SetMode("low"), "unsupported", "luxos does not know set_mode; it knows sleep", False),
    "watts": ({}, SetPowerLimit(3000), "unsupported", "does not know set_power_limit", False),
    "not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "silent": ({"fault": "silent"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_each_kind_of_failure_is_told_apart(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    simulate, action, status, words, sent = FAILURES[kind]
    async with luxos(30 + list(FAILURES).index(kind), **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail
        assert not any(order.accepted for order in on.received)
        assert on.miner.truth(on.clock.now()).state in ("mining", "down")


async def test_no_outcome_and_no_log_shows_a_sessions_id(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: set[str] = set()
    async with luxos(50, fault="refuses") as on:

        async def watch() -> None:
            while True:
                seen.add(open_session(on))
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        details = [(await on.do(action)).outcome.detail for action in (Sleep(), Locate(), Reboot())]
        have(on, fault="lapsing", seconds=0)
        details.append((await on.do(Sleep())).outcome.detail)
        watching.cancel()
    printed = capfd.readouterr()
    assert seen - {""}
    for identifier in seen - {""}:
        assert identifier not in "".join(details) + caplog.text + printed.out + printed.err
