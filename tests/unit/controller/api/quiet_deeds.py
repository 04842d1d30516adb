"""A controller that holds an inventory and a clock, and in which nothing happens: for tests of the API's framework."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.deeds import MinerView, NotThere, Source
from controller.model import Hold, Operation, Override, Result, Wanted
from miners.inventory.fleet import Container, Inventory, Miner, Origin

BEGIN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def small_inventory() -> Inventory:
    """Return three containers: one of each of two clients, and one of nobody."""
    here = Origin("targets.yml", 3)
    containers = []
    for number, client in ((1, "acme"), (2, "borealis"), (3, None)):
        name = f"Container {number}"
        miner = Miner(name="a1", container=name, address=f"10.1.7.{number}", origin=here)
        containers.append(
            Container(name=name, id=f"container-{number}", client=client, miners=(miner,), origin=here)
        )
    return Inventory(containers=tuple(containers))


class QuietDeeds:
    """Implements what of Deeds the framework uses; the rest answers that it is not there."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.inventory = small_inventory()

    def pass_time(self, **more: float) -> None:
        """Let time pass: `minutes=5`."""
        self.now += timedelta(**more)

    def source(self) -> Source:
        return Source(state="ok", since=BEGIN)

    def views(self, container_id: str | None = None) -> Sequence[MinerView]:
        return [
            MinerView(id=f"{container.id}.{miner.name}", container=container, miner=miner)
            for container in self.inventory.containers
            if container_id in (None, container.id)
            for miner in container.miners
        ]

    def view(self, miner_id: str) -> MinerView | None:
        return next((view for view in self.views() if view.id == miner_id), None)

    def version(self) -> int:
        return 1

    async def changed(self, _version: int, timeout_s: float) -> int:
        await asyncio.sleep(timeout_s)
        return 1

    def overrides(self) -> Sequence[Override]:
        return ()

    def holds(self) -> Sequence[Hold]:
        return ()

    def doubts(self) -> Sequence[str]:
        return ()

    def wanted_of(self, _container_id: str) -> Wanted:
        return Wanted()

    def running_in(self, _container_id: str) -> str | None:
        return None

    def operation(self, _operation_id: str) -> Operation | None:
        return None

    def results(self, _operation_id: str) -> Sequence[Result] | None:
        return None

    def results_in(self, operation_id: str, container_id: str) -> Sequence[Result]:
        results = self.results(operation_id) or ()
        return [one for one in results if one.miner.partition(".")[0] == container_id]

    def __getattr__(self, name: str) -> Any:
        async def nothing(*_given: Any, **_named: Any) -> Any:
            raise NotThere(f"nothing here does {name}")

        if name.startswith("__"):
            raise AttributeError(name)
        return nothing


class QuietProcess:
    """A process that is ready, or says why not, and has two pieces of metrics."""

    def __init__(self) -> None:
        self.not_ready: str | None = None

    def ready(self) -> tuple[bool, str]:
        return (True, "ready") if self.not_ready is None else (False, self.not_ready)

    def metrics(self, *, openmetrics: bool) -> AsyncIterator[bytes] | None:
        return self._pieces(openmetrics=openmetrics) if self.not_ready is None else None

    async def _pieces(self, *, openmetrics: bool) -> AsyncIterator[bytes]:
        yield b"hashyard_controller_up 1\n"
        yield b"# EOF\n" if openmetrics else b"hashyard_controller_events_total 0\n"
