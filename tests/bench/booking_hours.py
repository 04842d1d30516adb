"""How long it takes to book an hour of a large fleet out of Prometheus, and for how long that holds up the event loop.

The hour is the demo's, with some minutes before and after it, scraped every 30 s, in as many containers as the fleet has.
The database is SQLite, as it is usually; Prometheus shares the machine and nobody else asks it.
"""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from dashboards import CONTAINER_SIZE, inventory, put_together, running
from figures import Figure
from past_hour import HOUR_S, make_hour
from stage import Size, folder

from controller.accounting.asking import Asker
from controller.accounting.booking import Bookkeeper
from controller.accounting.terms import TermsBook
from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory
from miners.inventory.load import load
from tools import packages

BEFORE_S, AFTER_S = 360, 240
BLOCKS = 4
"""Half-hours that the hour and the minutes beside it lie in."""
LONGEST_S = 20.0
LONGEST_STALL_S = 0.1
BEAT_S = 0.005


def booking(size: Size) -> list[Figure]:
    """Measure the booking of one hour of the whole fleet."""
    containers = (size.miners - 1) // CONTAINER_SIZE + 1
    end = time.time() // HOUR_S * HOUR_S
    with folder() as path:
        whole, one = path / "targets.yml", path / "one.yml"
        whole.write_text(inventory(size, containers), encoding="utf-8")
        one.write_text(inventory(size, 1), encoding="utf-8")
        data = path / "prometheus"
        copies = [
            (
                f"Container {place + 1}".encode(),
                size.address(place * CONTAINER_SIZE).removesuffix("1").encode(),
            )
            for place in range(containers)
        ]
        promtool = packages.find_program("promtool")
        assert promtool is not None, "promtool is not there: make prometheus gets it"
        length_s = BEFORE_S + HOUR_S + AFTER_S
        make_hour(promtool, one, data, end + AFTER_S, copies, size.place(3, 8000), length_s)
        put_together(size, path, data, BLOCKS)
        with running(size, path, data, "global: {}"):
            return asyncio.run(_measure(size, load([whole]), path, end))


async def _measure(size: Size, inventory_: Inventory, path: Path, end: float) -> list[Figure]:
    asker = Asker(f"http://{size.place(4, 9090)}")
    storage = Storage.open(f"sqlite:///{path / 'hashyard.db'}")
    now = [end - HOUR_S + AFTER_S]
    keeper = Bookkeeper(
        storage,
        asker,
        lambda: inventory_,
        TermsBook(storage, lambda: inventory_),
        lambda: datetime.fromtimestamp(now[0], UTC),
    )
    try:
        await keeper.keep()  # the minutes before
        now[0] = end + AFTER_S
        heart = _Heart()
        task = asyncio.create_task(heart.beat())
        began, cpu = time.perf_counter(), time.process_time()
        booked = await keeper.keep()
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        task.cancel()
        joules = read_s = miner_s = 0
        for container in inventory_.containers:
            begins, ends = (datetime.fromtimestamp(at, UTC) for at in (end - HOUR_S, end))
            for hour in await storage.ledger.kept(container.id, begins, ends):
                for piece in hour.pieces:
                    joules += piece.sums.total_j
                    read_s += piece.sums.read_s
                    miner_s += piece.sums.miner_s
    finally:
        await asker.close()
        storage.close()
    return [
        Figure("containers", len(inventory_.containers)),
        Figure("hours of containers booked", booked),
        Figure("booking an hour of all containers", took_s, "s", LONGEST_S),
        Figure("of it CPU of the controller", cpu_s, "s"),
        Figure("event loop held up at most", heart.longest_s, "s", LONGEST_STALL_S),
        Figure("energy in the books", joules / 3.6e6, "kWh"),
        Figure("share of the time that was read", read_s / max(miner_s, 1)),
    ]


class _Heart:
    """Beats, and notices by how much a beat comes late."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def beat(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(BEAT_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - BEAT_S)
