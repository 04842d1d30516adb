"""How long the controller takes to answer, with a fleet behind it: each kind of list, filter and page, as a client waits for it.

The real application over the real engine and its database, and a record of events. Readings come without sockets, from
simulated miners, as often as the exporter would bring them: nothing that is asked twice is the same fleet. Who asks is a
process of its own.
"""

import asyncio
import http.client
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import msgspec
import orjson
import uvloop
from figures import Figure, median
from stage import OTHERS, PATIENCE_S, Size, folder, take_core, targets

from controller.api.passwords import Passwords
from controller.api.signing_in import SigningIn
from controller.main import Controller
from controller.model import SCOPES, SYSTEM, Event, User, new_id
from controller.settings import Settings
from miners.draft import conclude
from miners.driver import Memory
from miners.drivers.whatsminer_v2 import DRIVER, parse
from miners.inventory.load import load
from miners.model import PollFailure, Reading, Target
from simulator.build import build_miners
from simulator.miner import SimulatedMiner
from simulator.specs import ContainerSpec, MinerSpec

LONGEST_MS = 100.0
EVENTS_A_MINER = 10
AT_ONCE = 1000
AWAY_EVERY = 20
QUESTION = b'{"command":"summary+devs+pools+devdetails"}'
USER, PASSWORD = "anna", "heron lantern quarry wick"
SCHEDULED = "defaults: {schedule: default, "

QUESTIONS: Mapping[str, str] = {
    "overview": "/api/v1/overview",
    "containers": "/api/v1/containers?limit=100",
    "containers that have a miner asleep": "/api/v1/containers?limit=100&state=sleeping",
    "a container with its picture": "/api/v1/containers/container-1",
    "miners, a page": "/api/v1/miners",
    "miners, the longest page": "/api/v1/miners?limit=500",
    "miners by hash rate": "/api/v1/miners?sort=-hashrate_hs",
    "miners by container and name": "/api/v1/miners?sort=container,name",
    "miners by text": "/api/v1/miners?q=m77",
    "miners by model, firmware and maker": "/api/v1/miners?model=M30S%2B&firmware=stock&manufacturer=MicroBT",
    "miners by algorithm and share of hash rate": "/api/v1/miners?algorithm=SHA-256&below_ratio=0.9",
    "miners that do not match": "/api/v1/miners?matches=false",
    "miners, older tools' path": "/api/miners",
    "a miner": "/api/v1/miners/container-1.m7",
    "events": "/api/v1/events",
    "events of a container": "/api/v1/events?container=container-2",
    "events of a miner's address": "/api/v1/events?address=",
    "events by text": "/api/v1/events?q=hot+m7",
    "events by text that is nowhere": "/api/v1/events?q=nowhere",
    "metrics": "/metrics",
}


def answering(size: Size) -> list[Figure]:
    """Measure how long each question is waited for, the median of several rounds."""
    take_core()
    with folder() as path, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as asker:
        write_fleet(size, path)
        return uvloop.run(_measure(size, path, asker))


@asynccontextmanager
async def serving(size: Size, path: Path) -> AsyncIterator[tuple[int, str]]:
    """Run the controller over the fleet of `targets.yml` in a folder; give its port and a token once every miner was read."""
    settings = Settings(targets=(path / "targets.yml",), data=path / "data", port=0)
    controller = Controller(settings, reader=_reader(path / "targets.yml"))
    async with controller.serving() as port:
        async with asyncio.timeout(PATIENCE_S):
            for known in controller.live.all().values():
                while known.reading is None:
                    await controller.live.changed(controller.live.version, 1.0)
        await _fill_record(controller, size)
        yield port, await _token(controller)


def write_fleet(size: Size, path: Path) -> None:
    """Write the inventory of such a fleet into a folder."""
    text = targets(size, size.miners, interval_s=60).replace("defaults: {", SCHEDULED, 1)
    (path / "targets.yml").write_text(text, encoding="utf-8")


async def _measure(size: Size, path: Path, asker: ProcessPoolExecutor) -> list[Figure]:
    loop = asyncio.get_running_loop()
    async with serving(size, path) as (port, token):
        paths = [
            question + size.address(size.miners // 2) if question.endswith("address=") else question
            for question in QUESTIONS.values()
        ]
        took, sizes = await loop.run_in_executor(asker, _ask, port, token, paths, size.rounds)
    figures: list[Figure] = []
    for name, waited, length in zip(QUESTIONS, took, sizes, strict=True):
        figures.append(Figure(name, median(waited) * 1e3, "ms", LONGEST_MS))
        if length > 1e6:
            figures.append(Figure("its length", length / 1e6, "MB"))
    return figures


def _ask(port: int, token: str, paths: Sequence[str], rounds: int) -> tuple[list[list[float]], list[int]]:
    """Ask each in turn, and all of them so many times; return the seconds waited for each, and the answers' lengths."""
    os.sched_setaffinity(0, OTHERS)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    took: list[list[float]] = [[] for _ in paths]
    sizes = [0] * len(paths)
    for _ in range(rounds):
        for at, path in enumerate(paths):
            began = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            body = response.read()
            took[at].append(time.perf_counter() - began)
            assert response.status == 200, (path, response.status, body[:400])
            sizes[at] = len(body)
    connection.close()
    return took, sizes


def _reader(file: Path) -> Callable[[Target, Memory], Awaitable[Reading]]:
    """Return what stands in for reading a miner: what its simulated twin said once, as of now; every twentieth is away."""
    containers = load([file]).containers
    specs = [
        ContainerSpec(
            name=container.name,
            miners=tuple(
                MinerSpec(
                    container=container.name,
                    name=miner.name,
                    address=miner.address,
                    manufacturer=miner.manufacturer,
                    model=miner.model,
                )
                for miner in container.miners
            ),
        )
        for container in containers
    ]
    twins = {
        (twin.spec.container, twin.spec.name): twin for twin in build_miners(specs, seed=1, start=time.time())
    }
    found: dict[tuple[str, str], Reading] = {}

    async def read(target: Target, _memory: Memory) -> Reading:
        place = target.container, target.miner
        if place not in found:
            found[place] = _said(twins[place], target)
        return msgspec.structs.replace(found[place], taken_at=datetime.now(UTC))

    return read


def _said(twin: SimulatedMiner, target: Target) -> Reading:
    now = time.time()
    if int(target.miner[1:]) % AWAY_EVERY == 0:
        return PollFailure(
            container=target.container,
            miner=target.miner,
            address=target.address,
            taken_at=datetime.now(UTC),
            duration_s=1.0,
            reason="timeout",
            detail=f"{target.address}:4028 did not answer to a connection in time: is the miner on?",
        )
    joined = orjson.loads(twin.reply(QUESTION, now).rstrip(b"\0"))
    draft = parse({command: sections[0] for command, sections in joined.items() if command != "id"}, now)
    draft.manufacturer = "Whatsminer"
    return conclude(
        draft,
        target,
        driver=DRIVER.name,
        warm_up_s=DRIVER.warm_up_s,
        now=now,
        duration_s=0.01,
        truncated=False,
    )


async def _fill_record(controller: Controller, size: Size) -> None:
    """Write events down, of the last hours: so many for each miner."""
    known = list(controller.live.all().values())
    now, total = datetime.now(UTC), EVENTS_A_MINER * size.miners
    for start in range(0, total, AT_ONCE):
        await controller.storage.events.add(
            *(
                Event(
                    id=new_id("evt"),
                    at=now - timedelta(seconds=total - number),
                    category="state",
                    kind="state.departed",
                    actor=SYSTEM,
                    params={"detail": "too hot", "profile": "normal"},
                    container=one.container.id,
                    miner=one.id,
                    miner_address=one.miner.address,
                )
                for number in range(start, min(start + AT_ONCE, total))
                for one in (known[number % len(known)],)
            )
        )


async def _token(controller: Controller) -> str:
    """Return a token that may do everything."""
    now = datetime.now(UTC)
    user = User(id=new_id("usr"), username=USER, role="administrator", created_at=now)
    passwords = Passwords()
    await controller.storage.people.users.add(user, await passwords.hash(PASSWORD))
    signing_in = SigningIn(controller.storage, controller.engine, passwords)
    token, _ = await signing_in.issue_token(user, "bench", SCOPES, now + timedelta(days=1))
    passwords.close()
    return token
