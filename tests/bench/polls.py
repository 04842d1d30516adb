"""What a poll costs: CPU of this process for one miner, read to rendered lines, against the bare floor and a library.

Rounds of each kind follow one another over the same simulated miners, so that what else the machine does falls on
all of them alike; each ratio is the median of those of the rounds.
"""

import asyncio
import gc
import resource
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar, cast

import orjson
import uvloop
from figures import Figure, median
from stage import PATIENCE_S, Size, folder, simulator, take_core, targets

from exporter.fleet import Fleet, MinerState
from miners.client import read_miner
from miners.inventory.load import load
from miners.inventory.secrets import target_of
from miners.model import Snapshot

AT_ONCE = 20
PORT = 4028
T = TypeVar("T")
QUESTION = b'{"command":"summary+devs+pools"}'


def against_bare(size: Size) -> list[Figure]:
    """Measure Hashyard's poll against connecting, asking, reading and parsing JSON with nothing around them."""
    return _on_stage(size, _against_bare)


def against_library(size: Size) -> list[Figure]:
    """Measure Hashyard's poll against pyasic_rs."""
    return _on_stage(size, _against_library)


def _on_stage(size: Size, measure: Callable[[Size, Fleet], Awaitable[list[Figure]]]) -> list[Figure]:
    take_core()
    with folder() as path:
        file = path / "targets.yml"
        file.write_text(targets(size, size.sampled), encoding="utf-8")

        async def run() -> list[Figure]:
            fleet = Fleet()
            inventory = load([file])
            await fleet.apply(inventory, inventory.containers, lambda *place: target_of(*place, None))
            return await measure(size, fleet)

        with simulator(size, file):
            return uvloop.run(run())


async def _against_bare(size: Size, fleet: Fleet) -> list[Figure]:
    addresses = [size.address(number) for number in range(size.sampled)]
    bare, whole = await _rounds(
        size.rounds,
        (lambda: _each(_bare_poll, addresses)),
        (lambda: _each(_Poll(fleet), list(fleet.miners()))),
    )
    ratios = [ours / floor for ours, floor in zip(whole, bare, strict=True)]
    return [
        Figure("CPU of a poll, read to rendered lines, against the bare floor", median(ratios), "times", 1.5),
        Figure("a poll", median(whole) * 1e6, "µs"),
        Figure("the bare floor: connect, ask, read, parse JSON", median(bare) * 1e6, "µs"),
    ]


async def _against_library(size: Size, fleet: Fleet) -> list[Figure]:
    addresses = [size.address(number) for number in range(size.sampled)]
    from pyasic_rs import MinerFactory  # noqa: PLC0415  # the other parts do without it
    from pyasic_rs.miner import Miner  # noqa: PLC0415  # as above

    factory = MinerFactory()
    known: list[Miner] = []

    async def find(where: str) -> None:
        miner = await factory.get_miner(where)
        assert miner is not None, where
        known.append(miner)

    async def find_and_read(where: str) -> None:
        miner = await factory.get_miner(where)
        assert miner is not None, where
        assert (await miner.get_data()).hashrate is not None

    async def read(miner: Miner) -> None:
        assert (await miner.get_data()).hashrate is not None

    await _each(find, addresses)
    whole, library, finding = await _rounds(
        max(1, size.rounds // 2),
        (lambda: _each(_Poll(fleet), list(fleet.miners()))),
        (lambda: _each(read, known)),
        (lambda: _each(find_and_read, addresses)),
    )
    ratios = [ours / theirs for ours, theirs in zip(whole, library, strict=True)]
    return [
        Figure("CPU of a poll against pyasic_rs get_data of a known miner", median(ratios), "times", 0.25),
        Figure("a poll, read to rendered lines", median(whole) * 1e6, "µs"),
        Figure("pyasic_rs: get_data of a known miner", median(library) * 1e6, "µs"),
        Figure("pyasic_rs: get_miner, then get_data", median(finding) * 1e6, "µs"),
    ]


class _Poll:
    """A poll as the exporter does it, without the clock: read, take over, render."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._loop = asyncio.get_running_loop()

    async def __call__(self, state: MinerState) -> None:
        began_s = self._loop.time()
        reading = await read_miner(state.target, state.memory)
        assert isinstance(reading, Snapshot), reading
        self._fleet.take(state, reading, began_s)


class _Bare(asyncio.Protocol):
    def __init__(self, whole: asyncio.Future[bytes]) -> None:
        self._whole = whole
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(QUESTION)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if data[-1] == 0:
            self._whole.set_result(self._received[:-1])


async def _bare_poll(where: str) -> None:
    loop = asyncio.get_running_loop()
    whole: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Bare(whole), where, PORT)
    orjson.loads(await whole)
    transport.abort()


async def _each(poll: Callable[[T], Awaitable[None]], miners: Sequence[T]) -> int:
    """Poll each once, AT_ONCE at a time; return how many."""

    async def work(left: Iterator[T]) -> None:
        for miner in left:
            await poll(miner)

    left = iter(miners)
    await asyncio.gather(*(work(left) for _ in range(AT_ONCE)))
    return len(miners)


async def _rounds(rounds: int, *kinds: Callable[[], Awaitable[int]]) -> list[list[float]]:
    """Run each kind in turn; return by kind the CPU seconds of one poll in each round. A first round warms up."""
    found: list[list[float]] = [[] for _ in kinds]
    for warm in range(rounds + 1):
        for place, kind in enumerate(kinds):
            gc.collect()
            gc.freeze()
            before = _cpu_s()
            async with asyncio.timeout(PATIENCE_S):
                polls = await kind()
            if warm:
                found[place].append((_cpu_s() - before) / polls)
        # Miners whose age stands still are taken for asleep, and asked more: theirs counts whole seconds.
        await asyncio.sleep(1.0)
    return found


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
