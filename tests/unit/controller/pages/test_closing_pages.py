"""Closing a month on its page: what is missing is said first, the copy never changes, and each sees his own part of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.booked_fleet import ACME, book, hour
from tests.unit.controller.pages.filled_forms import filled, sent, summary
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page

CLOSE = "/close-month?month=2026-10"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(found)
    return found


async def closed(browser: Browser) -> str:
    """Close October though hours are missing; return where that leads."""
    form = filled(await page(browser, CLOSE), incomplete="yes", basis="readings")
    status, _, where = await sent(browser, "/close-month", form)
    assert status == 303
    return where


async def test_the_page_says_what_it_does_and_what_is_missing(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), CLOSE)
    text = main(found)
    assert "The month is kept as report 1" in text
    assert "It cannot be undone." in text
    assert "not booked yet" in text
    assert found.one("button", id="deed").words == "Close October 2026 for good"
    assert await fleet.house.storage.closings.find() == []


async def test_it_is_not_closed_with_hours_missing_unless_that_is_said(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    form = {key: value for key, value in filled(await page(browser, CLOSE)).items() if key != "incomplete"}
    status, found, _ = await sent(browser, "/close-month", form | {"basis": "readings"})
    assert status == 409
    assert "not booked yet" in summary(found)[0]
    assert await fleet.house.storage.closings.find() == []


async def test_a_closed_month_is_a_report_that_stays(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    assert await closed(browser) == "/reports/1"
    found = await page(browser, "/reports/1")
    text = main(found)
    for words in (
        "Report 1: October 2026",
        "RUB 183.60; $0.33",
        "Grid 5.10 RUB/kWh; River 0.061 $/kWh",
        "rounded once, half up",
        "closed though hours were missing",
        "olga",
    ):
        assert words in text
    assert "is closed already, as report 1" in main(await page(browser, CLOSE))
    status, _, _ = await sent(
        browser, "/close-month", {"csrf": browser.csrf or "", "month": "2026-10", "incomplete": "yes"}
    )
    assert status == 409
    assert [one.kind for one in await fleet.house.events("report.closed")] == ["report.closed"]
    with pytest.raises(Exception, match="closed"):
        await fleet.house.storage.ledger.book(
            hour("container-1", datetime(2026, 10, 9, tzinfo=UTC), ACME, "a1")
        )
    assert main(await page(browser, "/reports/1")) == text


async def test_each_client_has_his_part_alone(fleet: FleetHouse) -> None:
    await closed(await fleet.browser("olga", "accountant"))
    found = await page(await fleet.browser("clara", "client"), "/reports/1?client=borealis")
    text = main(found)
    assert "36.000 kWh" in text
    for words in ("orealis", "ontainer 2", "RUB", "olga", "5.10"):
        assert words not in text
    office = await page(await fleet.browser("otto", "accountant"), "/reports/1?client=borealis")
    assert "5.400 kWh" in main(office)
    assert [one.words for one in office.one("nav", class_="tabs").all("a")] == [
        "All containers",
        "Acme",
        "Borealis",
    ]


async def test_what_is_not_there_is_not_found(fleet: FleetHouse) -> None:
    await closed(await fleet.browser("olga", "accountant"))
    other = (await fleet.house.client("gone")).id
    for browser in (await fleet.browser("gina", "client", client_id=other), fleet.house.browser()):
        response = await browser.get("/reports/1")
        assert response.status == (404 if browser.cookie else 303)
    await page(await fleet.browser("otto", "accountant"), "/reports/2", 404)
    await page(await fleet.browser("omar", "accountant"), "/reports/one", 404)


async def test_a_month_that_is_not_over_stays_open(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    found = await page(browser, "/close-month?month=2026-11")
    assert "November 2026 is not over yet." in main(found)
    assert not found.all("button", id="deed")


async def test_a_month_is_over_by_every_containers_clock(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = HAND.replace("client: borealis", "client: borealis\n  timezone: America/New_York")
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    fleet.deeds.now = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)  # half past eleven in New York
    browser = await fleet.browser("olga", "accountant")
    found = await page(browser, CLOSE)
    assert "October 2026 is not over yet." in main(found)
    assert not found.all("button", id="deed")
    fleet.deeds.now = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    found = await page(browser, CLOSE)
    assert found.one("button", id="deed")
    assert found.one("input", name="incomplete")


@pytest.mark.parametrize("month", ["20٢٦-10", "2026-1٠", "2026-13", "1999-10"])
async def test_a_month_that_is_none_is_told(fleet: FleetHouse, month: str) -> None:
    browser = await fleet.browser("olga", "accountant")
    await page(browser, f"/close-month?month={month}", 400)
    await page(browser, f"/reports?month={month}")
