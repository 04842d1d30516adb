"""The alerts on the page of a miner: whose they are, where they lead, and that they are not known without Prometheus."""

import pytest
from aiohttp import web

from controller.history import History
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.fleet_with_pages import A1, OWN, main, page
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

pytestmark = pytest.mark.usefixtures("alerts_are_waited_for")


async def test_alerts_of_the_miner_come_before_those_of_its_container(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.fires("ContainerOverheating", severity="critical", **OWN)
    prometheus.fires("MinerBoardLost", miner="a1", **OWN)
    prometheus.fires("MinerDown", miner="a2", **OWN)
    prometheus.fires("MinerFault", "pending", miner="a1", **OWN)
    prometheus.fires("MinerDown", miner="a1", container="Container 2", client="borealis")
    found = await page(await fleet.browser(), A1)
    alerts = found.one("ul", class_="alerts")
    assert [name.words for name in alerts.all("strong")] == ["Board lost", "Many miners are too hot"]
    assert "since 15:30" in alerts.words
    assert [link.attributes["href"] for link in alerts.all("a")] == [
        "/runbooks/MinerBoardLost",
        "/runbooks/ContainerOverheating",
    ]
    client = await page(await fleet.browser("clara", "client"), A1)
    assert [name.words for name in client.one("ul", class_="alerts").all("strong")] == [
        "Board lost",
        "Many miners are too hot",
    ]
    assert not client.one("ul", class_="alerts").all("a")


async def test_links_of_alerts_lead_to_runbooks_or_the_web_and_nowhere_else(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    for at, address in enumerate(
        ("javascript:alert(1)", "https://wiki.example/x", "//evil.example", "data:text/html,x", "")
    ):
        prometheus.fires(f"Own{at}", miner="a1", **OWN)
        prometheus.alerts[-1]["annotations"] = {"runbook_url": address, "summary": "own"}
    found = await page(await fleet.browser(), A1)
    links = found.one("ul", class_="alerts").all("a")
    assert [link.attributes["href"] for link in links] == ["https://wiki.example/x"]


async def test_without_prometheus_the_page_says_that_alerts_are_not_known(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts, history: History
) -> None:
    browser, client = await fleet.browser(), await fleet.browser("clara", "client")
    assert "None fires for this miner" in main(await page(browser, A1))
    await prometheus.stop()
    history._kept.clear()
    found = main(await page(browser, A1))
    assert "Not known: Prometheus does not answer" in found
    assert "None fires" not in found
    assert "66.1" in found
    history._kept.clear()
    assert "Not known: Prometheus does not answer" in main(await page(client, A1))


async def test_a_prometheus_that_is_something_else_does_not_break_the_page(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.answer = web.Response(text="<html>", content_type="text/html")
    assert "Not known" in main(await page(await fleet.browser(), A1))
