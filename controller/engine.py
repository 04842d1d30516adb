"""The engine that makes miners follow: it holds the intentions, compares them with the readings, and puts right.

The process makes one, awaits `start()`, runs `run()` until it is cancelled, and hands it to the API as its Deeds.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from controller.surroundings import ClockWatch, Exporter, InventoryInUse, Live, Secrets
from miners.clock import Clock
from miners.inventory.fleet import Inventory


class Engine:
    """Implements Deeds. Everything it is to remember stands in the database before it is done."""

    def __init__(
        self,
        settings: Secrets,
        storage: Any,
        store: InventoryInUse,
        live: Live,
        exporter: Exporter | None,
        clock: Clock,
        watch: ClockWatch | None,
        *,
        apply: Callable[..., Awaitable[Any]] | None = None,
    ) -> None:
        """Nothing runs yet. `apply`: what writes to a miner; tests hand in their own."""
        self._settings, self._storage, self._store, self._live = settings, storage, store, live
        self._exporter, self._clock, self._watch, self._apply = exporter, clock, watch, apply

    async def start(self) -> None:
        """Load what was intended and what was going on from the database."""

    async def run(self) -> None:
        """Follow the intentions until cancelled."""

    async def take_inventory(self, inventory: Inventory) -> None:
        """Follow another inventory: the store's listener."""

    def wake(self) -> None:
        """Look at everything that the clock decides now: a boundary may have come."""
