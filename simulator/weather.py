"""The air (or the coolant) that a container's miners breathe: a daily wave, slower ones, and the container's damper."""

import math
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from simulator.catalogue import Cooling

DAY_S = 86_400.0


class Weather:
    """Outside temperature of one place as a pure function of time; the same key gives the same weather.

    `mean_c` is the mean of the season, `daily_c` half of the way from the coldest hour (03:00) to the warmest (15:00).
    """

    def __init__(self, key: str, *, mean_c: float, daily_c: float, timezone: str) -> None:
        chance = Random(f"{key}/weather")  # noqa: S311  # reproducible weather, no secret
        self._mean_c = mean_c
        self._daily_c = daily_c
        self._zone = ZoneInfo(timezone)
        # period in seconds, half of the swing in °C, phase: fronts of days, clouds of an hour
        self._waves = tuple(
            (period, swing * chance.uniform(0.7, 1.3), chance.uniform(0, math.tau))
            for period, swing in ((7.3 * DAY_S, 2.0), (3.1 * DAY_S, 1.5), (0.9 * DAY_S, 0.6), (2_700.0, 0.3))
        )
        self._at = -1.0
        self._outside_c = mean_c
        self._offset_until = -1.0
        self._offset_s = 0.0

    def outside_c(self, now: float) -> float:
        """Return the outside temperature in °C; asked by every miner at the same step, computed once."""
        if now != self._at:
            local = now + self._utc_offset_s(now)
            temperature = self._mean_c + self._daily_c * math.cos(math.tau * (local / DAY_S - 15 / 24))
            for period, swing, phase in self._waves:
                temperature += swing * math.sin(math.tau * now / period + phase)
            self._at, self._outside_c = now, temperature
        return self._outside_c

    def inlet_c(self, now: float, cooling: Cooling) -> float:
        """Return what flows into a miner, °C: air that the damper mixes with exhaust when cold, or a kept coolant."""
        outside = self.outside_c(now)
        if cooling == "air":
            # below 18 °C the damper lets warm air back in: a smooth knee, so that no graph shows a corner
            knee = outside - 18.0
            return 18.0 + (knee + math.sqrt(knee * knee + 16.0)) / 2 + 1.0
        if cooling == "hydro":
            return 34.0 + 0.15 * (outside - 20.0)
        return 40.0 + 0.1 * (outside - 20.0)

    def _utc_offset_s(self, now: float) -> float:
        if not self._offset_until - DAY_S <= now < self._offset_until:
            day = math.floor(now / DAY_S) * DAY_S
            offset = datetime.fromtimestamp(day, UTC).astimezone(self._zone).utcoffset()
            self._offset_s = offset.total_seconds() if offset else 0.0
            self._offset_until = day + DAY_S
        return self._offset_s
