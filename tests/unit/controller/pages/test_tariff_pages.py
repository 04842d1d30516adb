"""Tariffs on their pages: made, changed, looked at before; those written by hand are locked; who has which from when."""

from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.filled_forms import filled, sent, summary
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


async def test_what_a_line_says_on_a_phone_stands_in_one_piece(fleet: FleetHouse) -> None:
    # There a cell is its head and its words beside it: each further piece would be a column of its own.
    found = await page(await fleet.browser("olga", "accountant"), "/tariffs")
    cells = [cell for cell in found.all("td") if "data-head" in cell.attributes]
    assert len(cells) > 3
    assert {cell.attributes["data-head"]: cell.words for cell in cells if cell.pieces > 1} == {}


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


async def made(browser: Browser, **more: str) -> str:
    """Make a tariff Night by its form; return where that leads."""
    form = filled(await page(browser, "/new-tariff"), name="Night", **{"t-0-price": "4,20"})
    status, _, where = await sent(browser, "/new-tariff", form | more | {"do": "save"})
    assert status == 303
    return where


async def test_one_is_made_changed_and_deleted_by_its_forms(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    address = await made(browser)
    assert address == "/tariffs/Night"
    form = filled(await page(browser, address))
    assert (form["currency"], form["t-0-price"]) == ("RUB", "4.20")
    status, found, _ = await sent(browser, address, form | {"do": "add-change"})
    assert status == 200
    form = filled(found, **{"t-1-from": "2027-03-01", "t-1-price": "4.90"})
    status, _, where = await sent(browser, address, form | {"do": "save"})
    assert (status, where) == (303, address)
    night = fleet.deeds.inventory.tariffs["Night"]
    assert [(one.from_date, one.price_per_kwh) for one in night.changes] == [("2027-03-01", "4.90")]
    asked = await page(browser, f"{address}/delete")
    status, _, where = await sent(browser, f"{address}/delete", filled(asked))
    assert (status, where) == (303, "/tariffs")
    assert "Night" not in fleet.deeds.inventory.tariffs
    kinds = [one.kind for one in await fleet.house.events() if one.kind.startswith("tariff.")]
    assert sorted(kinds) == ["tariff.changed", "tariff.created", "tariff.deleted"]


async def test_what_somebody_changed_meanwhile_is_shown_and_not_written_over(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    address = await made(browser)
    mine = filled(await page(browser, address), **{"t-0-price": "9.99"})
    theirs = filled(await page(browser, address), **{"t-0-price": "5.55"})
    await sent(browser, address, theirs | {"do": "save"})
    status, found, _ = await sent(browser, address, mine | {"do": "save"})
    assert status == 412
    assert "5.55" in found.one("section", id="theirs").words
    assert fleet.deeds.inventory.tariffs["Night"].price_per_kwh == "5.55"
    status, _, _ = await sent(browser, address, filled(found) | {"do": "save"})
    assert status == 303
    assert fleet.deeds.inventory.tariffs["Night"].price_per_kwh == "9.99"


async def test_a_container_is_given_tariffs_from_days_on(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    await made(browser)
    address = "/containers/container-2/tariff"
    form = filled(
        await page(browser, address), first="Grid", **{"c-0-from": "2027-02-01", "c-0-tariff": "Night"}
    )
    status, _, where = await sent(browser, address, form)
    assert (status, where) == (303, "/tariffs")
    container = next(one for one in fleet.deeds.inventory.containers if one.id == "container-2")
    assert container.tariff == "Grid"
    assert [(one.from_date, one.tariff) for one in container.tariff_changes] == [("2027-02-01", "Night")]
    assert "from 1 Feb 2027: Night" in main(await page(browser, "/tariffs"))
    asked = main(await page(browser, "/tariffs/Night/delete"))
    assert "It stays while containers have it" in asked
    assert "Container 2" in asked
    status, _, _ = await sent(browser, "/tariffs/Night/delete", {"csrf": browser.csrf or ""})
    assert status == 409
    form = filled(await page(browser, address), **{"c-1-from": "2027-01-01", "c-1-tariff": ""})
    status, found, _ = await sent(browser, address, form)
    assert status == 422
    assert summary(found) == ["1 Jan 2027 lies before the change above it"]
    form = filled(await page(browser, address), **{"c-0-from": ""})
    assert (await sent(browser, address, form))[0] == 303
    container = next(one for one in fleet.deeds.inventory.containers if one.id == "container-2")
    assert container.tariff_changes == ()


async def test_a_container_whose_tariff_is_written_by_hand_is_not_changed_here(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    assert "targets.yml" in main(await page(browser, "/containers/container-1/tariff", 409))


async def test_clients_and_unknown_names_find_nothing(fleet: FleetHouse) -> None:
    await page(await fleet.browser("clara", "client"), "/tariffs", 403)
    await page(await fleet.browser("olga", "accountant"), "/tariffs/none", 404)
