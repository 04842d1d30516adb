"""Books for pages to show: two containers of two clients, the first two hours of some days of October 2026, one half read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from controller.accounting.model import BookedHour, MinerSums, Piece, Reading, Sums, Terms
from controller.model import new_id
from tests.unit.controller.api.managed_fleet import FleetHouse

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACME = Terms(client="acme", tariff="Grid", currency="RUB", price_per_kwh="5.10")
BOREALIS = Terms(client="borealis", tariff="River", currency="USD", price_per_kwh="0.061")
WATTS = 3000


def sums(**more: Any) -> Sums:
    """Return an hour of a miner of which a quarter of the energy is estimated."""
    joules = WATTS * 3600
    given: dict[str, Any] = {
        "measured_j": joules * 3 // 4,
        "estimated_j": joules // 4,
        "miner_s": 3600,
        "read_s": 3600,
        "hashing_s": 3000,
        "curtailed_s": 600,
        "megahashes": {"SHA-256": 100_000_000 * 3600},
    }
    return Sums(**{**given, **more})


def hour(container: str, begins: datetime, terms: Terms, *miners: str, **more: Any) -> BookedHour:
    """Return an hour of a container in UTC."""
    ends = begins + timedelta(hours=1)
    piece = Piece(
        begins=begins,
        ends=ends,
        terms=terms,
        miners=tuple(MinerSums(name, sums(**more)) for name in miners),
        peak_w=WATTS * len(miners) * 1.1,
    )
    return BookedHour(
        container=container,
        name=container.replace("-", " ").capitalize(),
        timezone="UTC",
        begins=begins,
        ends=ends,
        day=begins.date(),
        pieces=(piece,),
    )


async def book(fleet: FleetHouse, *, days: int = 3, hours: int = 2) -> None:
    """Book hours of the first days of October: `container-1` is acme's and whole, `container-2` borealis' and half read."""
    await fleet.house.client("acme")
    await fleet.house.client("borealis")
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    for number in range(days):
        for at in range(hours):
            begins = begin + timedelta(days=number, hours=at)
            await fleet.house.storage.ledger.book(hour("container-1", begins, ACME, "a1", "a2"))
            half = {"read_s": 1800, "measured_j": 900 * 3600, "estimated_j": 0}
            await fleet.house.storage.ledger.book(hour("container-2", begins, BOREALIS, "b1", **half))
        for container in ("container-1", "container-2"):
            await fleet.house.storage.ledger.close_day(container, begin.date() + timedelta(days=number))
    fleet.deeds.now = NOW


async def read_meter(fleet: FleetHouse, container: str, *figures: tuple[datetime, str]) -> list[Reading]:
    """Enter readings of a container's meter."""
    found = [
        Reading(id=new_id("mtr"), container=container, at=at, kwh=kwh, entered_at=NOW, entered_by="olga")
        for at, kwh in figures
    ]
    await fleet.house.storage.meter_readings.add(found, NOW)
    return found
