"""The simulated fleet while it runs: its miners on their ports, what is due, and the control interface.

`run` serves until it is told to end; `SimulatedFleet` is the same for use within another program, such as a test.
"""

import asyncio
import contextlib
import heapq
import itertools
import os
import resource
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from simulator.build import build_gateways, build_miners, on_loopback
from simulator.clock import Clock, RunningClock
from simulator.control import control_app
from simulator.errors import SimulatorError
from simulator.miner import SimulatedMiner
from simulator.physics import STEP_S
from simulator.server import FrameConnection, Hub, Listener, RpcConnection
from simulator.specs import ContainerSpec, MinerSpec
from simulator.web import WebPorts

__all__ = ["ContainerSpec", "MinerSpec", "SimulatedFleet", "SimulatorError", "run"]

CONTROL_PORT = 9429
SWEEP_EVERY_S = 2.0
SPARE_FILES = 512  # connections and the process's own, beside one descriptor a listening port
RETRY_S = 1.0
CLOSING_S = 1.0
LOG = structlog.get_logger("simulator")


class SimulatedFleet:
    """Simulated miners on loopback. `start` opens everything, `stop` closes it; both once."""

    def __init__(
        self,
        containers: Sequence[ContainerSpec],
        *,
        seed: int | str = 0,
        clock: Clock | None = None,
        static: bool | float = False,
        just_up: bool = False,
        control_host: str = "127.0.0.1",
        control_port: int | None = CONTROL_PORT,
        step_s: float = STEP_S,
    ) -> None:
        """Check and build everything. A control port of 0 is any free one, None opens none. Raises SimulatorError.

        `clock`: simulated time, which a controller in the same program may share. `just_up`: the miners came up just now.
        `step_s`: how fine the physics' grid is.
        """
        self.clock = clock or RunningClock()
        self.miners = build_miners(
            containers, seed=seed, start=self.clock.now(), static=static, just_up=just_up, step_s=step_s
        )
        self.gateways = build_gateways(containers, self.miners, self.clock.now)
        self._by_name = {(miner.spec.container, miner.spec.name): miner for miner in self.miners}
        if not on_loopback(control_host):
            raise SimulatorError(
                [f"{control_host}: the control interface listens on loopback only: take 127.0.0.1"]
            )
        self._control_host = control_host
        self._control_port = control_port
        self._listeners: dict[SimulatedMiner, list[Listener]] = {}
        self._due: list[tuple[float, int, SimulatedMiner]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._lining_up = asyncio.Lock()
        self._hub: Hub | None = None
        self._pages: WebPorts | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    @property
    def control_url(self) -> str:
        """Where the control interface is reached; empty if there is none."""
        if self._runner is None or not self._runner.addresses:
            return ""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        return self.clock.now()

    def find(self, container: str, miner: str) -> SimulatedMiner | None:
        """Return a miner by its names."""
        return self._by_name.get((container, miner))

    def power_w(self, container: str | None = None) -> float:
        """Return what the miners of a container, or all, truly draw now, W."""
        now = self.now()
        total = 0.0
        for miner in self.miners:
            if container is None or miner.spec.container == container:
                miner.physics.advance(now)
                total += miner.physics.power_w
        return total

    async def start(self) -> None:
        """Open every port. Raises SimulatorError where one is taken, or more are wanted than a process may open."""
        _allow_files(sum(len(miner.ports) for miner in self.miners))
        hub = self._hub = Hub(self.clock, sweep_every_s=SWEEP_EVERY_S)
        pages = self._pages = WebPorts(hub)
        try:
            for miner in self.miners:
                await self._open(miner, hub, pages)
            for gateway in self.gateways:
                await gateway.start()
            if self._control_port is not None:
                await self._open_control(self._control_port)
        except BaseException:
            await self.stop()
            raise
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Close every port and connection."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        for listener in itertools.chain.from_iterable(self._listeners.values()):
            listener.stop()
        if self._hub is not None:
            await self._hub.close()
        if self._pages is not None:
            await self._pages.server.shutdown(CLOSING_S)
        for gateway in self.gateways:
            await gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def align(self, miner: SimulatedMiner) -> None:
        """Open and close the miner's ports as its body now has it; a port taken meanwhile is tried again."""
        try:
            await self._line_up(miner)
        except OSError as error:
            LOG.warning(
                "port_taken", container=miner.spec.container, miner=miner.spec.name, reason=_reason(error)
            )
            self._remember(self.now() + RETRY_S, miner)

    async def _line_up(self, miner: SimulatedMiner) -> None:
        async with self._lining_up:
            miner.physics.advance(self.now())
            down = miner.physics.down
            for listener in self._listeners[miner]:
                if down:
                    listener.stop()
                else:
                    await listener.start()
        if down and self._hub is not None:
            self._hub.drop(miner)
        due = miner.physics.next_due()
        if due < float("inf"):
            self._remember(due, miner)

    def _remember(self, due: float, miner: SimulatedMiner) -> None:
        heapq.heappush(self._due, (due, next(self._order), miner))
        self._changed.set()

    def _look_at(self, miner: SimulatedMiner) -> None:
        """Let the miner's ports be lined up soon: it was given an order."""
        self._remember(self.now(), miner)

    async def _open(self, miner: SimulatedMiner, hub: Hub, pages: WebPorts) -> None:
        miner.orders.on_change = partial(self._look_at, miner)
        listeners = self._listeners[miner] = []
        for role, port in miner.ports.items():
            if role == "web":
                pages.add(miner, port)
                listeners.append(Listener(miner.spec.address, port, pages.server))
            else:
                kind = FrameConnection if role == "v3" else RpcConnection
                listeners.append(Listener(miner.spec.address, port, partial(kind, miner, hub)))
        try:
            await self._line_up(miner)
        except OSError as error:
            spec, ports = miner.spec, " and ".join(str(listener.port) for listener in listeners)
            raise SimulatorError(
                [
                    f"container {spec.container}, miner {spec.name}: cannot listen on {spec.address}:{ports}: {_reason(error)}"
                ]
            ) from None

    async def _open_control(self, port: int) -> None:
        self._runner = web.AppRunner(control_app(self), access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._control_host, port).start()
        except OSError as error:
            raise SimulatorError(
                [
                    f"control interface: cannot listen on {self._control_host}:{port}: {_reason(error)}: name another port"
                ]
            ) from None

    async def _watch(self) -> None:
        """Open and close ports as they fall due."""
        while True:
            self._changed.clear()
            for miner in self._take_due(self.now()):
                await self.align(miner)
            await self._rest()

    async def _rest(self) -> None:
        """Wait until something is due, or there is something new to look at."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if self._due:
            waits.append(asyncio.ensure_future(self.clock.sleep(max(0.0, self._due[0][0] - self.now()))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take_due(self, now: float) -> list[SimulatedMiner]:
        """Return the miners to which something happens by now, each once."""
        found: dict[SimulatedMiner, None] = {}
        while self._due and self._due[0][0] <= now:
            found[heapq.heappop(self._due)[2]] = None
        return list(found)


async def run(
    containers: Sequence[ContainerSpec],
    *,
    seed: int | str = 0,
    control_host: str = "127.0.0.1",
    control_port: int | None = CONTROL_PORT,
    speed: float = 1.0,
    start: float | None = None,
    static: bool | float = False,
    just_up: bool = False,
    on_ready: Callable[[SimulatedFleet], None] | None = None,
) -> None:
    """Serve the fleet until SIGINT or SIGTERM. Raises SimulatorError. Runs best under uvloop.

    `speed`: simulated seconds a second. `start`: when the simulation begins, seconds since the epoch (default: now).
    """
    clock = RunningClock(speed=speed, start=start)
    fleet = SimulatedFleet(
        containers,
        seed=seed,
        clock=clock,
        static=static,
        just_up=just_up,
        control_host=control_host,
        control_port=control_port,
    )
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await fleet.start()
    try:
        if on_ready is not None:
            on_ready(fleet)
        await told.wait()
    finally:
        await fleet.stop()


def _reason(error: OSError) -> str:
    """Return the system's words for it: event loops put their own around them."""
    return os.strerror(error.errno) if error.errno else str(error)


def _allow_files(ports: int) -> None:
    """Raise the soft limit of open files to the hard one, and say so where even that is too low."""
    needed = ports + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, needed) if hard == resource.RLIM_INFINITY else hard
    if needed > allowed:
        raise SimulatorError(
            [
                f"{ports} ports need {needed} open files, this process may open {allowed}: raise it with ulimit -Hn"
            ]
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
