"""The Schedule page: strips by time zone, what comes next, overrides, days on which the clock changes, who sees what."""

from datetime import timedelta
from pathlib import Path

import pytest

from controller.model import Hold
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import BORIS, ChangedDeeds, main, page
from tests.unit.controller.pages.fleet_with_schedules import ZONES, override, scheduled
from tests.unit.controller.pages.reading_pages import Element


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await scheduled(make_house, tmp_path)


def lines(found: Element) -> dict[str, Element]:
    """Return the lines of containers, by their names."""
    return {
        one.one("p", class_="who-line").words: one
        for one in found.all("div", class_="line")
        if one.all("p", class_="who-line")
    }


def letters(line: Element) -> str:
    return "".join(text.words for text in line.one("svg", class_="strip").all("text"))


def said(line: Element) -> str:
    return line.one("div", class_="about-line").words


def links(found: Element) -> list[str]:
    return [one.attributes["href"] for one in found.one("main").all("a")]


async def test_containers_stand_by_zone_with_their_strips(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), "/schedule")
    zones = [one.words for one in found.all("h2") if "zone-" in one.attributes.get("id", "")]
    assert zones == ["Europe/Berlin (UTC+01:00)", "Asia/Kathmandu (UTC+05:45)"]
    shown = lines(found)
    assert list(shown) == ["Container 1", "Container 7", "Container 2"]
    assert [letters(shown[name]) for name in shown] == ["ONUC", "NCN", "CNC"]
    assert said(shown["Container 1"]) == "underclock, curtail from 18:00 · default"
    assert said(shown["Container 2"]) == "normal, curtail from 20:00 · shifts observed only: nothing is sent"
    strip = shown["Container 1"].one("svg", class_="strip")
    assert strip.attributes["aria-label"].startswith("2 Mar 2026: 00:00–06:00 overclock; ")
    assert "M5417 0V24" in [one.attributes.get("d") for one in strip.all("path")]  # 13:00 in Berlin


async def test_what_comes_in_the_next_day_is_listed_for_what_is_commanded(fleet: FleetHouse) -> None:
    coming = (await page(await fleet.browser(), "/schedule")).one("section", class_="coming")
    assert [one.words for one in coming.all("li")] == [
        "18:00 curtail: Container 1, 2 miners, about −2.5 kW, by the nominal power of 1 of them",
        "22:00 normal: Container 7, 1 miner, power unknown",
        "tomorrow 00:00 overclock: Container 1, 2 miners, about +3.8 kW, by the nominal power of 1 of them",
        "tomorrow 06:00 curtail: Container 7, 1 miner, power unknown",
        "tomorrow 06:00 normal: Container 1, 2 miners, about −491 W, by the nominal power of 1 of them",
        "tomorrow 12:00 underclock: Container 1, 2 miners, about −819 W, by the nominal power of 1 of them",
    ]  # fmt: skip


async def test_an_override_is_named_with_its_end_and_can_be_ended(fleet: FleetHouse) -> None:
    made = override(fleet, ends="at", until=BEGIN + timedelta(hours=9))
    found = await page(await fleet.browser(), "/schedule")
    line = lines(found)["Container 1"]
    assert letters(line) == "ONUCC"
    assert "override curtail, until 22:00, boris: “breaker 2” End" in said(line)
    assert said(line).startswith("curtail, overclock from tomorrow 00:00")
    (end,) = [one for one in line.all("a") if "data-deed" in one.attributes]
    assert f"override={made.id}" in end.attributes["href"]
    assert end.attributes["href"].startswith("/deeds/end-override?")
    override(fleet, ends="manual", starts_at=BEGIN + timedelta(hours=1), profile="normal", reason="test")
    found = await page(await fleet.browser("bella"), "/schedule")
    assert "override normal, from 14:00, until somebody ends it, boris: “test”" in said(
        lines(found)["Container 1"]
    )


async def test_a_client_sees_his_own_and_nobody_elses_words(fleet: FleetHouse) -> None:
    override(fleet)
    found = await page(await fleet.browser("clara", "client"), "/schedule")
    assert list(lines(found)) == ["Container 1"]
    assert "breaker 2" not in found.text
    assert "boris" not in found.text
    assert "shifts" not in found.text
    assert "Container 7" not in found.text
    assert not [one for one in links(found) if "/edit" in one or "/deeds/" in one or one.endswith("/new")]
    assert "targets.yml" not in found.text


async def test_an_accountant_reads_and_changes_nothing(fleet: FleetHouse) -> None:
    override(fleet)
    found = await page(await fleet.browser("fiona", "accountant"), "/schedule")
    assert len(lines(found)) == 3
    assert "breaker 2" in found.text
    assert not [one for one in links(found) if "/edit" in one or "/deeds/" in one or one.endswith("/new")]


async def test_a_held_container_says_so(fleet: FleetHouse) -> None:
    fleet.deeds.kept_holds.append(
        Hold(id="hold_1", container="container-7", reason="smoke", created_by=BORIS, created_at=BEGIN)
    )
    shown = lines(await page(await fleet.browser(), "/schedule"))
    assert "held: nothing is sent until the hold ends" in said(shown["Container 7"])
    assert "held" not in said(shown["Container 1"])


async def test_days_on_which_the_clock_changes_are_named(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, "/schedule?date=2026-03-29")
    assert "29 Mar 2026 lasts 23 h: 02:00–03:00 does not exist" in main(found)
    found = await page(browser, "/schedule?date=2026-10-22&days=7")
    assert "25 Oct 2026 lasts 25 h: 02:00–03:00 comes twice" in main(found)
    assert found.one("a", rel="prev").attributes["href"] == "/schedule?date=2026-10-15&days=7"
    assert found.one("a", rel="next").attributes["href"] == "/schedule?date=2026-10-29&days=7"


async def test_the_same_stands_in_a_table(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), "/schedule")
    table = found.all("table", class_="timeline-rows")[0]
    assert table.one("caption").words == "What holds when in Container 1"
    assert [cell.words for cell in table.all("tr")[1].all()] == [
        "00:00", "00:00", "06:00", "06:00", "overclock", "overclock", "the schedule", "6 h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query", ["date=yesterday", "date=1999-01-01", "date=9999-12-31", "date=2026-02-30", "days=400", "days=x"]
)
async def test_a_day_that_cannot_be_shown_is_said_and_today_shown(fleet: FleetHouse, query: str) -> None:
    found = await page(await fleet.browser(), f"/schedule?{query}")
    assert "asks for a day that cannot be shown. This is today." in main(found)
    assert letters(lines(found)["Container 1"]) == "ONUC"


async def test_the_last_days_that_there_are_lead_no_further(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    assert not (await page(browser, "/schedule?date=2200-12-31")).all("a", rel="next")
    assert not (await page(browser, "/schedule?date=2000-01-01")).all("a", rel="prev")


async def test_schedules_say_who_follows_them_and_where_they_stand(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), "/schedule")
    shown = {one.attributes["id"]: one.words for one in found.all("li") if "id" in one.attributes}
    assert (
        "every day: 22:00–06:00 normal otherwise curtail Followed by Container 7" in shown["schedule-nights"]
    )
    assert "targets.yml:21 Copy to edit" in shown["schedule-shifts"]
    assert "built in Copy to edit" in shown["schedule-default"]
    assert "/schedule/nights/edit" in links(found)
    assert "/schedule/shifts/edit" not in links(found)
    assert "/schedule/shifts/copy" in links(found)
    assert "None has been made here yet" not in main(found)


async def test_without_containers_it_says_what_to_do(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path, hand="networks: [10.1.0.0/16]\ncontainers: []\n")
    found = await page(await fleet.browser(), "/schedule")
    assert "No containers yet." in main(found)
    assert "A new one begins with four shifts, ready to save." in main(found)
    found = await page(await fleet.browser("clara", "client"), "/schedule")
    assert "No container is assigned to you" in main(found)


async def test_who_sees_no_schedule_sees_no_empty_list_of_them(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = HAND.replace("  schedule: default\n", "") + "schedules:\n  default: {otherwise: normal}\n"
    fleet = await start(make_house, tmp_path, hand=hand)
    of_client = await page(await fleet.browser("clara", "client"), "/schedule")
    assert "no schedule" in main(of_client)
    assert (await page(await fleet.browser(), "/schedule")).one("h2", id="schedules")
    assert not of_client.all("h2", id="schedules")


async def test_hostile_names_stay_text(make_house: MakeHouse, tmp_path: Path) -> None:
    evil, turned = "<script>alert(1)</script> {{7*7}}", "\u202ednik"
    hand = (
        ZONES.replace("name: Container 1", f'name: "{evil}"\n  id: container-1')
        .replace("schedule: default", "schedule: evil")
        .replace("schedules:", f'schedules:\n  "{evil}": {{id: evil, otherwise: "{evil}"}}')
    )
    hand += f'profiles: {{"{evil}": {{target_percent: 40}}}}\n'
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    override(fleet, reason=turned, profile=evil)
    found = await page(await fleet.browser(), "/schedule")
    told = [one.text for one in found.all("bdi")]
    assert told.count(evil) >= 6
    assert turned in told
    assert lines(found)[evil]
    for one in found.all():
        assert not any("\u202e" in value for value in one.attributes.values())


async def test_what_holds_is_kept_up_to_date(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, "/schedule")
    name = found.one("body").attributes["data-live-page"]
    fleet.deeds.pass_time(hours=6)
    response = await browser.get("/live/now", params={"page": name})
    told = await response.json()
    assert told["texts"]["c.container-1.holds"] == "curtail, overclock from tomorrow 00:00"
    assert told["paths"]["c.container-1.now"] == "M7917 0V24"
