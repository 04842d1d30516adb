"""Writing to simulated Avalons over real sockets: each action proved in every generation, each failure told apart."""

import logging
from typing import Any

import pytest

from miners.actions import (
    Action,
    Locate,
    Mode,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Status,
    Wake,
)
from miners.model import Credentials, Snapshot
from miners.writers import WRITERS
from tests.system.writing_stage import SECRET, Stage, stage

MODES: tuple[Mode, ...] = ("low", "high", "normal")
MODELS = ("1166 Pro", "1246", "1346", "1466", "1566", "Q")


def avalon(number: int, model: str = "1246", **more: Any) -> Any:
    # A password is of no use to an Avalon: it is planted here, and looked for in all that is said.
    more.setdefault("credentials", Credentials("root", SECRET))
    return stage(f"127.77.3.{number}", model, web_port=None, **more)


def state(on: Stage) -> str:
    return on.miner.truth(on.clock.now()).state


async def applied(on: Stage, action: Action) -> Snapshot:
    done = await on.do(action)
    assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
    assert done.after is not None
    return done.after


@pytest.mark.parametrize("model", MODELS)
async def test_every_action_is_applied_and_shown(model: str) -> None:
    async with avalon(1 + MODELS.index(model), model) as on:
        assert (await applied(on, Sleep())).state == "sleeping"
        assert state(on) == "sleeping"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        assert state(on) in ("starting", "mining")
        for mode in MODES:
            await applied(on, SetMode(mode))
            assert on.miner.at(on.clock.now()).mode == mode
        assert (await applied(on, SetPreset("-3"))).profile == "-3"
        assert (await applied(on, SetPreset("0"))).profile == "0"
        assert (await applied(on, Locate(on=True))).locating is True
        assert (await applied(on, Locate(on=False))).locating is False


async def test_one_command_each_and_the_older_form_only_where_it_is_wanted() -> None:
    async with avalon(10, "1246") as on:
        await applied(on, SetMode("low"))
        await applied(on, Sleep())
        told = [order.parameters["parameter"] for order in on.received]
        assert told[0] == "0,workmode,set,0"
        assert told[1].startswith("0,softoff,1:")
        assert len(told) == 2
    async with avalon(11, "1066") as on:
        await applied(on, SetMode("low"))
        told = [order.parameters["parameter"] for order in on.received]
        assert told == ["0,workmode,set,0", "0,workmode,0"]
        assert [order.accepted for order in on.received] == [False, True]


async def test_a_miner_that_hangs_up_on_its_wake_is_told_once_and_wakes() -> None:
    async with avalon(12, "1466") as on:
        await applied(on, Sleep())
        await applied(on, Wake())
        assert [order.parameters["parameter"].split(",")[1] for order in on.received] == ["softoff", "softon"]


async def test_a_1346_is_woken_by_a_reboot() -> None:
    async with avalon(13, "1346") as on:
        await applied(on, Sleep())
        await applied(on, Wake())
        assert on.received[-1].parameters == {"parameter": "0,reboot,0"}
        assert on.miner.physics.restarts == 1


async def test_a_reboot_shows_by_the_uptime_that_begins_anew() -> None:
    async with avalon(14) as on:
        done = await on.do(Reboot())
        assert done.outcome.status == "applied", done.outcome.detail
        assert len(on.received) == 1


async def test_what_shows_already_is_not_sent_again() -> None:
    async with avalon(15) as on:
        actions: tuple[Action, ...] = (Wake(), SetMode("normal"), SetPreset("0"), Locate(on=False))
        for action in actions:
            outcome = (await on.do(action)).outcome
            assert (outcome.status, outcome.sent) == ("unchanged", False), outcome.detail
        assert (on.received, on.intents) == ([], 0)


async def test_one_that_says_yes_and_does_not_obey_is_unverified() -> None:
    async with avalon(16, fault="disobeys") as on:
        actions: tuple[Action, ...] = (Sleep(), SetMode("low"), SetPreset("-2"), Locate(on=True), Reboot())
        for action in actions:
            done = await on.do(action)
            assert (done.outcome.status, done.outcome.sent) == ("accepted_unverified", True), action
            within_s = WRITERS["avalon"].abilities[type(action)].within_s
            assert done.outcome.duration_s == pytest.approx(within_s, abs=1.0)
        assert len(on.received) == len(actions)


async def test_one_that_obeys_late_is_waited_for() -> None:
    async with avalon(17, faults=[{"fault": "slow_to_obey", "seconds": 60}]) as on:
        done = await on.do(Sleep())
        assert done.outcome.status == "applied", done.outcome.detail
        assert 60 <= done.outcome.duration_s <= 90


@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_lost_answer_is_decided_by_the_reading_and_not_repeated(how: str) -> None:
    async with avalon(18 + len(how), faults=[{"fault": "answers_lost", "how": how}]) as on:
        done = await on.do(Sleep())
        assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
        assert "it shows sleeping" in done.outcome.detail
        assert len(on.received) == 1


FAILURES: dict[str, tuple[dict[str, Any], Action, Status, str, bool]] = {
    "says no": ({"fault": "refuses"}, Sleep(), "refused", "ASC 0 set failed", True),
    "read-only": ({"fault": "read_only"}, Sleep(), "refused", "read-only for this host", False),
    "no writing": ({"fault": "no_writing"}, Sleep(), "unsupported", "does not know it", False),
    "not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "silent": ({"fault": "silent"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "A10": ({"model": "1066"}, Sleep(), "unsupported", "an Avalon 1066 knows no sleep", False),
    "old": ({"model": "741"}, Sleep(), "unsupported", "this firmware does not know it", False),
    "no level": ({}, SetPreset("fast"), "refused", "is no work level", False),
    "no such level": ({}, SetPreset("99"), "refused", "ASC 0 set failed", True),
    "percent": ({}, SetPowerPercent(80), "unsupported", "avalon does not know set_power_percent", False),
    "watts": ({}, SetPowerLimit(3000), "unsupported", "avalon does not know set_power_limit", False),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_each_kind_of_failure_is_told_apart(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    simulate, action, status, words, sent = FAILURES[kind]
    simulate = dict(simulate)
    model = simulate.pop("model", "1246")
    async with avalon(40 + list(FAILURES).index(kind), model, **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail
        assert not any(order.accepted for order in on.received)
        assert state(on) in ("mining", "down")
    printed = capfd.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err
