"""What a Whatsminer makes of the figures in its orders, whichever API they come through: a change, or why not."""

from typing import Any

from simulator.catalogue import Figures
from simulator.setting import Change

LEAST_LIMIT, MOST_LIMIT = 0.3, 1.3  # of nominal power: what its supply can be held to
LOW, NORMAL, HIGH = Change({"mode": "low"}), Change({"mode": "normal"}), Change({"mode": "high"})
ON, OFF = Change({"asleep": False}), Change({"asleep": True})
RESTART = Change(reboots=True)


def limit(figures: Figures, asked: Any) -> Change | str:
    """Return the change to a limit in W; mining restarts for it, even where it is the one that holds."""
    watts = whole(asked)
    if watts is None:
        return "power_limit is no number"
    if not LEAST_LIMIT * figures.power_w <= watts <= MOST_LIMIT * figures.power_w:
        return f"power_limit {watts} is out of range"
    return Change({"power_limit_w": float(watts)}, restarts=True)


def percent(asked: Any, *, offset: int = 0) -> Change | str:
    """Return the change to so many percent of nominal power, 0 to 100 once `offset` is added; mining goes on."""
    share = whole(asked)
    if share is None:
        return "percent is no number"
    if not 0 <= share + offset <= 100:
        return f"percent {share} is out of range"
    return Change({"power_percent": float(share + offset)})


def whole(asked: Any) -> int | None:
    """Return a whole number, given as such or in digits; None for anything else."""
    if isinstance(asked, bool) or not isinstance(asked, int | str):
        return None
    try:
        return int(asked)
    except ValueError:
        return None
