"""The page of all alerts over a real socket: whom each concerns, where he stands, and what is said when that is not known."""

from aiohttp import web

from controller.pages.alerts_routes import SOME
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.reading_pages import Element
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts


def kinds(found: Element) -> list[str]:
    return [one.one("h2").words for one in found.all("section", class_="fleet-alerts")]


def links(found: Element) -> set[str]:
    return {one.attributes["href"] for one in found.one("main").all("a")}


async def test_it_leads_to_each_miner_and_to_what_is_done_first(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    for miner in ("a1", "a2"):
        prometheus.fires("MinerBoardLost", container="Container 1", miner=miner)
    prometheus.fires("ContainerDown", container="Container 2", severity="critical")
    prometheus.fires("MinerDown", container="Container 1", miner="a1", state="pending")
    prometheus.fires("Watchdog", severity="none")
    browser = await fleet.browser()
    found = await page(browser, "/alerts")
    assert kinds(found) == ["Many miners do not answer: 1 critical", "Board lost: 2 warning"]
    assert {
        "/miners/container-1.a1", "/miners/container-1.a2", "/containers/container-2",
        "/runbooks/MinerBoardLost", "/alerts?name=MinerBoardLost",
    } <= links(found)  # fmt: skip
    assert "MinerBoardLost of a1" in main(found)
    one = await page(browser, "/alerts?name=MinerBoardLost")
    assert one.one("h1").words == "Board lost"
    assert "/containers/container-2" not in links(one)
    assert "/miners/container-1.a2" in links(one)
    assert "This alert does not fire now." in main(await page(browser, "/alerts?name=MinerDown"))


async def test_row_and_column_stand_beside_a_miner(fleet: FleetHouse, prometheus: PrometheusOfAlerts) -> None:
    browser = await fleet.browser()
    response = await browser.get("/api/v1/miners/container-1.a1")
    position = (await response.json())["position"]
    prometheus.fires("MinerFanFailed", container="Container 1", miner="a1")
    found = await page(browser, "/alerts")
    cells = [cell.words for cell in found.one("tbody").all("td")]
    assert cells[0] == f"{chr(ord('A') + position['row'] - 1)}{position['column']}"


async def test_of_many_some_stand_there_with_the_way_to_all(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    for number in range(SOME + 3):
        prometheus.fires("MinerHashrateLow", container="Container 1", miner=f"gone{number:02}")
    browser = await fleet.browser()
    found = await page(browser, "/alerts")
    assert len(found.one("tbody").all("tr")) == SOME
    assert "and 3 more" in main(found)
    assert len((await page(browser, "/alerts?name=MinerHashrateLow")).one("tbody").all("tr")) == SOME + 3


async def test_one_sees_what_concerns_oneself_alone(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.fires("MinerDown", container="Container 1", miner="a1")
    prometheus.fires("MinerDown", container="Container 2", miner="b1", client="borealis")
    prometheus.fires("ExporterDown", severity="critical")
    found = await page(await fleet.browser("carl", "client"), "/alerts")
    assert kinds(found) == ["Does not answer: 1 warning"]
    assert "b1" not in main(found)
    assert not {one for one in links(found) if one.startswith("/runbooks")}


async def test_a_stranger_s_names_stay_text(fleet: FleetHouse, prometheus: PrometheusOfAlerts) -> None:
    hostile = "<script>alert(1)</script>{{7*7}}"
    prometheus.fires(hostile, container="Container 1", miner=hostile, severity=hostile)
    found = await page(await fleet.browser(), "/alerts")
    assert hostile in main(found)
    assert not found.one("main").all("script")


async def test_without_prometheus_it_says_that_nothing_is_known(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.answer = web.Response(status=500)
    said = main(await page(await fleet.browser(), "/alerts"))
    assert "Prometheus does not answer" in said
    assert "No alert fires." not in said


async def test_that_nothing_fires_is_said(fleet: FleetHouse, prometheus: PrometheusOfAlerts) -> None:
    prometheus.fires("Watchdog", severity="none")
    assert "No alert fires." in main(await page(await fleet.browser(), "/alerts"))
