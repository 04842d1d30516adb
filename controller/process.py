"""The running controller as the API sees it beside the deeds: its metrics, whether it is ready, and how its parts are."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from controller.clock_watch import ClockWatch
from controller.engine import Engine
from controller.figures import FleetFigures, GatewayCounts, LedgerFigures
from controller.jobs import Jobs, WorkSeen
from controller.live import ExporterSeen, Live
from controller.metrics_page import MetricsPage
from controller.storage.storage import Storage
from controller.wording import figure, worded
from miners.errors import InventoryError
from miners.inventory.store import InventoryStore

LATE_S = 60.0
"""What should be is looked at every few seconds; after so long without it, something is wrong."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How one part is. `stale`: it answers, and what it says is old. `since`: of this state, where that is known."""

    name: Literal["exporter", "inventory", "database", "clock", "schedule"]
    state: Literal["ok", "stale", "away", "failed", "unknown"]
    since: datetime | None = None
    reason: str | None = None


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller takes on the disk, and what is left there, in bytes; None where it cannot be told now."""

    database: int | None
    free: int | None


class Process:
    """What the controller knows of itself."""

    def __init__(
        self,
        version: str,
        address: str | None,
        store: InventoryStore,
        storage: Storage,
        live: Live,
        engine: Engine,
        watch: ClockWatch,
        reload: Callable[[], Awaitable[InventoryError | None]],
        jobs: Jobs,
        data: Path,
        gateway: GatewayCounts | None = None,
        ledger: Callable[[], LedgerFigures] = LedgerFigures,
    ) -> None:
        """`address`: the URL at which people reach the controller, where that is known. `data`: its folder.

        `reload` reads the inventory and the credentials again, and returns why the inventory was refused, if it was.
        `gateway`: what the query gateway has answered. `ledger`: tells how far the books go.
        """
        self.version = version
        self.address = address
        self.store = store
        self.reload = reload
        self._storage = storage
        self._live = live
        self._engine = engine
        self._watch = watch
        self._jobs = jobs
        self._data = data
        self._gateway = gateway if gateway is not None else GatewayCounts()
        self._ledger = ledger
        self._page = MetricsPage()

    def ready(self) -> tuple[bool, str]:
        """Return whether the controller does its work yet, and a line on it."""
        if not self._engine.loaded:
            return False, "not ready: what was ordered is being loaded"
        return True, "ready"

    def metrics(self, *, openmetrics: bool) -> AsyncIterator[bytes] | None:
        """Return the page of `/metrics` in pieces; None before the orders are loaded: no series would read as no order."""
        if not self._engine.loaded:
            return None
        return self._page.pieces(self._figures(), openmetrics=openmetrics)

    def parts(self) -> list[Part]:
        """Return how each part is."""
        source = self._live.source()
        error = self.store.last_error
        doubts = self._watch.doubts()
        return [
            Part(name="exporter", state=source.state, since=source.since, reason=source.reason),
            Part(
                name="inventory",
                state="ok" if error is None else "failed",
                since=self.store.last_good_at,
                reason=None
                if error is None
                else worded(
                    "%(mistakes)s (of %(count)s mistakes)",
                    mistakes=error.mistakes[0],
                    count=len(error.mistakes),
                ),
            ),
            Part(
                name="database",
                state="ok" if self._engine.record_away is None else "away",
                reason=self._engine.record_away or self._storage.database.words,
            ),
            _clock_part(self._watch, list(doubts)),
            self._schedule_part(),
        ]

    def exporters(self) -> list[ExporterSeen]:
        """Return how each exporter is."""
        return self._live.exporters()

    def work(self) -> list[WorkSeen]:
        """Return how the periodic work is."""
        return self._jobs.seen()

    async def room(self) -> Room:
        """Return what is taken on the disk, and what is left."""
        database, free = await asyncio.gather(
            self._storage.database.size(),
            asyncio.to_thread(shutil.disk_usage, self._data),
            return_exceptions=True,
        )
        return Room(
            database=database if isinstance(database, int) else None,
            free=None if isinstance(free, BaseException) else free.free,
        )

    def _schedule_part(self) -> Part:
        run = self._engine.last_run
        if run is None:
            return Part(
                name="schedule", state="unknown", reason=worded("nobody has looked at what should be yet")
            )
        idle_s = self._engine.now.timestamp() - run
        return Part(
            name="schedule",
            state="ok" if idle_s <= LATE_S else "failed",
            since=datetime.fromtimestamp(run, UTC),
            reason=None
            if idle_s <= LATE_S
            else worded("nobody has looked at what should be for %(idle_s)s s", idle_s=figure(idle_s, ".0f")),
        )

    def _figures(self) -> FleetFigures:
        engine, store = self._engine, self.store
        holds = engine.holds()
        return FleetFigures(
            version=self.version,
            miners=engine.miner_figures(),
            containers=engine.container_figures(),
            commands=engine.commands,
            schedule_last_run=engine.last_run,
            events_written=self._storage.events.written,
            event_write_failures=self._storage.events.failed,
            reload_successful=store.last_error is None,
            last_good_reload=store.last_good_at.timestamp(),
            held_everywhere=any(hold.container is None for hold in holds),
            holds=len(holds),
            doubts=len(engine.doubts()),
            clock_synchronised=self._watch.synchronised,
            exporters=self._live.answering(),
            address=self.address,
            gateway_requests=self._gateway.by_code,
            ledger=self._ledger(),
        )


def _clock_part(watch: ClockWatch, doubts: list[str]) -> Part:
    if doubts:
        return Part(name="clock", state="failed", reason="; ".join(doubts))
    if watch.synchronised is None:
        return Part(
            name="clock", state="unknown", reason=worded("nobody on this machine keeps its clock in time")
        )
    if watch.error_s is None:
        return Part(name="clock", state="ok")
    milliseconds = figure(watch.error_s * 1000, ".0f")
    return Part(
        name="clock",
        state="ok",
        reason=worded("it is wrong by %(error_ms)s ms at most", error_ms=milliseconds),
    )
