"""What a miner has been told to do, and the clock that its firmware chooses to obey."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from simulator.catalogue import Figures

Mode: TypeAlias = Literal["low", "normal", "high"]

POWER_EXPONENT = (
    1.25  # power over clock, as makers' tables of presets have it: 49 % of the clock for 42.5 % of the power
)
MODE_POWER: dict[Mode, float] = {"low": 0.75, "normal": 1.0, "high": 1.15}
MINIMUM_POWER, MAXIMUM_POWER = 0.05, 1.3  # of nominal: no order drives it further


class Setting(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Orders that hold. Power in percent of nominal; a limit in W at the wall; `preset` is a firmware's own word."""

    asleep: bool = False
    mode: Mode = "normal"
    power_percent: Annotated[float, Meta(ge=0, le=130)] = 100.0
    power_limit_w: Annotated[float, Meta(gt=0)] | None = None
    preset: Annotated[str, Meta(max_length=64)] = "default"
    locating: bool = False

    def clock(self, figures: Figures) -> float:
        """Return the clock that keeps to the power ordered, as a part of the nominal clock."""
        power = MODE_POWER[self.mode] * self.power_percent / 100
        if self.power_limit_w is not None:
            power = min(power, self.power_limit_w / figures.power_w)
        return float(max(MINIMUM_POWER, min(power, MAXIMUM_POWER)) ** (1 / POWER_EXPONENT))

    def kept_power_limit_w(self, figures: Figures) -> float:
        """Return the limit at the wall that the firmware shows, W."""
        if self.power_limit_w is not None:
            return self.power_limit_w
        return round(figures.power_w * max(1.0, MODE_POWER[self.mode]) * 1.05, -1)

    def nominal_share(self) -> float:
        """Return how much of the nominal hash rate the firmware still calls nominal: a mode changes it."""
        return float(MODE_POWER[self.mode] ** (1 / POWER_EXPONENT))
