"""A stage for control: simulated miners on real sockets, the engine with its database, and one clock that tests drive.

Everything runs in one quiet loop, so a test moves time on and finds done what was to be done until then.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from controller.deeds import Choice, CommandWish, MinerView, OverrideWish
from controller.engine import Engine
from controller.events import EventFilter
from controller.exporter_client import ExporterClient
from controller.live import Live
from controller.model import Actor, Event, MinerRecord, Operation, Override
from controller.settings import Settings
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory, Miner, Origin, Profile, Ramp, Schedule, Window
from miners.inventory.secrets import target_of
from miners.model import Credentials
from simulator.clock import SharedClock
from simulator.faults import read_fault
from simulator.fleet import SimulatedFleet
from simulator.miner import SimulatedMiner
from simulator.orders import Received
from simulator.quiet import run_quietly
from simulator.specs import ContainerSpec, MinerSpec

ANNA = Actor("user", "anna", "usr_anna")
SECRET = "opensesame-5r7"
NOON = 1_780_056_000.0  # 2026-05-29 12:00:00 UTC, a Friday
DAYS = (0, 1, 2, 3, 4, 5, 6)
S19, M50 = "S19 Pro", "M50"

PROFILES = {
    name: Profile(name=name, target_percent=percent)
    for name, percent in (("overclock", 115), ("normal", 100), ("underclock", 75), ("curtail", 0))
}


def windows(*given: tuple[int, int, str]) -> tuple[Window, ...]:
    """Windows of every day: (from so many minutes after noon, to, profile)."""
    return tuple(Window(DAYS, 720 + begin, 720 + end, profile) for begin, end, profile in given)


ALWAYS_NORMAL = Schedule(id="always", name="always", otherwise="normal")
SIESTA = Schedule(id="siesta", name="siesta", windows=windows((5, 20, "curtail")), otherwise="normal")
"""Asleep from 12:05 to 12:20; the stage begins at 12:00."""


def container(name: str, miners: int, *, model: str = S19, net: int, **more: Any) -> Container:
    """A container of alike miners, every one known by its nominal power."""
    given: dict[str, Any] = {
        "control": "enforce",
        "schedule": "always",
        "interval_s": 10.0,
        "ramp": Ramp(step_w=1e9, every_s=1.0, batch=1000),
    } | more
    origin = Origin("targets.yml", 10 * net)
    return Container(
        name=name,
        id=name,
        origin=origin,
        miners=tuple(
            Miner(
                name=f"a{at}",
                container=name,
                address=f"127.88.{net}.{at}",
                port=24028,
                web_port=28080,
                v3_port=24433,
                model=model,
                nominal_power_w=3250.0,
                origin=origin,
            )
            for at in range(1, miners + 1)
        ),
        **given,
    )


def inventory(*containers: Container, schedules: tuple[Schedule, ...] = (), **more: Any) -> Inventory:
    """An inventory with the four profiles, and the schedules of this file beside those that are given."""
    known = {one.id: one for one in (ALWAYS_NORMAL, SIESTA, *schedules)}
    return Inventory(containers=containers, profiles=PROFILES, schedules=known, **more)


class Files:
    """Stands in for the files of the inventory: what they hold, and why they were refused."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.last_error: Exception | None = None


class Watch:
    """A watch over the clock that says what it is told to."""

    def __init__(self) -> None:
        self.said: tuple[str, ...] = ()

    def doubts(self) -> tuple[str, ...]:
        return self.said


class Stage:
    """The running parts. `fleet` is the truth."""

    def __init__(self, folder: Path, files: Files, faults: Mapping[str, Mapping[str, Any]]) -> None:
        self.clock = SharedClock(NOON)
        self.files = files
        self.watch = Watch()
        self.folder = folder
        self.fleet = SimulatedFleet(
            [_spec(one, faults) for one in files.inventory.containers],
            clock=self.clock,
            control_port=None,
        )
        self.settings = Settings(targets=(), data=folder, cool_down_s=0.0, restarts_a_day=50)
        self.storage: Storage
        self.live: Live
        self.engine: Engine

    async def start(self) -> None:
        """Start a controller, on the database as the one before left it."""
        self.storage = Storage.open(f"sqlite:///{self.folder}/hashyard.db")
        database = self.storage.database
        database.write = self.clock.holding(database.write)  # type: ignore[method-assign]
        database.read = self.clock.holding(database.read)  # type: ignore[method-assign]
        exporter = ExporterClient((), None)
        await exporter.open()
        self.exporter = exporter
        self.live = Live(self.clock, exporter)
        await self.live.apply(self.files.inventory, _target)
        self.engine = Engine(
            self.settings, self.storage, self.files, self.live, exporter, self.clock, self.watch
        )
        await self.live.start()
        await self.engine.start()

    async def stop(self) -> None:
        await self.engine.stop()
        await self.live.stop()
        await self.exporter.close()
        self.storage.close()

    async def restart(self) -> None:
        """End the controller and start another on what it left."""
        await self.stop()
        await self.start()

    async def write_record(self, record: MinerRecord) -> None:
        """Change what is remembered of a miner while no controller runs."""
        storage = Storage.open(f"sqlite:///{self.folder}/hashyard.db")
        await storage.miners.save([record])
        storage.close()

    async def take(self, inventory: Inventory) -> None:
        """Change the inventory."""
        self.files.inventory = inventory
        await self.live.apply(inventory, _target)
        await self.engine.take_inventory(inventory)

    async def pass_(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)

    async def meanwhile(self, work: Coroutine[Any, Any, Any], seconds: float = 0.0) -> Any:
        """Let time pass while something is being waited for; return what came of it."""
        task = asyncio.ensure_future(work)
        await self.clock.advance(seconds)
        await self.clock.settle()
        return await task

    def miner(self, name: str) -> SimulatedMiner:
        """Return a simulated miner by `container.name`."""
        of, _, name = name.partition(".")
        found = self.fleet.find(of, name)
        assert found is not None
        return found

    def bend(self, name: str, fault: str, **more: Any) -> None:
        """Give a simulated miner a fault from now on."""
        mistakes: list[str] = []
        found = read_fault({"fault": fault, **more}, name, mistakes)
        assert found is not None, mistakes
        self.miner(name).add_faults((found,), self.clock.now())

    async def heal(self, name: str) -> None:
        """Take the faults of a simulated miner away."""
        self.miner(name).remove_faults(None, self.clock.now())
        await self.fleet.align(self.miner(name))

    async def unplug(self, name: str) -> None:
        """Take a simulated miner off the network."""
        self.bend(name, "refused")
        await self.fleet.align(self.miner(name))

    def received(self, name: str | None = None) -> list[Received]:
        """Return what one miner, or all, were told."""
        miners = self.fleet.miners if name is None else [self.miner(name)]
        return [one for miner in miners for one in miner.received]

    def told(self) -> Counter[str]:
        """Return how many commands each miner received."""
        return Counter(f"{one.container}.{one.miner}" for one in self.received())

    def truth(self, name: str) -> str:
        """Return the true state of a miner."""
        return str(self.miner(name).truth(self.clock.now()).state)

    def view(self, name: str) -> MinerView:
        found = self.engine.view(name)
        assert found is not None
        return found

    async def events(self, *kinds: str) -> list[Event]:
        """Return the events of these kinds, oldest first."""
        await self.clock.settle()
        found, _ = await self.storage.events.find(EventFilter(kinds=kinds), limit=500)
        return found[::-1]

    async def override(
        self, profile: str, *, containers: tuple[str, ...] = (), miners: tuple[str, ...] = (), **more: Any
    ) -> tuple[Override, Operation]:
        wish = OverrideWish(
            choice=Choice(containers=containers, miners=miners),
            profile=profile,
            reason="the grid asks",
            **({"ends": "manual"} | more),
        )
        result: tuple[Override, Operation] = await self.meanwhile(self.engine.override(wish, ANNA))
        return result

    async def command(self, deed: str, *miners: str, **more: Any) -> Operation:
        wish = CommandWish(choice=Choice(miners=miners), deed=deed, reason="to see", **more)  # type: ignore[arg-type]
        result: Operation = await self.meanwhile(self.engine.command(wish, ANNA))
        return result

    async def operation(self, operation_id: str) -> Operation:
        """Return an operation as it is now, also if it has ended."""
        await self.clock.settle()
        found = self.engine.operation(operation_id) or await self.storage.operations.get(operation_id)
        assert found is not None
        return found

    async def results(self, operation_id: str) -> dict[str, Any]:
        """Return the results of an operation by miner."""
        await self.clock.settle()
        found = self.engine.results(operation_id)
        if found is None:
            found = await self.storage.operations.all_results(operation_id)
        return {one.miner: one for one in found}

    async def accounted(self) -> None:
        """Assert that the record accounts for every command that the miners received, one to one."""
        sent = Counter(event.miner for event in await self.events("command.sent"))
        left_out = Counter(
            event.miner
            for event in await self.events("command.finished")
            if event.outcome != "unchanged" and not event.params["sent"] and event.params["intended"]
        )
        assert sent - left_out == self.told()


@asynccontextmanager
async def stage(
    folder: Path, *containers: Container, faults: Mapping[str, Mapping[str, Any]] | None = None, **more: Any
) -> AsyncIterator[Stage]:
    """Start a fleet and a controller over it. `faults`: what `simulate` says of single miners (`container.name`)."""
    on = Stage(folder, Files(inventory(*containers, **more)), faults or {})
    await on.fleet.start()
    try:
        await on.start()
        try:
            yield on
        finally:
            await on.stop()
    finally:
        await on.fleet.stop()


def quietly(scenario: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on a quiet loop of its own."""

    @functools.wraps(scenario)
    def run(*arguments: Any, **named: Any) -> None:
        run_quietly(scenario(*arguments, **named))

    return run


def _spec(of: Container, faults: Mapping[str, Mapping[str, Any]]) -> ContainerSpec:
    return ContainerSpec(
        name=of.name,
        miners=tuple(
            MinerSpec(
                container=of.name,
                name=one.name,
                address=one.address,
                port=one.port,
                web_port=one.web_port,
                v3_port=one.v3_port,
                model=one.model,
                simulate={"password": SECRET, **faults.get(f"{of.name}.{one.name}", {})},
            )
            for one in of.miners
        ),
    )


def _target(of: Container, miner: Miner) -> Any:
    return target_of(of, miner, Credentials("root", SECRET))


def changed(of: Container, **more: Any) -> Container:
    """Return a container with other words."""
    return msgspec.structs.replace(of, **more)
