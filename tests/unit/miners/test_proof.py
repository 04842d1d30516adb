"""What may be asked, what a reading proves, and the words for it."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Wake,
    action_name,
)
from miners.model import Identity, Snapshot, State
from miners.proof import another_device, awake, describe, holds, in_mode, objection, one_line, restarted
from miners.writers import WRITERS
from miners.writing import Ability, CommandRefused, Hand, NotSupported, Session, Writer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def _never(hand: Hand, session: Session, action: Action) -> str:
    raise AssertionError("nothing is sent here")


def _writer(answer: bool | None = None, **ability: Any) -> Writer:
    kinds: tuple[type[Action], ...] = (SetPowerPercent, SetPowerLimit, SetMode, SetPreset, Reboot, Locate)
    return Writer(
        name="make",
        abilities={kind: Ability(within_s=60.0, **ability) for kind in kinds},
        send=_never,
        shows=lambda *_: answer,
    )


def _shot(state: State = "mining", after_s: float = 0.0, **more: Any) -> Snapshot:
    return Snapshot(
        container="c",
        miner="m",
        address="127.0.0.1",
        taken_at=AT + timedelta(seconds=after_s),
        duration_s=0.1,
        driver="antminer",
        state=state,
        identity=Identity(),
        **more,
    )


@pytest.mark.parametrize(
    ("number", "fits"),
    [
        (50, True),
        (100, True),
        (75.5, True),
        (49.9, False),
        (101, False),
        (math.nan, False),
        (math.inf, False),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range_named(number: float, fits: bool) -> None:
    writer = _writer(least=50.0, most=100.0)
    for action, unit in ((SetPowerPercent(number), "%"), (SetPowerLimit(number), "W")):
        wrong = objection(writer, action)
        assert (wrong is None) is fits
        if wrong is not None:
            assert isinstance(wrong, CommandRefused)
            assert f"make takes from 50 to 100 {unit}: nothing was sent" in str(wrong)


@given(st.floats())
def test_without_a_range_only_what_no_miner_can_mean_is_refused(number: float) -> None:
    wrong = objection(_writer(), SetPowerLimit(number))
    assert (wrong is None) is (math.isfinite(number) and number >= 0)


def test_a_mode_or_preset_that_the_make_has_not_is_refused() -> None:
    writer = _writer(modes=("low", "normal"))
    assert objection(writer, SetMode("low")) is None
    assert "make has no 'high' for set_mode; it has low, normal" in str(objection(writer, SetMode("high")))
    assert "no 'x' for set_preset" in str(objection(writer, SetPreset("x")))
    assert objection(_writer(), SetPreset("x")) is None


def test_an_action_that_the_make_does_not_know_is_unsupported() -> None:
    wrong = objection(_writer(), Sleep())
    assert isinstance(wrong, NotSupported)
    assert "make does not know sleep; it knows set_power_percent," in str(wrong)


@pytest.mark.parametrize(
    ("expected", "found", "other"),
    [
        (None, Identity(mac="AA"), None),
        (Identity(), Identity(mac="AA"), None),
        (Identity(mac="aa:bb"), Identity(), None),
        (Identity(mac="aa:bb"), Identity(mac="AABB"), None),
        (Identity(mac="aa:bb"), Identity(mac="AA:BC"), "MAC AA:BC, expected aa:bb"),
        (Identity(mac="AA", serial="S1"), Identity(mac="AA", serial="S2"), "serial number S2, expected S1"),
        (Identity(serial="s1"), Identity(serial="S1", mac="X"), None),
    ],
)
def test_another_device_is_one_with_another_mac_or_serial(
    expected: Identity | None, found: Identity, other: str | None
) -> None:
    assert another_device(expected, found) == other


@pytest.mark.parametrize(
    ("before_s", "now_s", "passed", "anew"),
    [
        (1000, 20, 60, True),
        (1000, 1060, 60, False),
        (1000, 1050, 60, False),
        (5, 15, 60, True),
        (1000, 1000, 0.5, False),
        # A figure that stands still, as of one that sleeps, is no restart.
        (1000, 1000, 60, False),
        # A clock that runs ahead of ours, as a simulated one may.
        (1000, 2000, 1, False),
        (None, 20, 60, None),
        (1000, None, 60, None),
    ],
)
def test_a_restart_shows_by_an_uptime_that_is_less_than_it_would_be(
    before_s: float | None, now_s: float | None, passed: float, anew: bool | None
) -> None:
    assert restarted(_shot(after_s=passed, uptime_s=now_s), _shot(uptime_s=before_s)) is anew


@pytest.mark.parametrize(
    ("answer", "now_s", "was_away", "proof"),
    [
        (None, 20, False, True),
        (True, 1001, True, False),
        (None, None, True, True),
        (None, None, False, None),
        (False, None, True, False),
        (True, None, False, True),
    ],
)
def test_a_reboot_is_proved_by_uptime_then_by_the_make_then_by_having_been_away(
    answer: bool | None, now_s: float | None, was_away: bool, proof: bool | None
) -> None:
    before = _shot(uptime_s=1000)
    now = _shot(after_s=1, uptime_s=now_s)
    assert holds(_writer(answer), Reboot(), now, before, was_away=was_away) is proof
    assert holds(_writer(answer), Reboot(), now, None) is None


def test_a_reboot_is_not_proved_by_figures_that_stand_still() -> None:
    before = _shot("sleeping", uptime_s=1000, mining_s=500)
    now = _shot("sleeping", after_s=300, uptime_s=1000, mining_s=500)
    for name, writer in WRITERS.items():
        if Reboot in writer.abilities:
            assert holds(writer, Reboot(), now, before, was_away=True) is False, name
            assert not writer.shows(Reboot(), now, before), name


@pytest.mark.parametrize("on", [True, False])
def test_a_light_is_proved_by_the_reading_that_tells_of_it(on: bool) -> None:
    assert holds(_writer(None), Locate(on=on), _shot(locating=True), None) is on
    assert holds(_writer(True), Locate(on=on), _shot(), None) is True


@pytest.mark.parametrize(
    ("state", "shown"),
    [("mining", True), ("starting", True), ("sleeping", False), ("fault", None), ("unknown", None)],
)
def test_awake(state: State, shown: bool | None) -> None:
    assert awake(_shot(state)) is shown


@pytest.mark.parametrize(
    ("state", "mode", "before", "shown"),
    [
        ("mining", "low", None, True),
        ("mining", "Low", None, True),
        ("mining", "high", None, False),
        ("mining", None, None, None),
        ("sleeping", "low", None, False),
        ("fault", "low", "fault", True),
        ("fault", "low", "sleeping", None),
        ("starting", "low", "sleeping", True),
        ("fault", "low", None, None),
    ],
)
def test_in_mode(state: State, mode: str | None, before: State | None, shown: bool | None) -> None:
    wanted: Mode = "low"
    assert in_mode(_shot(state, power_mode=mode), _shot(before) if before else None, wanted) is shown


@pytest.mark.parametrize("name", ["antminer", "elphapex"])
@pytest.mark.parametrize(
    ("action", "shot", "shown"),
    [
        (Sleep(), {"state": "sleeping"}, True),
        (Sleep(), {"state": "mining", "power_mode": "sleep"}, False),
        (Sleep(), {"state": "fault"}, False),
        (Sleep(), {"state": "unknown"}, None),
        (Wake(), {"state": "starting"}, True),
        (Wake(), {"state": "sleeping"}, False),
        (Wake(), {"state": "fault"}, None),
        (Locate(), {"state": "mining"}, None),
        (Locate(), {"state": "mining", "locating": False}, False),
        (Reboot(), {"state": "mining", "uptime_s": 5}, None),
        (SetPowerLimit(3000), {"state": "mining", "power_limit_w": 3000}, None),
    ],
)
def test_what_an_antminer_and_an_elphapex_show(
    name: str, action: Action, shot: dict[str, Any], shown: bool | None
) -> None:
    assert WRITERS[name].shows(action, _shot(**shot), None) is shown


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Sleep(), "mining, mode high, 3250 W"),
        (SetMode("low"), "mining, mode high, 3250 W"),
        (SetPowerLimit(3000), "mining, limit 3400 W, 3250 W"),
        (SetPowerPercent(80), "mining, 3250 W, 65 % of nominal"),
        (SetPreset("x"), "mining, preset not told, 3250 W"),
        (Reboot(), "mining, up for 77 s"),
        (Locate(), "light off"),
    ],
)
def test_describe_tells_what_the_action_is_about(action: Action, words: str) -> None:
    shot = _shot(
        power_mode="high", power_w=3250.4, power_source="measured", power_limit_w=3400.0, uptime_s=77, locating=False,
        nominal_power_w=5000.0,
    )  # fmt: skip
    assert describe(action, shot) == words
    assert describe(action, _shot())


def test_describe_tells_of_a_percentage_only_what_is_known() -> None:
    action = SetPowerPercent(80)
    assert describe(action, _shot(power_percent=75.0)) == "mining, set to 75 %"
    assert describe(action, _shot(power_w=3000.0, power_source="estimated")) == "mining, power not measured"
    assert describe(action, _shot(power_w=3000.0, power_source="measured")) == "mining, 3000 W"


@given(words=st.text(max_size=1000), secret=st.text(min_size=4, max_size=20))
def test_one_line_is_printable_short_and_holds_no_secret(words: str, secret: str) -> None:
    line = one_line(f"{words}{secret}{words}", [secret])
    assert line.isprintable()
    assert len(line) <= 400
    assert secret not in line or secret in "<secret>"


def test_a_short_secret_makes_no_holes_in_words() -> None:
    assert one_line("x marks the box, x!", ["x", ""]) == "<secret> marks the box, <secret>!"


def test_every_action_has_a_name() -> None:
    assert action_name(SetPowerPercent(50)) == action_name(SetPowerPercent) == "set_power_percent"


@pytest.mark.parametrize("length", range(5, 16))
def test_a_secret_that_was_cut_is_none_of_the_words_either(length: int) -> None:
    piece = "opensesame-5r7x"[:length]
    for words in (f'it said "no {piece}"; look at it', f"it said no {piece}"):
        assert piece not in one_line(words, ["opensesame-5r7x"])
    assert one_line("open the box", ["opensesame-5r7x"]) == "open the box"
