"""The page of a container: who needs hands, what runs until when, its miners by place and as a table, and what may be done."""

import gzip
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from controller.deeds import Source
from controller.model import Hold, Operation, Override, Result, ServiceMark, Wanted, new_id
from controller.pages import container_live
from miners.model import Board, Fault, Pool, Temperatures
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import BORIS, OWN, ChangedDeeds, main, page
from tests.unit.controller.pages.reading_pages import Element
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

pytestmark = pytest.mark.usefixtures("alerts_are_waited_for")

PAGE = "/containers/container-1"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DEEDS = ("/deeds/curtail", "/deeds/profile", "/deeds/reboot", "/deeds/poll", "/deeds/hold")


def changed(fleet: FleetHouse) -> dict[str, dict[str, Any]]:
    assert isinstance(fleet.deeds, ChangedDeeds)
    return fleet.deeds.altered


def cells(found: Element) -> dict[str, str]:
    """Return what each cell of the map says, by where it leads."""
    return {one.attributes["href"]: one.words for one in found.one("table", class_="cells").all("a")}


def links(found: Element) -> set[str]:
    return {one.attributes["href"].partition("?")[0] for one in found.all("a")}


async def test_it_says_what_runs_what_it_gives_and_who_needs_hands(fleet: FleetHouse) -> None:
    changed(fleet)["container-1.a2"] = {"failing_since": fleet.deeds.now - timedelta(minutes=4)}
    found = await page(await fleet.browser(), PAGE)
    told = main(found)
    assert found.one("h1").words == "Container 1"
    assert "Europe/Samara (UTC+04:00) · client acme · enforce" in told
    assert "normal since 16:00, by the schedule Then curtail at 18:00" in told  # noon UTC is 16:00 in Samara
    figures = {
        one.one("dt").words: one.one("dd").words for one in found.one("dl", class_="figures").all("div")
    }
    assert figures == {
        "Mining": "1 of 2 miners",
        "Hash rate": "66.1 TH/s 63.6 % of 104.0 TH/s",
        "Power": "2.2 kW 100 % measured",
        "Efficiency": "33.4 J/TH SHA-256",
        "Inlet": "– coolest to warmest",
        "Chip": "≤ 72 °C the hottest",
    }
    counts = {one.attributes["href"]: one.words for one in found.one("ul", class_="counts").all("a")}
    assert counts["/miners?container=container-1&state=unreachable"] == "1 unreachable"
    assert counts["/miners?container=container-1&state=sleeping"] == "0 sleeping"
    hands = found.one("section", class_="hands")
    assert hands.one("h2").words == "2 miners need hands"
    assert [one.words for one in hands.all("li")] == [
        "a1 A1 mining: board 2 lost; chips missing; chain 2 not found",
        "a2 unreachable: no answer since 15:56: timed out",
    ]
    assert "/containers/container-1/alerts" not in links(found)  # Prometheus was in time
    assert "No alert fires here." in told


async def test_times_are_in_the_zone_that_the_reader_has_chosen(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    me = await browser.get("/api/v1/me")
    headers = {"If-Match": me.headers["ETag"]}
    assert (
        await browser.ask("PATCH", "/api/v1/me", json={"time_zone": "Asia/Tokyo"}, headers=headers)
    ).status == 200
    told = main(await page(browser, PAGE))
    assert "normal since 21:00, by the schedule Then curtail at 23:00" in told
    assert "Europe/Samara (UTC+04:00)" in told
    assert "Times are Asia/Tokyo (UTC+09:00)" in told


async def test_the_map_has_a_link_a_miner_that_says_what_it_is(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), PAGE)
    assert cells(found) == {
        "/miners/container-1.a1": "A1 a1, mining: board 2 lost; chips missing; chain 2 not found",
        "/miners/container-1.a2": "A2 a2, unreachable: no answer: timed out",
    }
    table = found.one("table", class_="cells")
    assert [one.words for one in table.all("th")] == ["1", "2", "3", "4", "5", "A", "B", "C", "D"]
    drawn = {one.attributes.get("data-live-path", ""): one.attributes["d"] for one in found.all("path")}
    assert drawn["c.container-1.grid.mining"].startswith("m0 0h24")
    assert drawn["c.container-1.grid.unreachable"].startswith("m28 0h24")
    assert drawn["c.container-1.grid.sleeping"] == ""
    assert "2 miners: 1 mining, 1 unreachable" in main(found)
    assert "1 miner has no place in the inventory and stands in a free one." in main(found)


@pytest.mark.parametrize(("celsius", "step"), [(59.0, 0), (60.0, 1), (72.0, 2), (89.9, 3), (104.0, 4)])
async def test_colours_are_steps_with_a_legend_in_numbers(
    fleet: FleetHouse, celsius: float, step: int
) -> None:
    fleet.deeds.snapshot("container-1.a1", temperatures_c=Temperatures(chip_max=celsius))
    found = await page(await fleet.browser(), f"{PAGE}?colour=chip")
    drawn = {
        one.attributes["data-live-path"]: one.attributes["d"]
        for one in found.all("path")
        if "data-live-path" in one.attributes
    }
    filled = [number for number in range(5) if drawn[f"c.container-1.ramp.step-{number}"]]
    assert filled == [step]
    assert drawn["c.container-1.ramp.nothing"].startswith("m28 12")  # who does not answer has no value
    legend = [one.words for one in found.one("ul", class_="grid-legend").all("li")]
    assert legend[:6] == [
        "below 60 °C",
        "60 °C to 70 °C",
        "70 °C to 80 °C",
        "80 °C to 90 °C",
        "90 °C and more",
        "no value",
    ]


async def test_a_reading_that_is_not_of_now_has_no_colour(fleet: FleetHouse) -> None:
    changed(fleet)["container-1.a1"] = {"stale": True}
    found = await page(await fleet.browser(), f"{PAGE}?colour=hashrate")
    drawn = {one.attributes.get("data-live-path"): one.attributes["d"] for one in found.all("path")}
    assert not any(drawn[f"c.container-1.ramp.step-{number}"] for number in range(5))
    assert drawn["c.container-1.ramp.nothing"].count("m") == 6


async def test_profiles_are_steps_by_what_power_they_ask_for(fleet: FleetHouse) -> None:
    changed(fleet)["container-1.a2"] = {"wanted": Wanted(profile="curtail")}
    found = await page(await fleet.browser(), f"{PAGE}?colour=profile")
    legend = [one.words for one in found.one("ul", class_="grid-legend").all("li")]
    assert legend[:3] == ["curtail", "normal", "nothing ordered"]


async def test_an_administrator_may_do_all_and_others_only_look(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), PAGE)
    assert set(DEEDS) <= links(found)
    bar = found.one("form", id="chosen")
    assert {one.attributes["formaction"] for one in bar.all("button")} >= {"/deeds/curtail", "/deeds/reboot"}
    for name, role in (("olga", "accountant"), ("carl", "client")):
        browser = await fleet.browser(name, role)
        for view in ("map", "table"):
            seen = await page(browser, f"{PAGE}?view={view}")
            assert not any(path.startswith("/deeds/") for path in links(seen)), role
            assert seen.all("form", id="chosen") == []
            assert seen.all("input", name="miner") == []


async def test_a_client_sees_his_own_container_and_no_other(fleet: FleetHouse) -> None:
    browser = await fleet.browser("carl", "client")
    found = await page(browser, PAGE)
    assert "10.1.7" not in found.text
    assert "grafana.example" not in str([one.attributes for one in found.all("a")])
    for path in (
        "/containers/container-2",
        "/containers/container-2/alerts",
        "/containers/container-2/card?miner=x",
    ):
        gone = await page(browser, path, 404)
        assert "/" in links(gone)


async def test_a_container_that_is_gone_leads_to_the_fleet(fleet: FleetHouse) -> None:
    gone = await page(await fleet.browser(), "/containers/no-such", 404)
    assert "there is no such container" in main(gone).lower()
    assert "/" in links(gone)


async def test_of_what_is_only_observed_it_says_why_nothing_can_be_done(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), "/containers/container-2")
    told = main(found)
    assert "Hashyard only watches here and sends no commands." in told
    assert "write “control: enforce” in the entry at" in told
    assert "targets.yml:15" in told
    assert "normal would run here" in told
    assert not set(DEEDS) & links(found)
    assert found.all("form", id="chosen") == []


async def test_a_container_of_the_hand_written_file_cannot_be_edited_and_says_where_it_stands(
    fleet: FleetHouse,
) -> None:
    found = await page(await fleet.browser(), PAGE)
    assert f"{PAGE}/edit" not in links(found)
    assert "Edit: it is written in" in main(found)


async def test_while_the_exporter_is_away_figures_are_dimmed_and_dated_and_states_hollow(
    fleet: FleetHouse,
) -> None:
    assert isinstance(fleet.deeds, ChangedDeeds)
    fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="no answer")
    changed(fleet).update({id_: {"stale": True} for id_ in ("container-1.a1", "container-1.a2")})
    found = await page(await fleet.browser(), PAGE)
    assert found.one("dl", class_="figures").attributes["data-state"] == "old"
    assert "66.1 TH/s" in found.one("dl", class_="figures").words
    assert "No reading is of now: figures are dimmed, and states are hollow. Figures are of 16:00." in main(
        found
    )
    drawn = {one.attributes.get("data-live-path"): one.attributes["d"] for one in found.all("path")}
    assert drawn["c.container-1.grid.mining"] == ""
    assert drawn["c.container-1.grid.mining-old"].startswith("m0 0h24")
    assert set(DEEDS) <= links(found)  # commands still work


async def test_of_one_old_reading_no_figure_is_summed_as_current(fleet: FleetHouse) -> None:
    changed(fleet)["container-1.a1"] = {"stale": True}
    found = await page(await fleet.browser(), PAGE)
    figures = found.one("dl", class_="figures")
    assert figures.attributes["data-state"] == "now"  # a2 was asked just now, and did not answer
    assert "2.2 kW" not in figures.words
    assert "last read at 15:59" in cells(found)["/miners/container-1.a1"]


async def test_an_empty_container_says_what_to_do_next(make_house: MakeHouse, tmp_path: Path) -> None:
    empty = "networks: [10.1.0.0/16]\ncontainers:\n- {name: Yard, miners: []}\n"
    fleet = await start(make_house, tmp_path, hand=empty)
    found = await page(await fleet.browser(), "/containers/yard")
    assert "No miners here yet." in main(found)
    assert "/miners/new" in links(found)
    assert found.all("table", class_="cells") == []
    seen = await page(await fleet.browser("olga", "accountant"), "/containers/yard")
    assert "/miners/new" not in links(seen)


async def test_alerts_are_told_by_name_with_whom_they_concern(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    for miner in ("a1", "a2"):
        prometheus.fires("MinerDown", miner=miner, **OWN)
    prometheus.fires("ContainerHashrateLow", severity="critical", **OWN)
    prometheus.fires("ContainerDown", container="Container 2", client="borealis")
    prometheus.fires("MinerBoardLost", state="pending", miner="a1", **OWN)
    browser = await fleet.browser()
    for path in (PAGE, f"{PAGE}/alerts"):
        groups = (await page(browser, path)).one("ul", class_="alerts").all("li")
        assert [group.one("strong").words for group in groups] == [
            "Hash rate of the container too low",
            "Does not answer",
        ]
        assert {one.attributes["href"] for one in groups[1].all("a")} == {
            "/miners/container-1.a1",
            "/miners/container-1.a2",
            "/runbooks/MinerDown",
        }
    part = await browser.get(f"{PAGE}/alerts", headers={"X-Part": "1"})
    assert "X-Part" in part.headers
    assert "<html" not in await part.text()


async def test_prometheus_away_is_said_in_its_place_and_the_rest_is_whole(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.answer = web.Response(status=500)
    found = await page(await fleet.browser(), PAGE)
    assert "Prometheus does not answer" in main(found)
    assert len(cells(found)) == 2
    places = {
        one.attributes["data-part"].partition("?")[0]
        for one in found.all("div")
        if "data-part" in one.attributes
    }
    assert places == {f"{PAGE}/alerts", "/charts/container/container-1"}


async def test_orders_holds_and_a_running_operation_are_told_with_their_ends(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeds = fleet.deeds
    whole = Override(
        id="ov_1", profile="curtail", ends="at", until=deeds.now + timedelta(hours=2), reason="breaker 2",
        created_by=BORIS, created_at=deeds.now, starts_at=deeds.now, containers=("container-1",),
    )  # fmt: skip
    one = Override(
        id="ov_2", profile="overclock", ends="manual", reason="try", created_by=BORIS, created_at=deeds.now,
        starts_at=deeds.now, miners=("container-1.a1",),
    )  # fmt: skip
    deeds.kept_overrides += [whole, one]
    deeds.kept_holds.append(
        Hold(id="hold_1", container=None, reason="storm", created_by=BORIS, created_at=deeds.now)
    )
    operation = Operation(
        id=new_id("op"), cause="override", action="profile curtail", state="running", created_by=BORIS,
        created_at=deeds.now, total=4, counts={"applied": 3, "waiting": 1},
    )  # fmt: skip
    deeds.running[operation.id] = (operation, [Result(miner="container-1.a1", state="waiting")])
    monkeypatch.setattr(fleet.deeds, "wanted_of", lambda _: whole_wanted(whole))
    found = await page(await fleet.browser(), PAGE)
    told = main(found)
    assert "curtail since 16:00, ordered by boris until 18:00: breaker 2" in told
    assert "1 miner has an order of its own: overclock until somebody ends it" in told
    assert "Everything is held since 16:00: nothing is sent to any miner. boris: storm" in told
    assert "3 of 4 miners done" in told
    assert f"/operations/{operation.id}" in links(found)
    ends = {
        parse_qs(urlsplit(one.attributes["href"]).query).get("override", [""])[0] for one in found.all("a")
    }
    assert {"ov_1", "ov_2"} <= ends
    seen = main(await page(await fleet.browser("carl", "client"), PAGE))
    assert "curtail since 16:00, ordered until 18:00" in seen
    for secret in ("boris", "breaker", "storm"):
        assert secret not in seen


def whole_wanted(override: Override) -> Wanted:
    return Wanted(
        profile=override.profile, source="override", since=override.starts_at, override_id=override.id
    )


async def test_the_table_has_the_same_miners_the_neediest_first(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), f"{PAGE}?view=table")
    rows = found.one("table", class_="miner-rows").all("tr")
    heads = [one.words for one in rows[0].all("th")]
    assert heads[:4] == ["Name", "Place", "State", "Hash rate TH/s"]
    first = dict(zip(heads[1:], (one.words for one in rows[1].all("td")[1:]), strict=True))
    assert rows[1].one("th").words == "a1"
    assert (first["Place"], first["State"], first["Hash rate TH/s"], first["Boards"]) == (
        "A1",
        "mining",
        "66.1",
        "2/3",
    )
    assert rows[2].one("th").words == "a2"
    assert rows[2].all("td")[3].words == "–"
    boxes = found.all("input", name="miner")
    assert [one.attributes["value"] for one in boxes] == ["container-1.a1", "container-1.a2"]
    assert all(one.attributes["form"] == "chosen" for one in boxes)


@pytest.mark.parametrize(
    ("sort", "names"),
    [("name", ["a1", "a2"]), ("-name", ["a2", "a1"]), ("no-such", ["a1", "a2"]), ("power_w", ["a1", "a2"])],
)
async def test_the_table_is_sorted_as_asked(fleet: FleetHouse, sort: str, names: list[str]) -> None:
    found = await page(await fleet.browser(), f"{PAGE}?view=table&sort={sort}")
    assert [one.words for one in found.one("table", class_="miner-rows").one("tbody").all("th")] == names


async def test_a_part_of_the_table_behind_its_end_is_the_last_one(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_live, "ROWS", 1)
    found = await page(await fleet.browser(), f"{PAGE}?view=table&page=9")
    links = found.one("nav", class_="page-links")
    assert "2–2 of 2" in links.words
    assert [one.attributes["href"] for one in links.all("a")] == [f"{PAGE}?view=table#miners"]


async def test_what_is_chosen_is_counted_with_its_power(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    asked: Mapping[str, str] = {
        "": "No miner chosen",
        "miner=container-1.a1": "1 miner, 2.2 kW",
        "miner=container-1.a1&miner=container-1.a2&miner=container-1.a1": "2 miners, 2.2 kW, not known of 1",
        "miner=container-1.a2": "1 miner, power not known",
        "miner=container-2.b1&miner=nobody": "No miner chosen",
    }
    for body, words in asked.items():
        answer = await browser.ask("POST", f"{PAGE}/chosen", headers=FORM, data=f"csrf={browser.csrf}&{body}")
        assert ((await answer.text()).replace("\xa0", " "), answer.status) == (words, 200)


async def test_the_card_of_a_miner_is_a_part_with_what_can_be_done(fleet: FleetHouse) -> None:
    changed(fleet)["container-1.a1"] = {
        "service": ServiceMark(miner="container-1.a1", reason="fan", created_by=BORIS, created_at=BEGIN)
    }
    browser = await fleet.browser()
    answer = await browser.get(f"{PAGE}/card?miner=container-1.a1")
    text = await answer.text()
    assert "X-Part" in answer.headers
    assert "<html" not in text
    assert "2,210" in text
    assert "in service" in text
    assert 'href="/miners/container-1.a1"' in text
    assert (await browser.get(f"{PAGE}/card?miner=container-2.b1")).status == 404
    other = await fleet.browser("carl", "client")
    assert (await other.get("/containers/container-2/card?miner=container-2.b1")).status == 404


@pytest.mark.parametrize(
    "query", ["", "?colour=chip", "?colour=profile", "?view=table", "?view=table&sort=-power_w"]
)
async def test_the_stream_has_the_places_of_the_page(
    fleet: FleetHouse, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await fleet.browser()
    found = await page(browser, PAGE + query)
    name = found.one("body").attributes["data-live-page"]
    places = await (await browser.get("/live/now", params={"page": name})).json()
    for kind, attribute in (
        ("texts", "data-live"),
        ("paths", "data-live-path"),
        ("states", "data-live-state"),
    ):
        keys = {one.attributes[attribute] for one in found.all() if attribute in one.attributes}
        own = {key for key in keys if not key.startswith("s.")}
        assert own
        assert own <= set(places[kind])
    fleet.deeds.failure("container-1.a1")
    monkeypatch.setattr(fleet.deeds, "version", lambda: 2)
    after = await (await browser.get("/live/now", params={"page": name})).json()
    assert places["texts"]["c.container-1.count.unreachable"] == "1"
    assert after["texts"]["c.container-1.count.unreachable"] == "2"


async def test_the_stream_of_another_container_is_refused(fleet: FleetHouse) -> None:
    browser = await fleet.browser("carl", "client")
    assert (await browser.get("/live/now", params={"page": "container:container-2"})).status == 404
    assert (await browser.get("/live/now", params={"page": "container:container-1?colour=no"})).status == 400


async def test_hostile_names_stay_text(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = """
networks: [10.1.0.0/16]
containers:
- name: '<script>alert(1)</script>'
  id: odd
  location: "{{7*7}}"
  control: enforce
  miners: [{name: '"><b>x', address: 10.1.0.1, row: 1, column: 1}]
"""
    fleet = await start(make_house, tmp_path, hand=hand)
    browser = await fleet.browser()
    id_ = fleet.deeds.views("odd")[0].id
    fleet.deeds.snapshot(
        id_,
        faults=(Fault("<i>1", "{{1+1}} <img src=x> \u202eevil"),),
        pools=(Pool(0, "stratum+tcp://p", "<u>{{2*3}}", alive=True, active=True),),
    )
    for query in ("", "?view=table", "?colour=profile"):
        found = await page(browser, f"/containers/odd{query}")
        assert found.one("h1").words == "<script>alert(1)</script>"
        assert "{{7*7}}" in main(found)
        for tag in ("b", "i", "u", "img"):
            assert found.all(tag) == []
        assert all("\u202e" not in value for one in found.all() for value in one.attributes.values())


async def test_a_thousand_miners_are_a_small_page(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = """
networks: [10.0.0.0/8]
containers:
- name: Hall
  control: enforce
  rows: 25
  columns: 40
  miners: [{name: "h{n}", addresses: 10.0.0.1-250}, {name: "i{n}", addresses: 10.0.1.1-250},
    {name: "j{n}", addresses: 10.0.2.1-250}, {name: "k{n}", addresses: 10.0.3.1-250}]
"""
    fleet = await start(make_house, tmp_path, hand=hand)
    for number, view in enumerate(fleet.deeds.views()):
        snapshot = {"hashrate_hs": 1e14 + number * 7e9, "power_w": 3000.0 + number * 0.7}
        boards = tuple(Board(index, hashrate_hs=3e13) for index in range(3 if number % 50 else 2))
        if number % 33:
            given = fleet.deeds.snapshot("hall.h1", **snapshot, boards=boards, expected_boards=3)
            fleet.deeds.readings[view.id] = given
    browser = await fleet.browser()
    for query, most in (("", 60_000), ("?colour=chip", 60_000), ("?view=table", 60_000)):
        text = await (await browser.get(f"/containers/hall{query}")).text()
        assert len(gzip.compress(text.encode(), 6)) < most
    found = await page(browser, "/containers/hall?view=table")
    assert len(found.all("input", name="miner")) == 300
    assert "1–300 of 1,000" in main(found)
    last = await page(browser, "/containers/hall?view=table&page=99")
    assert "901–1,000 of 1,000" in main(last)
