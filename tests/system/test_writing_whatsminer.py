"""Writing to simulated Whatsminers over real sockets, by both protocols: each action proved, each failure told apart."""

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
from simulator.faults import read_fault
from tests.system.writing_stage import SECRET, Stage, stage

MODELS = {"whatsminer_v2": "M30S+", "whatsminer_v3": "M60S"}
USERS = {"whatsminer_v2": "admin", "whatsminer_v3": "super"}
FIRST_ADDRESS = {"whatsminer_v2": 1, "whatsminer_v3": 101}
LIMIT_W = {"whatsminer_v2": 3000, "whatsminer_v3": 3000}
MAKES = tuple(MODELS)

both = pytest.mark.parametrize("make", MAKES)


def whatsminer(make: str, number: int, model: str | None = None, **more: Any) -> Any:
    more.setdefault("credentials", Credentials(USERS[make], SECRET))
    more.setdefault("password", SECRET)
    address = f"127.77.2.{FIRST_ADDRESS[make] + number}"
    return stage(address, model or MODELS[make], web_port=None, **more)


def have(on: Stage, **fault: Any) -> None:
    """Take every fault away and give it this one."""
    on.miner.remove_faults(None, on.clock.now())
    if fault:
        found = read_fault(fault, "fault", [])
        assert found is not None
        on.miner.add_faults((found,), on.clock.now())


def state(on: Stage) -> str:
    return on.miner.truth(on.clock.now()).state


async def applied(on: Stage, action: Action) -> Snapshot:
    done = await on.do(action)
    assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
    assert done.after is not None
    return done.after


@both
async def test_every_action_is_applied_and_shown(make: str) -> None:
    async with whatsminer(make, 0) as on:
        assert (await applied(on, Sleep())).state == "sleeping"
        assert state(on) == "sleeping"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        modes: tuple[Mode, ...] = ("low", "high", "normal")
        for mode in modes:
            assert (await applied(on, SetMode(mode))).power_mode == mode
            assert on.miner.at(on.clock.now()).mode == mode
        limit = LIMIT_W[make]
        assert (await applied(on, SetPowerLimit(limit))).power_limit_w == pytest.approx(limit, rel=0.01)
        assert on.miner.at(on.clock.now()).power_limit_w == limit
        assert (await applied(on, Locate(on=True))).locating is True
        assert (await applied(on, Locate(on=False))).locating is False
        assert all(order.accepted and order.obeyed for order in on.received)
        assert len(on.received) == 8
        assert SECRET not in repr(on.received)


@both
async def test_a_percentage_shows_by_the_power_once_the_miner_has_settled(make: str) -> None:
    async with whatsminer(make, 1) as on:
        for percent in (75, 60, 100):
            after = await applied(on, SetPowerPercent(percent))
            assert after.power_w is not None
            assert after.nominal_power_w is not None
            assert 100 * after.power_w / after.nominal_power_w == pytest.approx(percent, abs=5)
            assert on.miner.at(on.clock.now()).power_percent == percent
        # Just awake, it passes every percentage on its way up: nothing is claimed then.
        await applied(on, Sleep())
        await applied(on, Wake())
        outcome = (await on.do(SetPowerPercent(80))).outcome
        assert (outcome.status, outcome.sent) == ("accepted_unverified", True)
        assert "its readings do not tell" in outcome.detail


@both
async def test_a_reboot_shows_by_the_uptime_that_begins_anew(make: str) -> None:
    async with whatsminer(make, 2) as on:
        done = await on.do(Reboot())
        assert done.outcome.status == "applied", done.outcome.detail
        assert len(on.received) == 1
        assert on.miner.physics.restarts == 1


@both
async def test_what_shows_already_is_not_sent_again(make: str) -> None:
    async with whatsminer(make, 3) as on:
        actions: tuple[Action, ...] = (Wake(), SetMode("normal"), SetPowerPercent(100))
        for action in actions:
            outcome = (await on.do(action)).outcome
            assert (outcome.status, outcome.sent) == ("unchanged", False), outcome.detail
        assert (on.received, on.intents) == ([], 0)


@both
async def test_one_that_says_yes_and_does_not_obey_is_unverified(make: str) -> None:
    async with whatsminer(make, 4, fault="disobeys") as on:
        actions: tuple[Action, ...] = (
            Sleep(),
            SetMode("low"),
            SetPowerLimit(LIMIT_W[make]),
            SetPowerPercent(70),
            Locate(on=True),
            Reboot(),
        )
        for action in actions:
            done = await on.do(action)
            assert (done.outcome.status, done.outcome.sent) == ("accepted_unverified", True), action
            within_s = WRITERS[make].abilities[type(action)].within_s
            assert done.outcome.duration_s == pytest.approx(within_s, abs=1.0)
        # Once each: what was said yes to is not repeated.
        assert len(on.received) == len(actions)
        assert all(order.accepted and not order.obeyed for order in on.received)


@both
async def test_one_that_obeys_late_is_waited_for(make: str) -> None:
    async with whatsminer(make, 5, faults=[{"fault": "slow_to_obey", "seconds": 100}]) as on:
        done = await on.do(Sleep())
        assert done.outcome.status == "applied", done.outcome.detail
        assert 100 <= done.outcome.duration_s <= 120


@both
@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_lost_answer_is_decided_by_the_reading_and_not_repeated(make: str, how: str) -> None:
    async with whatsminer(make, len(how), faults=[{"fault": "answers_lost", "how": how}]) as on:
        done = await on.do(Sleep())
        assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
        assert done.outcome.detail.startswith("no answer came; it shows sleeping")
        assert len(on.received) == 1


async def test_a_token_is_kept_and_renewed_when_it_has_lapsed() -> None:
    async with whatsminer("whatsminer_v2", 10) as on:
        given = on.miner.orders.sessions
        for on_ in (True, False, True):
            await applied(on, Locate(on=on_))
        assert len(given) == 1
        on.clock.simulated.advance(29 * 60.0)  # ours is over before the miner's
        await applied(on, Locate(on=False))
        assert len(given) == 2
        # The miner forgets its tokens before their time: one more is asked for, and the command repeated once.
        have(on, fault="lapsing", seconds=60)
        on.clock.simulated.advance(120.0)
        await applied(on, Locate(on=True))
        assert len(given) == 3
        assert [order.accepted for order in on.received] == [True] * 4 + [False, True]
        # Tokens that lapse as they are given: a clear failure, after no more than one repetition.
        have(on, fault="lapsing", seconds=0)
        outcome = (await on.do(Locate(on=False))).outcome
        assert (outcome.status, outcome.sent) == ("auth_failed", False)
        assert "also with a new token" in outcome.detail
        assert [order.accepted for order in on.received][6:] == [False, False]


async def test_too_many_tokens_are_somebody_elses() -> None:
    async with whatsminer("whatsminer_v2", 11) as on:
        for _ in range(32):
            on.session.drop()
            await on.do(Locate(on=len(on.received) % 2 == 0))
        on.session.drop()
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert "has given out all its tokens" in outcome.detail
        on.clock.simulated.advance(1800.0)
        await applied(on, Sleep())


async def test_the_api_switched_off_between_two_commands_is_told() -> None:
    async with whatsminer("whatsminer_v2", 12) as on:
        await applied(on, Locate(on=True))
        have(on, fault="read_only")
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert "switch the API on in WhatsMinerTool" in outcome.detail


@pytest.mark.parametrize("model", ["M20S", "M50", "M53"])
async def test_other_generations_of_firmware_sleep_and_wake(model: str) -> None:
    async with whatsminer("whatsminer_v2", 20 + int(model[1:3]), model) as on:
        assert (await applied(on, Sleep())).state == "sleeping"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        assert (await applied(on, SetMode("low"))).power_mode == "low"


Failure = tuple[dict[str, Any], Action, Status, str, bool]
FAILURES: dict[str, Failure] = {
    "no password": ({"credentials": None}, Sleep(), "auth_failed", "no password is configured", False),
    "says no": ({"fault": "refuses"}, Sleep(), "refused", "answers", True),
    "read-only": (
        {"fault": "read_only"},
        Sleep(),
        "refused",
        "writing is switched off; switch the API on in WhatsMinerTool",
        False,
    ),
    "not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "silent": ({"fault": "silent"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "preset": ({}, SetPreset("x"), "unsupported", "does not know set_preset", False),
    "too much": ({}, SetPowerPercent(101), "refused", "101 % is out of range", False),
    "far too much": ({}, SetPowerLimit(200_000), "refused", "200000 W is out of range", False),
    "more than its model": ({}, SetPowerLimit(90_000), "refused", "answers", True),
}
OWN: dict[str, dict[str, Failure]] = {
    "whatsminer_v2": {
        "wrong password": (
            {"credentials": Credentials("admin", "another")},
            Sleep(),
            "auth_failed",
            "cannot read what was encrypted with this password",
            False,
        ),
        "default password": (
            {"password": None, "credentials": Credentials("admin", "admin")},
            Sleep(),
            "auth_failed",
            "it still has the maker's default password",
            False,
        ),
        "firmware without writing": (
            {"fault": "no_writing"},
            Sleep(),
            "refused",
            "dropped writing by API v2 and needs v3",
            False,
        ),
    },
    "whatsminer_v3": {
        "wrong password": (
            {"credentials": Credentials("super", "another")},
            Sleep(),
            "auth_failed",
            "the password is wrong, or still the maker's default",
            False,
        ),
        "firmware without writing": (
            {"fault": "no_writing"},
            Sleep(),
            "unsupported",
            "this firmware does not know it",
            False,
        ),
    },
}
KINDS = [(make, kind) for make in MAKES for kind in (*FAILURES, *OWN[make])]


@pytest.mark.parametrize(("make", "kind"), KINDS, ids=[" ".join(pair) for pair in KINDS])
async def test_each_kind_of_failure_is_told_apart(
    make: str, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    kinds = FAILURES | OWN[make]
    simulate, action, status, words, sent = kinds[kind]
    async with whatsminer(make, 80 + list(kinds).index(kind), **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail
        assert not any(order.accepted for order in on.received)
        assert state(on) in ("mining", "down")
    printed = capfd.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err
