"""The step of each miner to what is wanted of it, worked out once for all that are alike."""

from typing import Final

from controller.model import Step
from controller.powers import nominal_w
from controller.profiles import step_for
from controller.watched import Watched
from controller.wording import worded
from miners.apply import writer_for
from miners.inventory.fleet import Inventory
from miners.writing import Preset, Writer

MOST: Final = 100_000
"""So many steps are kept: of ten thousand miners that all differ, a few each. Then they are worked out anew."""

_Key = tuple[str, str | None, str | None, float | None, str | None, tuple[Preset, ...] | None, float | None]


class Steps:
    """Steps by profile and kind of miner, for one inventory at a time."""

    def __init__(self) -> None:
        """Nothing is worked out yet."""
        self._inventory = Inventory()
        self._steps: dict[_Key, Step] = {}

    def of(
        self, inventory: Inventory, watched: Watched, profile: str | None
    ) -> tuple[Step | None, Writer | None]:
        """Return the step to a profile (None: to none), and what writes to the miner (None: nothing is known that does)."""
        if inventory is not self._inventory:
            self._inventory, self._steps = inventory, {}
        known = watched.known
        snapshot = known.snapshot
        driver = known.miner.driver if snapshot is None else snapshot.driver
        writer = writer_for(known.target, driver)
        if profile is None:
            return None, writer
        manufacturer = known.miner.manufacturer
        if snapshot is not None and snapshot.identity.manufacturer is not None:
            manufacturer = snapshot.identity.manufacturer
        nominal = nominal_w(known.miner, snapshot, watched.record)
        key = (
            profile,
            driver,
            manufacturer,
            nominal,
            None if writer is None else writer.name,
            watched.presets,
            known.miner.standby_power_w,
        )
        found = self._steps.get(key)
        if found is None:
            wish = inventory.profiles.get(profile)
            if wish is None:
                found = Step(
                    problem=worded(
                        "there is no profile %(profile)s any more: end the override, or write it again",
                        profile=profile,
                    )
                )
            else:
                found = step_for(
                    wish,
                    driver,
                    manufacturer,
                    nominal,
                    writer,
                    watched.presets,
                    standby_power_w=known.miner.standby_power_w,
                )
            if len(self._steps) >= MOST:
                self._steps.clear()
            self._steps[key] = found
        return found, writer


def needs_presets(watched: Watched, step: Step | None, writer: Writer | None) -> bool:
    """Return whether the step cannot be said before the miner has told its presets."""
    return (
        step is not None
        and step.problem is not None
        and writer is not None
        and writer.presets is not None
        and watched.presets is None
    )
