"""Prices and costs before a client: nowhere until its entry says so, then in reports, files, the first page and closed copies."""

from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.booked_fleet import NOW, book
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds
from tests.unit.controller.pages.test_closing_pages import closed
from tests.unit.controller.pages.test_people_pages import fields, page_of, post

OCTOBER = "from=2026-10-01&to=2026-10-31"
PLACES = (
    f"/api/v1/reports/energy?{OCTOBER}",
    f"/api/v1/reports/energy?{OCTOBER}&by=day&format=csv",
    f"/api/v1/reports/energy?{OCTOBER}&by=miner&format=excel",
    f"/api/v1/reports/energy?{OCTOBER}&by=client",
    "/api/v1/reports/1",
    "/reports?month=2026-10",
    "/reports?month=2026-10&by=day",
    "/reports/1",
)
"""Where a client finds its October: the price (5.10 RUB) or its cost (183.60 RUB in all) may stand there."""


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(found)
    await closed(await found.browser("olga", "accountant"))
    return found


async def told(browser: Browser, address: str) -> str:
    response = await browser.get(address)
    assert response.status == 200, address
    return (await response.text()).replace("183,60", "183.60").replace("5,10", "5.10")


async def home(browser: Browser) -> str:
    """Return the first page once its sums are there: the first time they may be late."""
    for _ in range(50):
        if "being added up" not in (text := await told(browser, "/")):
            return text
    raise AssertionError("the sums never came")


async def test_a_client_sees_costs_where_its_entry_says_so_and_of_its_own_alone(fleet: FleetHouse) -> None:
    client, clara = await fleet.house.client("acme"), await fleet.browser("clara", "client")
    hidden = [await told(clara, place) for place in PLACES]
    assert [
        place for place, text in zip(PLACES, hidden, strict=True) if "RUB" in text or "183.60" in text
    ] == []
    root = await fleet.browser("root")
    etag = (await root.get(f"/api/v1/clients/{client.id}")).headers["ETag"]
    changed = await root.ask(
        "PATCH", f"/api/v1/clients/{client.id}", {"shows_cost": True}, headers={"If-Match": etag}
    )
    assert (changed.status, (await changed.json())["shows_cost"]) == (200, True)
    shown = [await told(clara, place) for place in PLACES]
    assert [place for place, text in zip(PLACES, shown, strict=True) if "RUB" not in text] == []
    assert "183.60" in shown[0]
    assert "183.60" in shown[-1]
    assert not [text for text in shown if "River" in text or "0.061" in text]


@pytest.mark.parametrize("costs", [False, True])
async def test_the_first_page_has_the_months_cost_or_no_word_of_it(fleet: FleetHouse, costs: bool) -> None:
    client = await fleet.house.client("acme")
    root = await fleet.browser("root")
    sent = {**fields(await page_of(root, f"/clients/{client.id}"), f"/clients/{client.id}")}
    assert "shows_cost" not in sent
    saved = await post(root, f"/clients/{client.id}", **sent, **({"shows_cost": "yes"} if costs else {}))
    assert saved.status == 303
    fleet.deeds.now = NOW.replace(month=10, day=3, hour=23)
    text = await home(await fleet.browser("clara", "client"))
    assert ("Cost this month" in text, "183.60" in text) == (costs, costs)


async def test_a_client_is_made_with_its_costs_shown_or_not(fleet: FleetHouse) -> None:
    root = await fleet.browser("root")
    for name, given, costs in (("Gamma", {"shows_cost": "yes"}, True), ("Delta", {}, False)):
        sent = fields(await page_of(root, "/new-client"), "/new-client")
        assert (await post(root, "/new-client", **(sent | {"name": name} | given))).status == 303
        made = await fleet.house.storage.people.clients.by_slug(name.casefold())
        assert made is not None
        assert made.shows_cost is costs
