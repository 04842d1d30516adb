"""Whose containers are, from one day to another: over a real socket, into the inventory, and into the books."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import insert

from controller.accounting.corrections import SETTING, Corrections
from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from controller.accounting.periods import day_of
from controller.assigning import Assigning
from controller.model import Client
from controller.storage.assignments import Assignment
from controller.storage.books_schema import closings
from controller.storage.ledger import ClosedMonth
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start

HAND = """\
containers:
- {name: Yard, timezone: Europe/Berlin, miners: [{name: a1, address: 10.1.7.1}]}
- {name: Port, client: borealis, miners: [{name: b1, address: 10.1.8.1}]}
- {name: Hall}
"""
BERLIN = ZoneInfo("Europe/Berlin")


class Site:
    """A fleet, its administrator, and the client Acme."""

    def __init__(self, fleet: FleetHouse, anna: Browser, acme: Client) -> None:
        self.fleet, self.anna, self.acme = fleet, anna, acme
        self.house, self.storage = fleet.house, fleet.house.storage
        self.assigning: Assigning = fleet.services[Assigning]

    @property
    def now(self) -> datetime:
        return self.fleet.deeds.now

    @property
    def path(self) -> str:
        return f"/api/v1/clients/{self.acme.id}/containers"

    def day(self, days: int) -> str:
        return (self.now.astimezone(BERLIN) + timedelta(days=days)).date().isoformat()

    def midnight(self, days: int) -> datetime:
        return datetime.fromisoformat(self.day(days)).replace(tzinfo=BERLIN)

    async def put(self, *wishes: dict[str, Any], status: int = 200) -> Any:
        read = await self.anna.get(self.path)
        answer = await self.anna.ask(
            "PUT", self.path, list(wishes), headers={"If-Match": read.headers["ETag"]}
        )
        body = await answer.json()
        assert answer.status == status, body
        return body

    def label(self, container: str = "yard") -> str | None:
        return next(one.client for one in self.fleet.store.inventory.containers if one.id == container)


@pytest.fixture
async def site(make_house: MakeHouse, tmp_path: Path) -> Site:
    fleet = await start(make_house, tmp_path, hand=HAND)
    anna = await fleet.browser()
    made = Site(fleet, anna, await fleet.house.client("acme"))
    await made.assigning.follow()
    return made


async def test_what_begins_today_is_in_the_inventory_at_once_and_what_comes_when_it_is_due(
    site: Site,
) -> None:
    wish = {"container": "yard", "from": site.day(0), "to": site.day(1)}
    later = {"container": "yard", "from": site.day(3), "to": None}
    found = await site.put(wish, later)
    assert [(one["from"], one["to"], one["now"]) for one in found] == [
        (site.day(0), site.day(1), True),
        (site.day(3), None, False),
    ]
    assert datetime.fromisoformat(found[0]["ends"]) == site.midnight(2)
    assert site.label() == "acme"
    written = yaml.safe_load(site.fleet.managed.read_text(encoding="utf-8"))
    assert written["containers"] == [{"extends": "Yard", "client": "acme", "miners": []}]
    for days, label in ((1, "acme"), (1, None), (1, "acme")):
        site.fleet.deeds.pass_time(seconds=days * 86_400)
        await site.assigning.keep()
        assert site.label() == label
    await site.anna.sign_in("anna")
    assert (await site.put(wish | {"from": found[0]["from"], "to": found[0]["to"]}, later)) is not None


async def test_giving_back_what_was_read_changes_nothing_and_an_older_reading_is_refused(site: Site) -> None:
    await site.put({"container": "yard", "from": site.day(-2), "to": None})
    read = await site.anna.get(site.path)
    etag, shown = read.headers["ETag"], await read.json()
    kept = await site.storage.people.assignments.of_container("yard")
    given = [{key: one[key] for key in ("container", "from", "to")} for one in shown]
    assert await site.put(*given) == shown
    assert await site.storage.people.assignments.of_container("yard") == kept
    await site.put()
    again = await site.anna.ask("PUT", site.path, given, headers={"If-Match": etag})
    assert again.status == 412
    assert (await site.anna.ask("PUT", site.path, given)).status == 428
    assert site.label() is None


async def test_an_overlap_says_whose_it_is_from_when_to_when(site: Site) -> None:
    cirrus = await site.house.client("cirrus")
    begin, end = site.midnight(10), site.midnight(20)
    await site.storage.people.assignments.replace(
        cirrus.id, [Assignment(client_id=cirrus.id, container="yard", begins=begin, ends=end)]
    )
    body = await site.put({"container": "yard", "from": site.day(0), "to": None}, status=409)
    assert body["type"] == "/problems/overlap"
    assert body["detail"] == f"Yard is Cirrus's from {site.day(10)} to {site.day(19)}"
    assert (body["client"], body["from"], body["to"]) == (cirrus.id, site.day(10), site.day(19))
    assert site.label() is None


async def test_what_a_hand_written_file_says_is_changed_there(site: Site) -> None:
    body = await site.put({"container": "port", "from": site.day(0), "to": None}, status=409)
    assert body["type"] == "/problems/read-only"
    assert body["places"] == [f"{site.fleet.hand}:3"]
    assert await site.storage.people.assignments.of_client(site.acme.id) == []
    days = {"from": site.day(-9), "to": site.day(-3)}
    assert len(await site.put({"container": "port", **days})) == 1


async def test_every_mistake_of_a_list_is_named(site: Site) -> None:
    body = await site.put(
        {"container": "nowhere", "from": site.day(0)},
        {"container": "yard", "from": site.day(0), "to": site.day(-1)},
        {"container": "hall", "from": site.day(0), "to": site.day(3)},
        {"container": "hall", "from": site.day(3)},
        status=422,
    )
    assert [one["at"] for one in body["errors"]] == ["/0/container", "/1/to", "/3/from"]
    await site.put({"container": "yard", "from": "2026-02-30"}, status=422)


def booked(site: Site, begins: datetime, client: str | None) -> BookedHour:
    piece = Piece(
        begins=begins,
        ends=begins + timedelta(hours=1),
        terms=Terms(client=client),
        miners=(MinerSums("a1", Sums(measured_j=3_600_000, miner_s=3600, read_s=3600)),),
    )
    return BookedHour(
        container="yard",
        name="Yard",
        timezone="Europe/Berlin",
        begins=begins,
        ends=piece.ends,
        day=day_of("Europe/Berlin", begins),
        pieces=(piece,),
    )


async def test_a_time_that_has_passed_corrects_the_books(site: Site) -> None:
    for days in (-3, -2):
        await site.storage.ledger.book(booked(site, site.midnight(days), None))
    await site.put({"container": "yard", "from": site.day(-2), "to": site.day(-2)})
    first, second = await site.storage.ledger.kept("yard", site.midnight(-3), site.midnight(0))
    assert (first.revision, first.pieces[0].terms.client) == (0, None)
    assert (second.revision, second.pieces[0].terms.client, second.actor) == (1, "acme", "anna")
    assert "acme" in second.reason
    assert site.label() is None
    await site.put()
    taken = (await site.storage.ledger.kept("yard", site.midnight(-2), site.midnight(0)))[0]
    assert (taken.revision, taken.pieces[0].terms.client) == (2, None)
    assert [event.container for event in await site.house.events("books.corrected")] == ["yard", "yard"]


async def test_nothing_changes_of_a_closed_month(site: Site) -> None:
    days = (site.now - timedelta(days=40)).date()
    row = {
        "number": 1,
        "month": days.year * 100 + days.month,
        "basis": "readings",
        "closed_at": site.now,
        "closed_by": "f",
        "incomplete": False,
    }
    await site.storage.database.write(lambda connection: connection.execute(insert(closings), row))
    body = await site.put({"container": "yard", "from": days.isoformat(), "to": None}, status=409)
    assert (body["type"], body["month"]) == ("/problems/closed", days.isoformat()[:7])
    assert await site.storage.people.assignments.of_client(site.acme.id) == []
    assert site.label() is None


async def test_corrections_that_are_owed_are_made_after_an_end_of_the_controller(site: Site) -> None:
    made: list[tuple[str, str, str]] = []
    span = (site.midnight(-2), site.midnight(-1))

    class Books:
        async def correct(
            self, container: str, begin: datetime, end: datetime, actor: str, reason: str
        ) -> int:
            if container == "closed":
                raise ClosedMonth("2026-01")
            assert (begin, end) == span
            made.append((container, actor, reason))
            return 1

    before = Corrections(site.storage, Books(), lambda: site.now)
    await before.owe({"yard": [span], "closed": [span], "hall": []}, "anna", "why")
    await before.owe({"hall": [span]}, "bert", "because")
    await Corrections(site.storage, Books(), lambda: site.now).make()
    assert made == [("yard", "anna", "why"), ("hall", "bert", "because")]
    assert not await site.storage.settings.get(SETTING)
    outcomes = [(one.container, one.outcome) for one in await site.house.events("books.corrected")]
    assert sorted(outcomes) == [("closed", "refused"), ("hall", "ok"), ("yard", "ok")]


async def test_a_client_reads_his_own_and_nobody_elses(site: Site) -> None:
    await site.put({"container": "yard", "from": site.day(0), "to": None})
    carl = await site.house.signed_in("carl", "client")
    other = await site.house.client("cirrus")
    listed = await (await carl.get("/api/v1/clients")).json()
    assert ([one["slug"] for one in listed["items"]], listed["total"]) == (["acme"], 1)
    assert [one["container"] for one in await (await carl.get(site.path)).json()] == ["yard"]
    for path in (f"/api/v1/clients/{other.id}", f"/api/v1/clients/{other.id}/containers"):
        assert (await carl.get(path)).status == 404
    assert (await carl.ask("PUT", site.path, [], headers={"If-Match": "*"})).status == 403
    frieda = await site.house.signed_in("frieda", "accountant")
    assert (await frieda.get(site.path)).status == 200
    assert (await frieda.ask("PUT", site.path, [], headers={"If-Match": "*"})).status == 403


async def test_a_client_sees_a_container_while_it_is_his_and_his_events_after(site: Site) -> None:
    carl = await site.house.signed_in("carl", "client")
    assert (await (await carl.get("/api/v1/containers")).json())["items"] == []
    assert (await carl.get("/api/v1/overview")).status == 200
    await site.put({"container": "yard", "from": site.day(0), "to": site.day(0)})
    shown = await (await carl.get("/api/v1/containers")).json()
    assert [one["id"] for one in shown["items"]] == ["yard"]
    site.fleet.deeds.pass_time(seconds=86_400)
    await site.assigning.keep()
    await carl.sign_in("carl")
    assert (await (await carl.get("/api/v1/containers")).json())["items"] == []
    assert (await carl.get("/api/v1/containers/yard")).status == 404
    (event,) = await site.house.events("container.client_times_changed")
    assert (event.container, event.client, event.before) == ("yard", "acme", [])


async def test_archiving_waits_for_the_containers_and_deleting_is_for_what_never_had_any(site: Site) -> None:
    path = f"/api/v1/clients/{site.acme.id}"
    await site.put({"container": "yard", "from": site.day(0), "to": None})

    async def patch(change: dict[str, Any]) -> Any:
        etag = (await site.anna.get(path)).headers["ETag"]
        return await site.anna.ask("PATCH", path, change, headers={"If-Match": etag})

    assert (await patch({"active": False})).status == 409
    assert (await patch({"currency": "QQQ"})).status == 422
    assert (await (await patch({"currency": "KZT", "name": "Acme Ltd"})).json())["currency"] == "KZT"
    assert (await site.anna.ask("DELETE", path)).status == 409
    await site.put()
    archived = await (await patch({"active": False})).json()
    assert archived.get("active") is False, archived
    body = await site.put({"container": "hall", "from": site.day(0)}, status=422)
    assert "archived" in body["detail"]
    assert (await site.anna.ask("DELETE", path)).status == 409
    made = await (await site.anna.ask("POST", "/api/v1/clients", {"name": "Nimbus"})).json()
    assert (await site.anna.ask("DELETE", f"/api/v1/clients/{made['id']}")).status == 204
    again = await site.anna.ask("POST", "/api/v1/clients", {"name": "nimbus"})
    assert again.status == 409
    kinds = [one.kind for one in await site.house.events("client.changed", "client.deleted")]
    assert kinds == ["client.deleted", "client.changed", "client.changed"]
