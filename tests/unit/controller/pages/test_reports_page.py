"""The page of reports over real books: figures as the books have them, each leading on, a client's own part alone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from controller.accounting.model import Energy
from controller.model import Role
from controller.pages.language import words
from controller.pages.report_rows import shown_row
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.booked_fleet import NOW, book, read_meter
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page
from tests.unit.controller.pages.reading_pages import Element, read_page
from tests.unit.controller.pages.sample_reports import row

OCTOBER = "/reports?month=2026-10"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(found)
    return found


def table(found: Element, number: int = 0) -> dict[str, dict[str, str]]:
    """Return a table of the page: by the name of its line, what stands under each head."""
    rows = found.all("table", class_="book-rows")[number].all("tr")[1:]
    return {
        (row.all("th")[0].all("bdi") or row.all("th"))[0].words: {
            cell.attributes["data-head"]: cell.words for cell in row.all("td")
        }
        for row in rows
    }


def lead(found: Element, name: str) -> str:
    cells = found.all("table", class_="book-rows")[0].all("th", scope="row")
    return next(cell.one("a").attributes["href"] for cell in cells if cell.one("a").words == name)


async def test_figures_stand_as_the_books_have_them(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), OCTOBER)
    lines = table(found)
    one, two, total = (lines[name] for name in ("Container 1", "Container 2", "Together"))
    assert (one["Energy"], one["Estimated of it"], one["Coverage"]) == ("36.000", "≈ 9.000", "100.0 %")
    assert one["Cost"] == "RUB 183.60"
    assert one["By price"] == "36.000 kWh at 5.10 RUB/kWh (Grid)"
    assert (two["Energy"], two["Estimated of it"], two["Coverage"]) == ("5.400", "0", "50.0 %")
    assert two["Cost"] == "$0.33"
    assert total["Energy"] == "41.400"
    assert total["Cost"] == "RUB 183.60; $0.33"
    time = table(found, 1)["Container 1"]
    assert (time["hashing"], time["curtailed"], time["Hashing"]) == ("10.0", "2.0", "100.0 %")
    assert "measured 75.0" in found.all("svg", class_="source-bar")[0].attributes["aria-label"]


async def test_what_a_line_says_on_a_phone_stands_in_one_piece(fleet: FleetHouse) -> None:
    # There a cell is its head and its words beside it: each further piece would be a column of its own.
    browser = await fleet.browser("olga", "accountant")
    await read_meter(fleet, "container-1", (datetime(2026, 10, 1, tzinfo=UTC), "1"))
    for path in (f"{OCTOBER}&by=container", f"{OCTOBER}&by=day", "/meters"):
        cells = [cell for cell in (await page(browser, path)).all("td") if "data-head" in cell.attributes]
        assert cells
        assert {cell.attributes["data-head"]: cell.words for cell in cells if cell.pieces > 1} == {}


async def test_many_lines_stay_lines_on_a_phone_with_what_counts_first(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(fleet, days=8)
    browser = await fleet.browser("olga", "accountant")
    assert not (await page(browser, OCTOBER)).all("table", class_="dense")
    energy, time = (await page(browser, f"{OCTOBER}&by=day")).all("table", class_="dense")
    assert len(energy.all("th", scope="row")) == len(time.all("th", scope="row")) == 9
    assert [head.words for head in energy.all("th", class_="first")] == ["Energy kWh", "Coverage", "Cost"]


def test_what_nobody_read_is_a_dash_and_what_was_read_as_nothing_is_nought() -> None:
    given: dict[str, Any] = {"energy_kwh": Energy(0.0, 0.0, 0.0), "measured_ratio": None, "peak_hour_w": 0.0}
    unread = shown_row(row(coverage_ratio=0.0, **given), words("en"), UTC)
    assert (unread.energy, unread.peak_hour) == ("–", "–")
    asleep = shown_row(row(coverage_ratio=0.9, **given), words("en"), UTC)
    assert (asleep.energy, asleep.peak_hour) == ("0.000", "0\u00a0W")


async def test_each_figure_leads_to_what_it_is_made_of(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    found = await page(browser, f"{OCTOBER}&by=client")
    assert set(table(found)) == {"Acme", "Borealis", "Together"}
    for step, expected in (
        ("Acme", {"Container 1"}),
        ("Container 1", {"Thu 1 Oct 2026", "Fri 2 Oct 2026", "Sat 3 Oct 2026"}),
        ("Fri 2 Oct 2026", {"Container 1/a1", "Container 1/a2"}),
        ("Container 1/a2", {"Fri 2 Oct 2026"}),
    ):
        found = await page(browser, lead(found, step))
        assert set(table(found)) - {"Together"} == expected
    assert table(found)["Fri 2 Oct 2026"]["Energy"] == "6.000"
    assert not found.all("table", class_="book-rows")[0].all("th", scope="row")[0].all("a")


async def test_a_client_reads_his_own_part_and_no_prices(fleet: FleetHouse) -> None:
    browser = await fleet.browser("clara", "client")
    found = await page(browser, f"{OCTOBER}&client=borealis&container=container-2")
    assert set(table(found)) == {"Container 1", "Together"}
    assert table(found)["Together"]["Energy"] == "36.000"
    text = main(found)
    assert "RUB" not in text
    assert "5.10" not in text
    assert "Cost" not in table(found)["Together"]
    told = [one.words for one in found.one("div", class_="notice", role="alert").all("li")]
    assert told == [
        "Container: container-2: there is no such container",
        "Client: borealis: there is no such client",
    ]
    for text in ("orealis", "ontainer 2", "5.400"):
        assert text not in main(await page(browser, OCTOBER))


async def test_a_day_without_a_row_is_open_in_the_chart_and_gaps_are_named(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), OCTOBER)
    charts = found.all("figure", class_="bar-chart")
    assert [one.one("strong").words for one in charts] == ["Energy", "Cost", "Cost"]
    assert len(charts[0].all("rect", class_="bar-measured")) == 3 + 1  # the key has one
    assert len(charts[0].all("details")[0].all("tr")) == 1 + 31
    gaps = found.one("section", class_="gaps").words
    assert "Container 2" in gaps
    assert "3 Oct 2026, 02:00 to 1 Nov 2026, 00:00" in gaps


async def test_what_the_meter_says_stands_beside_the_sum(fleet: FleetHouse) -> None:
    begin, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, 2, tzinfo=UTC)
    await read_meter(fleet, "container-1", (begin, "1000"), (end, "1011"))
    found = await page(await fleet.browser("olga", "accountant"), OCTOBER)
    assert table(found)["Container 1"]["Meter"] == "11.000 +9.1 % look into it 1 Oct 2026, 00:00–02:00"
    assert table(found)["Container 2"]["Meter"] == "–"


async def test_nothing_there_is_said_so(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), "/reports?month=2025-01")
    assert "No readings in this period." in main(found)
    assert not found.all("table", class_="book-rows")


async def test_a_long_report_comes_in_parts(fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.pages.report_page_routes.ROWS", 2)
    browser = await fleet.browser("olga", "accountant")
    found = await page(browser, f"{OCTOBER}&by=miner")
    assert set(table(found)) == {"Container 1/a1", "Container 1/a2", "Together"}
    assert table(found)["Together"]["Energy"] == "41.400"
    found = await page(browser, found.one("a", rel="next").attributes["href"])
    assert set(table(found)) == {"Container 2/b1", "Together"}
    assert set(table(await page(browser, f"{OCTOBER}&by=miner&page=99"))) == {"Container 2/b1", "Together"}


async def test_files_are_of_the_same_report(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("olga", "accountant"), f"{OCTOBER}&by=day&container=container-1")
    links = [one.attributes["href"] for one in found.all("a") if "download" in one.attributes]
    assert [urlsplit(one).path for one in links] == ["/api/v1/reports/energy"] * 2
    asked = [dict(parse_qsl(urlsplit(one).query)) for one in links]
    same = {"from": "2026-10-01", "to": "2026-10-31", "by": "day", "container": "container-1"}
    assert asked == [{**same, "format": "csv"}, {**same, "format": "excel"}]


async def home(fleet: FleetHouse, browser: Browser) -> Element:
    """Return the first page once its sums are there: the first time they may be late."""
    found = await page(browser, "/")
    for _ in range(50):
        if "being added up" not in main(found):
            return found
        found = await page(browser, "/")
    raise AssertionError("the sums never came")


async def test_the_accountant_sees_months_and_what_waits_first(fleet: FleetHouse) -> None:
    await read_meter(fleet, "container-1", (datetime(2026, 10, 1, tzinfo=UTC), "1000"))
    found = await home(fleet, await fleet.browser("olga", "accountant"))
    box = found.one("section", class_="money-home")
    november, october = box.all("section", class_="card")
    assert november.one("h2").words == "November 2026 so far"
    assert "No readings in this period." in november.words
    rows = [[cell.words for cell in row.inside if cell.tag in ("th", "td")] for row in october.all("tr")[1:]]
    assert rows == [
        ["Acme", "36.000 ≈ in part", "100.0 %", "RUB 183.60"],
        ["Borealis", "5.400", "50.0 %", "$0.33"],
    ]
    assert "Not closed yet." in october.words
    # 738 hours of each container are not booked; of six booked ones half of the time is missing.
    assert "times without readings, 61 d 15 h in all" in october.words.replace("\u00a0", " ")
    assert "1 meter was not read this month: Container 1" in box.words


async def test_the_client_sees_his_own_in_plain_words_and_no_cost(fleet: FleetHouse) -> None:
    fleet.deeds.now = NOW.replace(month=10, day=3, hour=23)
    found = await home(fleet, await fleet.browser("clara", "client"))
    own = found.one("table", class_="own-containers")
    rows = [[cell.words for cell in row.inside if cell.tag in ("th", "td")] for row in own.all("tr")[1:]]
    assert [[row[0], *row[3:]] for row in rows] == [
        ["Container 1", "12.000 ≈ in part", "36.000 ≈ in part", "100.0 %"]
    ]
    assert "Cost" not in own.words
    assert "orealis" not in main(found)


@pytest.mark.parametrize(("name", "role"), [("olga", "accountant"), ("clara", "client")])
async def test_sums_that_the_first_byte_did_not_wait_for_come_behind_it(
    fleet: FleetHouse, name: str, role: Role
) -> None:
    fleet.deeds.now = NOW.replace(month=10, day=3, hour=23)
    browser = await fleet.browser(name, role)
    part = await browser.get("/", headers={"X-Part": "1"})
    assert part.headers["X-Part"] == "sums"
    said = read_page(await part.text())
    assert not said.all("h1")
    assert "being added up" not in said.words
    assert "36.000" in said.one("section", class_="money-home").words


async def test_an_administrator_has_the_fleet_first(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("anna"), "/")
    assert not found.all("section", class_="money-home")


@pytest.mark.parametrize(
    "query",
    [
        "from=9999-12-01&to=9999-12-31",
        "from=0001-01-01&to=0001-01-31",
        "from=1900-01-01",
        "month=9999-12",
        "from=2026-10-31&to=2026-10-01",
        "from=yesterday&container=nowhere",
    ],
)
async def test_a_period_that_cannot_be_is_told_and_harmless(fleet: FleetHouse, query: str) -> None:
    found = await page(await fleet.browser("olga", "accountant"), f"/reports?{query}")
    told = [one.words for one in found.one("div", class_="notice", role="alert").all("li")]
    assert told
    assert "Together" in main(found) or "No readings in this period." in main(found)
