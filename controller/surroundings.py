"""What the engine is handed by the process around it, as interfaces: live readings, the exporter, the clock's watch.

The process implements them (`live.py`, `exporter_client.py`, `clock_watch.py`, `follow.py`); tests hand in their own.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from controller.deeds import Source
from miners.inventory.fleet import Inventory
from miners.model import PollFailure, Reading, Snapshot


class Secrets(Protocol):
    """Where the credentials that the inventory names are looked for: the part of the settings that the engine reads."""

    @property
    def secrets_dir(self) -> Path | None:
        """The folder of the files."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables."""
        ...


class InventoryInUse(Protocol):
    """The inventory in use, and why the files as they are now are not in use (None: they are)."""

    inventory: Inventory
    last_error: Exception | None


class Live(Protocol):
    """The latest reading of every miner, by its id (`konteiner-1.a3-12`)."""

    def reading(self, miner_id: str) -> Reading | None:
        """Return the latest reading, None if there was none yet."""
        ...

    def last_snapshot(self, miner_id: str) -> Snapshot | None:
        """Return the latest good reading."""
        ...

    def failing_since(self, miner_id: str) -> datetime | None:
        """Return since when readings fail, None if the latest is good or there is none."""
        ...

    def source(self) -> Source:
        """Return where readings come from now, and how that goes."""
        ...

    def put(self, miner_id: str, reading: Reading) -> None:
        """Take in a reading that was made elsewhere (a read-back); an older one than what is held changes nothing."""
        ...

    def listen(self, changed: Callable[[Collection[str]], None]) -> Callable[[], None]:
        """Have `changed` called with the ids of miners whose reading has changed; return what ends that."""
        ...


class Exporter(Protocol):
    """The exporter, as far as it is needed for writing."""

    def lease(self, miners: Sequence[tuple[str, str]], seconds: float) -> AbstractAsyncContextManager[None]:
        """Keep the exporter from polling these miners (names of container and miner); goes on without if it is away."""
        ...

    def poll(self, container: str, miner: str) -> Awaitable[Snapshot | PollFailure]:
        """Have it read a miner now (by names); DeedRefused when it is away."""
        ...


class ClockWatch(Protocol):
    """What is known against the machine's clock."""

    def doubts(self) -> Sequence[str]:
        """Return why the time is not to be trusted, a line each; empty if it is."""
        ...
