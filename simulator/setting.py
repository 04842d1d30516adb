"""What a miner has been told to do, the clock that its firmware chooses to obey, and a change of it that is on its way."""

import heapq
import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from simulator.catalogue import Figures
from simulator.incidents import NEVER
from simulator.pools import PoolAccount
from simulator.presets import DEFAULT_PRESET, POWER_EXPONENT, preset_power

Mode: TypeAlias = Literal["low", "normal", "high"]

MODE_POWER: dict[Mode, float] = {"low": 0.75, "normal": 1.0, "high": 1.15}
MINIMUM_POWER, MAXIMUM_POWER = 0.05, 1.3  # of nominal: no order drives it further


class Setting(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Orders that hold. Power in percent of nominal; a limit in W at the wall; `preset` is a firmware's own word."""

    asleep: bool = False
    mode: Mode = "normal"
    power_percent: Annotated[float, Meta(ge=0, le=130)] = 100.0
    power_limit_w: Annotated[float, Meta(gt=0)] | None = None
    preset: Annotated[str, Meta(max_length=64)] = DEFAULT_PRESET
    locating: bool = False

    def clock(self, figures: Figures) -> float:
        """Return the clock that keeps to the power ordered, as a part of the nominal clock."""
        power = MODE_POWER[self.mode] * preset_power(figures, self.preset) * self.power_percent / 100
        if self.power_limit_w is not None:
            power = min(power, self.power_limit_w / figures.power_w)
        return float(max(MINIMUM_POWER, min(power, MAXIMUM_POWER)) ** (1 / POWER_EXPONENT))

    def kept_power_limit_w(self, figures: Figures) -> float:
        """Return the limit at the wall that the firmware shows, W."""
        if self.power_limit_w is not None:
            return self.power_limit_w
        return round(figures.power_w * max(1.0, MODE_POWER[self.mode]) * 1.05, -1)

    def nominal_share(self, figures: Figures) -> float:
        """Return how much of the nominal hash rate the firmware still calls nominal: mode and preset change it."""
        power = MODE_POWER[self.mode] * preset_power(figures, self.preset)
        return float(power ** (1 / POWER_EXPONENT))

    def needs_restart(self, before: "Setting") -> bool:
        """Whether the mining program restarts for it: a percentage is followed while it hashes, and so is the light."""
        return (self.mode, self.power_limit_w, self.preset) != (
            before.mode,
            before.power_limit_w,
            before.preset,
        )


class Change(NamedTuple):
    """What an order does. `fields`: those of the Setting that change. `pools`: the three that it works for from then on.

    `restarts`: the mining program starts anew, even where nothing is different. `reboots`: the whole device does.
    """

    fields: Mapping[str, Any] = MappingProxyType({})
    pools: tuple[PoolAccount, ...] | None = None
    restarts: bool = False
    reboots: bool = False


class Waiting:
    """Changes that are still to come. `due`: when the next one is, seconds since the epoch."""

    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Change]] = []
        self._order = itertools.count()

    @property
    def due(self) -> float:
        """When the next change comes, infinite for never."""
        return self._heap[0][0] if self._heap else NEVER

    def add(self, change: Change, at: float) -> None:
        """Let a change come at a time."""
        heapq.heappush(self._heap, (at, next(self._order), change))

    def take(self, now: float) -> Iterator[Change]:
        """Yield what has come by now, in the order of time."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]
