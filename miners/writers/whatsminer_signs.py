"""What a reading of a Whatsminer shows of an action: the same for both protocols, which tell the same things. Pure."""

from typing import Final

from miners.actions import Action, SetMode, SetPowerLimit, SetPowerPercent
from miners.model import Snapshot
from miners.writers.plain_signs import plainly

PERCENT_TOLERANCE: Final = 5.0
"""Points of nominal power. Units of one model draw up to some 3 % more or less than its plate says, and the figure moves
by another 1 % with the heat of the day; profiles are 15 and more points apart, so none is taken for its neighbour."""

LIMIT_TOLERANCE_RATIO: Final = 0.01
"""Firmware rounds limits to what its steps of voltage allow: less than this is no difference that would be worth the
minutes of mining that setting it again costs."""


def shown(action: Action, now: Snapshot, before: Snapshot | None, *, settled_after_s: float) -> bool | None:
    """Tell whether the reading shows the action (see Writer). `settled_after_s`: seconds of raising clocks after a start."""
    match action:
        case SetMode(mode=mode):
            return None if now.power_mode is None else now.power_mode == mode
        case SetPowerLimit(watts=watts):
            shown_w = now.power_limit_w
            return None if shown_w is None else abs(shown_w - watts) <= LIMIT_TOLERANCE_RATIO * watts
        case SetPowerPercent(percent=percent):
            return _draws(percent, now, settled_after_s)
        case _:
            return plainly(action, now, before)


def _draws(percent: float, now: Snapshot, settled_after_s: float) -> bool | None:
    """Tell by the measured power at what percentage it works, for no table of its replies is known to say so.

    On its way up from a start it passes through every percentage below its own: then nothing can be told.
    """
    if now.state != "mining" or now.power_source != "measured":
        return None
    if now.power_w is None or not now.nominal_power_w:
        return None
    if now.mining_s is None or now.mining_s < settled_after_s:
        return None
    return abs(100.0 * now.power_w / now.nominal_power_w - percent) <= PERCENT_TOLERANCE
