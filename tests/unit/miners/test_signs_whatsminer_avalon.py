"""What readings of Whatsminers and Avalons show of an action: never yes on a guess."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from miners.actions import (
    ACTIONS,
    Action,
    Locate,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
)
from miners.driver import Memory
from miners.drivers import whatsminer_v2, whatsminer_v3
from miners.drivers.avalon import parse
from miners.model import Identity, Snapshot
from miners.writers import WRITERS, avalon
from tests.unit.miners.avalon_modules import A1366, stats
from tests.unit.miners.strange_documents import ScriptedLink
from tests.unit.miners.whatsminer_documents import NOW, listed, message, summary_row

MAKES = ("whatsminer_v2", "whatsminer_v3", "avalon")
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def snapshot(after_s: float = 0.0, **more: Any) -> Snapshot:
    known: dict[str, Any] = {"state": "mining", "driver": "whatsminer_v2", **more}
    return Snapshot(
        container="c",
        miner="m",
        address="127.0.0.1",
        taken_at=AT + timedelta(seconds=after_s),
        duration_s=0.1,
        identity=Identity(),
        **known,
    )


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("action", "state", "expected"),
    [
        (Sleep(), "sleeping", True),
        (Sleep(), "mining", False),
        (Sleep(), "starting", False),
        (Sleep(), "fault", False),
        (Sleep(), "unknown", None),
        (Wake(), "sleeping", False),
        (Wake(), "mining", True),
        (Wake(), "starting", True),
        (Wake(), "fault", None),
        (Wake(), "unknown", None),
    ],
)
def test_sleep_and_wake_are_told_by_the_state(
    make: str, action: Action, state: str, expected: bool | None
) -> None:
    assert WRITERS[make].shows(action, snapshot(state=state), None) is expected


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("locating", "on", "expected"),
    [
        (True, True, True),
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (None, True, None),
        (None, False, None),
    ],
)
def test_the_light_is_told_by_the_light(
    make: str, locating: bool | None, on: bool, expected: bool | None
) -> None:
    assert WRITERS[make].shows(Locate(on=on), snapshot(locating=locating), None) is expected


@pytest.mark.parametrize("make", MAKES)
def test_a_restart_is_told_by_the_uptime(make: str) -> None:
    shows = WRITERS[make].shows
    before = snapshot(uptime_s=50_000)
    assert shows(Reboot(), snapshot(120, uptime_s=40), before) is True
    assert shows(Reboot(), snapshot(120, uptime_s=50_120), before) is False
    assert shows(Reboot(), snapshot(120), before) is None
    assert shows(Reboot(), snapshot(120, uptime_s=40), None) is None


@pytest.mark.parametrize("make", ["whatsminer_v2", "whatsminer_v3"])
def test_a_whatsminers_mode_and_limit_are_told_by_its_own_words(make: str) -> None:
    shows = WRITERS[make].shows
    assert shows(SetMode("low"), snapshot(power_mode="low"), None) is True
    assert shows(SetMode("low"), snapshot(power_mode="normal"), None) is False
    assert shows(SetMode("low"), snapshot(), None) is None
    assert shows(SetPowerLimit(3000), snapshot(power_limit_w=3010), None) is True
    assert shows(SetPowerLimit(3000), snapshot(power_limit_w=3100), None) is False
    assert shows(SetPowerLimit(3000), snapshot(power_limit_w=2900), None) is False
    assert shows(SetPowerLimit(3000), snapshot(), None) is None


@pytest.mark.parametrize("make", ["whatsminer_v2", "whatsminer_v3"])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"power_w": 2850.0}, False),
        ({"power_w": 2240.0}, True),
        ({"power_w": 2050.0}, False),
        ({"mining_s": 600.0}, None),
        ({"mining_s": None}, None),
        ({"power_source": "estimated"}, None),
        ({"power_w": None}, None),
        ({"nominal_power_w": None}, None),
        ({"nominal_power_w": 0.0}, None),
        ({"state": "sleeping"}, None),
        ({"state": "fault"}, None),
    ],
)
def test_a_whatsminers_percentage_is_told_by_what_it_draws_once_it_has_settled(
    make: str, more: dict[str, Any], expected: bool | None
) -> None:
    settled = {"power_w": 2300.0, "power_source": "measured", "nominal_power_w": 3000.0, "mining_s": 4000.0}
    now = snapshot(**{**settled, **more})
    assert WRITERS[make].shows(SetPowerPercent(75), now, None) is expected


@pytest.mark.parametrize(
    ("mode", "shown", "expected"),
    [
        ("low", "eco", True),
        ("normal", "standard", True),
        ("high", "super", True),
        ("low", "standard", False),
        ("low", "7", False),
        ("low", None, None),
    ],
)
def test_an_avalons_mode_is_told_by_its_number(mode: Any, shown: str | None, expected: bool | None) -> None:
    assert avalon.shows(SetMode(mode), snapshot(power_mode=shown), None) is expected


@pytest.mark.parametrize(
    ("preset", "shown", "expected"),
    [
        ("2", "2", True),
        ("+2", "2", True),
        ("2", "0", False),
        ("2", "odd", False),
        ("2", None, None),
        ("fast", "2", None),
    ],
)
def test_an_avalons_work_level_is_told_by_its_number(
    preset: str, shown: str | None, expected: bool | None
) -> None:
    assert avalon.shows(SetPreset(preset), snapshot(profile=shown), None) is expected


@pytest.mark.parametrize("make", MAKES)
def test_what_a_make_cannot_do_no_reading_shows(make: str) -> None:
    arguments: dict[Any, Any] = {
        SetPowerPercent: 80,
        SetPowerLimit: 3000,
        SetMode: "low",
        SetPreset: "2",
    }
    for kind in ACTIONS:
        if kind not in WRITERS[make].abilities:
            action = kind(arguments[kind]) if kind in arguments else kind()
            assert WRITERS[make].shows(action, snapshot(), None) is None


@pytest.mark.parametrize(("light", "expected"), [("auto", False), ("blink", True), (7, None), (None, None)])
async def test_a_whatsminer_v2_says_whether_its_light_shows_the_way(
    light: Any, expected: bool | None
) -> None:
    told = {
        "summary": listed("SUMMARY", summary_row(100)),
        "status": message({"mineroff": "false"}),
        "get_miner_info": message({"ledstat": light}),
    }
    draft = await whatsminer_v2.read(ScriptedLink(told, NOW), Memory())
    assert draft.locating is expected


async def test_after_a_command_a_whatsminer_v2_is_asked_anew_what_it_may_have_changed() -> None:
    told = {
        "summary": listed("SUMMARY", summary_row(100)),
        "status": message({"mineroff": "false"}),
        "get_miner_info": message({"ledstat": "auto"}),
    }
    memory = Memory()
    assert (await whatsminer_v2.read(ScriptedLink(told, NOW), memory)).locating is False
    # The figures of an M31S go on as if it still hashed; its own word has changed.
    told["summary"] = listed("SUMMARY", summary_row(100, Elapsed=43240))
    told["status"] = message({"mineroff": "true"})
    told["get_miner_info"] = message({"ledstat": "blink"})
    later = await whatsminer_v2.read(ScriptedLink(told, NOW + 30), memory)
    assert (later.asleep, later.locating) == (False, None)
    memory.forget_settings()
    told["summary"] = listed("SUMMARY", summary_row(100, Elapsed=43241))
    after = await whatsminer_v2.read(ScriptedLink(told, NOW + 31), memory)
    assert (after.asleep, after.locating) == (True, True)


async def test_after_a_command_a_whatsminer_v3_is_asked_anew_what_it_may_have_changed() -> None:
    def told(mode: str, light: str, elapsed: int) -> dict[str, Any]:
        summary = {"elapsed": elapsed, "hash-realtime": 180.0, "power-realtime": 3300, "power-limit": 3600}
        device = {
            "miner": {"type": "M60S_VK40", "working": "true"},
            "power": {"mode": mode},
            "system": {"ledstatus": light},
        }
        return {
            "get.miner.status:summary+edevs+pools": {"code": 0, "msg": {"summary": summary}},
            "get.device.info": {"code": 0, "msg": device},
        }

    memory = Memory()
    first = await whatsminer_v3.read(ScriptedLink(told("1", "auto", 4000), NOW), memory)
    assert (first.power_mode, first.locating) == ("normal", False)
    later = await whatsminer_v3.read(ScriptedLink(told("0", "blink", 4030), NOW + 30), memory)
    assert (later.power_mode, later.locating) == ("normal", None)
    memory.forget_settings()
    after = await whatsminer_v3.read(ScriptedLink(told("0", "blink", 4031), NOW + 31), memory)
    assert (after.power_mode, after.locating) == ("low", True)


@pytest.mark.parametrize(
    ("lights", "expected"),
    [
        (("0",), False),
        (("1",), True),
        (("0", "1"), True),
        (("0", "0"), False),
        (("x",), None),
        ((None,), None),
    ],
)
def test_an_avalon_says_whether_its_light_shows_the_way(
    lights: tuple[str | None, ...], expected: bool | None
) -> None:
    written = [A1366 if light is None else f"{A1366} Led[{light}]" for light in lights]
    assert parse({"stats": stats(*written)}, NOW).locating is expected
