"""The pages of Hashyard itself: how its parts are, what it was started with, and reading the inventory again."""

import inspect
import re
from typing import Any

import pytest

from controller import main
from controller.exporter_work import ExporterWork
from controller.live import ExporterSeen
from controller.pages.health import MOST_DOUBTS, MOST_MISTAKES, work_names
from controller.pages.language import words
from controller.pages.settings_routes import variable
from hashyard_control import CONTROLLER_FLAGS
from tests.unit.controller.api.managed_fleet import FleetHouse, QuietWhole
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.reading_pages import Element, read_page


def place(page: Element, key: str) -> str:
    [found] = [one for one in page.all("span") if one.attributes.get("data-live") == key]
    return found.words.replace("\u00a0", " ")


def shown(page: Element, key: str) -> bool:
    [found] = [one for one in page.all() if one.attributes.get("data-live-hidden") == key]
    return "hidden" not in found.attributes


async def test_each_setting_names_the_flag_and_the_variable_that_set_it(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    page = read_page(await (await browser.get("/settings")).text())
    rows = [[cell.words for cell in row.all("td")] for row in page.one("tbody").all("tr")]
    assert len(rows) == 15
    known = {flag.name: flag.variable for flag in CONTROLLER_FLAGS}
    for _value, flag, named in rows:
        assert known[flag] == named == variable(flag)


async def test_each_part_says_how_it_is(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    page = read_page(await (await browser.get("/settings/health")).text())
    parts = {
        item.one("h2").words: item for item in page.one("ul", **{"class": "plain-list card parts"}).all("li")
    }
    assert parts["Exporter"].attributes["data-state"] == "ok"
    assert "newest reading 4 s old" in parts["Exporter"].words
    assert "84 MB" in parts["Disk"].words.replace("\u00a0", " ")
    assert parts["Grafana"].words.count("https://grafana.example") == 1
    assert parts["Prometheus"].attributes["data-state"] == "unknown"
    assert "not asked since the controller started" in parts["Prometheus"].words


def test_all_periodic_work_has_a_name_of_its_own_in_each_language() -> None:
    registered = re.findall(r'jobs\.every\(\w+, "([^"]+)"', inspect.getsource(main))
    assert len(registered) > 3
    assert set(registered) == set(work_names(words("ru")))
    assert not set(work_names(words("ru")).values()) & set(work_names(words("en")).values())


async def test_an_exporter_says_how_it_keeps_up_and_nothing_of_what_it_does_not_tell(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def exporters(_process: QuietWhole) -> list[ExporterSeen]:
        return [
            ExporterSeen(
                url="http://exporter.example:9100",
                state="ok",
                since=BEGIN,
                newest_at=BEGIN,
                reason=None,
                **seen,
            )
        ]

    async def notes() -> str:
        page = read_page(await (await browser.get("/settings/health")).text())
        return place(page, "h.exporter-1.notes")

    monkeypatch.setattr(QuietWhole, "exporters", exporters)
    browser = await fleet.browser()
    assert await notes() == "http://exporter.example:9100 · newest reading 0 s old"
    seen |= {"work": ExporterWork(), "clock_ahead_s": 0.4}
    assert await notes() == "http://exporter.example:9100 · newest reading 0 s old"
    seen["work"] = ExporterWork(sweep_s=9.84, interval_s=15, lag_s=0.1, waiting=0, backing_off=0)
    assert (await notes()).endswith("the latest round took 9.8 s of 15 s · miners are read in time")
    seen |= {"work": ExporterWork(lag_s=7.3, waiting=3, backing_off=1), "clock_ahead_s": -120.0}
    told = (await notes()).split(" · ")[2:]
    assert told == [
        "miners are read up to 7.3 s late",
        "3 miners wait for their turn",
        "1 silent miner is asked less often",
        "its clock is 2 min behind the controller's",
    ]
    seen["clock_ahead_s"] = 2.0
    assert (await notes()).endswith("its clock is 2 s ahead of the controller's")


async def test_doubts_and_mistakes_come_and_go_while_the_page_is_looked_at(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await fleet.browser()
    page = read_page(await (await browser.get("/settings/health")).text())
    assert not shown(page, "h.doubts")
    doubts = [f"doubt {at} <script>" for at in range(MOST_DOUBTS + 2)]
    monkeypatch.setattr(fleet.deeds, "doubts", lambda: doubts)
    fleet.hand.write_text("- {name: [}", encoding="utf-8")
    await fleet.store.reload()
    now = await (await browser.get("/live/now?page=health")).json()
    assert (now["hidden"]["h.doubts"], now["hidden"]["h.mistakes"]) == (False, False)
    assert now["texts"]["h.doubt.0"] == "doubt 0 <script>"
    assert now["texts"]["h.doubt.more"] == "and 2 more"
    # Every place that the stream has is on the page already, so that nothing needs to be made anew.
    for key in (
        *(f"h.doubt.{at}" for at in range(MOST_DOUBTS)),
        *(f"h.mistake.{at}" for at in range(MOST_MISTAKES)),
    ):
        assert not shown(page, key)
    text = await (await browser.get("/settings/health")).text()
    assert "doubt 0 &lt;script&gt;" in text
    assert shown(read_page(text), "h.doubts")
    assert shown(read_page(text), "h.doubt.more")


async def test_nothing_secret_stands_on_the_pages(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    for path in ("/settings", "/settings/health"):
        assert "opensesame" not in await (await browser.get(path)).text()


async def test_a_wrong_inventory_is_named_by_line_and_the_one_before_stays(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    right = fleet.hand.read_text(encoding="utf-8")
    fleet.hand.write_text(right + "\n- {name: [}\n<script>alert(1)</script>", encoding="utf-8")
    led = await browser.ask("POST", "/settings/reload", data={"csrf": browser.csrf})
    assert (led.status, led.headers["Location"]) == (303, "/settings/health?done=refused")
    text = await (await browser.get(led.headers["Location"])).text()
    assert "stays in use" in text
    assert shown(read_page(text), "h.mistakes")
    assert place(read_page(text), "h.mistakes") == "1 mistake in the inventory"
    assert "targets.yml:" in place(read_page(text), "h.mistake.0")
    assert "<script>alert" not in text
    fleet.hand.write_text(right, encoding="utf-8")
    led = await browser.ask("POST", "/settings/reload", data={"csrf": browser.csrf})
    assert led.headers["Location"] == "/settings/health?done=reloaded"
    page = read_page(await (await browser.get("/settings/health")).text())
    assert not shown(page, "h.mistakes")
    assert not shown(page, "h.mistake.0")
    assert [event.outcome for event in await fleet.house.events("inventory.reloaded")] == ["ok", "refused"]


async def test_the_text_for_support_is_in_english_whoever_reads_the_page(fleet: FleetHouse) -> None:
    browser = await fleet.browser(language="ru")
    page = read_page(await (await browser.get("/settings/health")).text())
    support = page.one("pre", id="support-text").words
    assert "Exporter: well" in support
    assert "--retention-days: 400" in support
