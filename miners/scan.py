"""Finding miners in a range of addresses: each is asked as a poll would ask it, a bounded number at a time."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Reading, Snapshot, Target


class ScanPorts(msgspec.Struct, frozen=True):
    """The ports a scan asks at each address, and how long it waits for each."""

    port: int = 4028
    v3_port: int = 4433
    web_port: int = 80
    connect_timeout_s: float = 2.0
    timeout_s: float = 10.0


async def scan(
    addresses: Iterable[str], ports: ScanPorts, *, concurrency: int, on_asked: Callable[[Reading], None]
) -> list[Reading]:
    """Ask every address; return what is, or may be, a miner, in the order of the addresses.

    Addresses that do not answer, or refuse every port, are left out; what answers and cannot be read is kept as the
    PollFailure that says why. `on_asked` hears of every address as it is done, for the progress. Reading only.
    """
    found: dict[int, Reading] = {}
    work = enumerate(addresses)

    async def worker() -> None:
        for place, address in work:
            reading = await _ask(address, ports)
            on_asked(reading)
            if answers_as_a_miner(reading):
                found[place] = reading

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return [found[place] for place in sorted(found)]


async def _ask(address: str, ports: ScanPorts) -> Reading:
    target = Target(
        container="",
        miner=address,
        address=address,
        port=ports.port,
        v3_port=ports.v3_port,
        web_port=ports.web_port,
        connect_timeout_s=ports.connect_timeout_s,
        timeout_s=ports.timeout_s,
    )
    return await read_miner(target, Memory())


def answers_as_a_miner(reading: Reading) -> bool:
    """Tell a miner, also one that could not be read, from an address with nobody, or with somebody who is no miner."""
    if isinstance(reading, Snapshot):
        return True
    if reading.reason in ("refused", "unreachable"):
        return False
    # Without a driver, time-outs are addresses with nobody, and the rest web servers and the like.
    return reading.driver is not None or reading.reason == "auth"
