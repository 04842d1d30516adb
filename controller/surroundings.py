"""What the engine is handed by the process around it, as far as it looks at it: the inventory's store, the clock's watch."""

from collections.abc import Sequence
from typing import Protocol

from miners.inventory.fleet import Inventory


class InventoryInUse(Protocol):
    """The inventory in use, and why the files as they are now are not in use (None: they are)."""

    inventory: Inventory
    last_error: Exception | None


class ClockWatch(Protocol):
    """What is known against the machine's clock."""

    def doubts(self) -> Sequence[str]:
        """Return why the time is not to be trusted, a line each; empty if it is."""
        ...
