"""Tariffs through the API: what is written, what is refused, and what a change does to the past."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from controller.storage.books_schema import closings
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start

HAND = """\
tariffs: {own: {currency: USD, price_per_kwh: 0.05}}
containers:
- {name: Yard, miners: [{name: a1, address: 10.1.7.1}]}
- {name: Port, tariff: own}
"""
NIGHT: dict[str, Any] = {
    "name": "night 1",
    "currency": "EUR",
    "price_per_kwh": "0.06",
    "zones": [{"from": "22:00", "to": "06:00", "price_per_kwh": "0.045"}],
}


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path, hand=HAND)


@pytest.fixture
async def frieda(fleet: FleetHouse) -> Any:
    return await fleet.browser("frieda", "accountant")


async def change(who: Browser, method: str, path: str, body: Any) -> Any:
    etag = (await who.get(path)).headers["ETag"]
    return await who.ask(method, path, body, headers={"If-Match": etag})


async def test_an_accountant_makes_changes_and_takes_away_a_tariff(
    fleet: FleetHouse, frieda: Browser
) -> None:
    made = await frieda.ask("POST", "/api/v1/tariffs", NIGHT)
    assert made.status == 201, await made.text()
    shown = await made.json()
    assert (shown["editable"], shown["containers"]) == (True, [])
    assert fleet.store.inventory.tariffs["night 1"].zones[0].price_per_kwh == "0.045"
    assert (await frieda.ask("POST", "/api/v1/tariffs", NIGHT)).status == 409
    path = "/api/v1/tariffs/night%201"
    later = {"from": "2027-01-01", "price_per_kwh": "0.07", "zones": []}
    changed = await change(frieda, "PATCH", path, {"changes": [later]})
    assert (await changed.json())["changes"] == [later]
    assert fleet.store.inventory.tariffs["night 1"].changes[0].from_date == "2027-01-01"
    put = await change(frieda, "PUT", "/api/v1/containers/yard/tariff", {"tariff": "night 1"})
    assert put.status == 200, await put.text()
    assert fleet.store.inventory.containers[0].tariff == "night 1"
    assert (await (await frieda.get(path)).json())["containers"] == ["yard"]
    assert (await frieda.ask("DELETE", path)).status == 409
    when = {"tariff": None, "changes": [{"from": "2027-02-01", "tariff": "own"}]}
    put = await change(frieda, "PUT", "/api/v1/containers/yard/tariff", when)
    assert await put.json() == await (await frieda.get("/api/v1/containers/yard/tariff")).json() == when
    assert (await frieda.ask("DELETE", path)).status == 204
    listed = await (await frieda.get("/api/v1/tariffs")).json()
    assert [(one["name"], one["containers"], one["editable"]) for one in listed] == [
        ("own", ["yard", "port"], False)
    ]
    kinds = [event.kind for event in await fleet.house.events() if event.category == "money"]
    assert kinds == [
        "tariff.deleted",
        "container.tariff_changed",
        "container.tariff_changed",
        "tariff.changed",
        "tariff.created",
    ]


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"price_per_kwh": None}, ["/zones"]),
        ({"currency": "QQQ"}, ["/currency"]),
        ({"zones": [*NIGHT["zones"], *NIGHT["zones"]]}, ["/zones/1"]),
        ({"zones": [{"from": "25:00", "to": "06:00", "price_per_kwh": "1"}]}, ["/zones/0/from"]),
        ({"price_per_kwh": "1,5"}, ["/price_per_kwh"]),
        (
            {"changes": [{"from": day, "price_per_kwh": "1"} for day in ("2027-01-01", "2027-01-01")]},
            ["/changes/1/from"],
        ),
    ],
)
async def test_what_is_wrong_with_a_tariff_is_named(
    frieda: Browser, more: dict[str, Any], at: list[str]
) -> None:
    answer = await frieda.ask("POST", "/api/v1/tariffs", NIGHT | more)
    assert answer.status == 422
    assert [one["at"] for one in (await answer.json())["errors"]] == at


async def test_what_is_written_by_hand_stays_and_clients_see_no_tariffs(
    fleet: FleetHouse, frieda: Browser
) -> None:
    answer = await change(frieda, "PATCH", "/api/v1/tariffs/own", {"price_per_kwh": "1"})
    assert (await answer.json())["places"] == [f"{fleet.hand}:1"]
    assert (await frieda.ask("DELETE", "/api/v1/tariffs/own")).status == 409
    answer = await change(frieda, "PUT", "/api/v1/containers/port/tariff", {"tariff": None})
    assert (await answer.json())["places"] == [f"{fleet.hand}:4"]
    answer = await change(frieda, "PUT", "/api/v1/containers/yard/tariff", {"tariff": "none"})
    assert [one["at"] for one in (await answer.json())["errors"]] == ["/tariff"]
    carl = await fleet.browser("carl", "client")
    for path in ("/api/v1/tariffs", "/api/v1/tariffs/own", "/api/v1/containers/yard/tariff"):
        assert (await carl.get(path)).status == 403
    for body in ({"client": "x"}, {"control": "enforce"}):
        refused = await frieda.ask("PATCH", "/api/v1/containers/yard", body, headers={"If-Match": "*"})
        assert refused.status == 403


async def test_a_change_that_reaches_back_corrects_the_books_but_no_closed_month(
    fleet: FleetHouse, frieda: Browser
) -> None:
    storage, now = fleet.house.storage, fleet.deeds.now
    begins = (now - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    piece = Piece(
        begins=begins,
        ends=begins + timedelta(hours=1),
        terms=Terms(),
        miners=(MinerSums("a1", Sums(measured_j=3_600_000, miner_s=3600, read_s=3600)),),
    )
    hour = BookedHour(
        container="yard",
        name="Yard",
        timezone="UTC",
        begins=begins,
        ends=piece.ends,
        day=begins.date(),
        pieces=(piece,),
    )
    await storage.ledger.book(hour)
    path = "/api/v1/containers/yard/tariff"
    assert (await change(frieda, "PUT", path, {"tariff": "own"})).status == 200
    (kept,) = await storage.ledger.kept("yard", begins, now)
    assert (kept.revision, kept.actor) == (1, "frieda")
    assert kept.pieces[0].terms == Terms(tariff="own", currency="USD", price_per_kwh="0.05")
    row = {
        "number": 1,
        "month": begins.year * 100 + begins.month,
        "basis": "readings",
        "closed_at": now,
        "closed_by": "f",
        "incomplete": False,
    }
    await storage.database.write(lambda connection: connection.execute(insert(closings), row))
    refused = await change(frieda, "PUT", path, {"tariff": None})
    assert (refused.status, (await refused.json())["type"]) == (409, "/problems/closed")
    tomorrow = (now + timedelta(days=1)).date().isoformat()
    fine = await change(
        frieda, "PUT", path, {"tariff": "own", "changes": [{"from": tomorrow, "tariff": None}]}
    )
    assert fine.status == 200
    assert fleet.store.inventory.containers[0].tariff == "own"
    (kept,) = await storage.ledger.kept("yard", begins, now)
    assert kept.revision == 1
