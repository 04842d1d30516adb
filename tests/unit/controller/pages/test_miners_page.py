"""The page of all miners over a real socket: filters from the address, order, parts, columns, ticks, CSV, what changes."""

import csv
import io
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.api import stream_routes
from controller.deeds import Source
from controller.model import ServiceMark
from miners.model import Board, Snapshot
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.pages.fleet_with_pages import BORIS, ChangedDeeds, full_snapshot, main, page
from tests.unit.controller.pages.reading_pages import Element, read_page


def rows(found: Element) -> list[list[str]]:
    return [
        [cell.words for cell in row.inside if "tick" not in cell.attributes.get("class", "")]
        for row in found.one("table").one("tbody").all("tr")
    ]


def names(found: Element) -> list[str]:
    return [row[0] for row in rows(found)]


async def test_the_list_shows_every_miner_with_what_it_reports(fleet: FleetHouse) -> None:
    found = await page(await fleet.house.signed_in(), "/miners")
    assert names(found) == ["a1", "a2", "b1"]
    assert rows(found)[0] == [
        "a1",
        "Container 1",
        "mining",
        "66.1",
        "63.6",
        "2,210",
        "33.4",
        "72",
        "2/3",
        "volga.a6",
        "normal ✓",
        "< 10 s",
    ]
    assert rows(found)[1][2:6] == ["unreachable", "–", "–", "–"]
    assert "1–3 of 3" in main(found)
    assert found.one("a", href="/miners/new").words == "Add miner"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=mining", ["a1"]),
        ("state=mining&state=unreachable", ["a1", "a2"]),
        ("container=container-2", ["b1"]),
        ("container=Container+2", ["b1"]),
        ("model=s19j+pro", ["a1"]),
        ("fault=J0:2", ["a1"]),
        ("hotter_than_c=71,5", ["a1"]),
        ("hotter_than_c=72.5", []),
        ("below_ratio=0.9", ["a1"]),
        ("matches=True", ["a1"]),
        ("service=true", ["b1"]),
        ("q=10.1.8", ["b1"]),
        ("q=VOLGA", ["a1"]),
        ("q=&state=&model=&hotter_than_c=", ["a1", "a2", "b1"]),
        ("utm_source=messenger", ["a1", "a2", "b1"]),
    ],
)
async def test_filters_stand_in_the_address(fleet: FleetHouse, query: str, expected: list[str]) -> None:
    fleet.deeds.marks["container-2.b1"] = ServiceMark(
        miner="container-2.b1", reason="fans", created_by=BORIS, created_at=fleet.deeds.now
    )
    found = await page(await fleet.house.signed_in(), f"/miners?{query}")
    assert (names(found) if found.all("table") else []) == expected
    if not expected:
        assert "No miner matches." in main(found)


async def test_each_filter_in_force_has_a_link_that_takes_it_away(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    found = await page(browser, "/miners?state=mining&state=fault&q=volga&below_ratio=0.9&sort=-power_w")
    chips = {chip.words: chip.attributes["href"] for chip in found.one("ul", class_="chips").all("a")}
    assert list(chips) == [
        "State: mining",
        "State: fault",
        "Below 90.0 % of nominal",
        "Search: volga",
        "Clear filters",
    ]
    assert chips["State: mining"] == "/miners?state=fault&below_ratio=0.9&q=volga&sort=-power_w"
    left = await page(browser, chips["Search: volga"])
    assert "Search: volga" not in main(left)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=bogus", "State: bogus: it is none of mining"),
        ("matches=perhaps", "In its profile: perhaps: it is true or false"),
        ("hotter_than_c=nan", "nan: it is no number"),
        ("hotter_than_c=1e9", "it is at most 300"),
        ("container=nowhere", "Container: nowhere: there is no such container"),
        ("sort=beauty", "Order: beauty: there is no such column"),
        ("page=0", "Page: 0: it is a number from 1"),
        ("page=99999999999999999999", "it is a number from 1"),
        ("stale=true&stale=false&state=mining", "Reading too old: false: give it once"),
        ("q=%00", "it has characters that are not allowed"),
        (f"q={'x' * 201}", "it has at most 200 characters"),
        ("q=%3Cscript%3E%E2%80%AE" + "y" * 200, "<script>"),
    ],
)
async def test_a_bad_value_is_named_and_the_rest_is_used(fleet: FleetHouse, query: str, told: str) -> None:
    found = await page(await fleet.house.signed_in(), f"/miners?{query}&model=S19j+Pro")
    assert told in found.one("div", class_="notice", role="alert").words
    assert "Model: S19j Pro" in main(found)


async def test_columns_sort_both_ways_and_what_is_absent_is_last(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", power_w=900.0)
    browser = await fleet.house.signed_in()
    for sort, expected in (("power_w", ["b1", "a1", "a2"]), ("-power_w", ["a1", "b1", "a2"])):
        found = await page(browser, f"/miners?sort={sort}")
        assert names(found) == expected
        (head,) = [one for one in found.all("th", scope="col") if "aria-sort" in one.attributes]
        assert head.attributes["aria-sort"] == ("descending" if sort[0] == "-" else "ascending")
        turned = head.one("a").attributes["href"]
        assert turned == ("/miners?sort=power_w" if sort[0] == "-" else "/miners?sort=-power_w")
    for head in (await page(browser, "/miners")).one("thead").all("a"):
        assert len(names(await page(browser, head.attributes["href"]))) == 3


async def large(make_house: MakeHouse, tmp_path: Path, number: int, **more: Any) -> FleetHouse:
    miners = "".join(
        f"  - {{name: m{at:05}, address: 10.1.{at // 250}.{at % 250 + 1}}}\n" for at in range(number)
    )
    hand = f"networks: [10.1.0.0/16]\ncontainers:\n- name: Large\n  client: acme\n  miners:\n{miners}"
    return await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds, **more)


async def test_a_hundred_rows_are_a_page_and_pages_have_numbers(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await large(make_house, tmp_path, 730)
    browser = await fleet.house.signed_in()
    found = await page(browser, "/miners?sort=-name&page=4")
    assert len(rows(found)) == 100
    assert "301–400 of 730" in main(found)
    links = found.one("nav", class_="page-links")
    assert links.words == "1 2 3 4 5 6 … 8"
    assert links.one("a", **{"aria-current": "page"}).words == "4"
    assert names(await page(browser, "/miners?sort=-name&page=99"))[-1] == "m00000"
    whole = await browser.get("/miners")
    assert len(zlib.compress(await whole.read(), 6)) < 60_000


async def test_rows_are_ticked_and_sent_to_be_confirmed(fleet: FleetHouse) -> None:
    found = await page(await fleet.house.signed_in(), "/miners?state=mining&sort=name")
    form = found.one("form", id="chosen")
    assert form.attributes["method"] == "post"
    assert form.one("input", name="csrf").attributes["value"]
    assert [one.attributes["value"] for one in form.all("input", name="miner")] == ["container-1.a1"]
    match = form.one("input", name="filter")
    assert match.attributes["value"] == "state=mining"
    assert match.parent is not None
    assert match.parent.words == "All 1 that match"
    assert {button.attributes["formaction"] for button in form.all("button")} >= {
        "/deeds/curtail",
        "/deeds/reboot",
        "/deeds/poll",
    }


async def test_who_commands_nothing_ticks_nothing(fleet: FleetHouse) -> None:
    for role in ("accountant", "client"):
        found = await page(await fleet.house.signed_in(f"one-{role}", role), "/miners")
        assert not found.all("input", name="miner")
        assert not found.one("form", id="chosen").all("button")
        assert not found.all("a", href="/miners/new")


async def test_a_client_sees_his_own_and_no_addresses(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1")
    browser = await fleet.house.signed_in("klara", "client")
    found = await page(browser, "/miners")
    assert names(found) == ["a1", "a2"]
    assert "of 2" in main(found)
    for query in ("q=10.1.7.1", "container=container-2"):
        text = await (await browser.get(f"/miners?{query}")).text()
        assert "b1" not in main(read_page(text))
        assert "Container 2" not in text
    told = await page(browser, "/miners?sort=address")
    assert "there is no such column" in main(told)
    assert "Address" not in main(told)
    lines = await (await browser.get("/miners.csv")).text()
    assert "10.1.7" not in lines
    assert "SMT0123" not in lines
    assert "b1" not in lines


async def test_columns_are_chosen_and_kept_with_the_account(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    csrf = (await page(browser, "/miners")).one("form", action="/miners/columns").one("input", name="csrf")
    fields = [("csrf", csrf.attributes["value"]), ("column", "address"), ("column", "model"), ("column", "x")]
    answer = await browser.ask(
        "POST", "/miners/columns", data=[*fields, ("back", "state=mining&page=1&next=//evil")]
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/miners?state=mining")
    found = await page(browser, "/miners")
    heads = [one.words for one in found.one("table").all("th", scope="col")][1:]
    assert heads == ["Name", "State", "Model", "Address"]
    assert rows(found)[0] == ["a1", "mining", "S19j Pro", "10.1.7.1"]
    other = await page(await fleet.house.signed_in("boris"), "/miners")
    assert "Address" not in [one.words for one in other.one("table").all("th", scope="col")]
    await browser.ask("POST", "/miners/columns", data=[("csrf", csrf.attributes["value"])])
    assert "Container" in [one.words for one in (await page(browser, "/miners")).all("th", scope="col")]


async def test_the_same_list_as_csv(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    found = await page(browser, "/miners?state=mining&sort=-power_w")
    (plain, excel) = [one.attributes["href"] for one in found.all("a") if "csv" in one.attributes["href"]]
    assert (plain, excel) == (
        "/miners.csv?state=mining&sort=-power_w",
        "/miners.csv?state=mining&sort=-power_w&excel=1",
    )
    response = await browser.get(plain)
    assert response.headers["Content-Disposition"] == 'attachment; filename="miners.csv"'
    (line,) = csv.DictReader(io.StringIO(await response.text(), newline=""))
    assert (line["id"], line["hashrate_hs"], line["power_w"]) == ("container-1.a1", "66100000000000", "2210")
    assert line["taken_at"].endswith("Z")
    assert line["address"] == "10.1.7.1"
    assert line["inlet_c"] == ""
    assert line["profile_matches"] == "true"


async def test_csv_for_excel_is_as_the_language_opens_it(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-1.a1", power_w=2210.5)
    english = await fleet.house.signed_in()
    russian = await fleet.house.signed_in("olga", language="ru")
    first = await (await english.get("/miners.csv?excel=1&state=mining")).read()
    other = (await (await russian.get("/miners.csv?excel=1&state=mining")).read()).decode("utf-8-sig")
    assert first.startswith(b"\xef\xbb\xbfid,name,")
    assert b",2210.5," in first
    assert other.startswith("id;name;")
    assert ";2210,5;" in other


async def test_no_cell_of_csv_is_a_formula(fleet: FleetHouse) -> None:
    last = fleet.deeds.readings["container-1.a1"]
    assert isinstance(last, Snapshot)
    pool = msgspec.structs.replace(last.pools[0], user='=HYPERLINK("http://evil")')
    fleet.deeds.readings["container-1.a1"] = msgspec.structs.replace(last, pools=(pool,))
    browser = await fleet.house.signed_in()
    (line,) = csv.DictReader(io.StringIO(await (await browser.get("/miners.csv?state=mining")).text()))
    assert line["pool_user"] == '\'=HYPERLINK("http://evil")'


async def test_names_of_strangers_stay_text(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = (
        "networks: [10.1.0.0/16]\ncontainers:\n- name: '<b>{{7*7}}</b> gnol'\n  id: odd\n"
        "  miners: [{name: '<script>alert(1)</script>', address: 10.1.1.1}]\n"
    )
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    text = await (await (await fleet.house.signed_in()).get("/miners")).text()
    found = read_page(text)
    assert names(found) == ["<script>alert(1)</script>"]
    assert "{{7*7}}" in main(found)
    assert "<script>alert" not in text
    assert "<b>{{" not in text


async def test_the_exporter_away_dims_and_dates_what_is_shown(fleet: FleetHouse) -> None:
    deeds: Any = fleet.deeds
    deeds.altered["container-1.a1"] = {"stale": True}
    deeds.origin_of_readings = Source(state="away", since=fleet.deeds.now, reason="no answer")
    fleet.deeds.pass_time(minutes=14)
    found = await page(await fleet.house.signed_in(), "/miners")
    row = found.one("table").one("tbody").all("tr")[0]
    assert row.attributes["data-state"] == "old"
    assert row.one("td", class_="age").words.replace("\u00a0", " ") == "14 min"
    assert row.one("path").attributes["d"].count("M") == 2  # hollow


async def test_a_fleet_without_miners_says_what_to_do(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = "networks: [10.1.0.0/16]\ncontainers: [{name: Bare}]\n"
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    found = await page(await fleet.house.signed_in(), "/miners")
    assert "No miners yet." in main(found)
    assert [one.attributes["href"] for one in found.one("div", class_="empty").all("a")] == ["/miners/new"]
    other = await page(await fleet.house.signed_in("klara", "client"), "/miners")
    assert "No miners are assigned to you" in main(other)


async def places(browser: Browser, found: Element) -> dict[str, Any]:
    name = found.one("body").attributes["data-live-page"]
    response = await browser.get("/live/now", params={"page": name})
    assert response.status == 200, await response.text()
    answer: dict[str, Any] = await response.json()
    return answer


async def test_the_rows_shown_are_kept_up_to_date_in_their_order(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 0.0)
    fleet.deeds.snapshot("container-2.b1", power_w=900.0)
    browser = await fleet.house.signed_in()
    found = await page(browser, "/miners?sort=-power_w&state=mining")
    now = await places(browser, found)
    assert now["texts"]["m.container-1.a1.power_w"] == "2,210"
    assert now["hidden"]["l.note"] is True
    shown = {
        key: place.words
        for place in found.all()
        if (key := place.attributes.get("data-live", ""))[:2] == "m."
    }
    assert shown == {
        key: " ".join(text.split()) for key, text in now["texts"].items() if key.startswith("m.")
    }
    fleet.deeds.snapshot("container-1.a2")
    fleet.deeds.snapshot("container-1.a1", power_w=100.0, state="fault")
    now = await places(browser, found)
    assert now["texts"]["m.container-1.a1.power_w"] == "100"
    assert now["texts"]["m.container-1.a1.state"] == "fault"
    assert now["states"]["m.container-1.a1.mark"] == "fault"
    assert "m.container-1.a2.power_w" not in now["texts"]
    assert now["texts"]["l.news"] == "1 new match"


async def test_the_stream_shows_nobody_anothers_miners(fleet: FleetHouse) -> None:
    client = await fleet.house.signed_in("klara", "client")
    response = await client.get(
        "/live/now", params={"page": "miners:rows=container-2.b1!container-1.a1&columns=address.power_w"}
    )
    found = await response.json()
    assert not any(".b1" in key or "address" in key for key in found["texts"])


async def test_readings_grow_old_in_words(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    for seconds, told in ((0, "< 10 s"), (24, "20 s"), (60, "1 min")):
        fleet.deeds.now += timedelta(seconds=seconds)
        found = await page(browser, "/miners?state=mining")
        assert rows(found)[0][-1].replace("\u00a0", " ") == told


async def test_a_name_in_the_stream_with_a_number_beyond_all_numbers_is_read_all_the_same(
    fleet: FleetHouse,
) -> None:
    browser = await fleet.house.signed_in()
    name = f"miners:rows=container-1.a1&total={'9' * 5000}"
    response = await browser.get("/live/now", params={"page": name})
    assert response.status == 200, await response.text()


async def test_boards_that_are_not_reported_are_not_counted_as_none(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    for boards, told in (((), "–"), ((Board(0), Board(1)), "–"), ((Board(0, hashrate_hs=0.0),), "0/3")):
        full_snapshot(fleet, boards=boards)
        found = await page(browser, "/miners")
        assert rows(found)[0][8] == told
    exact = csv.DictReader(io.StringIO(await (await browser.get("/miners.csv")).text()))
    assert next(exact)["boards_ok"] == "0"


async def test_a_small_hash_rate_is_not_written_as_none(fleet: FleetHouse) -> None:
    full_snapshot(fleet, hashrate_hs=20e6)
    found = await page(await fleet.house.signed_in(), "/miners")
    assert rows(found)[0][3].replace("\u00a0", " ") == "< 0.0001"
