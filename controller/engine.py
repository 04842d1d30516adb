"""The engine that makes miners follow: it holds the intentions, compares them with the readings, and puts right.

The process makes one, awaits `start()`, and hands it to the API as its Deeds (controller/deeds.py says what each promises);
`stop()` ends it. How the parts hang together:

    readings, clock, people ──> Ordering (who has which order) ──> Reconciler (judges each miner that changed)
        ──> Releasing (ramps, interlocks) ──> Sender (intent on the disk, command, read-back) ──> Outcomes
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from controller.choosing import Choosing, Previews
from controller.commanding import Commanding
from controller.deeds import CommandWish, MinerView, NotThere, OverrideWish, Plan, Source
from controller.desk import Desk
from controller.exporter_client import ExporterClient
from controller.figures import CommandCounts, ContainerFigures, MinerFigures
from controller.foretelling import Foretelling
from controller.leaving import give_back
from controller.live import Live
from controller.model import (
    SYSTEM,
    Actor,
    Ends,
    Hold,
    MinerRecord,
    Operation,
    Override,
    Result,
    ResultState,
    ServiceMark,
    Wanted,
)
from controller.overriding import Overriding
from controller.reconciler import Reconciler
from controller.schedule import next_change
from controller.sending import IN_FLIGHT, LOST, Apply
from controller.settings import Settings
from controller.stopping import Stopping
from controller.storage.storage import Storage
from controller.surroundings import ClockWatch, InventoryInUse
from controller.wording import worded
from miners.actions import Action, action_name
from miners.apply import apply as apply_action
from miners.apply import writer_for
from miners.clock import Clock
from miners.inventory.fleet import Inventory
from miners.model import PollFailure, Snapshot


class Engine:
    """Implements Deeds. `loaded`: the orders are; before, nothing is known of what was ordered."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        store: InventoryInUse,
        live: Live,
        exporter: ExporterClient | None,
        clock: Clock,
        watch: ClockWatch | None,
        *,
        apply: Apply = apply_action,
    ) -> None:
        """Nothing runs yet. `apply`: what writes to a miner. `watch` None: the clock is beyond doubt."""
        self._desk = Desk(settings, storage, store, live, clock, watch)
        self._reconciler = Reconciler(self._desk, apply)
        previews = Previews()
        choosing = Choosing(self._desk, self._reconciler)
        foretelling = Foretelling(self._desk, self._reconciler, choosing)
        self._overriding = Overriding(self._desk, self._reconciler, choosing, previews, foretelling)
        self._commanding = Commanding(
            self._desk, self._reconciler, choosing, previews, self._overriding, exporter
        )
        self._stopping = Stopping(self._desk, self._reconciler, previews, foretelling)
        self._records: dict[str, MinerRecord] = {}
        self._following = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.loaded = False

    async def start(self) -> None:
        """Load what was intended and what was going on from the database, and begin to follow it."""
        desk = self._desk
        await desk.intentions.load()
        self._records = await desk.storage.miners.load()
        await self._reconciler.doubting.load()
        await self._take(desk.live.inventory)
        self._tell_lost()
        self._reconciler.ordering.resume(await desk.operations.load())
        desk.order_anew()
        desk.recorder.start()
        self.loaded = True
        self._tasks = [
            asyncio.create_task(self._reconciler.run(), name="reconciler"),
            asyncio.create_task(desk.operations.flush(), name="operations"),
        ]

    async def stop(self) -> None:
        """Send nothing more, and write down what is left to be written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._commanding.close()
        await self._reconciler.close()
        await give_back(self._desk.roster, self._desk.clock)
        self._desk.operations.hand_on_all()
        await self._desk.recorder.close()

    async def take_inventory(self, inventory: Inventory) -> None:
        """Follow another inventory, which the live readings have taken over already."""
        try:
            await self._take(inventory)
        finally:
            self._desk.order_anew()

    def wake(self) -> None:
        """Look at what the clock decides: a boundary may have come, or the clock may have been set."""
        self._desk.wake()

    async def _take(self, inventory: Inventory) -> None:
        desk = self._desk
        async with self._following:
            known = desk.live.all()
            gone = desk.roster.take(inventory, known, self._records)
            for watched in gone:
                self._records[watched.id] = watched.record
            self._reconciler.forget(gone)
            try:
                await self._reconciler.doubting.take_inventory(list(known))
            finally:  # also where the database is away: the miners that are there now are looked at
                desk.views.touch(everything=True)
                desk.look(desk.roster)

    def _tell_lost(self) -> None:
        """Write down which commands were on their way when the process before this one ended."""
        desk = self._desk
        for watched in desk.roster:
            if watched.record.last_detail == IN_FLIGHT:
                desk.tell(
                    "command",
                    "command.lost",
                    SYSTEM,
                    watched=watched,
                    params={"detail": LOST},
                    outcome="failed",
                )
                desk.note(watched, last_detail=LOST)

    @property
    def inventory(self) -> Inventory:
        """The inventory in use."""
        return self._desk.inventory

    @property
    def now(self) -> datetime:
        """The time on the controller's clock, UTC."""
        return self._desk.now

    @property
    def commands(self) -> CommandCounts:
        """Outcomes of commands, counted since the start."""
        return self._desk.counts

    @property
    def last_run(self) -> float | None:
        """When it was last looked at what should be (clock's seconds); None before the first time."""
        return self._reconciler.last_turn_at

    @property
    def record_away(self) -> str | None:
        """Why the record cannot be written now; None if it can."""
        return self._desk.recorder.away

    def miner_figures(self) -> Sequence[MinerFigures]:
        """Return the figures of every miner."""
        views = self._desk.views
        return [views.figures(watched) for watched in self._desk.roster]

    def container_figures(self) -> Sequence[ContainerFigures]:
        """Return the figures of every container."""
        return [self._container_figures(id_) for id_ in self._desk.roster.containers]

    def _container_figures(self, container_id: str) -> ContainerFigures:
        desk = self._desk
        container = desk.roster.containers[container_id]
        schedule = desk.inventory.schedules.get(container.schedule or "")
        change = None if schedule is None else next_change(schedule, container.timezone, desk.now)
        miners = desk.roster.of_container(container_id)
        targets = [desk.views.figures(watched).power_target_w for watched in miners]
        known = [target for target in targets if target is not None]
        return ContainerFigures(
            client=container.client,
            container=container.name,
            control=container.control,
            miners=sum(watched.known.miner.active for watched in miners),
            next_change=None if change is None else change[0].timestamp(),
            held=desk.intentions.hold_on(container_id) is not None,
            drifting=sum(watched.drifting for watched in miners),
            in_service=sum(watched.id in desk.intentions.marks for watched in miners),
            power_target_w=sum(known) if known else None,
        )

    def source(self) -> Source:
        """Return how the live state is had."""
        return self._desk.live.source()

    def view(self, miner_id: str) -> MinerView | None:
        """Return all that is known of one miner."""
        watched = self._desk.roster.get(miner_id)
        return None if watched is None else self._desk.views.of(watched)

    def views(self, container_id: str | None = None) -> Sequence[MinerView]:
        """Return all miners, or those of one container."""
        return self._desk.views.all(container_id)

    def wanted_of(self, container_id: str) -> Wanted:
        """Return what is wanted of a container as a whole."""
        desk = self._desk
        container = desk.roster.containers.get(container_id)
        if container is None:
            raise NotThere(worded("there is no container %(container_id)s", container_id=container_id))
        # No miner has an empty id, so overrides for single miners do not reach it.
        return desk.intentions.wanted_of(desk.inventory, container, "", desk.now)

    def running_in(self, container_id: str) -> str | None:
        """Return the id of the newest operation that is running on miners of a container."""
        running = [one for one in self._desk.operations.all() if one.miners_of(container_id)]
        return max((one.operation.id for one in running), default=None)

    def version(self) -> int:
        """Return a number that grows whenever anything in the views has changed."""
        return self._desk.views.version

    async def changed(self, version: int, timeout_s: float) -> int:
        """Wait until `version()` is above this, at most so long; return it."""
        return await self._desk.views.changed(version, timeout_s)

    def overrides(self) -> Sequence[Override]:
        """Return the overrides that wait or are in force, newest first."""
        return self._desk.intentions.overrides

    def holds(self) -> Sequence[Hold]:
        """Return the holds."""
        return self._desk.intentions.holds

    def doubts(self) -> Sequence[str]:
        """Return why nothing is written anywhere now."""
        return self._reconciler.doubting.everywhere

    def operation(self, operation_id: str) -> Operation | None:
        """Return a running operation with its counts now."""
        running = self._desk.operations.get(operation_id)
        return None if running is None else running.now

    def results(self, operation_id: str) -> Sequence[Result] | None:
        """Return the results of a running operation now."""
        running = self._desk.operations.get(operation_id)
        return None if running is None else list(running.results.values())

    def results_in(self, operation_id: str, container_id: str) -> Sequence[Result]:
        """Return the results of a running operation in a container; others' are not gone through."""
        running = self._desk.operations.get(operation_id)
        return () if running is None else [running.results[one] for one in running.miners_in(container_id)]

    def actions_of(self, miner_id: str) -> Sequence[str]:
        """Return the names of the actions that the miner's driver can do."""
        watched = self._desk.roster.get(miner_id)
        if watched is None:
            return ()
        snapshot = watched.known.snapshot
        driver = watched.known.miner.driver if snapshot is None else snapshot.driver
        writer = writer_for(watched.known.target, driver)
        return () if writer is None else [action_name(kind) for kind in writer.abilities]

    async def plan_override(self, wish: OverrideWish, actor: Actor) -> Plan:  # noqa: ARG002  # the interface names who asks
        """Return what this override would do."""
        return await self._overriding.plan(wish)

    async def plan_end_override(self, override_id: str) -> Plan:
        """Return what ending an override would do at once."""
        return await self._overriding.plan_end(override_id)

    async def plan_change_override(
        self, override_id: str, *, ends: Ends, until: datetime | None
    ) -> Plan | None:
        """Return what is done when an override ends so; None where that is no sooner than before."""
        return await self._overriding.plan_change(override_id, ends, until)

    async def plan_release(self, containers: Sequence[str] | None) -> Plan:
        """Return what would be done at once were these holds not there."""
        return await self._stopping.plan_release(containers)

    async def plan_command(self, wish: CommandWish, actor: Actor) -> Plan:  # noqa: ARG002  # the interface names who asks
        """Return what this deed would do."""
        return await self._commanding.plan(wish)

    async def plan_inventory(self, inventory: Inventory) -> Plan:
        """Return what would change at once if this were the inventory."""
        return await self._overriding.plan_inventory(inventory)

    async def override(
        self, wish: OverrideWish, actor: Actor, *, request_id: str | None = None, address: str | None = None
    ) -> tuple[Override, Operation]:
        """Put an override in force (or make it wait for its start) and begin to bring it about."""
        return await self._overriding.put(wish, actor, request_id, address)

    async def change_override(
        self,
        override_id: str,
        *,
        ends: Ends,
        until: datetime | None,
        reason: str,
        actor: Actor,
        request_id: str | None = None,
        plan: str | None = None,
    ) -> Override:
        """Change the end or the reason."""
        return await self._overriding.change(
            override_id, ends=ends, until=until, reason=reason, actor=actor, request_id=request_id, plan=plan
        )

    async def end_override(
        self, override_id: str, actor: Actor, *, request_id: str | None = None, plan: str | None = None
    ) -> Operation:
        """End it now; the operation brings back what holds without it."""
        return await self._overriding.end(override_id, actor, request_id, plan)

    async def command(
        self, wish: CommandWish, actor: Actor, *, request_id: str | None = None, address: str | None = None
    ) -> Operation:
        """Begin a deed on many miners."""
        return await self._commanding.command(wish, actor, request_id, address)

    async def act(self, miner_id: str, action: Action, actor: Actor, *, reason: str) -> Result:
        """Do one action on one miner and wait for its outcome."""
        return await self._commanding.act(miner_id, action, actor, reason)

    async def cancel(
        self, operation_id: str, *, undo: bool, actor: Actor, request_id: str | None = None
    ) -> Operation:
        """Send nothing more; with `undo`, end the override and bring changed miners back."""
        return await self._commanding.cancel(operation_id, undo=undo, actor=actor, request_id=request_id)

    async def retry(
        self,
        operation_id: str,
        states: Sequence[ResultState],
        actor: Actor,
        *,
        request_id: str | None = None,
    ) -> Operation:
        """Try the failures again, in an operation of their own."""
        return await self._commanding.retry(operation_id, states, actor, request_id)

    async def wait(self, operation_id: str, timeout_s: float) -> Operation | None:
        """Wait until an operation has ended, at most so long; return it as it is then."""
        return await self._commanding.wait(operation_id, timeout_s)

    async def hold(
        self, containers: Sequence[str] | None, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> Sequence[Hold]:
        """Stop all writing, for these containers or (None) everywhere, at once."""
        return await self._stopping.hold(containers, reason, actor, request_id)

    async def release(
        self,
        containers: Sequence[str] | None,
        reason: str,
        actor: Actor,
        *,
        request_id: str | None = None,
        plan: str | None = None,
    ) -> None:
        """End holds."""
        await self._stopping.release(containers, reason, actor, request_id, plan)

    async def mark_service(
        self, miner_id: str, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> ServiceMark:
        """Mark a miner as being under somebody's hands."""
        return await self._stopping.mark_service(miner_id, reason, actor, request_id)

    async def end_service(
        self, miner_id: str, reason: str, actor: Actor, *, request_id: str | None = None
    ) -> None:
        """End the mark."""
        await self._stopping.end_service(miner_id, reason, actor, request_id)

    async def poll(self, miner_id: str) -> Snapshot | PollFailure:
        """Have the exporter read a miner now."""
        return await self._commanding.poll(miner_id)
