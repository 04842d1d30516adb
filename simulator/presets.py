"""The presets of firmwares that have them: clocks in steps of 25 MHz around the model's own, each with a name."""

from functools import lru_cache
from typing import NamedTuple

from simulator.catalogue import Figures

DEFAULT_PRESET = "default"
STEP_MHZ = 25.0
LOWEST_STEP, HIGHEST_STEP = -10, 4
POWER_EXPONENT = (
    1.25  # power over clock, as makers' tables of presets have it: 49 % of the clock for 42.5 % of the power
)


class Preset(NamedTuple):
    """One preset. `clock` and `power` as parts of the nominal ones."""

    name: str
    step: int
    mhz: float
    clock: float
    power: float


@lru_cache(maxsize=256)
def presets_of(figures: Figures) -> tuple[Preset, ...]:
    """Return the presets of a model, the slowest first."""
    nominal = figures.frequency_mhz
    presets = []
    for step in range(LOWEST_STEP, HIGHEST_STEP + 1):
        mhz = nominal + STEP_MHZ * step
        clock = mhz / nominal
        name = f"{mhz:.0f}MHz" if step else DEFAULT_PRESET
        presets.append(Preset(name, step, mhz, clock, clock**POWER_EXPONENT))
    return tuple(presets)


def preset_named(figures: Figures, name: str) -> Preset | None:
    """Return the preset of this name, whatever its case; None where the model has no such one."""
    return next((preset for preset in presets_of(figures) if preset.name.casefold() == name.casefold()), None)


def preset_power(figures: Figures, name: str) -> float:
    """Return the power that a preset draws as a part of the nominal one; 1 where there is no such preset."""
    preset = None if name == DEFAULT_PRESET else preset_named(figures, name)
    return 1.0 if preset is None else preset.power


def nearest_preset(figures: Figures, power: float) -> Preset:
    """Return the preset whose power is nearest to such a part of the nominal one."""
    return min(presets_of(figures), key=lambda preset: abs(preset.power - power))
