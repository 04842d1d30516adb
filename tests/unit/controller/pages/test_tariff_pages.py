"""Tariffs on their pages: made, changed, looked at before; those written by hand are locked; who has which from when."""

from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.filled_forms import sent, summary
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page
from tests.unit.controller.pages.fleet_with_schedules import fields_of

GRID = """\
tariffs:
  Grid:
    currency: RUB
    price_per_kwh: "3.90"
    zones: [{from: "07:00", to: "23:00", price_per_kwh: "5.10"}]
    changes: [{from: 2027-01-01, price_per_kwh: "4.40"}]
containers:
- name: Container 1
  tariff: Grid
"""


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    hand = HAND.replace("containers:\n- name: Container 1\n", GRID)
    return await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)


async def test_the_list_says_prices_changes_and_who_has_it(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), "/tariffs")
    text = main(found)
    for words in (
        "5.10 RUB/kWh · 3.90 RUB/kWh",
        "1 Jan 2027",
        "targets.yml:",
        "from the beginning: Grid now",
    ):
        assert words in text
    assert "from the beginning: no tariff now" in text


async def test_one_written_by_hand_is_locked_and_shown(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), "/tariffs/Grid")
    assert "It is written by hand in" in main(found)
    assert not found.all("form", class_="editor")
    weeks = found.one("section", id="preview").all("div", class_="price-week")
    assert len(weeks) == 2
    assert len(weeks[0].all("svg", class_="strip")) == 7


async def test_a_new_one_is_looked_at_and_every_mistake_named_before_it_is_made(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    fields = dict(fields_of(await page(browser, "/new-tariff")))
    assert fields["currency"] == "RUB"
    status, found, _ = await sent(browser, "/new-tariff", fields | {"do": "save"})
    assert status == 422
    assert summary(found) == ["Give the tariff a name", "Give a price, or rows that fill the week"]
    status, found, _ = await sent(
        browser, "/new-tariff", fields | {"name": "Night", "t-0-price": "4,20", "do": "preview"}
    )
    assert status == 200
    assert "4.20 RUB/kWh" in found.one("section", id="preview").words
    assert "Night" not in fleet.deeds.inventory.tariffs


async def test_clients_and_unknown_names_find_nothing(fleet: FleetHouse) -> None:
    await page(await fleet.browser("clara", "client"), "/tariffs", 403)
    await page(await fleet.browser("olga", "accountant"), "/tariffs/none", 404)
