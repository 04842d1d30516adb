"""The keys of a power profile, and the profiles that are there without being written."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from miners import models
from miners.inventory.fleet import Origin, Profile
from miners.inventory.kinds import Choice, Number, Text
from miners.inventory.sections import Entry, Field, Named, Section
from miners.inventory.shared_keys import DRIVERS

BUILT_IN: Final[Mapping[str, Profile]] = {
    name: Profile(name=name, target_percent=percent, by_make={"whatsminer": {"mode": mode}} if mode else {})
    for name, percent, mode in (
        # A Whatsminer's percentage ends at 100, so it is told by its modes: all of them, for one does not undo the other.
        ("overclock", 115.0, "high"),
        ("normal", 100.0, "normal"),
        ("underclock", 75.0, "low"),
        ("curtail", 0.0, None),
    )
}
MAX_PERCENT: Final = 200.0
PROFILE_NAME: Final = Text("a name", most=64)

# Who writes: the drivers that also write, the farm's own gateway, and manufacturers, whatever firmware they run.
_WRITERS = (*(driver for driver in DRIVERS if driver != "cgminer"), "token_gateway")
_MAKES = tuple(dict.fromkeys((*_WRITERS, *(name.lower() for name in models.manufacturers()))))
BY_TARGET: Final[Mapping[str, str]] = {
    "antminer": "mode",
    "whatsminer": "power_percent",
    "whatsminer_v2": "power_percent",
    "whatsminer_v3": "power_percent",
    "avalon": "mode",
    "luxos": "preset",
    "vnish": "preset",
    "token_gateway": "preset",
}
"""How a make is told where a profile gives its target alone."""


def _make(text: str) -> str | None:
    lowered = text.strip().lower()
    if lowered in _MAKES:
        return lowered
    known = models.manufacturer_name(text)
    return known.lower() if known is not None else None


def _way(entry: Entry) -> dict[str, Any]:
    return entry.values


WAY = Section(
    "a make's own way: {mode: …}, {preset: …}, {power_limit_w: …} or {power_percent: …}",
    {
        "mode": Field(
            kind=Choice(
                "a work mode",
                ("low", "normal", "high"),
                refused={
                    "eco": "is written low here, for every make",
                    "standard": "is written normal here, for every make",
                    "super": "is written high here, for every make",
                    "sleep": "is no mode: a profile with target_percent 0 sleeps",
                },
            ),
            meaning="One of the make's work modes (Whatsminer, Antminer, Avalon).",
            example="high",
        ),
        "preset": Field(
            kind=Text("the name of a preset", most=64),
            meaning="One of the firmware's presets, by its own name (LuxOS, VNish, a token gateway).",
            example="3250W",
        ),
        "power_limit_w": Field(
            kind=Number("a number of watts (1–1000000)", 1, 1e6),
            meaning="At most so many watts at the wall.",
            example="3600",
        ),
        "power_percent": Field(
            kind=Number("a percentage from 1 to 200", 1, MAX_PERCENT),
            meaning="So many percent of nominal power.",
            example="110",
        ),
    },
    one_of=("mode", "preset", "power_limit_w", "power_percent"),
    elsewhere={
        "work_mode": "did you mean mode?",
        "profile": "did you mean preset?",
        "power_limit": "did you mean power_limit_w (watts)?",
        "percent": "did you mean power_percent?",
    },
    build=_way,
)

PROFILE = Section(
    "a profile: a mapping with target_percent",
    {
        "target_percent": Field(
            kind=Number("a percentage from 0 to 200", 0, MAX_PERCENT),
            meaning="Power, in percent of the miner's nominal power; 0 is asleep. No miner goes above its make's own most.",
            example="75",
            required=True,
        ),
        "by_make": Field(
            kind=Named(
                "a mapping of makes or drivers to their own ways",
                Choice(
                    "a make or driver",
                    _MAKES,
                    canonical=_make,
                    spellings=models.manufacturer_spellings(),
                ),
                WAY,
            ),
            meaning="How a make is told, where the target alone does not say it; a driver's own entry wins over its make's.",
            example="{whatsminer: {mode: high}, luxos: {preset: 3250W}}",
            default="by the target",
        ),
    },
    elsewhere=dict.fromkeys(("target", "percent", "power", "power_percent"), "did you mean target_percent?"),
)


def profile_of(name: str, entry: Entry) -> Profile | None:
    """Return the profile that was written; None if something of it is wrong (which has been reported)."""
    percent, by_make = entry.values.get("target_percent"), entry.values.get("by_make", {})
    if percent == 0 and by_make:
        entry.mistake("by_make", "goes with a target above 0: at 0 every make is put to sleep in its own way")
        return None
    if name == "curtail" and percent:
        entry.warning(
            "target_percent", f"curtail is what stops miners everywhere, and {percent:g} does not stop them"
        )
    if percent is None or entry.wrong or not all(isinstance(way, dict) for way in by_make.values()):
        return None
    return Profile(
        name=name,
        target_percent=percent,
        by_make=by_make,
        origin=Origin(entry.report.file, entry.line),
    )


def mixed_ways(profiles: Mapping[str, Profile], written: Collection[str]) -> list[tuple[str, str, str]]:
    """Return (name of a profile, make, warning) where a make is told in one profile otherwise than in the next.

    A mode is not undone by a percentage, nor a limit by a mode: what the one has set stays when the other is sent.
    `written`: names of the profiles that files give; the built-in ones agree with each other.
    """
    awake = [profile for profile in profiles.values() if profile.target_percent > 0]
    found: list[tuple[str, str, str]] = []
    for make in dict.fromkeys(make for profile in awake for make in profile.by_make):
        kinds = {
            profile.name: next(iter(profile.by_make.get(make, {BY_TARGET.get(make): None})))
            for profile in awake
        }
        here = next((name for name in kinds if name in written), None)
        if here is None:
            continue
        others = [name for name, kind in kinds.items() if kind != kinds[here]]
        if others:
            text = (
                f"{make} is told by {kinds[here]} here and otherwise in {', '.join(others)}, and one does not undo the "
                f"other: tell {make} in one way in all of them, with by_make"
            )
            found.append((here, make, text))
    return found
