"""What a reading shows of sleeping, waking, restarting and the light: alike for the makes whose drivers tell all four. Pure."""

from miners.actions import Action, Locate, Reboot, Sleep, Wake
from miners.model import Snapshot
from miners.proof import awake, restarted


def plainly(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer); None for any other action."""
    match action:
        case Sleep():
            return None if now.state == "unknown" else now.state == "sleeping"
        case Wake():
            return awake(now)
        case Reboot():
            return None if before is None else restarted(now, before)
        case Locate(on=on):
            return None if now.locating is None else now.locating == on
        case _:
            return None
