"""Which actions bring a make to a profile: the general order, a make's own ways, what is capped and what cannot be had."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Step
from controller.profiles import next_action, shows, step_for
from miners.actions import Action, SetMode, SetPowerLimit, SetPowerPercent, SetPreset, Sleep, Wake
from miners.inventory.fleet import Profile
from miners.inventory.profiles import BUILT_IN, BY_TARGET
from miners.model import Identity, Snapshot
from miners.writers import WRITERS
from miners.writing import Ability, Hand, Preset, Session, Writer

NOMINAL_W = 3000.0
ABLE = Ability(within_s=60.0)
PRESETS = (
    Preset(name="eco", watts=1500.0),
    Preset(name="mid", watts=2200.0, hashrate_hs=80e12),
    Preset(name="full", watts=3050.0),
    Preset(name="boost", watts=3600.0),
    Preset(name="odd"),
)


async def _send(hand: Hand, session: Session, action: Action) -> str:
    raise AssertionError("deciding sends nothing")


async def _list(hand: Hand) -> tuple[Preset, ...]:
    raise AssertionError("deciding asks nothing")


def writer_of(
    *abilities: type[Action],
    name: str = "vnish",
    seen: Mapping[Action, bool | None] | None = None,
    **more: Ability,
) -> Writer:
    known = dict.fromkeys(abilities, ABLE)
    known |= {kind: more[kind.__name__] for kind in (Sleep, Wake, *_POWER) if kind.__name__ in more}

    def shown(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
        return (seen or {}).get(action)

    return Writer(
        name=name,
        abilities=known,
        send=_send,
        shows=shown,
        presets=_list,
    )


_POWER: tuple[type[Action], ...] = (SetPowerPercent, SetPowerLimit, SetPreset, SetMode)
ALL = (Sleep, Wake, *_POWER)


def profile_of(percent: float, name: str = "p", **by_make: Mapping[str, Any]) -> Profile:
    return Profile(name=name, target_percent=percent, by_make=by_make)


def step(
    profile: Profile,
    writer: Writer | None,
    *,
    driver: str | None = "vnish",
    manufacturer: str | None = "AntMiner",
    nominal: float | None = NOMINAL_W,
    presets: tuple[Preset, ...] | None = PRESETS,
) -> Step:
    return step_for(profile, driver, manufacturer, nominal, writer, presets)


def actions(profile: Profile, writer: Writer, **more: Any) -> tuple[Action, ...]:
    found = step(profile, writer, **more)
    assert found.problem is None
    return found.actions


def test_the_first_that_the_make_knows_is_taken() -> None:
    profile = profile_of(75)
    assert actions(profile, writer_of(*ALL)) == (Wake(), SetPowerPercent(75))
    assert actions(profile, writer_of(Wake, SetPowerLimit, SetPreset, SetMode)) == (
        Wake(),
        SetPowerLimit(2250),
    )
    assert actions(profile, writer_of(Wake, SetPreset, SetMode)) == (Wake(), SetPreset("mid"))
    assert actions(profile, writer_of(Wake, SetMode)) == (Wake(), SetMode("low"))


def test_what_wakes_by_itself_needs_no_wake() -> None:
    writer = writer_of(Sleep, Wake, SetMode=Ability(within_s=1, wakes=True))
    assert actions(profile_of(100), writer) == (SetMode("normal"),)
    assert actions(profile_of(100), writer_of(SetMode)) == (SetMode("normal"),)


def test_nought_is_sleep_and_draws_what_a_sleeping_miner_draws() -> None:
    writer = writer_of(*ALL)
    assert step(profile_of(0), writer) == Step(actions=(Sleep(),), ratio=40 / 3000, power_w=40.0)
    told = step_for(profile_of(0), "vnish", None, None, writer, None, standby_power_w=15.0)
    assert told == Step(actions=(Sleep(),), ratio=0.0, power_w=15.0)


@pytest.mark.parametrize(
    ("percent", "mode"),
    [
        (115, "high"),
        (105, "high"),
        (104.9, "normal"),
        (100, "normal"),
        (95, "normal"),
        (94.9, "low"),
        (75, "low"),
    ],
)
def test_modes_by_target(percent: float, mode: Any) -> None:
    assert actions(profile_of(percent), writer_of(SetMode)) == (SetMode(mode),)


def test_overclock_ends_at_the_most_of_the_make() -> None:
    capped = step(profile_of(115), writer_of(SetPowerPercent=Ability(within_s=1, least=50, most=100)))
    assert capped == Step(actions=(SetPowerPercent(100),), ratio=1.0, power_w=3000.0)
    watts = step(profile_of(115), writer_of(SetPowerLimit=Ability(within_s=1, most=3200)))
    assert watts == Step(actions=(SetPowerLimit(3200),), ratio=3200 / 3000, power_w=3200.0)
    no_high = step(profile_of(115), writer_of(SetMode=Ability(within_s=1, modes=("low", "normal"))))
    assert no_high == Step(actions=(SetMode("normal"),), ratio=1.0, power_w=3000.0)
    highest = step(profile_of(190), writer_of(SetPreset))
    assert highest == Step(actions=(SetPreset("boost"),), ratio=1.2, power_w=3600.0)


@pytest.mark.parametrize(
    ("percent", "preset"),
    [(50, "eco"), (71, "eco"), (75, "mid"), (99, "mid"), (100, "full"), (115, "full"), (120, "boost")],
)
def test_a_preset_draws_no_more_than_was_asked_for(percent: float, preset: str) -> None:
    assert actions(profile_of(percent), writer_of(SetPreset)) == (SetPreset(preset),)


def test_a_preset_tells_its_power_and_hash_rate() -> None:
    assert step(profile_of(75), writer_of(SetPreset)) == Step(
        actions=(SetPreset("mid"),), ratio=2200 / 3000, power_w=2200.0, hashrate_hs=80e12
    )


def test_half_percents_are_rounded_towards_less() -> None:
    assert actions(profile_of(62.9), writer_of(SetPowerPercent)) == (SetPowerPercent(62),)
    assert actions(profile_of(0.4), writer_of(SetPowerPercent)) == (SetPowerPercent(1),)


def test_a_make_that_can_only_sleep_and_wake() -> None:
    writer = writer_of(Sleep, Wake, name="elphapex")
    assert step(profile_of(100), writer) == Step(actions=(Wake(),), ratio=1.0, power_w=3000.0)
    assert step(profile_of(115), writer) == Step(actions=(Wake(),), ratio=1.0, power_w=3000.0)
    refused = step(profile_of(75, "underclock"), writer)
    assert refused.actions == ()
    assert refused.problem == (
        "elphapex can only sleep and wake: for underclock (75 %) it would draw its full power; "
        "give these miners another profile"
    )


@pytest.mark.parametrize(
    ("profile", "writer", "more", "problem"),
    [
        (profile_of(100), None, {"driver": None}, "its driver is not known"),
        (profile_of(100), None, {"driver": "cgminer"}, "cannot write to the driver cgminer"),
        (profile_of(0), writer_of(Wake), {}, "cannot put a miner to sleep"),
        (profile_of(100), writer_of(Sleep), {}, "knows no way to set power"),
        (profile_of(75), writer_of(SetPowerLimit), {"nominal": None}, "its nominal power is not known"),
        (profile_of(75), writer_of(SetPreset, SetMode), {"presets": None}, "presets have not been read yet"),
        (profile_of(75), writer_of(SetPreset), {"presets": (Preset(name="a"),)}, "says how much it draws"),
        (profile_of(20), writer_of(SetPreset), {}, "its lowest preset, eco, draws 1500 W"),
        (
            profile_of(20),
            writer_of(SetPowerPercent=Ability(within_s=1, least=40)),
            {},
            "goes no lower than 40 %, and p (20 %) comes to 20 %",
        ),
        (
            profile_of(75),
            writer_of(SetMode=Ability(within_s=1, modes=("normal", "high"))),
            {},
            "has no low mode for p (75 %); it has normal, high",
        ),
        (profile_of(75, vnish={"mode": "low"}), writer_of(SetPreset), {}, "does not know set_mode"),
        (
            profile_of(75, vnish={"preset": "none"}),
            writer_of(SetPreset),
            {},
            "it has no preset none; it has eco,",
        ),
    ],
)
def test_what_cannot_be_had(
    profile: Profile, writer: Writer | None, more: Mapping[str, Any], problem: str
) -> None:
    found = step(profile, writer, **more)
    assert found.actions == ()
    assert found.power_w is None
    assert found.problem is not None
    assert problem in found.problem
    assert "\n" not in found.problem


def test_another_way_is_found_where_the_first_cannot_be_told() -> None:
    assert actions(profile_of(75), writer_of(SetPowerLimit, SetMode), nominal=None) == (SetMode("low"),)
    assert actions(profile_of(75), writer_of(SetPreset, SetMode), presets=()) == (SetMode("low"),)


def test_the_driver_wins_over_the_manufacturer_and_that_over_the_target() -> None:
    writer = writer_of(*ALL)
    both = profile_of(75, vnish={"preset": "eco"}, antminer={"power_percent": 70})
    assert actions(both, writer) == (Wake(), SetPreset("eco"))
    assert actions(profile_of(75, antminer={"power_percent": 70}), writer) == (Wake(), SetPowerPercent(70))
    assert actions(profile_of(75, avalon={"mode": "low"}), writer) == (Wake(), SetPowerPercent(75))
    assert step(profile_of(75, antminer={"power_limit_w": 2000}), writer) == Step(
        actions=(Wake(), SetPowerLimit(2000)), ratio=2000 / 3000, power_w=2000.0
    )


def test_the_manufacturer_is_told_by_the_driver_where_nothing_else_tells_it() -> None:
    profile = profile_of(75, whatsminer={"mode": "low"})
    writer = writer_of(*ALL, name="whatsminer_v3")
    assert actions(profile, writer, driver="whatsminer_v3", manufacturer=None) == (Wake(), SetMode("low"))


def test_what_is_said_for_a_manufacturer_is_passed_over_by_firmware_that_does_not_know_it() -> None:
    profile = profile_of(75, antminer={"mode": "low"})
    assert actions(profile, writer_of(Wake, SetPreset)) == (Wake(), SetPreset("mid"))


def test_a_gateway_is_told_by_the_profiles_own_name() -> None:
    gateway = WRITERS["token_gateway"]
    more: dict[str, Any] = {"driver": "whatsminer_v2", "manufacturer": "Whatsminer", "presets": None}
    for name in ("overclock", "normal", "underclock"):
        assert actions(BUILT_IN[name], gateway, **more) == (Wake(), SetPreset(name))
    assert actions(BUILT_IN["curtail"], gateway, **more) == (Sleep(),)
    night = step(profile_of(60, "night"), gateway, **more)
    assert night.problem == (
        "token_gateway knows the presets underclock, normal, overclock, not night: name one of them under by_make"
    )
    named = profile_of(60, "night", token_gateway={"preset": "underclock"}, whatsminer={"power_percent": 60})
    assert actions(named, gateway, **more) == (Wake(), SetPreset("underclock"))


@pytest.mark.parametrize("name", sorted(WRITERS))
@pytest.mark.parametrize("profile", BUILT_IN.values(), ids=BUILT_IN.keys())
def test_every_make_and_every_built_in_profile(name: str, profile: Profile) -> None:
    writer = WRITERS[name]
    found = step(profile, writer, driver=name, manufacturer=None)
    if name == "elphapex" and profile.name == "underclock":
        assert found.problem is not None
        return
    assert found.problem is None
    assert found.actions
    assert all(type(action) in writer.abilities for action in found.actions)
    assert (found.actions == (Sleep(),)) == (profile.name == "curtail")
    assert found.power_w is not None
    assert found.power_w <= 1.15 * NOMINAL_W + 1
    assert found.ratio * 100 <= max(profile.target_percent * 1.02, 2)


def test_the_inventory_knows_how_each_make_is_told_by_a_target() -> None:
    words = {
        SetMode: "mode",
        SetPreset: "preset",
        SetPowerLimit: "power_limit_w",
        SetPowerPercent: "power_percent",
    }
    for name, writer in WRITERS.items():
        found = step(Profile(name="normal", target_percent=100), writer, driver=name, manufacturer=None)
        told = [words[type(action)] for action in found.actions if type(action) in words]
        assert told == ([BY_TARGET[name]] if name in BY_TARGET else []), name


@given(
    st.floats(0, 200),
    st.lists(st.sampled_from(ALL), unique=True),
    st.none() | st.floats(100, 10_000),
    st.none()
    | st.lists(st.builds(Preset, name=st.text(min_size=1), watts=st.none() | st.floats(1, 9000))).map(tuple),
)
def test_any_target_is_actions_or_a_problem_and_never_more_than_was_asked_for(
    percent: float, kinds: list[type[Action]], nominal: float | None, presets: tuple[Preset, ...] | None
) -> None:
    writer = writer_of(*kinds)
    found = step_for(profile_of(percent), "vnish", None, nominal, writer, presets)
    assert bool(found.actions) != bool(found.problem)
    assert all(type(action) in kinds for action in found.actions)
    for action in found.actions:
        if isinstance(action, SetPowerPercent):
            assert action.percent <= max(percent, 1)
        if isinstance(action, SetPreset):
            watts = next(preset.watts for preset in presets or () if SetPreset(preset.name) == action)
            assert nominal is not None
            assert watts is not None or any(preset.watts for preset in presets or ())


def snapshot() -> Snapshot:
    return Snapshot(
        container="C",
        miner="m",
        address="10.0.0.1",
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_s=0.1,
        driver="vnish",
        state="mining",
        identity=Identity(),
    )


@pytest.mark.parametrize(
    ("wake", "power", "all_show", "action", "after_sending"),
    [
        (True, True, True, None, None),
        (True, False, False, SetPowerPercent(75), SetPowerPercent(75)),
        (False, False, False, Wake(), Wake()),
        (False, True, False, Wake(), Wake()),
        (True, None, None, SetPowerPercent(75), None),
        (None, False, False, SetPowerPercent(75), SetPowerPercent(75)),
        (None, None, None, Wake(), None),
    ],
)
def test_what_is_sent_next(
    wake: bool | None,
    power: bool | None,
    all_show: bool | None,
    action: Action | None,
    after_sending: Action | None,
) -> None:
    writer = writer_of(*ALL, seen={Wake(): wake, SetPowerPercent(75): power})
    wanted = step(profile_of(75), writer)
    assert shows(wanted, snapshot(), writer) is all_show
    assert next_action(wanted, snapshot(), writer) == action
    assert next_action(wanted, snapshot(), writer, sent=wanted.actions) == after_sending


def test_a_step_without_actions_shows_nothing() -> None:
    writer = writer_of(Sleep)
    refused = step(profile_of(75), writer)
    assert shows(refused, snapshot(), writer) is None
    assert next_action(refused, snapshot(), writer) is None


def test_overclock_is_more_than_normal_on_a_whatsminer_though_its_percentage_ends_at_100() -> None:
    writer = WRITERS["whatsminer_v2"]
    actions = {
        name: step(profile, writer, driver="whatsminer_v2", manufacturer="Whatsminer").actions
        for name, profile in BUILT_IN.items()
    }
    assert SetMode("high") in actions["overclock"]
    assert SetMode("normal") in actions["normal"]
    assert SetMode("low") in actions["underclock"]
    assert actions["curtail"] == (Sleep(),)
