"""The pages of Hashyard itself: how its parts are, what it was started with, and reading the inventory again."""

from controller.pages.settings_routes import variable
from hashyard_control import CONTROLLER_FLAGS
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.reading_pages import read_page


async def test_each_setting_names_the_flag_and_the_variable_that_set_it(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    page = read_page(await (await browser.get("/settings")).text())
    rows = [[cell.words for cell in row.all("td")] for row in page.one("tbody").all("tr")]
    assert len(rows) == 13
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
    assert "targets.yml" in read_page(text).text
    assert "<script>alert" not in text
    fleet.hand.write_text(right, encoding="utf-8")
    led = await browser.ask("POST", "/settings/reload", data={"csrf": browser.csrf})
    assert led.headers["Location"] == "/settings/health?done=reloaded"
    assert "mistake" not in read_page(await (await browser.get("/settings/health")).text()).text
    assert [event.outcome for event in await fleet.house.events("inventory.reloaded")] == ["ok", "refused"]


async def test_the_text_for_support_is_in_english_whoever_reads_the_page(fleet: FleetHouse) -> None:
    browser = await fleet.browser(language="ru")
    page = read_page(await (await browser.get("/settings/health")).text())
    support = page.one("pre", id="support-text").words
    assert "Exporter: well" in support
    assert "--retention-days: 400" in support
