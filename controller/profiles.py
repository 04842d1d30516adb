"""From a profile to the actions that bring one miner to it, by what its make can do: pure.

A profile that asks for no power is Sleep. Any other is Wake (unless the power action wakes by itself) and one action on
power: the make's own way where the profile names one (by driver, then by manufacturer), else the first of SetPowerPercent,
SetPowerLimit, SetPreset, SetMode that the make knows. What would draw less than was asked for is taken where nothing fits
better: overclock ends at the make's most. What would draw more is a problem and no action: limits of power hang on it. So
a make that can only sleep and wake takes overclock and normal by waking, and underclock not at all.

A make is told by the same action in every profile, also where another of its actions would reach higher: a limit does not
undo a mode, nor a mode a percentage.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from controller.model import Step
from controller.wording import figure, text_of, worded
from miners.actions import (
    Action,
    Mode,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
    action_name,
)
from miners.draft import STANDBY_POWER_W
from miners.inventory.fleet import Profile
from miners.model import Snapshot
from miners.writing import Ability, Preset, Writer

HIGH_PERCENT = 105.0
"""From here on a make that knows modes alone works in its high one."""
LOW_PERCENT = 95.0
"""Below this it works in its low one."""
PRESET_TOLERANCE = 0.02
"""A preset may promise so much more than was asked for: nominal power is not known better than that."""

_MAKES = {
    "antminer": "antminer",
    "whatsminer_v2": "whatsminer",
    "whatsminer_v3": "whatsminer",
    "avalon": "avalon",
    "elphapex": "elphapex",
}
"""The manufacturer that a driver tells, where nothing else does (LuxOS and VNish run on boards of others)."""


class _Problem(Exception):
    """Why the make cannot do it; its text is the problem of the Step."""


class _NotYet(_Problem):
    """It cannot be said before the miner has been asked more: no other way is looked for meanwhile."""


class _Wish(msgspec.Struct, frozen=True):
    """What is asked of one miner."""

    profile: Profile
    nominal_w: float | None
    writer: Writer
    presets: Sequence[Preset] | None

    @property
    def ratio(self) -> float:
        return self.profile.target_percent / 100

    @property
    def called(self) -> str:
        return f"{self.profile.name} ({self.profile.target_percent:g} %)"


class _Way(msgspec.Struct, frozen=True):
    """An action on power and what it comes to: share of nominal power, watts and hash rate where they are known."""

    action: Action | None
    ratio: float
    power_w: float | None = None
    hashrate_hs: float | None = None


def step_for(
    profile: Profile,
    driver: str | None,
    manufacturer: str | None,
    nominal_power_w: float | None,
    writer: Writer | None,
    presets: Sequence[Preset] | None,
    *,
    standby_power_w: float | None = None,
) -> Step:
    """Return the actions that bring a miner to a profile, and the power that it comes to.

    `driver`: that reads it, None while it has never answered. `writer`: that writes to it (the gateway's, where it is
    commanded through one), None if there is none. `nominal_power_w`: the inventory's figure, else the model table's.
    `presets`: those that the miner lists, None while they have not been read. Where it cannot be done, the Step has no
    actions, a `problem` in one line, and the ratio that was asked for.
    """
    asked = profile.target_percent / 100
    if writer is None:
        return Step(ratio=asked, problem=_without_writer(driver))
    wish = _Wish(profile, nominal_power_w, writer, presets)
    try:
        if profile.target_percent <= 0:
            return _asleep(wish, STANDBY_POWER_W if standby_power_w is None else standby_power_w)
        way = _way(wish, driver, manufacturer)
    except _Problem as problem:
        return Step(ratio=asked, problem=text_of(problem))
    power_w = way.power_w
    if power_w is None and nominal_power_w is not None:
        power_w = way.ratio * nominal_power_w
    return Step(
        actions=_with_wake(writer, way.action),
        ratio=way.ratio,
        power_w=power_w,
        hashrate_hs=way.hashrate_hs,
    )


def shows(step: Step, snapshot: Snapshot, writer: Writer) -> bool | None:
    """Return whether a reading shows the step: True if every action shows, False if any does not, None if none can tell.

    A step without actions shows nothing: None.
    """
    seen = [writer.shows(action, snapshot, None) for action in step.actions]
    if not seen:
        return None
    if False in seen:
        return False
    return None if None in seen else True


def next_action(
    step: Step, snapshot: Snapshot, writer: Writer, *, sent: Collection[Action] = ()
) -> Action | None:
    """Return the action to send next: the first that the reading contradicts, else the first that it cannot tell.

    `sent`: actions of this step that the miner has consented to; of those, the ones that no reading can tell are done.
    None: nothing is left to send.
    """
    untold: Action | None = None
    for action in step.actions:
        seen = writer.shows(action, snapshot, None)
        if seen is False:
            return action
        if seen is None and untold is None and action not in sent:
            untold = action
    return untold


def _without_writer(driver: str | None) -> str:
    if driver is None:
        return worded(
            "its driver is not known: it has to be read once, or be given `driver:` in the inventory"
        )
    return worded(
        "Hashyard cannot write to the driver %(driver)s: set this miner's power at the miner", driver=driver
    )


def _asleep(wish: _Wish, standby_power_w: float) -> Step:
    if Sleep not in wish.writer.abilities:
        raise _Problem(
            worded(
                "%(writer)s cannot put a miner to sleep, so %(called)s cannot be had",
                writer=wish.writer.name,
                called=wish.called,
            )
        )
    ratio = standby_power_w / wish.nominal_w if wish.nominal_w else 0.0
    return Step(actions=(Sleep(),), ratio=min(ratio, 1.0), power_w=standby_power_w)


def _with_wake(writer: Writer, action: Action | None) -> tuple[Action, ...]:
    wakes = action is not None and writer.abilities[type(action)].wakes
    wake = (Wake(),) if Wake in writer.abilities and not wakes else ()
    return wake if action is None else (*wake, action)


def _way(wish: _Wish, driver: str | None, manufacturer: str | None) -> _Way:
    """Return the way to the profile's power. Raises _Problem."""
    named = _own_way(wish, driver, manufacturer)
    if named is not None:
        return named
    if wish.writer.name == "token_gateway":
        return _preset_by_name(wish, wish.profile.name)
    reasons: list[str] = []
    for kind in (kind for kind in _GENERAL if _is_general(kind, wish.writer)):
        try:
            return _GENERAL[kind](wish)
        except _NotYet:
            raise
        except _Problem as problem:
            reasons.append(text_of(problem))
    if reasons:
        raise _Problem(reasons[0])
    return _waking_alone(wish)


def _is_general(kind: type[Action], writer: Writer) -> bool:
    """Return whether the make can be told so by a target alone: presets that nobody lists are chosen by name only."""
    return kind in writer.abilities and (kind is not SetPreset or writer.presets is not None)


def _waking_alone(wish: _Wish) -> _Way:
    """Return the way of a make that can only sleep and wake: awake it draws its nominal power, no more and no less."""
    if Wake not in wish.writer.abilities:
        raise _Problem(
            worded(
                "%(writer)s knows no way to set power, so %(called)s cannot be had",
                writer=wish.writer.name,
                called=wish.called,
            )
        )
    if wish.profile.target_percent < LOW_PERCENT:
        raise _Problem(
            worded(
                "%(writer)s can only sleep and wake: for %(called)s it would draw its full power; give these miners another profile",
                writer=wish.writer.name,
                called=wish.called,
            )
        )
    return _Way(None, 1.0)


def _own_way(wish: _Wish, driver: str | None, manufacturer: str | None) -> _Way | None:
    """Return the way that the profile names for the make; None if it names none. Raises _Problem.

    What is said for a driver has to be possible. What is said for a manufacturer may not suit another maker's firmware
    on his boards, and is passed over there.
    """
    by_make = wish.profile.by_make
    for key in dict.fromkeys((wish.writer.name, driver)):
        if key is not None and key in by_make:
            return _named(wish, by_make[key], key)
    maker = (manufacturer or _MAKES.get(driver or "") or "").lower()
    if maker in by_make and _kind_of(by_make[maker]) in wish.writer.abilities:
        return _named(wish, by_make[maker], maker)
    return None


def _kind_of(way: Mapping[str, Any]) -> type[Action]:
    return next(kind for key, kind in _BY_KEY.items() if key in way)


def _named(wish: _Wish, way: Mapping[str, Any], key: str) -> _Way:
    kind = _kind_of(way)
    if kind not in wish.writer.abilities:
        raise _Problem(
            worded(
                "%(writer)s does not know %(action_name)s, which the profile %(profile)s has for %(key)s: name another way under by_make",
                writer=wish.writer.name,
                action_name=action_name(kind),
                profile=wish.profile.name,
                key=key,
            )
        )
    if kind is SetPowerPercent:
        return _percent(wish, float(way["power_percent"]))
    if kind is SetPowerLimit:
        return _limit(wish, float(way["power_limit_w"]))
    if kind is SetPreset:
        return _preset_by_name(wish, str(way["preset"]))
    mode: Mode = way["mode"]
    _check_mode(wish, mode)
    return _Way(SetMode(mode), wish.ratio)


def _percent(wish: _Wish, percent: float) -> _Way:
    capped = _within(wish, wish.writer.abilities[SetPowerPercent], percent, "%")
    return _Way(SetPowerPercent(capped), capped / 100)


def _limit(wish: _Wish, watts: float) -> _Way:
    capped = _within(wish, wish.writer.abilities[SetPowerLimit], watts, "W")
    return _Way(
        SetPowerLimit(capped), capped / wish.nominal_w if wish.nominal_w else wish.ratio, power_w=capped
    )


def _within(wish: _Wish, ability: Ability, asked: float, unit: str) -> float:
    if ability.least is not None and asked < ability.least:
        raise _Problem(
            worded(
                "%(writer)s goes no lower than %(least)s %(unit)s, and %(called)s comes to %(asked)s %(unit)s: raise the profile's target, or let these miners sleep",
                writer=wish.writer.name,
                least=figure(ability.least, "g"),
                unit=unit,
                called=wish.called,
                asked=figure(asked, "g"),
            )
        )
    return asked if ability.most is None else min(asked, ability.most)


def _percent_of_nominal(wish: _Wish) -> _Way:
    # Makes take whole percents; the next below never draws more than was asked for.
    return _percent(wish, max(1.0, float(int(wish.profile.target_percent))))


def _limit_of_nominal(wish: _Wish) -> _Way:
    return _limit(wish, float(round(_asked_watts(wish))))


def _asked_watts(wish: _Wish) -> float:
    if not wish.nominal_w:
        raise _Problem(
            worded(
                "its nominal power is not known, so %(called)s cannot be told in watts: write `nominal_power_w` into the inventory",
                called=wish.called,
            )
        )
    return wish.ratio * wish.nominal_w


def _preset_by_watts(wish: _Wish) -> _Way:
    """Return the preset that draws the most without drawing more than was asked for."""
    asked = _asked_watts(wish)
    if wish.presets is None:
        raise _NotYet(worded("its presets have not been read yet: it has to answer once"))
    told = [preset for preset in wish.presets if preset.watts]
    if not told:
        raise _Problem(
            worded(
                "none of its presets says how much it draws: name the one for %(profile)s under by_make",
                profile=wish.profile.name,
            )
        )
    fitting = [preset for preset in told if (preset.watts or 0.0) <= asked * (1 + PRESET_TOLERANCE)]
    if not fitting:
        least = min(told, key=lambda preset: preset.watts or 0.0)
        raise _Problem(
            worded(
                "its lowest preset, %(least)s, draws %(watts)s W, and %(called)s comes to %(asked)s W: raise the profile's target, or let these miners sleep",
                least=least.name,
                watts=figure(least.watts or 0.0, "g"),
                called=wish.called,
                asked=figure(asked, ".0f"),
            )
        )
    return _of_preset(wish, max(fitting, key=lambda preset: preset.watts or 0.0))


def _preset_by_name(wish: _Wish, name: str) -> _Way:
    known = wish.writer.abilities[SetPreset].modes
    if known and name not in known:
        raise _Problem(
            worded(
                "%(writer)s knows the presets %(names)s, not %(name)s: name one of them under by_make",
                writer=wish.writer.name,
                names=", ".join(known),
                name=name,
            )
        )
    listed = wish.presets if wish.presets and wish.writer.presets is not None else ()
    for preset in listed:
        if preset.name == name:
            return _of_preset(wish, preset)
    if listed:
        raise _Problem(
            worded(
                "it has no preset %(name)s; it has %(names)s",
                name=name,
                names=", ".join(preset.name for preset in listed[:8]),
            )
        )
    return _Way(SetPreset(name), wish.ratio)


def _of_preset(wish: _Wish, preset: Preset) -> _Way:
    ratio = preset.watts / wish.nominal_w if preset.watts and wish.nominal_w else wish.ratio
    return _Way(SetPreset(preset.name), ratio, power_w=preset.watts, hashrate_hs=preset.hashrate_hs)


def _mode_by_target(wish: _Wish) -> _Way:
    percent = wish.profile.target_percent
    modes = wish.writer.abilities[SetMode].modes
    if percent >= HIGH_PERCENT and (not modes or "high" in modes):
        return _Way(SetMode("high"), wish.ratio)
    mode: Mode = "low" if percent < LOW_PERCENT else "normal"
    _check_mode(wish, mode)
    return _Way(SetMode(mode), wish.ratio if mode == "low" else 1.0)


def _check_mode(wish: _Wish, mode: Mode) -> None:
    modes = wish.writer.abilities[SetMode].modes
    if modes and mode not in modes:
        raise _Problem(
            worded(
                "%(writer)s has no %(mode)s mode for %(called)s; it has %(names)s: name one of them under by_make",
                writer=wish.writer.name,
                mode=mode,
                called=wish.called,
                names=", ".join(modes),
            )
        )


_GENERAL: Mapping[type[Action], Callable[[_Wish], _Way]] = {
    SetPowerPercent: _percent_of_nominal,
    SetPowerLimit: _limit_of_nominal,
    SetPreset: _preset_by_watts,
    SetMode: _mode_by_target,
}

_BY_KEY: Mapping[str, type[Action]] = {
    "mode": SetMode,
    "preset": SetPreset,
    "power_limit_w": SetPowerLimit,
    "power_percent": SetPowerPercent,
}
