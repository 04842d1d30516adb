"""Since when each container has the client whose label it carries now: what was done before that is not his to see.

The label as the controller itself saw it tells this, not the books' assignments: one that is made backwards is a correction
in the books and changes nobody's view. A container that is seen for the first time was nobody's before.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory

SETTING: Final = "tenures"
"""The setting that keeps them, by the container's id."""


class Tenure(msgspec.Struct, frozen=True):
    """The client (slug; None: nobody) of a container, and since when; None: as long as anything is known of it."""

    client: str | None
    since: datetime | None = None


class Tenures:
    """Follows the labels of the inventory."""

    def __init__(
        self, storage: Storage, inventory: Callable[[], Inventory], now: Callable[[], datetime]
    ) -> None:
        """`inventory`: gives the one in use. Before `keep` was called once, everything has just begun."""
        self._storage = storage
        self._inventory = inventory
        self._now = now
        self._known: dict[str, Tenure] | None = None
        self._kept: Mapping[str, Tenure] = {}
        self._seen: Inventory | None = None

    def since(self, container_id: str) -> datetime | None:
        """Return since when a container is its client's; None: as long as anything is known of it."""
        if self._known is None:
            return self._now()
        self._look(self._known)
        found = self._known.get(container_id)
        return self._now() if found is None else found.since

    async def keep(self) -> None:
        """Look at the labels, and keep since when they are so. Raises StorageAway; the next call does it then."""
        if self._known is None:
            kept = await self._storage.settings.get(SETTING) or {}
            if self._known is None:
                self._known = msgspec.convert(kept, dict[str, Tenure])
                self._kept = dict(self._known)
        self._look(self._known)
        if self._known != self._kept:
            known = dict(self._known)
            await self._storage.settings.put(SETTING, msgspec.to_builtins(known))
            self._kept = known

    def _look(self, known: dict[str, Tenure]) -> None:
        inventory = self._inventory()
        if inventory is self._seen:
            return
        self._seen = inventory
        for container in inventory.containers:
            before = known.get(container.id)
            if before is None:
                known[container.id] = Tenure(container.client)
            elif before.client != container.client:
                known[container.id] = Tenure(container.client, self._now())
