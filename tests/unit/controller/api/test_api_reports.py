"""Reports, closed months and meter readings over a real socket: who sees what, as JSON and CSV, and what is refused."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from tests.unit.controller.api.conftest import Browser, House

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 10, 3, tzinfo=UTC)
QUERY = "/api/v1/reports/energy?from=2026-10-03&to=2026-10-03"


async def book(
    house: House,
    container: str,
    client: str,
    hours: int = 24,
    tariff: str = "grid",
    begin: datetime = BEGIN,
    read_s: int = 3600,
) -> None:
    terms = Terms(client=client, tariff=tariff, currency="EUR", price_per_kwh="0.1")
    for at in range(hours):
        begins = begin + at * HOUR
        sums = Sums(
            measured_j=3_600_000, miner_s=3600, read_s=read_s, hashing_s=3600, megahashes={"SHA-256": 10**9}
        )
        piece = Piece(begins=begins, ends=begins + HOUR, terms=terms, miners=(MinerSums("m1", sums),))
        await house.storage.ledger.book(
            BookedHour(
                container=container,
                name=f"Name of {container}",
                timezone="UTC",
                begins=begins,
                ends=begins + HOUR,
                day=begins.date(),
                pieces=(piece,),
            )
        )


async def table(browser: Browser, path: str, **more: Any) -> list[dict[str, str]]:
    response = await browser.get(path, **more)
    assert response.status == 200, await response.text()
    assert response.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(await response.text())))


async def test_a_report_is_json_or_a_table(house: House) -> None:
    anna = await house.signed_in()
    await book(house, "far-1", "acme")
    await book(house, "far-2", "volga", 12)
    made = await (await anna.get(QUERY)).json()
    assert [(row["key"], row["energy_kwh"]["total"], row["cost"]) for row in made["rows"]] == [
        ("far-1", 24.0, [{"currency": "EUR", "amount": "2.40"}]),
        ("far-2", 12.0, [{"currency": "EUR", "amount": "1.20"}]),
    ]
    assert made["total"]["energy_kwh"]["total"] == 36.0
    rows = await table(anna, f"{QUERY}&format=csv")
    assert [
        (row["line"], row["key"], row["energy_kwh"], row["cost EUR"]) for row in rows if row["line"] != "gap"
    ] == [
        ("row", "far-1", "24", "2.40"),
        ("row", "far-2", "12", "1.20"),
        ("total", "total", "36", "3.60"),
    ]
    assert rows == await table(anna, QUERY, headers={"Accept": "text/csv"})
    by_client = await (await anna.get(f"{QUERY}&by=client&client=volga")).json()
    assert [row["key"] for row in by_client["rows"]] == ["volga"]


async def test_a_table_for_excel_is_of_the_accounts_language(house: House) -> None:
    await book(house, "far-1", "acme", 1)
    oleg = await house.signed_in("oleg", "accountant", language="ru")
    text = (await (await oleg.get(f"{QUERY}&format=excel&by=miner")).read()).decode()
    assert text.startswith("\ufeffline;key;")
    assert ";0,10;" in text.replace("\r\n", ";")
    plain = (await (await oleg.get(f"{QUERY}&format=csv&by=miner")).read()).decode()
    assert plain.startswith("line,key,")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t1"])
async def test_no_cell_begins_a_formula(house: House, name: str) -> None:
    anna = await house.signed_in()
    await book(house, "far-1", name, tariff=name)
    for by in ("client", "container"):
        text = await (await anna.get(f"{QUERY}&by={by}&format=csv")).text()
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert any(name in cell for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


async def test_a_client_gets_his_own_time_and_hears_of_no_other(house: House) -> None:
    await book(house, "far-1", "acme", 10)
    await book(house, "far-1", "volga", 14, begin=BEGIN + 10 * HOUR)
    await book(house, "far-2", "volga", 24, tariff="secret")
    carl = await house.signed_in("carl", "client")
    for query in (
        "",
        "&client=volga",
        "&container=far-2",
        "&by=miner",
        "&by=client",
        "&by=day",
        "&miner=far-2.m1",
    ):
        for form in ("json", "csv"):
            text = await (await carl.get(f"{QUERY}{query}&format={form}")).text()
            others = [word for word in ("volga", "far-2", "secret", "0.1 EUR") if word not in query]
            assert not [word for word in others if word in text], query
    made = await (await carl.get(QUERY)).json()
    assert made["total"]["energy_kwh"]["total"] == 10.0
    assert made["total"]["cost"] == []
    assert (await (await carl.get(f"{QUERY}&client=volga")).json())["rows"] == []


async def test_a_token_for_some_containers_gets_those(house: House) -> None:
    await book(house, "far-1", "acme", 1)
    await book(house, "far-2", "acme", 2)
    anna = await house.user("anna")
    narrow = house.browser(token=await house.token(anna, containers=("far-2",)))
    made = await (await narrow.get(QUERY)).json()
    assert [row["key"] for row in made["rows"]] == ["far-2"]
    assert (await (await narrow.get(f"{QUERY}&container=far-1")).json())["rows"] == []
    assert (await narrow.get("/api/v1/reports")).status == 403


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("from=2026-10-04&to=2026-10-03", "?to"),
        ("from=1990-10-04&to=2026-10-03", "?to"),
        ("from=2026-02-30&to=2026-10-03", "?from"),
        ("from=1900-01-01&to=1900-01-31", "?from"),
        ("from=0001-01-01&to=0001-01-31", "?from"),
        ("from=9999-12-01&to=9999-12-31", "?from"),
        ("from=2200-12-31&to=2201-01-01", "?to"),
        ("from=2026-10-01", "?to"),
        ("from=2026-10-01&to=2026-10-03&by=colour", "?by"),
        ("from=2026-10-01&to=2026-10-03&basis=guess", "?basis"),
    ],
)
async def test_a_wish_that_cannot_be_is_told_where(house: House, query: str, at: str) -> None:
    anna = await house.signed_in()
    refused = await anna.get(f"/api/v1/reports/energy?{query}")
    assert refused.status in (400, 422)
    assert [one["at"] for one in (await refused.json())["errors"]] == [at]


async def test_a_month_is_closed_once_and_stays_as_it_was(house: House) -> None:
    anna = await house.signed_in()
    house.deeds.pass_time(seconds=(datetime(2026, 12, 1, 5, tzinfo=UTC) - house.deeds.now).total_seconds())
    anna = await house.signed_in("berta", "accountant")
    last = datetime(2026, 10, 31, 22, tzinfo=UTC)
    await book(house, "gone-1", "acme", 2, begin=last, read_s=1800)
    await book(house, "gone-2", "volga", 2, begin=last)
    for body, status in (
        ({"month": "2026-13"}, 422),
        ({"month": "soon"}, 422),
        ({"month": "0001-01"}, 422),
        ({"month": "9999-12"}, 422),
        ({"month": "2026-12"}, 422),
        ({"month": "2026-10", "basis": "guess"}, 422),
    ):
        assert (await anna.ask("POST", "/api/v1/reports", body)).status == status, body
    made = await anna.ask("POST", "/api/v1/reports", {"month": "2026-10"})
    assert made.status == 201, await made.text()
    closing = await made.json()
    assert (closing["number"], closing["month"], closing["closed_by"]) == (1, "2026-10", "berta")
    assert (await anna.ask("POST", "/api/v1/reports", {"month": "2026-10"})).status == 409
    kept = await (await anna.get("/api/v1/reports/1")).json()
    assert kept["report"]["closed"] == 1
    assert [row["key"] for row in kept["report"]["rows"]] == ["gone-1", "gone-2"]
    live = await (await anna.get("/api/v1/reports/energy?from=2026-10-01&to=2026-10-31")).json()
    assert live["closed"] == 1
    assert live["rows"] == kept["report"]["rows"]
    assert (await anna.get("/api/v1/reports/2")).status == 404
    assert (await anna.get("/api/v1/reports/x")).status == 404
    carl = await house.signed_in("carl", "client")
    his = await (await carl.get("/api/v1/reports/1")).json()
    assert [row["key"] for row in his["report"]["rows"]] == ["gone-1"]
    assert [gap["missing_hours"] for gap in his["report"]["gaps"]] == [1.0]  # read by half, and booked
    lines = await table(carl, "/api/v1/reports/energy?from=2026-10-31&to=2026-10-31&format=csv")
    assert [line["missing_h"] for line in lines if line["line"] == "gap"] == ["1"]
    assert not his["closing"]["incomplete"]
    assert not (await (await carl.get("/api/v1/reports")).json())[0]["incomplete"]
    assert "volga" not in str(his)
    assert "0.1" not in str(his["report"]["total"]["charges"])
    other = await house.client("other")
    dora = await house.signed_in("dora", "client", client_id=other.id)
    assert await (await dora.get("/api/v1/reports")).json() == []
    assert (await dora.get("/api/v1/reports/1")).status == 404
    [event] = await house.events("report.closed")
    assert (event.category, event.params["month"]) == ("money", "2026-10")


async def test_a_month_with_missing_hours_is_closed_only_knowingly(house: House) -> None:
    anna = await house.signed_in()
    container = house.deeds.inventory.containers[0]
    house.deeds.pass_time(seconds=(datetime(2026, 12, 1, 5, tzinfo=UTC) - house.deeds.now).total_seconds())
    anna = await house.signed_in("berta", "accountant")
    await book(house, container.id, "acme", 2, begin=datetime(2026, 10, 31, 20, tzinfo=UTC))
    refused = await anna.ask("POST", "/api/v1/reports", {"month": "2026-10"})
    assert refused.status == 409
    problem = await refused.json()
    assert "2 hours of 2026-10 are not booked yet" in problem["detail"]
    assert [gap["container"] for gap in problem["gaps"] if gap["why"] == "not booked yet"] == [container.id]
    made = await anna.ask("POST", "/api/v1/reports", {"month": "2026-10", "incomplete": True})
    assert (await made.json())["incomplete"] is True
    days = await house.storage.ledger.open_days(container.id)
    assert days == []
    by_miner = await (
        await anna.get(f"/api/v1/reports/energy?from=2026-10-31&to={date(2026, 10, 31)}&by=miner")
    ).json()
    assert by_miner["total"]["energy_kwh"]["total"] == 2.0


async def test_a_month_of_which_nothing_is_booked_is_closed_only_knowingly(house: House) -> None:
    house.deeds.pass_time(seconds=(datetime(2026, 12, 1, 5, tzinfo=UTC) - house.deeds.now).total_seconds())
    berta = await house.signed_in("berta", "accountant")
    refused = await berta.ask("POST", "/api/v1/reports", {"month": "2026-10"})
    assert refused.status == 409
    assert "nothing of 2026-10 is booked" in (await refused.json())["detail"]
    made = await berta.ask("POST", "/api/v1/reports", {"month": "2026-10", "incomplete": True})
    assert (await made.json())["incomplete"] is True


async def test_meter_readings_are_entered_listed_and_withdrawn(house: House) -> None:
    anna = await house.signed_in()
    container = house.deeds.inventory.containers[0]
    at = house.deeds.now - timedelta(days=2)

    async def enter(hours: float, kwh: str, **more: Any) -> Any:
        body = {"container": container.id, "at": (at + hours * HOUR).isoformat(), "kwh": kwh, **more}
        return await anna.ask("POST", "/api/v1/meter-readings", body)

    first = await enter(0, "1 000,5")
    assert first.status == 201
    assert (await first.json())["kwh"] == "1000.5"
    assert (await enter(10, "1100")).status == 201
    for hours, kwh, more, words in (
        (20, "900", {}, "falls"),
        (5, "1200", {}, "falls"),
        (10, "1100", {}, "in the books already"),
        (400, "9000", {}, "still to come"),
        (20, "many", {}, "no figure"),
        (20, "1,234", {}, "write it as 1234 or as 1.234"),
    ):
        refused = await enter(hours, kwh, **more)
        assert refused.status == 422
        assert words in (await refused.json())["detail"]
    new = await (await enter(20, "3.25", replaced=True)).json()
    after = await (await enter(30, "50")).json()
    assert (await anna.ask("DELETE", f"/api/v1/meter-readings/{new['id']}")).status == 409
    for one in (after, new):
        assert (await anna.ask("DELETE", f"/api/v1/meter-readings/{one['id']}")).status == 204
        assert (await anna.ask("DELETE", f"/api/v1/meter-readings/{one['id']}")).status == 404
    listed = (await (await anna.get("/api/v1/meter-readings")).json())["items"]
    assert [(one["kwh"], one["withdrawn_by"]) for one in listed] == [
        ("50", "anna"),
        ("3.25", "anna"),
        ("1100", None),
        ("1000.5", None),
    ]
    assert len(await house.events("meter_reading.added")) == 4
    assert (
        await anna.ask(
            "POST", "/api/v1/meter-readings", {"container": "none", "at": at.isoformat(), "kwh": "1"}
        )
    ).status == 404


async def test_a_file_of_readings_is_taken_whole_or_not_at_all(house: House) -> None:
    anna = await house.signed_in()
    name = house.deeds.inventory.containers[0].name

    async def send(text: str, query: str = "") -> Any:
        return await anna.ask(
            "POST",
            f"/api/v1/meter-readings/import{query}",
            data=text.encode(),
            headers={"Content-Type": "text/csv"},
        )

    day = house.deeds.now.date() - timedelta(days=10)
    dates = [day + timedelta(days=number) for number in range(5)]
    wrong = "\r\n".join(
        [
            "container;at;kwh;replaced",
            f"{name};{dates[0]};100,5;",
            f"{name};31.02.2026;101;",
            f"{name};{dates[1]};;",
            f"{name};{dates[2]};90;",
            f"{name};{dates[3]};300;",
            f"{name};{dates[3]};300;",
            f"nobody;{dates[4]};1;",
        ]
    )
    refused = await send(wrong)
    assert refused.status == 422
    problem = await refused.json()
    assert [one["at"] for one in problem["errors"]] == ["line 3", "line 4", "line 5", "line 7", "line 8"]
    assert (await (await anna.get("/api/v1/meter-readings")).json())["total"] == 0
    right = f"container;at;kwh;replaced\n{name};{dates[0]};100,5;\n{name};{dates[2]};2,5;yes\n"
    looked = await send(right, "?dry_run=1")
    assert [one["kwh"] for one in (await looked.json())["readings"]] == ["100.5", "2.5"]
    assert (await (await anna.get("/api/v1/meter-readings")).json())["total"] == 0
    assert (await send(right)).status == 200
    assert (await (await anna.get("/api/v1/meter-readings")).json())["total"] == 2
    again = await send(right)
    assert [one["at"] for one in (await again.json())["errors"]] == ["line 2", "line 3"]
    [event] = await house.events("meter_readings.imported")
    assert event.params["readings"] == 2


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("from=2027-05-01&to=2027-05-31", 0),
        ("from=2026-10-03&to=2026-10-03&container=nowhere", 0),
        ("from=2026-10-03&to=2026-10-03&client=nobody", 0),
        ("from=2026-10-03&to=2026-10-03&by=miner&miner=far-1.nothing", 0),
        ("from=2026-10-03&to=2026-10-03", 1),
    ],
)
async def test_a_wish_for_what_is_not_there_is_an_empty_report(house: House, query: str, rows: int) -> None:
    await book(house, "far-1", "acme", 2)
    anna = await house.signed_in()
    asked = await anna.get(f"/api/v1/reports/energy?{query}")
    assert asked.status == 200, await asked.text()
    made = await asked.json()
    assert len(made["rows"]) == rows
    assert made["total"]["energy_kwh"]["total"] == 2.0 * rows
    if not rows:
        assert made["total"]["coverage_ratio"] is None
        assert made["total"]["cost"] == []
    lines = await table(anna, f"/api/v1/reports/energy?{query}&format=csv")
    assert [line["line"] for line in lines if line["line"] == "total"] == ["total"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the head line lacks container, at, kwh"),
        (b"\xef\xbb\xbf\r\n\r\n", "the head line lacks container, at, kwh"),
        (b"container;at;kwh\r\n", "no reading stands beneath the head"),
        ("container;at;kwh\r\nnobody;gestern;1.234,5".encode("utf-16"), "there is no container nobody"),
        (b"container;at;kwh\n\xff\xfe\xfa;2026-10-01;1", "it is not UTF-8 text"),
    ],
)
async def test_a_file_that_is_none_is_refused_in_words(house: House, raw: bytes, words: str) -> None:
    anna = await house.signed_in()
    sent = await anna.ask(
        "POST", "/api/v1/meter-readings/import", data=raw, headers={"Content-Type": "text/csv"}
    )
    assert sent.status == 422
    assert words in (await sent.json())["errors"][0]["detail"]
    assert (await (await anna.get("/api/v1/meter-readings")).json())["total"] == 0
