"""What a month's report takes of 10,000 miners, and how large their books grow: measured on a database filled for it.

`python -m tests.bench.month_of_books [DAYS]` books so many days (30 unless told otherwise) of 40 containers with 250 miners each
under day and night prices, makes the reports of the month, and says the size a day and a year.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from controller.accounting.model import BYS, BookedHour, MinerSums, Piece, ReportWish, Sums, Terms
from controller.accounting.reporting import make_report
from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory

CONTAINERS, MINERS = 40, 250
FIRST = date(2026, 10, 1)
HOUR = timedelta(hours=1)


def booked(container: int, begins: datetime) -> BookedHour:
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
        for number in range(MINERS)
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


async def used(storage: Storage) -> int:
    """Return the bytes that hold something: the file may have room left of documents that have gone."""

    def asked(connection: Connection) -> int:
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    return await storage.database.read(asked)


async def fill(storage: Storage, days: int, *, first: int = 0) -> None:
    """Book whole days of all containers."""
    for day in range(first, days):
        at = FIRST + timedelta(days=day)
        midnight = datetime(at.year, at.month, at.day, tzinfo=UTC)
        for hour in range(24):
            hours = (booked(container, midnight + hour * HOUR) for container in range(CONTAINERS))
            await asyncio.gather(*(storage.ledger.book(one) for one in hours))
        for container in range(CONTAINERS):
            await storage.ledger.close_day(f"k-{container}", at)


async def measure(days: int) -> None:
    """Fill a database and say what it takes."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage.open(f"sqlite:///{Path(folder) / 'hashyard.db'}")
        try:
            begun = time.perf_counter()
            await fill(storage, 1)
            one_day = await used(storage)
            await fill(storage, days, first=1)
            sys.stdout.write(f"booked {days} days in {time.perf_counter() - begun:.1f} s" + "\n")
            size = (await used(storage) - one_day) / (days - 1)
            sys.stdout.write(f"size: {size / 1e6:.2f} MB a day, {size * 365 / 1e6:.0f} MB a year" + "\n")
            last = FIRST + timedelta(days=days - 1)
            for by in BYS:
                times = []
                for _ in range(3):
                    begun = time.process_time()
                    wish = ReportWish(begins=FIRST, ends=last, by=by)
                    made = await make_report(storage, Inventory(), wish, datetime.now(UTC))
                    times.append(time.process_time() - begun)
                sys.stdout.write(
                    f"report by {by}: {min(times):.2f} s of processor ({len(made.rows)} lines)" + "\n"
                )
        finally:
            storage.close()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
