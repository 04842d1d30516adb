"""What a month's report takes of a large fleet, and how large its books grow: measured on a database filled for it.

A whole month of every hour is booked as the controller books it, under day and night prices, so that each miner has two rows
a day; its days are then complete. Filling takes processor minutes, so rounds are of the reports alone.
"""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from figures import Figure, median
from sqlalchemy import Connection, func, select
from stage import Size, folder

from controller.accounting.model import (
    BYS,
    BookedHour,
    By,
    MinerSums,
    Piece,
    Report,
    ReportWish,
    Sums,
    Terms,
)
from controller.accounting.reporting import make_report
from controller.storage.books_schema import ledger_day_rows
from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory

CONTAINER_SIZE = 250
FIRST = date(2026, 10, 1)
DAYS = 31
"""Of the month: the size of a year is twelve of them."""
SHORT_DAYS = 2
"""Of a fleet that is too small to say anything."""
HOUR = timedelta(hours=1)
LONGEST_S = 2.0


def booked(container: int, miners_there: int, begins: datetime) -> BookedHour:
    """Return an hour as it is booked: figures that differ by miner and hour."""
    night = begins.hour < 6
    terms = Terms(
        client=f"client-{container % 8}",
        tariff="grid",
        currency="RUB",
        price_per_kwh="3.90" if night else "5.10",
    )
    seed = int(begins.timestamp()) // 3600 * 31 + container * 7
    miners = tuple(
        MinerSums(
            f"a{number // 20}-{number % 20}",
            Sums(
                measured_j=11_000_000 + (seed * (number + 3)) % 1_000_003,
                miner_s=3600,
                read_s=3600 - (seed + number) % 30,
                hashing_s=3540 - (seed + number) % 60,
                curtailed_s=60,
                megahashes={"SHA-256": 720_000_000_000 + (seed * (number + 5)) % 100_000_007},
            ),
        )
        for number in range(miners_there)
    )
    return BookedHour(
        container=f"k-{container}",
        name=f"Container {container}",
        timezone="UTC",
        begins=begins,
        ends=begins + HOUR,
        day=begins.date(),
        pieces=(Piece(begins=begins, ends=begins + HOUR, terms=terms, miners=miners, peak_w=8e5),),
    )


def reporting(size: Size) -> list[Figure]:
    """Measure the reports of a month of the whole fleet, and the size of its books."""
    days = DAYS if size.miners >= CONTAINER_SIZE else SHORT_DAYS
    with folder() as path:
        return asyncio.run(_measure(size, path, days))


async def _measure(size: Size, path: Path, days: int) -> list[Figure]:
    storage = Storage.open(f"sqlite:///{path / 'hashyard.db'}")
    last = FIRST + timedelta(days=days - 1)
    try:
        empty = await _used(storage)
        began, cpu = time.perf_counter(), time.process_time()
        await _fill(storage, size, days)
        filling = [time.perf_counter() - began, time.process_time() - cpu]
        bytes_ = await _used(storage) - empty
        rows = await storage.database.read(_rows)
        found: dict[By, tuple[list[float], list[float], Report]] = {}
        for by in BYS:
            wish = ReportWish(begins=FIRST, ends=last, by=by)
            walls, cpus = [], []
            for _ in range(size.rounds):
                began, cpu = time.perf_counter(), time.process_time()
                report = await make_report(storage, Inventory(), wish, datetime.now(UTC))
                walls.append(time.perf_counter() - began)
                cpus.append(time.process_time() - cpu)
            found[by] = walls, cpus, report
    finally:
        storage.close()
    figures = [Figure("days in the books", days)]
    for by, (walls, cpus, report) in found.items():
        figures += [
            Figure(f"report by {by}", median(walls), "s", LONGEST_S),
            Figure(f"of it CPU, by {by}", median(cpus), "s"),
            Figure(f"lines by {by}", len(report.rows)),
        ]
    return [
        *figures,
        Figure("rows by miner and day", rows),
        Figure("size of the books, a month", bytes_ / 1e6 / days * DAYS, "MB"),
        Figure("size of the books, a year", bytes_ / 1e6 / days * DAYS * 12, "MB"),
        Figure("of it, by row of a miner and day", bytes_ / max(rows, 1), "bytes"),
        Figure("time to book it all", filling[0], "s"),
        Figure("CPU to book an hour of all containers", filling[1] / (days * 24), "s"),
    ]


async def _fill(storage: Storage, size: Size, days: int) -> None:
    """Book whole days of all containers."""
    sizes = [min(CONTAINER_SIZE, size.miners - first) for first in range(0, size.miners, CONTAINER_SIZE)]
    for day in range(days):
        at = FIRST + timedelta(days=day)
        midnight = datetime(at.year, at.month, at.day, tzinfo=UTC)
        for hour in range(24):
            hours = (booked(place, there, midnight + hour * HOUR) for place, there in enumerate(sizes))
            await asyncio.gather(*(storage.ledger.book(one) for one in hours))
        for place in range(len(sizes)):
            await storage.ledger.close_day(f"k-{place}", at)


async def _used(storage: Storage) -> int:
    """Return the bytes of pages that hold something, all of them written into the file: it may have room left of what has gone."""

    def asked(connection: Connection) -> int:
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    return await storage.database.read(asked)


def _rows(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(ledger_day_rows)).scalar_one()
