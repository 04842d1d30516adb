"""Controller and exporter over the same simulated miners, on the wall's clock: leases taken and given back, and life without.

Both run in one process, and speak HTTP with each other and their makers' protocols with the miners.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from controller.deeds import Choice, OverrideWish
from controller.events import EventFilter
from controller.main import Controller
from controller.main import Settings as ControllerSettings
from controller.model import Event
from exporter.main import Exporter
from exporter.main import Settings as ExporterSettings
from miners.client import read_miner
from miners.driver import Memory
from miners.inventory.load import load
from miners.model import Reading, Target
from simulator.clock import RunningClock
from simulator.faults import read_fault
from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec
from tests.system.whole_controller import ANNA, CALM, PLACEHOLDER, SECRET, USUAL, loopback_network

PATIENCE_S = 90.0
TARGETS = f"""
defaults: {{interval: 1s, control: enforce, schedule: always, {USUAL}}}
schedules:
  always: {{otherwise: normal}}
containers:
  - name: north
    simulate: {{{CALM}}}
    miners:
      - {{name: "w{{n}}", addresses: 127.N.1.1-2, manufacturer: Whatsminer, model: M50}}
      - {{name: "v{{n}}", addresses: 127.N.1.11-12, manufacturer: Avalon, model: "1246"}}
  - name: south
    control: observe
    simulate: {{{CALM}}}
    miners:
      - {{name: "w{{n}}", addresses: 127.N.2.1-2, manufacturer: Whatsminer, model: M50}}
"""


class Poll(NamedTuple):
    """One poll of the exporter, on the simulator's clock."""

    miner: str
    begin: float
    end: float


class Site:
    """The miners, and the exporter and the controller while they run."""

    def __init__(self, folder: Path, network: int) -> None:
        self.file = folder / "targets.yml"
        self.file.write_text(TARGETS.replace(PLACEHOLDER, f"127.{network}."), encoding="utf-8")
        self.data = folder / "data"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        secret = self.secrets / "rack"
        secret.touch(mode=0o600)
        secret.write_text(f"root:{SECRET}\n", encoding="utf-8")
        self.clock = RunningClock()
        self.fleet = SimulatedFleet(
            [
                msgspec.convert(one, ContainerSpec, from_attributes=True)
                for one in load([self.file]).containers
            ],
            clock=self.clock,
            control_port=None,
        )
        self.polls: list[Poll] = []
        self.port = 0
        self.controller: Controller

    async def read(self, to: Target, memory: Memory) -> Reading:
        begin = self.clock.now()
        try:
            return await read_miner(to, memory)
        finally:
            self.polls.append(Poll(f"{to.container}.{to.miner}", begin, self.clock.now()))

    @asynccontextmanager
    async def exporting(self) -> AsyncIterator[None]:
        settings = ExporterSettings(targets=(self.file,), port=self.port, secrets_dir=self.secrets)
        async with Exporter(settings, reader=self.read).serving() as port:
            self.port = port
            yield

    @asynccontextmanager
    async def controlling(self) -> AsyncIterator[None]:
        self.controller = Controller(
            ControllerSettings(
                targets=(self.file,),
                data=self.data,
                port=0,
                secrets_dir=self.secrets,
                exporters=(f"http://127.0.0.1:{self.port}",),
                follow_s=0.2,
                cool_down_s=0.0,
            ),
            synchronised=lambda: True,
        )
        async with self.controller.serving():
            yield

    def truths(self) -> dict[str, str]:
        now = self.clock.now()
        return {f"{one.spec.container}.{one.spec.name}": one.truth(now).state for one in self.fleet.miners}

    async def override(self, profile: str) -> None:
        wish = OverrideWish(
            choice=Choice(containers=("north",)), profile=profile, ends="manual", reason="to see"
        )
        _, operation = await self.controller.engine.override(wish, ANNA)
        ended = await self.controller.engine.wait(operation.id, PATIENCE_S)
        assert ended is not None
        assert (ended.state, ended.counts) == ("done", {"applied": 4})

    async def events(self, kind: str) -> list[Event]:
        found, _ = await self.controller.storage.events.find(EventFilter(kinds=(kind,)), limit=500)
        return found[::-1]


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    with loopback_network() as network:
        found = Site(folder, network)
        await found.fleet.start()
        try:
            yield found
        finally:
            await found.fleet.stop()


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.05)


def all_known(on: Site) -> bool:
    return all(known.snapshot is not None for known in on.controller.live.all().values())


@pytest.mark.timeout(300)
async def test_what_is_written_to_is_leased_from_the_exporter_and_given_back(tmp_path: Path) -> None:
    async with site(tmp_path) as on, on.exporting(), on.controlling():
        await until(lambda: all_known(on))
        mistakes: list[str] = []
        slow = read_fault({"fault": "slow_to_obey", "seconds": 4}, "north", mistakes)
        assert slow is not None, mistakes
        for miner in on.fleet.miners:
            miner.add_faults((slow,), on.clock.now())
        await on.override("curtail")
        assert {state for name, state in on.truths().items() if name.startswith("north")} == {"sleeping"}
        while len(await on.events("command.finished")) < 4:  # noqa: ASYNC110  # it follows the outcome
            await asyncio.sleep(0.05)
        ends = {event.miner: event.at.timestamp() for event in await on.events("command.finished")}
        for sent in await on.events("command.sent"):
            begin, end = sent.at.timestamp(), ends[sent.miner]
            meanwhile = [one for one in on.polls if one.begin < end and one.end > begin]
            assert [one for one in meanwhile if one.miner == sent.miner] == []
            assert {one.miner for one in meanwhile} >= {"south.w1", "south.w2"}
        count = len(on.polls)
        await until(lambda: {one.miner for one in on.polls[count:]} >= set(on.truths()))
        assert on.controller.engine.source().state == "ok"


@pytest.mark.timeout(300)
async def test_without_the_exporter_control_goes_on_and_takes_it_back_when_it_returns(tmp_path: Path) -> None:
    async with site(tmp_path) as on:
        async with on.exporting():
            port = on.port
            async with on.controlling():
                await until(lambda: all_known(on))
        assert port == on.port
        async with on.controlling():  # nobody answers there
            assert on.controller.engine.source().state == "away"
            await until(lambda: all(view.reading is not None for view in on.controller.engine.views("north")))
            await on.override("curtail")
            assert {state for name, state in on.truths().items() if name.startswith("north")} == {"sleeping"}
            assert all(view.stale for view in on.controller.engine.views("south"))
            count = len(on.polls)
            async with on.exporting():
                await until(lambda: on.controller.engine.source().state == "ok")
                await until(lambda: not any(view.stale for view in on.controller.engine.views()))
                await on.override("normal")
                assert len(on.polls) > count
            assert {state for name, state in on.truths().items() if name.startswith("north")} <= {
                "starting",
                "mining",
            }
