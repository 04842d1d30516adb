"""Writing to simulated Antminers over real sockets: each action proved, each kind of failure told apart."""

import logging
from typing import Any

import msgspec
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
from miners.apply import apply, presets_of
from miners.client import read_miner
from miners.model import Credentials, Identity, Snapshot
from miners.writers import WRITERS
from simulator.faults import read_fault
from simulator.setting import Setting
from tests.system.writing_stage import SECRET, Stage, stage

GIVEN = Credentials("root", SECRET)
S19 = "S19 Pro"


def antminer(number: int, model: str = S19, **more: Any) -> Any:
    more.setdefault("credentials", GIVEN)
    more.setdefault("password", SECRET)
    return stage(f"127.77.1.{number}", model, **more)


def state(on: Stage) -> str:
    return on.miner.truth(on.clock.now()).state


async def applied(on: Stage, action: Action) -> Snapshot:
    done = await on.do(action)
    assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
    assert done.after is not None
    return done.after


async def test_every_action_is_applied_and_shown() -> None:
    async with antminer(1, pools=[{"url": "stratum+tcp://p.example:3333", "user": "farm.north"}]) as on:
        pools = on.miner.at(on.clock.now()).pools
        assert (await applied(on, Sleep())).state == "sleeping"
        assert state(on) == "sleeping"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        modes: tuple[Mode, ...] = ("low", "high", "normal")
        for mode in modes:
            assert (await applied(on, SetMode(mode))).power_mode == mode
            assert on.miner.at(on.clock.now()).mode == mode
        assert (await applied(on, Locate(on=True))).locating is True
        assert (await applied(on, Locate(on=False))).locating is False
        await applied(on, Sleep())
        # A work mode also wakes, and waking is shown by more than the mode.
        awake = await applied(on, SetMode("low"))
        assert (awake.power_mode, awake.state in ("starting", "mining")) == ("low", True)
        # Whatever was written, the pools and their passwords are as they were.
        assert [(pool.url, pool.user) for pool in on.miner.at(on.clock.now()).pools] == [
            (pool.url, pool.user) for pool in pools
        ]
        assert all(order.accepted and order.obeyed for order in on.received)
        assert len(on.received) == 9


async def test_a_reboot_shows_by_the_uptime_that_begins_anew() -> None:
    async with antminer(2) as on:
        done = await on.do(Reboot())
        assert done.outcome.status == "applied", done.outcome.detail
        assert done.before is not None
        assert done.after is not None
        assert (done.after.uptime_s or 0) < (done.before.uptime_s or 0)
        assert len(on.received) == 1
        assert on.miner.physics.restarts == 1


async def test_what_shows_already_is_not_sent_again() -> None:
    async with antminer(3) as on:
        actions: tuple[Action, ...] = (Wake(), SetMode("normal"), Locate(on=False))
        for action in actions:
            outcome = (await on.do(action)).outcome
            assert (outcome.status, outcome.sent) == ("unchanged", False), outcome.detail
        assert (on.received, on.intents) == ([], 0)


@pytest.mark.parametrize("handed_in", [True, False])
async def test_unchanged_is_not_said_of_settings_that_were_kept(handed_in: bool) -> None:
    async with antminer(9) as on:
        for _ in range(2):
            kept = await read_miner(on.target, on.memory)
            assert isinstance(kept, Snapshot)
            assert kept.locating is False
            on.miner.order(Setting(locating=True), on.clock.now())  # somebody on the miner's own page
        done = await on.do(Locate(on=False), before=kept if handed_in else None)
        assert done.outcome.status == "applied", done.outcome.detail
        assert done.before is not None
        assert done.before.locating is True
        assert on.miner.at(on.clock.now()).locating is False


async def test_a_reading_handed_in_that_shows_it_already_is_of_this_very_miner() -> None:
    async with antminer(10) as on:
        read = await read_miner(on.target, on.memory)
        assert isinstance(read, Snapshot)
        another = msgspec.structs.replace(read, identity=Identity(mac="02:00:00:00:00:01"))
        outcome = (await on.do(Wake(), before=another)).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert "another miner stands at 127.77.1.10" in outcome.detail
        assert on.received == []


async def test_a_miner_that_obeys_at_once_costs_one_reading() -> None:
    async with antminer(4) as on:
        await applied(on, Sleep())
        assert on.clock.slept == [0.5]


async def test_one_that_obeys_late_is_waited_for() -> None:
    async with antminer(5, faults=[{"fault": "slow_to_obey", "seconds": 120}]) as on:
        done = await on.do(Sleep())
        assert done.outcome.status == "applied"
        assert 120 <= done.outcome.duration_s <= 140


async def test_one_that_says_yes_and_does_not_obey_is_unverified() -> None:
    async with antminer(6, fault="disobeys") as on:
        actions: tuple[Action, ...] = (Sleep(), SetMode("low"), Locate(on=True), Reboot())
        for action in actions:
            done = await on.do(action)
            assert (done.outcome.status, done.outcome.sent) == ("accepted_unverified", True)
            assert done.after is not None
            assert done.outcome.duration_s == pytest.approx(
                WRITERS["antminer"].abilities[type(action)].within_s
            )
        outcome = (await on.do(Sleep())).outcome
        assert outcome.detail.startswith('the miner said yes ("M000')
        assert "after 300 s it shows mining, mode normal" in outcome.detail
        assert "look at the miner before trying again" in outcome.detail
        # Once each: what was said yes to is not repeated.
        assert len(on.received) == 5


FAILURES: dict[str, tuple[dict[str, Any], Action, Status, str, bool]] = {
    "wrong password": (
        {"credentials": Credentials("root", "another")},
        Sleep(),
        "auth_failed",
        "refuses the user or password given: correct the miner's credentials",
        False,
    ),
    "no password": (
        {"credentials": None, "password": "root"},
        Sleep(),
        "auth_failed",
        "no password is configured for this miner, and writing never tries the maker's default",
        False,
    ),
    "says no": ({"fault": "refuses"}, Sleep(), "refused", 'refuses set_miner_conf.cgi: "M001', True),
    "says no to the light": ({"fault": "refuses"}, Locate(), "refused", "refuses blink.cgi", True),
    "firmware without writing": (
        {"fault": "no_writing"},
        Sleep(),
        "unsupported",
        "has no page /cgi-bin/set_miner_conf.cgi to write to",
        False,
    ),
    "not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "silent": ({"fault": "silent"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
    "an old model": (
        {"model": "S9"},
        Sleep(),
        "unsupported",
        "Antminer S9: its firmware has no work mode that can be written; switch the outlet",
        False,
    ),
    "percent": (
        {},
        SetPowerPercent(80),
        "unsupported",
        "antminer does not know set_power_percent; it knows sleep, wake, set_mode, reboot, locate",
        False,
    ),
    "watts": ({}, SetPowerLimit(3000), "unsupported", "does not know set_power_limit", False),
    "preset": ({}, SetPreset("x"), "unsupported", "does not know set_preset", False),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_each_kind_of_failure_is_told_apart(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    simulate, action, status, words, sent = FAILURES[kind]
    simulate = dict(simulate)
    model = simulate.pop("model", S19)
    if model == "S9":
        simulate["password"] = None
    async with antminer(20 + list(FAILURES).index(kind), model, **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail
        assert not any(order.accepted for order in on.received)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_lost_answer_is_decided_by_the_reading_and_not_repeated(how: str) -> None:
    async with antminer(40 + len(how), faults=[{"fault": "answers_lost", "how": how}]) as on:
        done = await on.do(Sleep())
        assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
        assert done.outcome.detail.startswith("no answer came; it shows sleeping")
        assert len(on.received) == 1
        # And the same where it does not obey.
        on.miner.add_faults((*_faults("disobeys"),), on.clock.now())
        done = await on.do(Wake())
        assert (done.outcome.status, done.outcome.sent) == ("unreachable", True)
        assert "the command has left and no answer came" in done.outcome.detail
        assert "after 900 s it shows sleeping" in done.outcome.detail
        assert len(on.received) == 2


async def test_a_miner_that_falls_silent_after_the_command_is_unverified() -> None:
    async with antminer(50) as on:
        before = (await on.do(Wake())).before
        assert before is not None

        async def go_silent(*_: object) -> None:
            on.miner.add_faults((*_faults("silent"),), on.clock.now())

        on.clock.sleep = go_silent  # type: ignore[method-assign]
        on.clock.simulated.advance(1.0)
        writer = WRITERS["antminer"]
        hurried = _hurried(writer)
        outcome = (await on.do(Sleep(), writer=hurried, before=before)).outcome
        assert (outcome.status, outcome.sent) == ("accepted_unverified", True)
        assert "it could not be read after 2 s" in outcome.detail


async def test_another_miner_at_the_address_is_not_written_to() -> None:
    async with antminer(51) as on:
        seen = (await on.do(Wake())).before
        assert seen is not None
        assert seen.identity.mac
        mine = Identity(mac=seen.identity.mac.lower().replace(":", "-"))
        assert (await on.do(Wake(), expected=mine)).outcome.status == "unchanged"
        outcome = (await on.do(Sleep(), expected=Identity(mac="02:00:00:00:00:01"))).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert f"MAC {seen.identity.mac}, expected 02:00:00:00:00:01" in outcome.detail
        assert on.received == []


async def test_nothing_leaves_when_the_intent_cannot_be_recorded() -> None:
    async def fail() -> None:
        raise OSError(f"disk full {SECRET}")

    async with antminer(52) as on:
        done = await apply(
            on.target, Sleep(), session=on.session, memory=on.memory, clock=on.clock, on_sent=fail
        )
        assert (done.outcome.status, done.outcome.sent) == ("refused", False)
        assert done.outcome.detail == "nothing was sent, for it could not be recorded: OSError"
        assert on.received == []


async def test_an_antminer_has_no_presets() -> None:
    async with antminer(53) as on:
        assert await presets_of(on.target, WRITERS["antminer"], on.clock) == ()


def _faults(*names: str) -> list[Any]:
    return [read_fault({"fault": name}, name, []) for name in names]


def _hurried(writer: Any) -> Any:
    abilities = {
        kind: msgspec.structs.replace(ability, within_s=2.0) for kind, ability in writer.abilities.items()
    }
    return msgspec.structs.replace(writer, abilities=abilities)
