"""Writing through a simulated farm's gateway, with the proof read from the miner itself: each failure told apart."""

import logging
from typing import Any

import pytest
from msgspec import structs

from miners.actions import Action, Reboot, SetMode, SetPreset, Sleep, Status, Wake
from miners.hand import TcpHand
from miners.model import Credentials, Snapshot
from miners.writers import WRITERS
from miners.writers.token_gateway import leave
from simulator.gateway import Gateway
from tests.system.writing_stage import Stage, stage

PASSWORD = "gateway-pw-5r7x"
MODELS = {"whatsminer": "M30S+", "antminer": "S19 Pro", "luxos": "S19k Pro", "elphapex": "DG1+"}


def behind(number: int, make: str = "whatsminer", *, token_s: float = 600.0, **more: Any) -> Any:
    if make == "luxos":
        more["device"] = "luxos"
    more.setdefault("gateway_credentials", Credentials("farm", PASSWORD))
    gateway = {"port": 0, "token_s": token_s}
    return stage(f"127.77.4.{number}", MODELS[make], gateway=gateway, **more)


def gateway_of(on: Stage) -> Gateway:
    (found,) = on.fleet.gateways
    return found


def logins(on: Stage) -> int:
    return sum(one.command == "/api/login" for one in on.miner.orders.sessions)


async def applied(on: Stage, action: Action) -> Snapshot:
    done = await on.do(action)
    assert (done.outcome.status, done.outcome.sent) == ("applied", True), done.outcome.detail
    assert done.after is not None
    return done.after


@pytest.mark.parametrize("make", MODELS)
async def test_miners_of_every_make_sleep_and_wake(make: str) -> None:
    async with behind(1 + list(MODELS).index(make), make) as on:
        assert (await applied(on, Sleep())).state == "sleeping"
        assert on.miner.truth(on.clock.now()).state == "sleeping"
        assert (await on.do(Sleep())).outcome.status == "unchanged"
        assert (await applied(on, Wake())).state in ("starting", "mining")
        assert [order.command for order in on.received] == ["/api/curtail"] * 2
        assert logins(on) == 1


async def test_profiles_show_by_the_power_that_the_miner_measures() -> None:
    async with behind(10) as on:
        for preset, share in (("underclock", 0.75), ("overclock", 1.15), ("normal", 1.0)):
            after = await applied(on, SetPreset(preset))
            assert after.power_w is not None
            assert after.nominal_power_w is not None
            assert after.power_w / after.nominal_power_w == pytest.approx(share, rel=0.08)
        assert all(order.accepted and order.obeyed for order in on.received)
        assert len(on.received) == 3


async def test_where_no_power_is_measured_a_profile_stays_unverified() -> None:
    async with behind(11, "antminer") as on:
        outcome = (await on.do(SetPreset("underclock"))).outcome
        assert (outcome.status, outcome.sent) == ("accepted_unverified", True)
        assert "its readings do not tell whether it was done" in outcome.detail


async def test_a_token_that_lapsed_is_renewed_once() -> None:
    async with behind(12, token_s=100.0) as on:
        await applied(on, Sleep())
        on.clock.simulated.advance(200.0)
        await applied(on, Wake())
        assert logins(on) == 2
        assert [order.accepted for order in on.received] == [True, True]


async def test_tokens_that_lapse_at_once_are_a_clear_failure() -> None:
    async with behind(13, token_s=0.0) as on:
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("auth_failed", False)
        assert "does not take the token that it has just given" in outcome.detail
        assert logins(on) == 2
        assert on.miner.truth(on.clock.now()).state == "mining"


async def test_a_token_is_given_back_when_the_program_ends() -> None:
    async with behind(14) as on:
        await applied(on, Sleep())
        await leave(TcpHand(on.target, now=on.clock.now()), on.session)
        assert on.miner.orders.sessions[-1].command == "/api/logout"
        await applied(on, Wake())
        assert logins(on) == 2


async def test_one_that_says_yes_and_does_not_obey_is_unverified() -> None:
    async with behind(15, fault="disobeys") as on:
        for action in (Sleep(), SetPreset("underclock")):
            done = await on.do(action)
            assert (done.outcome.status, done.outcome.sent) == ("accepted_unverified", True), action
            within_s = WRITERS["token_gateway"].abilities[type(action)].within_s
            assert done.outcome.duration_s == pytest.approx(within_s, abs=1.0)
        assert len(on.received) == 2


async def test_an_answer_that_is_lost_is_decided_by_the_reading() -> None:
    async with behind(16, faults=[{"fault": "answers_lost", "how": "closed"}]) as on:
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("applied", True), outcome.detail
        assert outcome.detail.startswith("no answer came; it shows sleeping")
        assert len(on.received) == 1


async def test_a_gateway_that_is_away_is_not_the_miner() -> None:
    async with behind(17) as on:
        url = gateway_of(on).url
        await gateway_of(on).stop()
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("unreachable", False)
        assert f"nothing was sent: {url.removeprefix('http://')} refuses the connection" in outcome.detail


async def test_a_url_that_is_no_gateway_is_told() -> None:
    async with behind(18) as on:
        on.target = structs.replace(on.target, gateway=f"{gateway_of(on).url}/elsewhere")
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("unsupported", False)
        assert (
            "/elsewhere/api/login is not there: is it a token gateway, and its URL right?" in outcome.detail
        )


async def test_a_miner_that_the_gateway_does_not_know_is_told() -> None:
    async with behind(19) as on, behind(20) as other:
        on.target = structs.replace(on.target, gateway=gateway_of(other).url)
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("refused", False)
        assert '/api/login refuses: "unknown miner_ip"' in outcome.detail


Failure = tuple[dict[str, Any], Action, Status, str, bool]
FAILURES: dict[str, Failure] = {
    "the miner says no": ({"fault": "refuses"}, Sleep(), "refused", 'refuses: "the miner refused"', True),
    "read-only": ({"fault": "read_only"}, Sleep(), "refused", "does not take commands", True),
    "firmware without writing": ({"fault": "no_writing"}, Sleep(), "refused", "does not take commands", True),
    "unknown profile": ({}, SetPreset("turbo"), "refused", "has no 'turbo' for set_preset", False),
    "mode": ({}, SetMode("low"), "unsupported", "does not know set_mode", False),
    "reboot": ({}, Reboot(), "unsupported", "does not know reboot", False),
    "miner not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent: 127.77.", False),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_each_kind_of_failure_is_told_apart(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    simulate, action, status, words, sent = FAILURES[kind]
    async with behind(30 + list(FAILURES).index(kind), **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail
        assert not any(order.accepted for order in on.received)
        token = on.session.token
    printed = capfd.readouterr()
    whole = outcome.detail + caplog.text + printed.out + printed.err
    assert PASSWORD not in whole
    assert token is None or token not in whole
