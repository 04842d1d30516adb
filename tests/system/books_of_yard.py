"""Books for a yard whose pages show money: months of hours, put into the database beside the controller that runs.

Every miner draws the same at every hour, half of them by the nameplate, so what pages have to show can be reckoned by hand.
On the twelfth of a month nobody reads the first container for ten hours.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from controller.accounting.periods import day_of, hours_between, month_bounds, month_of
from controller.settings import DATABASE_FILE
from controller.storage.storage import Storage

MINER_W = 3_000
DAY, NIGHT = Decimal("5.10"), Decimal("3.90")
DAY_BEGINS, DAY_ENDS = 7, 23
UNREAD_DAY, UNREAD_FROM, UNREAD_TO = 12, 8, 18
_AT_ONCE = 48
"""Hours of a transaction: the controller wants to write in between."""
UNREAD_HOURS = UNREAD_TO - UNREAD_FROM


@dataclass(frozen=True)
class Booked:
    """A container in the books: whose, of how many miners. `unread`: it has the ten hours that nobody read."""

    id: str
    name: str
    timezone: str
    client: str | None
    miners: tuple[str, ...]
    currency: str = "RUB"
    unread: bool = False

    def bounds(self, month: str) -> tuple[datetime, datetime]:
        """Return when a month begins and ends there."""
        return month_bounds(self.timezone, month)

    def hours(self, month: str) -> int:
        """Return how many hours of a month were read."""
        begin, end = self.bounds(month)
        return int((end - begin).total_seconds()) // 3600 - (UNREAD_HOURS if self.unread else 0)

    def kwh(self, month: str) -> int:
        """Return the energy of a whole month."""
        return self.hours(month) * len(self.miners) * MINER_W // 1000

    def cost(self, month: str) -> Decimal:
        """Return what that costs: by the day's price from seven to eleven at night, else by the night's."""
        begin, end = self.bounds(month)
        days = int((end - begin).total_seconds()) // 86400
        by_day = days * (DAY_ENDS - DAY_BEGINS) - (UNREAD_HOURS if self.unread else 0)
        by_night = days * (24 - DAY_ENDS + DAY_BEGINS)
        kilowatts = len(self.miners) * MINER_W // 1000
        return kilowatts * (by_day * DAY + by_night * NIGHT)


def months_back(number: int) -> str:
    """Return the month so many before this one: one that is over by every clock, also on the first of a month."""
    day = (datetime.now(UTC) - timedelta(hours=12)).date().replace(day=15)
    for _ in range(number):
        day = (day.replace(day=1) - timedelta(days=1)).replace(day=15)
    return month_of(day)


def hours_of(booked: Booked, begin: datetime, end: datetime) -> Iterable[BookedHour]:
    """Yield the hours of a container between two moments."""
    for begins, ends in hours_between(booked.timezone, begin, end):
        wall = begins.astimezone(ZoneInfo(booked.timezone))
        price = DAY if DAY_BEGINS <= wall.hour < DAY_ENDS else NIGHT
        read = not (booked.unread and wall.day == UNREAD_DAY and UNREAD_FROM <= wall.hour < UNREAD_TO)
        terms = Terms(
            client=booked.client, tariff="Day and night", currency=booked.currency, price_per_kwh=str(price)
        )
        miners = tuple(
            MinerSums(name, _sums(number, int((ends - begins).total_seconds()), read=read))
            for number, name in enumerate(booked.miners)
        )
        yield BookedHour(
            container=booked.id,
            name=booked.name,
            timezone=booked.timezone,
            begins=begins,
            ends=ends,
            day=day_of(booked.timezone, begins),
            pieces=(
                Piece(
                    begins=begins,
                    ends=ends,
                    terms=terms,
                    miners=miners,
                    peak_w=1.05 * MINER_W * len(miners) if read else None,
                ),
            ),
        )


def _sums(number: int, passed_s: int, *, read: bool) -> Sums:
    """Return what a miner did in an hour: every second one says nothing of its power, so that is estimated."""
    if not read:
        return Sums(miner_s=passed_s)
    joules = MINER_W * passed_s
    settling = passed_s // 60
    return Sums(
        measured_j=0 if number % 2 else joules,
        estimated_j=joules if number % 2 else 0,
        miner_s=passed_s,
        read_s=passed_s,
        hashing_s=passed_s - settling,
        settling_s=settling,
        megahashes={"SHA-256": 100_000_000 * (passed_s - settling)},
    )


def keep_books(data: Path, spans: Mapping[Booked, Iterable[tuple[datetime, datetime]]]) -> None:
    """Write the hours of some times, with their days by miner, into the database in a controller's data folder."""
    asyncio.run(_keep(data, spans))


async def _keep(data: Path, spans: Mapping[Booked, Iterable[tuple[datetime, datetime]]]) -> None:
    storage = await asyncio.to_thread(Storage.open, f"sqlite:///{data / DATABASE_FILE}")
    try:
        for booked, times in spans.items():
            hours = [hour for begin, end in sorted(times) for hour in hours_of(booked, begin, end)]
            for place in range(0, len(hours), _AT_ONCE):
                part = hours[place : place + _AT_ONCE]
                await asyncio.gather(*(storage.ledger.book(hour) for hour in part))
            for day in await storage.ledger.open_days(booked.id):
                if day < hours[-1].day or _is_over(booked, day, hours[-1]):
                    await storage.ledger.close_day(booked.id, day)
    finally:
        await asyncio.to_thread(storage.close)


def _is_over(booked: Booked, day: date, last: BookedHour) -> bool:
    """Tell whether a day is over with the last hour that is booked."""
    return day_of(booked.timezone, last.ends) > day


def days_of(booked: Booked, month: str, first: int, last: int) -> tuple[datetime, datetime]:
    """Return some days of a month, both included."""
    begin, _ = booked.bounds(month)
    return begin + timedelta(days=first - 1), begin + timedelta(days=last)
