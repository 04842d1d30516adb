"""What the engine is handed by the process around it, as far as it looks at it: the inventory's store, the clock's watch."""

from collections.abc import Sequence
from typing import Protocol


class InventoryInUse(Protocol):
    """The store of the inventory."""

    @property
    def last_error(self) -> Exception | None:
        """Why the files as they are now are not in use; None if they are."""
        ...


class ClockWatch(Protocol):
    """What is known against the machine's clock."""

    def doubts(self) -> Sequence[str]:
        """Return why the time is not to be trusted, a line each; empty if it is."""
        ...
