"""Books of which pages have everything to say: priced and not, estimated, half read, metered, and a month that is closed."""

from datetime import UTC, datetime, timedelta

from controller.accounting.model import Closing, Gap, Terms
from controller.storage.closings import ALL
from controller.wording import worded
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.booked_fleet import hour, read_meter
from tests.unit.controller.pages.sample_reports import report, row


async def books_in_every_state(fleet: FleetHouse) -> None:
    """Have two hours in the books, one half estimated, one half unread, meter readings, and a month that is closed."""
    begin = datetime(2026, 2, 1, tzinfo=UTC)
    terms = Terms(client="borealis", tariff="nights", currency="RUB", price_per_kwh="5.10")
    book = fleet.house.storage.ledger.book
    await book(hour("container-1", begin, terms, "a1", "a2"))
    await book(hour("container-1", begin + timedelta(hours=1), Terms(), "a1", "a2", read_s=1800))
    readings = [(begin, "100"), (begin + timedelta(hours=1), "105")]
    await read_meter(fleet, "container-1", *readings)
    gap = Gap(
        container="container-1",
        name="Container 1",
        begins=begin,
        ends=begin + timedelta(hours=3),
        why=worded("it was interrupted"),
        missing_hours=1.0,
    )
    closing = Closing(
        number=0, month="2026-01", basis="meter", closed_at=BEGIN, closed_by="anna", incomplete=True
    )
    lines = row(name="Container 1", uncovered_kwh=3.0, unpriced_kwh=2.0, refused=2, bridged_ratio=0.1)
    kept = report(lines, total=lines, gaps=(gap,))
    await fleet.house.storage.closings.close(closing, lambda *_: {ALL: kept}, lambda one: one)
