"""The books of the fleet of two clients: a day and a closed month of each container, the second client's with planted figures."""

import asyncio
from datetime import UTC, date, datetime

from controller.accounting.closing import close_month
from controller.accounting.model import BookedHour, MinerSums, Piece, Reading, Sums, Terms
from controller.accounting.periods import day_bounds, day_of, hours_between
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OFFICE

DAY = date(2026, 2, 10)
PLANTED_J = 77_770_000


async def keep_books(storage: Storage, inventory: Inventory) -> None:
    """Book the day of every container, close its month, and enter what a meter has shown."""
    for container in inventory.containers:
        begin, end = day_bounds(container.timezone, DAY)
        hours = [
            _hour(container, begins, ends) for begins, ends in hours_between(container.timezone, begin, end)
        ]
        await asyncio.gather(*(storage.ledger.book(hour) for hour in hours))
        await storage.ledger.close_day(container.id, DAY)
        client = await storage.people.clients.by_slug(container.client or "")
        await storage.people.assignments.hand_over(container.id, None if client is None else client.id, begin)
        own = container.client == "acme"
        reading = Reading(
            id=f"mtr_{container.id}",
            container=container.id,
            at=datetime(2026, 2, 10, 6, tzinfo=UTC),
            kwh="100.5" if own else "7777.7",
            note=f"{OFFICE} read it",
            entered_at=BEGIN,
            entered_by=f"{OFFICE} petrov",
        )
        await storage.meter_readings.add([reading], BEGIN)
    await close_month(
        storage, inventory, "2026-02", basis="readings", by=f"{OFFICE} petrov", now=BEGIN, incomplete=True
    )


def _hour(container: Container, begins: datetime, ends: datetime) -> BookedHour:
    own = container.client == "acme"
    terms = Terms(
        client=container.client,
        tariff="day rate" if own else f"{MARK} tariff",
        currency="EUR" if own else "USD",
        price_per_kwh="0.1" if own else "0.0777",
    )
    length = int((ends - begins).total_seconds())
    sums = Sums(
        measured_j=3_600_000 if own else PLANTED_J,
        miner_s=length,
        read_s=length,
        hashing_s=length,
        megahashes={"SHA-256": length * 10**8},
    )
    return BookedHour(
        container=container.id,
        name=container.name,
        timezone=container.timezone,
        begins=begins,
        ends=ends,
        day=day_of(container.timezone, begins),
        pieces=(
            Piece(
                begins=begins,
                ends=ends,
                terms=terms,
                miners=tuple(MinerSums(miner.name, sums) for miner in container.miners),
            ),
        ),
    )
