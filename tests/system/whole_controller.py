"""The whole controller over a simulated fleet: from the files, over real sockets, on one clock that the test drives.

Everything runs in one quiet loop (`run_quietly`): time goes on from sleeper to sleeper, so a day of hundreds of miners is
a matter of minutes, and the same each time.
"""

import asyncio
import random
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from controller.deeds import Choice, MinerView, OverrideWish
from controller.events import EventFilter
from controller.main import Controller
from controller.model import Actor, Event, Operation, Override
from controller.settings import Settings
from miners.inventory.load import load
from simulator.clock import SharedClock
from simulator.faults import read_fault
from simulator.fleet import SimulatedFleet
from simulator.miner import SimulatedMiner
from simulator.orders import Received
from simulator.specs import ContainerSpec

ANNA = Actor("user", "anna", "usr_anna")
SECRET = "opensesame-5r7"
USUAL = "port: 24028, web_port: 28080, v3_port: 24433, credentials: {file: rack}"
"""For `defaults` of every inventory: ports that need no rights, and the credentials."""

CALM = (
    f"password: {SECRET}, wear: {{restarts_per_day: 0, pool_outages_per_day: 0, "
    "chip_deaths_per_day: 0, board_deaths_per_day: 0}"
)
"""For `simulate` of every container: nothing happens by chance."""

CLOCK_GRAIN_S = 0.01
"""Moments in the record are cut at the microsecond, and floats of today's size are no finer."""

PREPARATIONS = frozenset({"atmset"})
"""What makes send ahead of a command as a part of it: LuxOS takes a preset only when its own tuning is off."""


PLACEHOLDER = "127.N."
"""Written for the network that a yard will have: two that run at once share none."""

_NETWORKS = range(20, 60)
_HOLD_PORT = 40_405


@contextmanager
def loopback_network() -> Iterator[int]:
    """Find a loopback network that no other test holds, and hold it."""
    for network in random.sample(_NETWORKS, len(_NETWORKS)):
        with socket.socket() as hold:
            try:
                hold.bind((f"127.{network}.255.254", _HOLD_PORT))
            except OSError:
                continue
            yield network
            return
    raise AssertionError("every loopback network is held by another test")


class WallClock:
    """The clock on the controller's wall: goes with the shared one, and can be set."""

    def __init__(self, shared: SharedClock) -> None:
        self._shared = shared
        self._ahead_s = 0.0

    def now(self) -> float:
        return self._shared.now() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        await self._shared.sleep(seconds)

    def jump(self, seconds: float) -> None:
        self._ahead_s += seconds


class Yard:
    """The fleet, which is the truth, and the controller over it. `more`: settings other than the usual."""

    def __init__(self, folder: Path, targets: str, start: float, network: int, **more: Any) -> None:
        self.folder = folder
        self.network = network
        self.file = folder / "targets.yml"
        self.file.write_text(self._placed(targets), encoding="utf-8")
        secrets = folder / "secrets"
        secrets.mkdir()
        secret = secrets / "rack"
        secret.touch(mode=0o600)
        secret.write_text(f"root:{SECRET}\n", encoding="utf-8")
        self.clock = SharedClock(start)
        self.wall = WallClock(self.clock)
        self.inventory = load([self.file])
        self.fleet = SimulatedFleet(
            [msgspec.convert(one, ContainerSpec, from_attributes=True) for one in self.inventory.containers],
            clock=self.clock,
            control_port=None,
        )
        given: dict[str, Any] = {"port": 0, "secrets_dir": secrets} | more
        self.settings = Settings(targets=(self.file,), data=folder / "data", **given)
        self.controller: Controller
        ids = {one.name: one.id for one in self.inventory.containers}
        self._by_id = {f"{ids[one.spec.container]}.{one.spec.name}": one for one in self.fleet.miners}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Controller]:
        """Run a controller, on what the one before left."""
        self.controller = Controller(
            self.settings, clock=self.wall, steady=self.clock.now, synchronised=lambda: True
        )
        database = self.controller.storage.database
        database.write = self.clock.holding(database.write)  # type: ignore[method-assign, assignment]
        database.read = self.clock.holding(database.read)  # type: ignore[method-assign, assignment]
        async with self.controller.serving():
            yield self.controller

    async def pass_(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)

    async def until(self, moment: float) -> None:
        """Let time pass until a moment (unix seconds)."""
        await self.clock.advance(moment - self.clock.now())

    async def do(self, work: Coroutine[Any, Any, Any], seconds: float = 0.0) -> Any:
        """Let time pass while something is waited for; return what came of it."""
        task = asyncio.ensure_future(work)
        await self.clock.advance(seconds)
        await self.clock.settle()
        return await task

    async def write(self, targets: str) -> None:
        """Change the file of the inventory, and let the controller notice."""
        beside = self.file.with_suffix(".new")
        beside.write_text(self._placed(targets), encoding="utf-8")
        beside.replace(self.file)
        await self.pass_(10)

    def _placed(self, targets: str) -> str:
        return targets.replace(PLACEHOLDER, f"127.{self.network}.")

    def miner(self, id_: str) -> SimulatedMiner:
        """Return a simulated miner by its id in the inventory."""
        return self._by_id[id_]

    @property
    def miners(self) -> Mapping[str, SimulatedMiner]:
        """All simulated miners by id."""
        return self._by_id

    def bend(self, id_: str, fault: str, **more: Any) -> None:
        """Give a simulated miner a fault from now on."""
        mistakes: list[str] = []
        found = read_fault({"fault": fault, **more}, id_, mistakes)
        assert found is not None, mistakes
        self.miner(id_).add_faults((found,), self.clock.now())

    async def spoil(self, id_: str, fault: str, **more: Any) -> None:
        """Give a simulated miner a fault that closes or opens its ports."""
        self.bend(id_, fault, **more)
        await self.fleet.align(self.miner(id_))

    async def heal(self, id_: str) -> None:
        """Take the faults of a simulated miner away."""
        self.miner(id_).remove_faults(None, self.clock.now())
        await self.fleet.align(self.miner(id_))

    def exchange(self, one: str, other: str) -> None:
        """Let two simulated miners of one make have each other's address, as a DHCP server may."""
        here, there = self.miner(one), self.miner(other)
        for part in ("device", "physics", "orders"):
            mine, others = getattr(here, part), getattr(there, part)
            setattr(here, part, others)
            setattr(there, part, mine)

    def truth(self, id_: str) -> str:
        """Return the true state of a miner."""
        return str(self.miner(id_).truth(self.clock.now()).state)

    def received(self, id_: str | None = None) -> list[Received]:
        """Return what one miner, or all, were told, by time."""
        miners = self._by_id.values() if id_ is None else [self.miner(id_)]
        return sorted((one for miner in miners for one in miner.received), key=lambda one: one.at)

    def told(self) -> dict[str, int]:
        """Return how many commands each miner received, of those that received any."""
        return {id_: len(miner.received) for id_, miner in self._by_id.items() if miner.received}

    def view(self, id_: str) -> MinerView:
        found = self.controller.engine.view(id_)
        assert found is not None
        return found

    async def override(
        self, profile: str, *, containers: Sequence[str] = (), miners: Sequence[str] = (), **more: Any
    ) -> tuple[Override, Operation]:
        """Put an override in force."""
        given: dict[str, Any] = {"ends": "manual", "reason": "the grid asks"} | more
        wish = OverrideWish(
            choice=Choice(containers=tuple(containers), miners=tuple(miners)), profile=profile, **given
        )
        result: tuple[Override, Operation] = await self.do(self.controller.engine.override(wish, ANNA))
        return result

    async def operation(self, operation_id: str) -> Operation:
        """Return an operation as it is now, also if it has ended."""
        await self.clock.settle()
        found = self.controller.engine.operation(operation_id)
        found = found or await self.controller.storage.operations.get(operation_id)
        assert found is not None
        return found

    async def events(self, *kinds: str) -> list[Event]:
        """Return the events of these kinds, or all, oldest first."""
        await self.clock.settle()
        return [
            event async for event in self.controller.storage.events.rows(EventFilter(kinds=kinds or None))
        ][::-1]

    async def accounted(self) -> None:
        """Assert that record and journals account for each other, command by command, in both directions."""
        sent, finished = await self.events("command.sent"), await self.events("command.finished")
        account(self.miners, sent, finished)


def account(miners: Mapping[str, SimulatedMiner], sent: Sequence[Event], finished: Sequence[Event]) -> None:
    """Assert that every command a miner received has its `command.sent`, and every one that left was received.

    An intent is followed by its end, which says whether the command left; one that did is in the miner's journal
    between the two, with what the make wants ahead of it, and nothing else is. The last may still be on its way.
    """
    begun: dict[str | None, list[Event]] = defaultdict(list)
    for event in sent:
        begun[event.miner].append(event)
    ends: dict[str | None, list[Event]] = defaultdict(list)
    for event in finished:
        if event.params["intended"]:
            ends[event.miner].append(event)
    assert set(begun) <= set(miners)
    for id_, miner in miners.items():
        journal = [one for one in miner.received if one.command not in PREPARATIONS]
        assert len(begun[id_]) - len(ends[id_]) in (0, 1), f"{id_}: an intent has no end"
        for intent, end in zip_longest(begun[id_], ends[id_]):
            assert intent.miner_address == miner.spec.address
            told = f"{id_}: {intent.params['action']} at {intent.at}"
            if end is not None:
                assert end.params["action"] == intent.params["action"], f"{told} has another's end"
                if not end.params["sent"]:
                    continue
            until = float("inf") if end is None else end.at.timestamp() + CLOCK_GRAIN_S
            within = bool(journal) and intent.at.timestamp() - CLOCK_GRAIN_S <= journal[0].at <= until
            assert within or end is None, f"{told} was never received; next is {journal[:1]}"
            del journal[:within]
        assert not journal, f"{id_}: received, and not recorded: {journal}"


@asynccontextmanager
async def yard(folder: Path, targets: str, start: float, **more: Any) -> AsyncIterator[Yard]:
    """Start a fleet and a controller over it."""
    with loopback_network() as network:
        found = Yard(folder, targets, start, network, **more)
        await found.fleet.start()
        try:
            async with found.running():
                yield found
        finally:
            await found.fleet.stop()
