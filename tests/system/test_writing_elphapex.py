"""Writing to simulated Elphapex over real sockets, on the web and where TCP 4028 is closed."""

from typing import Any

import pytest

from miners.actions import Action, Locate, Reboot, SetMode, Sleep, Status, Wake
from miners.model import Credentials
from tests.system.writing_stage import SECRET, stage

GIVEN = Credentials("root", SECRET)


def elphapex(number: int, model: str = "DG1+", **more: Any) -> Any:
    more.setdefault("credentials", GIVEN)
    more.setdefault("password", SECRET)
    return stage(f"127.77.2.{number}", model, **more)


@pytest.mark.parametrize("model", ["DG1+", "DG-Home1"])
async def test_it_sleeps_and_wakes(model: str) -> None:
    async with elphapex(1 + len(model), model) as on:
        done = await on.do(Sleep())
        assert done.outcome.status == "applied", done.outcome.detail
        assert done.after is not None
        assert (done.after.state, done.after.power_mode) == ("sleeping", "sleep")
        assert on.miner.truth(on.clock.now()).state == "sleeping"
        assert (await on.do(Sleep())).outcome.status == "unchanged"
        done = await on.do(Wake())
        assert done.outcome.status == "applied", done.outcome.detail
        assert done.after is not None
        assert (done.after.state in ("mining", "starting"), done.after.power_mode) == (True, "normal")
        assert [order.parameters for order in on.received] == [{"workmode": "-1000"}, {"workmode": "0"}]


@pytest.mark.parametrize("model", ["DG1+", "DG-Home1"])
async def test_its_light_and_its_restart_are_those_of_the_antminer(model: str) -> None:
    async with elphapex(10 + len(model), model) as on:
        for light in (True, False):
            done = await on.do(Locate(on=light))
            assert done.outcome.status == "applied", done.outcome.detail
            assert on.miner.at(on.clock.now()).locating is light
        done = await on.do(Reboot())
        assert done.outcome.status == "applied", done.outcome.detail
        assert on.miner.physics.restarts == 1
        assert [order.accepted for order in on.received] == [True] * 3


FAILURES: dict[str, tuple[dict[str, Any], Action, Status, str, bool]] = {
    "wrong password": (
        {"credentials": Credentials("root", "another")},
        Sleep(),
        "auth_failed",
        "refuses the user or password given",
        False,
    ),
    "no password": (
        {"credentials": None, "password": "root"},
        Sleep(),
        "auth_failed",
        "no password is configured",
        False,
    ),
    "says no": ({"fault": "refuses"}, Sleep(), "refused", 'refuses setworkmode.cgi: "M001', True),
    "firmware without writing": (
        {"fault": "no_writing"},
        Sleep(),
        "unsupported",
        "has no page /cgi-bin/luci/setworkmode.cgi to write to",
        False,
    ),
    "does not obey": (
        {"fault": "disobeys"},
        Sleep(),
        "accepted_unverified",
        "after 300 s it shows mining, mode normal",
        True,
    ),
    "not there": ({"fault": "refused"}, Sleep(), "unreachable", "nothing was sent", False),
    "says no to the light": ({"fault": "refuses"}, Locate(), "refused", "refuses blink.cgi", True),
    "does not restart": (
        {"fault": "disobeys"},
        Reboot(),
        "accepted_unverified",
        "after 600 s it shows mining, up for",
        True,
    ),
    "mode": ({}, SetMode("low"), "unsupported", "elphapex does not know set_mode", False),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_each_kind_of_failure_is_told_apart(kind: str) -> None:
    simulate, action, status, words, sent = FAILURES[kind]
    async with elphapex(20 + list(FAILURES).index(kind), **simulate) as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == (status, sent), outcome.detail
        assert words in outcome.detail


@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_lost_answer_is_decided_by_the_reading(how: str) -> None:
    async with elphapex(40 + len(how), faults=[{"fault": "answers_lost", "how": how}]) as on:
        outcome = (await on.do(Sleep())).outcome
        assert (outcome.status, outcome.sent) == ("applied", True), outcome.detail
        assert len(on.received) == 1


@pytest.mark.parametrize("action", [Locate(), Reboot()])
async def test_a_page_that_the_firmware_has_not_is_unsupported(action: Action) -> None:
    async with elphapex(60, fault="no_writing") as on:
        outcome = (await on.do(action)).outcome
        assert (outcome.status, outcome.sent) == ("unsupported", False), outcome.detail
