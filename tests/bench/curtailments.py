"""What it costs to curtail a fleet: the whole controller on a database on disk, against the bare exchange of its messages.

Simulated Whatsminers, and an Avalon in every fifth container, obey at once, an Avalon after the five seconds that its
command is given ahead. They are curtailed in an emergency, so that no ramp holds anybody up: first without sessions, then
again and again with tokens in hand. A command counts when the miner's own state has shown it and the record is on the disk.
"""

import asyncio
import gc
import re
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

import uvloop
from figures import Figure, median
from stage import CONTAINER_SIZE, PATIENCE_S, Program, Size, folder, simulator, take_core

from controller.deeds import Choice, OverrideWish
from controller.main import Controller
from controller.model import Actor
from controller.settings import Settings
from miners.transport import rpc
from miners.transport.exchange import Ending, Reply, exchange

PASSWORD_VARIABLE, PASSWORD = "HASHYARD_MINER_BENCH", "opensesame-5r7"
ANNA = Actor("user", "anna", "usr_anna")
AVALON_EVERY = 5
BEAT_S = 0.005
ROUNDS = 3
APPOINTMENT = re.compile(rb"(?<=off,1:)\d+")


Message: TypeAlias = tuple[str, int, bytes]
"""One question as it left: address, port, bytes. Plain, so that the collector does not go through a hundred thousand."""


class Curtailment(NamedTuple):
    """What one curtailment took, seconds. `stall_s`: the longest turn of the event loop by its own CPU time."""

    wall_s: float
    cpu_s: float
    simulated_s: float
    stall_s: float
    late_s: float
    messages: list[Message]


def curtailing(size: Size) -> list[Figure]:
    """Measure the time and CPU to curtail the fleet, read-back included, and the ratio to the bare exchange."""
    take_core()
    with folder() as path:
        file = path / "targets.yml"
        file.write_text(_inventory(size), encoding="utf-8")
        with simulator(size, file, static=True) as simulated:
            return uvloop.run(_measure(size, path, simulated))


async def _measure(size: Size, path: Path, simulated: Program) -> list[Figure]:
    settings = Settings(
        targets=(path / "targets.yml",),
        data=path / "data",
        port=0,
        environment={PASSWORD_VARIABLE: f"admin:{PASSWORD}"},
        cool_down_s=0.0,
    )
    controller = Controller(settings)
    warm: list[Curtailment] = []
    bare: list[tuple[float, float]] = []
    async with controller.serving():
        await _all_read(controller)
        cold = await _curtailed(controller, simulated, size)
        for _ in range(min(ROUNDS, size.rounds)):
            await _woken(controller, size)
            warm.append(await _curtailed(controller, simulated, size))
            bare.append(await _bare(warm[-1].messages, settings.max_writes))
    cpu_s = median([one.cpu_s for one in warm])
    return [
        Figure("time to curtail, sessions warm", median([one.wall_s for one in warm]), "s", 60),
        Figure("CPU of the controller for it", cpu_s, "s"),
        Figure("a miner", cpu_s / size.miners * 1e6, "µs"),
        Figure("CPU of the simulated miners for it", median([one.simulated_s for one in warm]), "s"),
        Figure("time to curtail, without sessions", cold.wall_s, "s"),
        Figure("CPU of the controller for it without sessions", cold.cpu_s, "s"),
        Figure("messages for it", len(warm[-1].messages)),
        Figure("time of their bare exchange", median([wall_s for wall_s, _ in bare]), "s"),
        Figure("CPU of their bare exchange", median([used_s for _, used_s in bare]), "s"),
        Figure(
            "CPU against the bare exchange",
            median([one.cpu_s / used_s for one, (_, used_s) in zip(warm, bare, strict=True)]),
            "times",
        ),
        Figure("longest turn of the event loop", max(one.stall_s for one in warm) * 1e3, "ms", 50),
        Figure("the same with what others took of that core", max(one.late_s for one in warm) * 1e3, "ms"),
    ]


async def _all_read(controller: Controller) -> None:
    """Wait until every miner has been read."""
    async with asyncio.timeout(PATIENCE_S):
        for known in controller.live.all().values():
            while known.snapshot is None:
                await controller.live.changed(controller.live.version, 1.0)


async def _curtailed(controller: Controller, simulated: Program, size: Size) -> Curtailment:
    """Curtail the whole fleet; return what that took."""
    gc.collect()
    with _overheard() as messages, _heart() as heart:
        used_s, simulated_s, began = _cpu_s(), simulated.cpu_s, time.perf_counter()
        await _follow(controller, "curtail", size, emergency=True)
        wall_s, used_s = time.perf_counter() - began, _cpu_s() - used_s
        simulated_s = simulated.cpu_s - simulated_s
    return Curtailment(wall_s, used_s, simulated_s, heart.turn_s, heart.late_s, messages)


async def _woken(controller: Controller, size: Size) -> None:
    await _follow(controller, "awake", size)


async def _follow(controller: Controller, profile: str, size: Size, *, emergency: bool = False) -> None:
    """Put an override over the fleet, and see that each miner was proved to follow it and stands in the record."""
    engine = controller.engine
    before = tuple(override.id for override in engine.overrides())
    wish = OverrideWish(
        choice=Choice(containers=tuple(container.id for container in engine.inventory.containers)),
        profile=profile,
        ends="manual",
        reason="to measure",
        emergency=emergency,
    )
    recorded: Counter[str] = Counter()
    with controller.storage.events.subscribe() as written:
        _, operation = await engine.override(wish, ANNA)
        async with asyncio.timeout(PATIENCE_S):
            async for event in written:
                if event.operation_id == operation.id:
                    recorded[event.kind] += 1
                    if recorded["operation.ended"] and recorded["command.finished"] >= size.miners:
                        break
    done = await engine.wait(operation.id, PATIENCE_S)
    assert done is not None, operation.id
    assert done.counts == {"applied": size.miners}, done.counts
    assert recorded["command.sent"] == size.miners, recorded
    for override_id in before:
        await engine.end_override(override_id, ANNA)


@contextmanager
def _overheard() -> Iterator[list[Message]]:
    """Note what is asked of miners as long as the context lasts."""
    heard: list[Message] = []

    async def noted(reply: Reply, address: str, port: int, connect_timeout_s: float) -> Ending:
        heard.append((address, port, reply.request))
        return await exchange(reply, address, port, connect_timeout_s)

    rpc.exchange = noted  # type: ignore[attr-defined]  # what it imports is what it calls
    try:
        yield heard
    finally:
        rpc.exchange = exchange  # type: ignore[attr-defined]  # as above


class _Heart:
    """Beats on the event loop, and notes the longest time between two beats: on the wall, and of the loop's own CPU."""

    def __init__(self) -> None:
        self.turn_s = self.late_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._before = time.perf_counter(), time.thread_time()
        self._next = self._loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        self.late_s = max(self.late_s, now - self._before[0] - BEAT_S)
        self.turn_s = max(self.turn_s, used - self._before[1] - BEAT_S)
        self._before = now, used
        self._next = self._loop.call_later(BEAT_S, self._beat)

    def stop(self) -> None:
        self._next.cancel()


@contextmanager
def _heart() -> Iterator[_Heart]:
    heart = _Heart()
    try:
        yield heart
    finally:
        heart.stop()


class _Bare(asyncio.Protocol):
    """Sends a question and reads the answer to its end."""

    def __init__(self, request: bytes, ended: asyncio.Future[None]) -> None:
        self._request, self._ended = request, ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if data[-1] == 0 and not self._ended.done():
            self._ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self._ended.done():
            self._ended.set_result(None)


async def _bare(messages: Sequence[Message], at_once: int) -> tuple[float, float]:
    """Send the same again with nothing around it; return the time and the CPU of this process, seconds."""
    loop = asyncio.get_running_loop()
    # A command that was given ahead is given ahead again: of what has passed the miner would say so.
    at = b"%d" % (time.time() + 5)
    left = iter([(*place, APPOINTMENT.sub(at, request)) for *place, request in messages])

    async def work() -> None:
        for address, port, request in left:
            ended: asyncio.Future[None] = loop.create_future()
            transport, _ = await loop.create_connection(_made(request, ended), address, port)
            await ended
            transport.abort()

    gc.collect()
    used_s, began = _cpu_s(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return time.perf_counter() - began, _cpu_s() - used_s


def _made(request: bytes, ended: asyncio.Future[None]) -> Callable[[], _Bare]:
    return lambda: _Bare(request, ended)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _inventory(size: Size) -> str:
    """Return the inventory: under control, with a ramp that lets everybody pass."""
    lines = [
        "profiles:",
        "  awake:",
        "    target_percent: 100",
        "    by_make: {whatsminer: {mode: normal}, avalon: {mode: normal}}",
        "defaults:",
        "  {interval: 60s, web_port: null, v3_port: null, control: enforce,",
        f"  credentials: {PASSWORD_VARIABLE}, ramp: {{step: 1000 MW, every: 1s, batch: 10000}}}}",
        "containers:",
    ]
    numbers = count()
    for container in range(1, -(-size.miners // CONTAINER_SIZE) + 1):
        make = (
            "manufacturer: Avalon, model: 1246"
            if container % AVALON_EVERY == 0
            else ("manufacturer: Whatsminer, model: M30S+")
        )
        lines += [
            f"  - name: Container {container}",
            f"    simulate: {{password: {PASSWORD}}}",
            "    miners:",
        ]
        for number in numbers:
            lines.append(f"      - {{name: m{number}, address: {size.address(number)}, {make}}}")
            if (number + 1) % CONTAINER_SIZE == 0 or number + 1 == size.miners:
                break
    return "\n".join(lines) + "\n"
