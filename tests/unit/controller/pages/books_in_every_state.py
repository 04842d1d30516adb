"""Books of which pages have everything to say: priced and not, estimated, half read, metered, and a month that is closed."""

from datetime import UTC, datetime, timedelta

from controller.accounting.model import Closing, Gap, Reading, Terms
from controller.storage.closings import ALL
from controller.wording import worded
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.booked_fleet import hour
from tests.unit.controller.pages.filled_forms import filled, sent
from tests.unit.controller.pages.fleet_with_pages import page
from tests.unit.controller.pages.sample_reports import report, row


async def books_in_every_state(fleet: FleetHouse) -> None:
    """Have two hours in the books, one half estimated, one half unread, meter readings, and a month that is closed."""
    begin = datetime(2026, 2, 1, tzinfo=UTC)
    terms = Terms(client="borealis", tariff="nights", currency="RUB", price_per_kwh="5.10")
    book = fleet.house.storage.ledger.book
    await book(hour("container-1", begin, terms, "a1", "a2"))
    await book(hour("container-1", begin + timedelta(hours=1), Terms(), "a1", "a2", read_s=1800))
    readings = [
        Reading(
            id=f"mrd_{at}",
            container="container-1",
            at=begin + timedelta(hours=at),
            kwh=kwh,
            entered_at=BEGIN,
            entered_by="olga",
        )
        for at, kwh in enumerate(("100", "105"))
    ]
    await fleet.house.storage.meter_readings.add(readings, BEGIN)
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


async def make_tariff(browser: Browser) -> None:
    """Make a tariff with a price of its own for the evenings, and another from some day on."""
    form = filled(await page(browser, "/new-tariff"), name="evenings", currency="RUB")
    form |= {"t-0-price": "4.20", "t-0-z-0-days": "mon", "t-0-z-0-from": "18:00", "t-0-z-0-to": "23:00"}
    form |= {"t-0-z-0-price": "6.10", "t-1-from": "2027-01-01", "t-1-price": "4.90", "do": "save"}
    status, found, _ = await sent(browser, "/new-tariff", form)
    assert status == 303, found.words
