"""The warmth of one simulated miner: what flows in, the chips, the fans that follow them, and the last resort.

Heat has inertia: inlet, chips and fans go a part of the way to where they belong with each step of the physics.
"""

import math

from simulator.catalogue import Figures
from simulator.weather import Weather

AIR_RISE_C, FLUID_RISE_C = (
    38.0,
    26.0,
)  # from the inlet to the mean of the chips, at nominal power and full flow
CHIP_LAG_S, INLET_LAG_S = 90.0, 25.0
PROTECT_AT_C, RESUME_AT_C = 97.0, 62.0  # the hottest chip; the mean of the chips
WANTED_CHIP_C = 66.0
IDLE_DUTY, FULL_DUTY = 0.1, 1.0


class Heat:
    """Temperatures in °C, fan duty from 0 to 1. `share`: power into the chips as a part of the nominal power."""

    __slots__ = (
        "_chip_lag",
        "_figures",
        "_inlet_lag",
        "_inlet_offset_c",
        "_weather",
        "chip_c",
        "fan_duty",
        "inlet_c",
        "protecting",
    )

    def __init__(
        self, figures: Figures, weather: Weather, *, inlet_offset_c: float, step_s: float, now: float
    ) -> None:
        self._figures = figures
        self._weather = weather
        self._inlet_offset_c = inlet_offset_c
        self._chip_lag = 1 - math.exp(-step_s / CHIP_LAG_S)
        self._inlet_lag = 1 - math.exp(-step_s / INLET_LAG_S)
        self.inlet_c = weather.inlet_c(now, figures.cooling) + inlet_offset_c
        self.chip_c = self.inlet_c + 40.0
        self.fan_duty = 0.7
        self.protecting = False

    def drift(self, now: float, share: float, *, turning: float, idle: bool, extra_c: float) -> None:
        """Go on by one step. `turning`: part of the fans that turn; `extra_c`: what comes in hotter than it should."""
        inlet = self._weather.inlet_c(now, self._figures.cooling) + self._inlet_offset_c + extra_c
        self.inlet_c += (inlet - self.inlet_c) * self._inlet_lag
        self.chip_c += (self.inlet_c + self._rise_c(share, turning) - self.chip_c) * self._chip_lag
        if idle:
            wanted = IDLE_DUTY
        elif turning < 1 or self.protecting:
            wanted = FULL_DUTY
        else:
            wanted = self._wanted_duty()
        self.fan_duty += 0.4 * (wanted - self.fan_duty)

    def settle(self, share: float) -> None:
        """Come closer to the balance of a long run at this share of power; call it a few times."""
        self.chip_c = self.inlet_c + self._rise_c(share, 1.0)
        self.fan_duty += 0.5 * (self._wanted_duty() - self.fan_duty)

    def hottest_c(self, share: float) -> float:
        """Return the hottest chip: the spread grows with the heat that has to leave."""
        return self.chip_c + 2.0 + 7.0 * min(1.3, share)

    def _rise_c(self, share: float, turning: float) -> float:
        if not self._figures.fans:
            return FLUID_RISE_C * share
        # even fans that all stand leave a draught
        return AIR_RISE_C * share / ((0.3 + 0.7 * self.fan_duty) * max(0.12, turning))

    def _wanted_duty(self) -> float:
        return min(1.0, max(0.25, 0.6 + 0.035 * (self.chip_c - WANTED_CHIP_C)))
