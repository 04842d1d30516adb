"""What a miner draws now and would draw under its order, in watts: pure.

Where nothing is known of a miner's power it counts as a large one: a limit or a ramp must not be broken by what nobody
measured.
"""

from typing import Final

from controller.model import MinerRecord, Step
from controller.ramps import UNKNOWN_W
from miners.actions import Action, Locate, Reboot, SetPowerLimit, SetPowerPercent, Sleep, Wake
from miners.draft import STANDBY_POWER_W
from miners.inventory.fleet import Miner
from miners.model import Snapshot
from miners.models import find_model

HIGHEST_BIN: Final = 1.5
"""By how much the nominal power of a device may be above that of its model."""


def nominal_w(miner: Miner, snapshot: Snapshot | None, record: MinerRecord | None) -> float | None:
    """Return a miner's nominal power: the inventory's figure, else that of its reading, else of its model in the table.

    A miner that has never answered is known by the model that the inventory names; None where there is none either.
    In their low mode devices call less their own, so the highest that this one ever did, or that of the model, counts
    where it is more: what a miner is raised to must not seem less than it is, nor its share of it sink by each turn.
    """
    if miner.nominal_power_w is not None:
        return miner.nominal_power_w
    highest = None if record is None else record.nominal_power_w
    if snapshot is not None and snapshot.nominal_power_w is not None:
        lowered = (snapshot.power_mode or "").casefold() == "low"
        facts = find_model(snapshot.identity.manufacturer, snapshot.identity.model) if lowered else None
        of_model = 0.0 if facts is None else facts.nominal_power_w or 0.0
        return max(snapshot.nominal_power_w, of_model, highest or 0.0)
    if highest is not None:
        return highest
    facts = find_model(miner.manufacturer, miner.model)
    return None if facts is None else facts.nominal_power_w


def highest_nominal_w(miner: Miner, snapshot: Snapshot, before: float | None) -> float | None:
    """Return the highest nominal power of a device with this reading of it, `before` without; None while not known.

    What the inventory says is no word of the device's, and what is beyond any bin of its model a broken reading.
    """
    now = snapshot.nominal_power_w
    if miner.nominal_power_w is not None or now is None:
        return before
    facts = find_model(snapshot.identity.manufacturer, snapshot.identity.model)
    of_model = None if facts is None else facts.nominal_power_w
    if of_model is not None and now > HIGHEST_BIN * of_model:
        return before
    return max(now, before or 0.0)


def present_w(miner: Miner, snapshot: Snapshot | None, record: MinerRecord) -> float | None:
    """Return what a miner draws: as it measures, else by what it was last brought to; None if not known.

    An estimate from the hash rate knows nothing of the miner's mode, and counts where nothing else is known.
    """
    measured = snapshot is not None and snapshot.power_source != "estimated"
    awake = snapshot is not None and snapshot.state == "mining" and record.applied_ratio
    if snapshot is not None and snapshot.power_w is not None and (measured or not awake):
        return snapshot.power_w
    if snapshot is not None and snapshot.state == "sleeping":
        return STANDBY_POWER_W if miner.standby_power_w is None else miner.standby_power_w
    nominal = nominal_w(miner, snapshot, record)
    if nominal is None or record.applied_ratio is None:
        return None if snapshot is None else snapshot.power_w
    return nominal * record.applied_ratio


def sleeps(step: Step) -> bool:
    """Return whether a step puts a miner to sleep."""
    return len(step.actions) == 1 and isinstance(step.actions[0], Sleep)


def ordered_ratio(step: Step) -> float:
    """Return the share of nominal power that a step orders: 0 for asleep, whatever a sleeping miner still draws."""
    return 0.0 if sleeps(step) else step.ratio


def expected_w(step: Step, nominal: float | None) -> float | None:
    """Return what a miner would draw under a step; None if not known."""
    if step.power_w is not None:
        return step.power_w
    return None if nominal is None else step.ratio * nominal


def told_w(action: Action, nominal: float | None) -> float | None:
    """Return what a miner may draw after one action by itself; None for one that leaves it drawing what it does.

    What a mode or a preset comes to is not known beforehand, and counts as large.
    """
    match action:
        case Locate() | Reboot():
            return None
        case Sleep():
            return 0.0
        case SetPowerLimit(watts=watts):
            return watts
        case SetPowerPercent(percent=percent):
            return UNKNOWN_W if nominal is None else nominal * percent / 100
        case Wake():
            return nominal or UNKNOWN_W
        case _:
            return max(nominal or 0.0, UNKNOWN_W)


def change_w(step: Step, miner: Miner, snapshot: Snapshot | None, record: MinerRecord) -> float:
    """Return by how much a step changes what a miner draws: above 0 up, below down. What is not known counts as large.

    A step that puts to sleep never goes up; one that wakes a sleeping miner always does.
    """
    nominal = nominal_w(miner, snapshot, record)
    now, then = present_w(miner, snapshot, record), expected_w(step, nominal)
    if sleeps(step):
        return min(-(now if now is not None else nominal or UNKNOWN_W) + (then or 0.0), 0.0)
    if then is None:
        then = UNKNOWN_W
    return then - (now if now is not None else 0.0)


def raises(step: Step, miner: Miner, snapshot: Snapshot | None, record: MinerRecord) -> bool:
    """Return whether a step may make a miner draw more: than it draws, or than it was last brought to."""
    if sleeps(step):
        return False
    if record.applied_ratio is not None and step.ratio > record.applied_ratio:
        return True
    return change_w(step, miner, snapshot, record) > 0
