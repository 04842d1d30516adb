"""The inventory in use: read again by itself when a file changes, or when asked; the last good one kept if it is wrong.

Looking at the files and parsing them happen in threads, so the event loop never waits for a disk. A file is read once it
has stopped changing, so that one which is still being written is not taken for a shorter fleet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import structlog

from miners.errors import InventoryError
from miners.inventory.fleet import Inventory
from miners.inventory.load import load

MANAGED_FILE = "targets.managed.yml"
"""The inventory that the controller writes into its data folder, and the exporter reads there."""

LOOK_S = 2.0
RETRY_S = 30.0
MAX_LOGGED = 20

OnChange: TypeAlias = Callable[[Inventory], Awaitable[None]]

# What tells one version of a file from the next without reading it; None: it is not there.
_Stamp: TypeAlias = tuple[int, int, int] | None

_log = structlog.get_logger(__name__)


class InventoryStore:
    """The inventory in use. Made with a first reading, which raises InventoryError if the files are wrong.

    `inventory`: the last good one. `last_good_at`: when that was read. `last_error`: why the files as they are now are
    not in use, every mistake; None if they are. `taken`, `refused`: how often they were read, and how that went.
    """

    def __init__(self, paths: Sequence[Path], *, managed: Path | None = None, look_s: float = LOOK_S) -> None:
        """Read the files. `managed`: a further one that need not be there. `look_s`: seconds between two looks."""
        self._paths = tuple(paths)
        self._managed = managed
        self._look_s = look_s
        self._lock = asyncio.Lock()
        self._listeners: list[OnChange] = []
        self._stamps = self._look()
        self._seen = self._stamps
        self._retry_at = 0.0
        self.inventory: Inventory = load(self._paths, managed=managed)
        self.last_good_at: datetime = datetime.now(UTC)
        self.last_error: InventoryError | None = None
        self.taken, self.refused = 1, 0

    async def reload(self) -> bool:
        """Read the files now. Return whether they are right, and so in use; the listeners have then been told."""
        async with self._lock:
            stamps = await asyncio.to_thread(self._look)
            return await self._read(stamps)

    async def watch(self, on_change: OnChange) -> None:
        """Look at the files until cancelled; await `on_change` with each new inventory, also one of `reload()`.

        What `on_change` raises is logged, and the watch goes on.
        """
        self._listeners.append(on_change)
        try:
            while True:
                await asyncio.sleep(self._look_s)
                async with self._lock:
                    await self._look_again()
        finally:
            self._listeners.remove(on_change)

    async def _look_again(self) -> None:
        now = asyncio.get_running_loop().time()
        stamps = await asyncio.to_thread(self._look)
        settled = stamps == self._seen
        self._seen = stamps
        if not settled:
            return
        # What failed without a change of the file (a disk, a mode) may succeed without one too.
        if stamps != self._stamps or (self.last_error is not None and now >= self._retry_at):
            await self._read(stamps)

    async def _read(self, stamps: tuple[_Stamp, ...]) -> bool:
        self._retry_at = asyncio.get_running_loop().time() + RETRY_S
        try:
            inventory, changed = await asyncio.to_thread(self._load)
        except InventoryError as error:
            self._stamps = stamps
            self.refused += 1
            if self.last_error is None or error.mistakes != self.last_error.mistakes:
                _log.error(
                    "inventory refused, the last good one stays in use",
                    mistakes=list(error.mistakes[:MAX_LOGGED]),
                    count=len(error.mistakes),
                    last_good_at=self.last_good_at.isoformat(timespec="seconds"),
                )
            self.last_error = error
            return False
        self._stamps = stamps
        recovered = self.last_error is not None
        self.last_error = None
        self.last_good_at = datetime.now(UTC)
        self.taken += 1
        self.inventory = inventory
        if changed or recovered:
            _log.info(
                "inventory read",
                changed=changed,
                containers=len(inventory.containers),
                miners=sum(len(container.miners) for container in inventory.containers),
                warnings=list(inventory.warnings[:MAX_LOGGED]),
            )
        if changed:
            await self._tell(inventory)
        return True

    async def _tell(self, inventory: Inventory) -> None:
        for on_change in tuple(self._listeners):
            try:
                await on_change(inventory)
            except Exception:  # noqa: BLE001  # one part's mistake keeps the new inventory from no other
                _log.exception("a part of the program did not take the new inventory")

    def _load(self) -> tuple[Inventory, bool]:
        inventory = load(self._paths, managed=self._managed)
        return inventory, inventory != self.inventory

    def _look(self) -> tuple[_Stamp, ...]:
        paths = (*self._paths, self._managed) if self._managed is not None else self._paths
        return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
