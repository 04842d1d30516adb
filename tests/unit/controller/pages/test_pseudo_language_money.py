"""The pages of money in a language that nobody speaks, over real books: reports with gaps, a closed month, meters, tariffs."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.booked_fleet import book, read_meter
from tests.unit.controller.pages.filled_forms import filled, sent
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, page
from tests.unit.controller.pages.pseudo_language import CODE, forgotten, pseudo_language
from tests.unit.controller.pages.test_pseudo_language import ALLOWED

NAMES = ("Acme", "Borealis", "Grid", "River", "olga", "oksana", "Two rates", "EUR", "RUB", "USD", "Much")
"""Of clients, tariffs, people and currencies, and what was typed."""

KNOWN = (*ALLOWED, re.compile("|".join(rf"\b{name}\b" for name in NAMES)))

SEEN = (
    "/",
    "/reports?month=2026-10",
    "/reports?month=2026-10&by=client&basis=meter",
    "/reports?month=2026-10&by=day",
    "/reports?month=2026-10&by=miner",
    "/reports?from=2026-09-01&to=2026-11-02&by=month",
    "/reports/1",
    "/reports/1?client=acme",
    "/close-month?month=2026-10",
    "/close-month?month=2026-09",
    "/tariffs",
    "/tariffs/Two%20rates",
    "/tariffs/Two%20rates/delete",
    "/containers/container-1/tariff",
    "/meters",
    "/meters/{reading}/withdraw",
)


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(found)
    pseudo_language()
    return found


def left(path: str, text: str) -> list[str]:
    return [f"{path}: {shown.where}: {shown.text!r}" for shown in forgotten(text, KNOWN)]


async def test_nothing_of_money_is_left_in_english(fleet: FleetHouse) -> None:
    browser = await fleet.browser("oksana", "accountant", language=CODE)
    [first, _] = await read_meter(
        fleet,
        "container-1",
        (datetime(2026, 10, 1, tzinfo=UTC), "1000"),
        (datetime(2026, 10, 3, 2, tzinfo=UTC), "1090"),
    )
    tariff = {
        "name": "Two rates",
        "currency": "EUR",
        "price_per_kwh": "0.09",
        "zones": [{"from": "07:00", "to": "23:00", "price_per_kwh": "0.15"}],
        "changes": [{"from": "2027-01-01", "price_per_kwh": "0.2"}],
    }
    made = await browser.ask("POST", "/api/v1/tariffs", json=tariff)
    assert made.status == 201, await made.text()
    form = filled(await page(browser, "/close-month?month=2026-10"), incomplete="yes", basis="readings")
    status, _, where = await sent(browser, "/close-month", form)
    assert (status, where) == (303, "/reports/1")
    found = []
    for path in (one.format(reading=first.id) for one in SEEN):
        answer = await browser.get(path, headers={"Accept": "text/html"})
        assert answer.status == 200, f"{path}: {answer.status}"
        found += left(path, await answer.text())
    assert found == [], "\n".join(found)


async def test_what_is_refused_is_said_in_the_readers_language(fleet: FleetHouse) -> None:
    browser = await fleet.browser("oksana", "accountant", language=CODE)
    found = []
    for path, values in (
        ("/meters", {"container": "container-1", "day": "2026-10-01", "time": "9", "kwh": "much"}),
        ("/meters", {"container": "", "day": "", "time": "", "kwh": ""}),
        ("/new-tariff", {"name": "", "currency": "", "do": "save"}),
        ("/containers/container-1/tariff", {"first": "", "c-0-from": "yesterday", "c-0-tariff": ""}),
    ):
        answer = await browser.ask("POST", path, data={"csrf": browser.csrf or "", **values})
        assert answer.status == 422, f"{path}: {answer.status}"
        found += left(path, await answer.text())
    assert found == [], "\n".join(found)
