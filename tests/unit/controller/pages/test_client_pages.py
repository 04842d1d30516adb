"""Clients by form: found, added, changed, archived; containers assigned from one day to another, ended, and taken back."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from controller.accounting.corrections import Corrections
from controller.assigning import Assigning
from controller.managed import Managed
from controller.model import Client, GatewayToken, GrafanaLink
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.pages.reading_pages import Element, read_page
from tests.unit.controller.pages.test_people_pages import HOSTILE, fields, page_of, post

HAND = """\
networks: [10.1.0.0/16]
tariffs: {day: {currency: EUR, price_per_kwh: 0.0815}}
containers:
- name: Container 1
  timezone: Europe/Samara
  tariff: day
  miners: [{name: a1, address: 10.1.7.1}]
- name: Container 2
  client: borealis
  miners: [{name: b1, address: 10.1.8.1}]
- name: Контейнер 3 <b>
  miners: [{name: c1, address: 10.1.9.1}]
"""


class BooksOfNothing:
    """Nothing is booked, so nothing is corrected; remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, datetime, datetime]] = []

    async def correct(self, container: str, begin: datetime, end: datetime, actor: str, reason: str) -> int:
        assert actor
        assert reason
        self.asked.append((container, begin, end))
        return 0


class ClientsHouse:
    """A fleet with clients, and an administrator who looks at them."""

    def __init__(self, fleet: FleetHouse, admin: Browser, acme: Client, books: BooksOfNothing) -> None:
        self.fleet, self.admin, self.acme, self.books = fleet, admin, acme, books
        self.path = f"/clients/{acme.id}"

    async def page(self) -> Element:
        return await page_of(self.admin, self.path)

    async def rows(self) -> list[list[str]]:
        """Return what stands in the table of containers: name, first day, last day."""
        return [
            [row.one("th").words, *(cell.words for cell in row.all("td")[:2])]
            for row in (await self.page()).all("tr")
            if row.all("td")
        ]

    async def assign(self, **given: str) -> Any:
        sent = fields(await self.page(), f"{self.path}/containers")
        return await post(self.admin, f"{self.path}/containers", **(sent | given))

    async def end(self, row: int, **given: str) -> Any:
        sent = [
            form
            for form in (await self.page()).all("form", action=f"{self.path}/containers/end")
            if form.one("input", name="row").attributes["value"] == str(row)
        ]
        seen = sent[0].one("input", name="seen").attributes["value"]
        return await post(
            self.admin, f"{self.path}/containers/end", **{"row": str(row), "seen": seen, **given}
        )


@pytest.fixture
async def clients(make_house: MakeHouse, tmp_path: Path) -> ClientsHouse:
    assigning, corrections = Assigning.__new__(Assigning), Corrections.__new__(Corrections)
    services = {Assigning: assigning, Corrections: corrections}
    fleet = await start(make_house, tmp_path, hand=HAND, services=services)
    storage, books = fleet.house.storage, BooksOfNothing()
    managed = Managed(fleet.managed, [fleet.hand], fleet.store)
    # They need the storage, which the house has made only now.
    assigning.__init__(  # type: ignore[misc]
        storage, managed, str(fleet.managed), lambda: fleet.store.inventory, lambda: fleet.deeds.now
    )
    corrections.__init__(storage, books, lambda: fleet.deeds.now)  # type: ignore[misc]
    await assigning.keep()
    return ClientsHouse(fleet, await fleet.browser("root"), await fleet.house.client("acme"), books)


async def test_clients_are_listed_with_what_is_theirs_now_and_found(clients: ClientsHouse) -> None:
    admin, house = clients.admin, clients.fleet.house
    borealis = await house.storage.people.clients.by_slug("borealis")
    assert borealis is not None
    await house.user("nina", "client", client_id=borealis.id)
    link = GrafanaLink(owner_id=borealis.id, state="failed", detail="no answer", at=house.deeds.now)
    await house.storage.people.grafana.put([link])
    page = await page_of(admin, "/clients")
    rows = {
        row.all("a")[0].attributes["href"]: row.words
        for row in page.one("ul", class_="people-list").all("li")
    }
    assert set(rows) == {clients.path, f"/clients/{borealis.id}"}
    assert "Container 2" in rows[f"/clients/{borealis.id}"]
    assert "1 person" in rows[f"/clients/{borealis.id}"]
    assert "Grafana failed: no answer" in rows[f"/clients/{borealis.id}"]
    assert "no container now" in rows[clients.path]
    assert "1 client" in (await page_of(admin, "/clients?q=bor")).text
    assert "No client is called so." in (await page_of(admin, "/clients?q=zzz")).text


async def test_a_client_is_added_and_its_mistakes_stand_at_their_fields(clients: ClientsHouse) -> None:
    admin = clients.admin
    sent = fields(await page_of(admin, "/new-client"), "/new-client")
    led = await post(
        admin, "/new-client", **(sent | {"name": "Volga LLC", "currency": "eur", "language": "ru"})
    )
    assert led.status == 303, await led.text()
    made = await clients.fleet.house.storage.people.clients.by_slug("volga-llc")
    assert made is not None
    assert (made.name, made.currency, made.language) == ("Volga LLC", "EUR", "ru")
    assert led.headers["Location"] == f"/clients/{made.id}?done=made"
    for wrong, field in (
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "VOLGA llc"}, "name"),
        ({"name": "Neva", "currency": "euros"}, "currency"),
        ({"name": "Neva", "currency": "QQQ"}, "currency"),
        ({"name": "Neva", "language": "xx"}, "language"),
    ):
        response = await post(admin, "/new-client", **(sent | wrong))
        assert response.status in (409, 422), wrong
        page = read_page(await response.text())
        told = page.one("p", id=f"{field}-error").words
        assert page.one("div", id="mistakes").one("a", href=f"#{field}").words == told
        assert page.one("input", id="name").attributes["value"] == wrong["name" if "name" in wrong else field]


async def test_a_container_is_assigned_from_one_day_to_another_and_ended(clients: ClientsHouse) -> None:
    led = await clients.assign(container="container-1", **{"from": "2026-03-02"})
    assert led.status == 303, read_page(await led.text()).one("div", id="mistakes").words
    assert led.headers["Location"] == f"{clients.path}?done=assigned"
    assert await clients.rows() == [["Container 1", "2 Mar 2026", "until further notice"]]
    page = await clients.page()
    assert "0.0815" in page.one("table").text
    assert {one.client for one in clients.fleet.store.inventory.containers if one.id == "container-1"} == {
        "acme"
    }
    ended = await clients.end(1, to="2026-04-30")
    assert (ended.status, ended.headers["Location"]) == (303, f"{clients.path}?done=ended")
    assert await clients.rows() == [["Container 1", "2 Mar 2026", "30 Apr 2026"]]
    again = await clients.assign(container="container-1", **{"from": "2026-06-01", "to": "2026-06-30"})
    assert again.status == 303
    assert [row[1] for row in await clients.rows()] == ["2 Mar 2026", "1 Jun 2026"]
    open_again = await clients.end(2, to="")
    assert open_again.status == 303
    assert (await clients.rows())[1][2] == "until further notice"
    taken = await clients.end(2, do="take")
    assert taken.headers["Location"] == f"{clients.path}?done=taken"
    assert [row[1] for row in await clients.rows()] == ["2 Mar 2026"]


async def test_a_day_in_the_past_corrects_the_books(clients: ClientsHouse) -> None:
    led = await clients.assign(container="container-1", **{"from": "2026-01-10", "to": "2026-01-20"})
    assert led.status == 303
    [(container, begin, end)] = clients.books.asked
    assert container == "container-1"
    assert (begin.isoformat(), end.isoformat()) == ("2026-01-09T20:00:00+00:00", "2026-01-20T20:00:00+00:00")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"container": "", "from": "2026-03-05"}, "container"),
        ({"container": "no-such", "from": "2026-03-05"}, "container"),
        ({"container": "container-1", "from": ""}, "from"),
        ({"container": "container-1", "from": "5 March"}, "from"),
        ({"container": "container-1", "from": "2026-03-05", "to": "soon"}, "to"),
        ({"container": "container-1", "from": "2026-03-05", "to": "2026-03-04"}, "to"),
        ({"container": "container-2", "from": "2026-03-05"}, "container"),
        ({"container": "container-1", "from": "99999-01-01"}, "from"),
    ],
)
async def test_what_is_wrong_with_an_assignment_is_said_and_what_was_typed_stays(
    clients: ClientsHouse, given: dict[str, str], field: str
) -> None:
    response = await clients.assign(**given)
    assert response.status in (409, 422)
    page = read_page(await response.text())
    told = page.one("p", id=f"{field}-error").words
    assert page.one("div", id="mistakes").one("a", href=f"#{field}").words == told
    assert page.one("input", id="from").attributes["value"] == given["from"]
    if given["container"].startswith("container"):
        assert fields(page, f"{clients.path}/containers")["container"] == given["container"]
    if given["container"] == "container-2":
        assert "borealis" in told or "line" in told  # whose it is, or the file that says so
    assert await clients.rows() == []


async def test_an_end_before_the_beginning_and_a_row_that_is_gone_are_told(clients: ClientsHouse) -> None:
    await clients.assign(container="container-1", **{"from": "2026-03-05"})
    response = await clients.end(1, to="2026-03-01")
    assert response.status == 422
    page = read_page(await response.text())
    assert page.one("input", id="end_1").attributes["value"] == "2026-03-01"
    assert page.one("p", id="end_1-error").words in page.one("div", id="mistakes").words
    for row in ("2", "0", "-1", "x", "9" * 400, "١"):
        gone = await post(clients.admin, f"{clients.path}/containers/end", row=row, to="", seen="")
        assert gone.status == 422
        assert "no such assignment" in read_page(await gone.text()).one("div", id="mistakes").words
    assert len(await clients.rows()) == 1


async def test_a_list_that_somebody_changed_meanwhile_is_not_overwritten(clients: ClientsHouse) -> None:
    stale = fields(await clients.page(), f"{clients.path}/containers")
    assert (await clients.assign(container="container-1", **{"from": "2026-03-05"})).status == 303
    late = stale | {"container": "konteiner-3-b", "from": "2026-03-05"}
    response = await post(clients.admin, f"{clients.path}/containers", **late)
    assert response.status == 412
    assert "meanwhile" in read_page(await response.text()).one("div", id="mistakes").words
    assert len(await clients.rows()) == 1


async def test_a_client_is_changed_archived_and_only_an_unused_one_goes(clients: ClientsHouse) -> None:
    sent = fields(await clients.page(), clients.path)
    assert sent["active"] == "yes"
    led = await post(clients.admin, clients.path, **(sent | {"name": "Acme & Sons", "currency": "usd"}))
    assert led.status == 303
    late = await post(clients.admin, clients.path, **(sent | {"name": "Late"}))
    assert late.status == 412
    assert read_page(await late.text()).one("input", id="name").attributes["value"] == "Late"
    await clients.assign(container="container-1", **{"from": "2026-03-05"})
    sent = fields(await clients.page(), clients.path)
    sent.pop("active")
    refused = await post(clients.admin, clients.path, **sent)
    assert refused.status == 409
    assert read_page(await refused.text()).one("p", id="active-error").words
    assert not (await clients.page()).all("form", action=f"{clients.path}/remove")
    assert (await post(clients.admin, f"{clients.path}/remove")).status == 409
    assert (await clients.end(1, do="take")).status == 303
    assert (await post(clients.admin, clients.path, **sent)).status == 303
    assert "archived" in (await clients.page()).text
    await post(clients.admin, "/new-client", name="Unused", language="en", currency="")
    unused = await clients.fleet.house.storage.people.clients.by_slug("unused")
    assert unused is not None
    gone = await post(clients.admin, f"/clients/{unused.id}/remove")
    assert (gone.status, gone.headers["Location"]) == (303, "/clients?done=removed")
    await page_of(clients.admin, f"/clients/{unused.id}", 404)


async def test_people_grafana_and_tokens_of_a_client_are_shown(clients: ClientsHouse) -> None:
    house, acme = clients.fleet.house, clients.acme
    nina = await house.user("nina", "client", client_id=acme.id, name=HOSTILE)
    link = GrafanaLink(owner_id=acme.id, state="linked", at=house.deeds.now)
    await house.storage.people.grafana.put([link])
    token = GatewayToken(id="gwt_1", client_id=acme.id, created_at=house.deeds.now)
    await house.storage.gateway_tokens.add(token, "1" * 64)
    page = await clients.page()
    assert page.all("a", href=f"/people/{nina.id}")
    assert "in Grafana" in page.text
    assert "made 12:00 · never used" in page.text
    [add] = [
        one
        for one in page.all("a")
        if "client=" in one.attributes.get("href", "") and "role=" in one.attributes["href"]
    ]
    form = await page_of(clients.admin, add.attributes["href"])
    assert fields(form, "/people/new")["client"] == acme.id
    assert page.one("form", action=f"{clients.path}/view")


async def test_a_hostile_name_harms_no_page_of_clients(clients: ClientsHouse) -> None:
    await post(clients.admin, "/new-client", name=HOSTILE, language="en", currency="")
    [made] = [one for one in await clients.fleet.house.storage.people.clients.all() if one.name == HOSTILE]
    for path in ("/clients", f"/clients/{made.id}"):
        page = await page_of(clients.admin, path)
        assert "{{ 7*7 }}" in page.one("main").text
    led = await post(clients.admin, f"/clients/{made.id}/view")
    assert led.status == 303
    assert HOSTILE.split()[-2] in (await page_of(clients.admin, "/")).one("form", action="/end-view").text
