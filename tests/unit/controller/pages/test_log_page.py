"""The page of the record over a real socket: filters from the address, days, folded operations, details, CSV, news."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest

from controller.api import stream_routes
from controller.events import EventFilter
from controller.model import SCHEDULE, SYSTEM, Actor, Event, new_id
from controller.storage.faults import StorageAway
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.fleet_with_pages import BORIS, main, page
from tests.unit.controller.pages.reading_pages import Element

OPERATION = "op_01J0000000000000000000000A"


async def put(fleet: FleetHouse, kind: str, *, minutes: float = 0, **more: Any) -> Event:
    given: dict[str, Any] = {
        "id": new_id("evt"),
        "at": fleet.deeds.now - timedelta(minutes=minutes),
        "category": kind.split(".", maxsplit=1)[0],
        "kind": kind,
        "actor": BORIS,
    } | more
    event = Event(**given)
    await fleet.house.storage.events.add(event)
    return event


async def of_an_hour(fleet: FleetHouse) -> None:
    """Put a few lines of several days and people into the record."""
    own = {"container": "container-1", "client": "acme"}
    await put(
        fleet,
        "override.created",
        minutes=60 * 30,
        category="command",
        params={"profile": "curtail", "reason": "breaker 2"},
        **own,
    )
    await put(fleet, "doubt.begun", minutes=50, category="system", actor=SYSTEM, params={"detail": "clock"})
    await put(
        fleet,
        "miner.changed",
        minutes=40,
        category="inventory",
        miner="container-1.a1",
        miner_address="10.1.7.1",
        before={"model": "S19", "row": 1},
        after={"model": "S19j Pro", "row": 1},
        request_id="01J7",
        address="10.9.9.9",
        outcome="ok",
        **own,
    )
    await put(
        fleet,
        "command.finished",
        minutes=30,
        miner="container-1.a2",
        params={"action": "wake", "detail": "no"},
        outcome="refused",
        **own,
    )


def sentences(found: Element) -> list[str]:
    return [one.words for one in found.one("table").all("summary")]


def no_sign_in(query: str = "") -> str:
    """Return the page's address without the lines of who signed in."""
    kept = "&".join(f"category={one}" for one in ("command", "schedule", "state", "inventory", "system"))
    return f"/log?{kept}" + (f"&{query}" if query else "")


async def test_the_newest_stands_first_under_its_day(fleet: FleetHouse) -> None:
    await of_an_hour(fleet)
    found = await page(await fleet.house.signed_in(), no_sign_in())
    assert sentences(found) == [
        "Wake: refused: no",
        "Changed in the inventory",
        "In doubt, nothing is sent: clock",
        "Override begun: curtail: breaker 2",
    ]
    assert [one.words for one in found.all("th", scope="rowgroup")] == [
        "Today, 2 Mar 2026",
        "Yesterday, 1 Mar 2026",
    ]
    assert "4 events" in main(found)
    cells = [cell.words for cell in found.one("table").all("tbody")[0].all("tr")[1].all("td")]
    assert cells[0] == "11:30:00"
    assert cells[1] == "boris"
    assert cells[3:] == ["a2, Container 1", "refused"]


def details(found: Element) -> dict[str, str]:
    return {name.words: value.words for name, value in zip(found.all("dt"), found.all("dd"), strict=True)}


async def test_details_say_what_changed_and_from_where(fleet: FleetHouse) -> None:
    await of_an_hour(fleet)
    path = "/log?category=inventory"
    told = details(await page(await fleet.house.signed_in(), path))
    assert told["model"] == "S19 → S19j Pro"
    assert "row" not in told
    assert told["Asked from"] == "10.9.9.9"
    assert told["Request"] == "01J7"
    other = details(await page(await fleet.house.signed_in("felix", "accountant"), path))
    assert other["model"] == "S19 → S19j Pro"
    assert "10.9.9.9" not in other.values()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("actor=Hashyard", ["In doubt, nothing is sent: clock"]),
        ("actor=usr_boris&outcome=ok", ["Changed in the inventory"]),
        ("miner=a2", ["Wake: refused: no"]),
        ("miner=container-1.a2", ["Wake: refused: no"]),
        ("container=Container+1&category=inventory", ["Changed in the inventory"]),
        ("kind=override.created", ["Override begun: curtail: breaker 2"]),
        ("outcome=refused", ["Wake: refused: no"]),
        ("q=BREAKER", ["Override begun: curtail: breaker 2"]),
        ("to=2026-03-01", ["Override begun: curtail: breaker 2"]),
        ("from=2026-03-02T11:20:00Z&category=command", ["Wake: refused: no"]),
        ("from=2026-03-01&to=2026-03-01&q=", ["Override begun: curtail: breaker 2"]),
        ("operation=op_x", []),
    ],
)
async def test_filters_stand_in_the_address(fleet: FleetHouse, query: str, expected: list[str]) -> None:
    await of_an_hour(fleet)
    found = await page(await fleet.house.signed_in(), f"/log?{query}")
    assert (sentences(found) if found.all("table") else []) == expected
    if not expected:
        assert "Nothing in this period." in main(found)
        assert found.one("div", class_="empty").one("a").attributes["href"] == "/log"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("category=gossip", "What: gossip: there is no such group of events"),
        ("kind=no.such", "there is no such kind of event"),
        ("outcome=grand", "there is no such outcome"),
        ("from=soon", "From: soon: it is no date such as 2026-03-01"),
        ("to=9999-12-31", "it is no date"),
        ("from=0001-01-01", "it is no date"),
        ("from=2026-03-02&to=2026-03-01", "To: 2026-03-01: it ends before it begins"),
        ("q=one&q=two", "Text: two: give it once"),
        ("cursor=nonsense", "Place in the list: nonsense: it leads nowhere"),
        ("q=%00", "no text"),
    ],
)
async def test_a_bad_value_is_named_and_the_rest_is_used(fleet: FleetHouse, query: str, told: str) -> None:
    await of_an_hour(fleet)
    found = await page(await fleet.house.signed_in(), f"/log?actor=boris&{query}")
    assert told in found.one("div", class_="notice", role="alert").words
    assert "Who: boris" in found.one("ul", class_="chips").words


async def test_each_filter_in_force_can_be_taken_away(fleet: FleetHouse) -> None:
    found = await page(await fleet.house.signed_in(), "/log?category=command&outcome=ok&q=a+b")
    chips = {chip.words: chip.attributes["href"] for chip in found.one("ul", class_="chips").all("a")}
    assert chips == {
        "What: Commands and overrides": "/log?outcome=ok&q=a+b",
        "Outcome: done": "/log?category=command&q=a+b",
        "Text: a b": "/log?category=command&outcome=ok",
        "Clear filters": "/log",
    }


async def test_the_lines_of_an_operation_fold_into_one(fleet: FleetHouse) -> None:
    more: dict[str, Any] = {"operation_id": OPERATION, "container": "container-1", "actor": SCHEDULE}
    await put(fleet, "schedule.period_begun", minutes=5, params={"profile": "curtail", "miners": 300}, **more)
    await put(
        fleet,
        "operation.started",
        minutes=5,
        category="command",
        params={"action": "profile curtail", "total": 300},
        **more,
    )
    for _ in range(300):
        await put(
            fleet, "command.sent", minutes=4, miner="container-1.a1", params={"action": "sleep"}, **more
        )
    await put(
        fleet,
        "operation.ended",
        category="command",
        params={"action": "profile curtail", "total": 300, "counts": {"applied": 298, "refused": 2}},
        outcome="failed",
        **more,
    )
    await put(fleet, "hold.begun", minutes=9, category="command", params={"reason": "works"})
    browser = await fleet.house.signed_in()
    found = await page(browser, no_sign_in())
    assert sentences(found) == [
        "Operation ended: profile curtail, 2 miners of 300 did not follow",
        "Held, nothing is sent to any miner: works",
    ]
    assert "and 302 lines more of the same operation" in main(found)
    assert found.all("a", href=f"/operations/{OPERATION}")
    single = await page(browser, "/log?kind=command.sent")
    assert len(sentences(single)) >= 100
    assert not single.all("ol", class_="folded")


async def test_older_lines_are_on_further_pages(fleet: FleetHouse) -> None:
    for at in range(620):
        await put(fleet, "service.begun", minutes=at, category="state", params={"reason": f"n{at:03}"})
    browser = await fleet.house.signed_in()
    seen: list[str] = []
    path = "/log?category=state"
    while path:
        found = await page(browser, path)
        seen += sentences(found)
        path = next((one.attributes["href"] for one in found.all("a", rel="next")), "")
    assert seen == [f"In service: n{at:03}" for at in range(620)]
    assert found.one("nav", class_="page-links").one("a").attributes["href"] == "/log?category=state"


async def test_a_client_sees_his_own_without_the_operators_words(fleet: FleetHouse) -> None:
    await of_an_hour(fleet)
    await put(fleet, "service.begun", category="state", container="container-2", client="borealis")
    browser = await fleet.house.signed_in("klara", "client")
    found = await page(browser, "/log")
    assert sentences(found) == ["Wake: refused", "Changed in the inventory", "Override begun: curtail"]
    told = main(found)
    for secret in ("boris", "breaker", "10.1.7", "Container 2", "usr_"):
        assert secret not in told, secret
    assert "operator" in told
    refused = await page(browser, "/log?actor=boris&q=breaker&category=auth")
    assert "this is for the operator's people" in main(refused)
    assert "there is no such group of events" in main(refused)
    lines = await (await browser.get("/log.csv")).text()
    assert "breaker" not in lines
    assert "boris" not in lines


async def test_the_same_lines_as_csv(fleet: FleetHouse) -> None:
    await of_an_hour(fleet)
    await put(fleet, "service.begun", category="state", actor=Actor("user", "=cmd()", "usr_x"))
    browser = await fleet.house.signed_in()
    found = await page(browser, "/log?category=state&actor=usr_x&kind=bad")
    (link,) = [one.attributes["href"] for one in found.all("a") if "csv" in one.attributes["href"]]
    assert link == "/log.csv?category=state&actor=usr_x"
    (line,) = csv.DictReader(io.StringIO(await (await browser.get(link)).text(), newline=""))
    assert (line["kind"], line["actor"]) == ("service.begun", "'=cmd()")


async def test_words_of_strangers_stay_text(fleet: FleetHouse) -> None:
    await put(
        fleet,
        "service.begun",
        category="state",
        miner="<b>{{7*7}}</b>",
        container="\u202egone",
        params={"reason": "<script>alert(1)</script>"},
        after={"<i>": "<u>{{x}}</u>"},
        outcome="<s>",
    )
    browser = await fleet.house.signed_in()
    text = await (await browser.get("/log?category=state")).text()
    for tag in ("<script>alert", "<b>{{", "<i>", "<u>", "<s>"):
        assert tag not in text, tag
    assert sentences(await page(browser, "/log?category=state")) == ["In service: <script>alert(1)</script>"]


async def news(browser: Browser, found: Element) -> str:
    name = found.one("body").attributes["data-live-page"]
    response = await browser.get("/live/now", params={"page": name})
    assert response.status == 200, await response.text()
    state = await response.json()
    assert state["hidden"]["l.note"] is (not state["texts"]["l.news"])
    return str(state["texts"]["l.news"])


async def test_new_events_wait_at_the_top(fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 0.0)
    await of_an_hour(fleet)
    browser = await fleet.house.signed_in()
    found = await page(browser, no_sign_in())
    empty = await page(browser, "/log?category=state")
    assert await news(browser, found) == ""
    assert await news(browser, empty) == ""
    for _ in range(2):
        await put(fleet, "service.begun", category="state")
    await put(fleet, "auth.signed_in", category="auth")
    assert await news(browser, found) == "2 new events"
    assert await news(browser, empty) == "2 new events"
    for _ in range(110):
        await put(fleet, "service.ended", category="state")
    assert await news(browser, found) == "100 or more new events"
    older = await page(browser, "/log?category=state&to=2026-03-01")
    assert older.one("body").attributes["data-live-page"] == "frame"


async def test_without_the_database_the_page_says_so(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await fleet.house.signed_in()

    async def away(*_given: Any, **_named: Any) -> Any:
        raise StorageAway("the database is full: make room", "full")

    monkeypatch.setattr(fleet.house.storage.events, "find", away)
    found = await page(browser, "/log", 503)
    assert found.one("h1").words
    assert found.one("header").all("a", href="/miners")


async def test_older_paths_lead_here(fleet: FleetHouse) -> None:
    browser = await fleet.house.signed_in()
    response = await browser.get("/logs", headers={"Accept": "text/html"})
    assert (response.status, response.headers["Location"]) == (303, "/log")
    assert (await browser.get("/log")).status == 200


async def test_days_are_those_of_the_readers_zone(fleet: FleetHouse) -> None:
    late = datetime.fromisoformat("2026-03-01T21:30:00+00:00")
    await put(fleet, "service.begun", category="state", at=late, container="container-1")
    found = await page(await fleet.house.signed_in(), "/log?category=state&container=container-1")
    assert [one.words for one in found.all("th", scope="rowgroup")] == ["Today, 2 Mar 2026"]
    assert found.one("td", class_="log-at").words == "01:30:00"
    assert "Europe/Samara" in main(found)
    stored, _ = await fleet.house.storage.events.find(EventFilter(kinds=("service.begun",)))
    assert stored[0].at == late
