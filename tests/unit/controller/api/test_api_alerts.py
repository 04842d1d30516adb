"""The firing alerts of what one may see, read from a Prometheus that may be away or talk nonsense, with links that lead on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controller.history import History
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

OWN = {"container": "Container 1", "client": "acme"}


@pytest.fixture
async def prometheus() -> AsyncIterator[PrometheusOfAlerts]:
    found = PrometheusOfAlerts()
    await found.start()
    found.fires("MinerDown", miner="a1", instance="10.1.7.1:9428", job="miners", **OWN)
    found.fires("MinerFault", "pending", miner="a2", **OWN)
    found.fires("ContainerDown", container="Container 2", client="borealis")
    found.fires("HashyardExporterDown")
    yield found
    await found.stop()


async def fleet_of(
    make_house: MakeHouse, tmp_path: Path, prometheus: PrometheusOfAlerts, **more: Any
) -> tuple[FleetHouse, History]:
    history = History(prometheus.url)
    return await start(make_house, tmp_path, services={History: history}, **more), history


@pytest.fixture
async def fleet(
    make_house: MakeHouse, tmp_path: Path, prometheus: PrometheusOfAlerts
) -> AsyncIterator[FleetHouse]:
    found, history = await fleet_of(make_house, tmp_path, prometheus)
    yield found
    await history.close()


async def names(browser: Browser) -> list[str]:
    response = await browser.get("/api/v1/alerts")
    assert response.status == 200, await response.text()
    return [alert["name"] for alert in (await response.json())["items"]]


async def test_each_role_sees_the_alerts_of_its_containers(fleet: FleetHouse) -> None:
    everything = ["ContainerDown", "HashyardExporterDown", "MinerDown", "MinerFault"]
    assert await names(await fleet.browser()) == everything
    assert await names(await fleet.browser("olga", "accountant")) == everything
    assert await names(await fleet.browser("clara", "client")) == ["MinerDown", "MinerFault"]
    nobody = await fleet.house.browser().get("/api/v1/alerts")
    assert nobody.status == 401


async def test_a_client_sees_none_from_before_a_container_was_his(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.fires("MinerNoShares", miner="a1", container="Container 1", client="borealis")
    assert "MinerNoShares" not in await names(await fleet.browser("clara", "client"))


async def test_a_token_for_one_container_sees_its_alerts_alone(fleet: FleetHouse) -> None:
    user = await fleet.house.user("anna")
    token = await fleet.house.token(user, "read", containers=("container-2",))
    assert await names(fleet.house.browser(token=token)) == ["ContainerDown"]


async def test_a_client_reads_the_summary_and_no_address(fleet: FleetHouse) -> None:
    response = await (await fleet.browser("clara", "client")).get("/api/v1/alerts")
    assert "10.1.7.1" not in await response.text()
    for alert in (await response.json())["items"]:
        assert set(alert["annotations"]) == {"summary"}
        assert set(alert["labels"]) <= {"alertname", "severity", "container", "miner", "client"}


async def test_paths_in_annotations_become_addresses_where_those_are_known(
    make_house: MakeHouse, tmp_path: Path, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.alerts[0]["annotations"]["runbook_url"] = "https://wiki.example/MinerDown"
    prometheus.alerts[1]["annotations"]["runbook_url"] = "http://["
    fleet, history = await fleet_of(
        make_house,
        tmp_path,
        prometheus,
        public_url="https://yard.example/",
        grafana_url="https://yard.example/grafana/",
    )
    response = await (await fleet.browser()).get("/api/v1/alerts")
    found = {alert["name"]: alert["annotations"] for alert in (await response.json())["items"]}
    board = "https://yard.example/grafana/d/hashyard-miner?var-container=Container%201"
    assert {alert["dashboard_url"] for alert in found.values()} == {board}
    assert found["ContainerDown"]["runbook_url"] == "https://yard.example/runbooks/ContainerDown"
    assert found["MinerDown"]["runbook_url"] == "https://wiki.example/MinerDown"
    assert found["MinerFault"]["runbook_url"] == "http://["
    await history.close()


async def test_paths_stay_paths_where_the_addresses_are_not_known(
    make_house: MakeHouse, tmp_path: Path, prometheus: PrometheusOfAlerts
) -> None:
    fleet, history = await fleet_of(make_house, tmp_path, prometheus, host="0.0.0.0")
    browser = fleet.house.browser(headers={"Host": "127.0.0.1"})
    browser.token = await fleet.house.token(await fleet.house.user("anna"))
    response = await browser.get("/api/v1/alerts")
    annotations = (await response.json())["items"][0]["annotations"]
    assert annotations["runbook_url"] == "runbooks/ContainerDown"
    assert annotations["dashboard_url"].startswith("/d/hashyard-miner?")
    await history.close()


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500, text="boom"),
        web.Response(text="<html>a proxy's sign-in</html>", content_type="text/html"),
        web.json_response({"status": "error", "error": "query timed out"}),
        web.json_response(["no", "answer"]),
    ],
    ids=["fails", "is something else", "refuses", "has another form"],
)
async def test_a_prometheus_that_does_not_answer_rightly_is_away(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts, answer: web.Response
) -> None:
    prometheus.answer = answer
    browser = await fleet.browser()
    response = await browser.get("/api/v1/alerts")
    assert response.status == 503
    assert (await response.json())["type"] == "/problems/prometheus-away"
    assert "Prometheus" in (await response.json())["detail"]
    prometheus.answer = None
    assert "MinerDown" in await names(browser)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/alerts",
        "/api/v1/stats/overview",
        "/api/v1/stats/containers",
        "/api/v1/stats/containers/container-1",
        "/api/v1/stats/miners/container-1.a1",
        "/api/stats/overview",
        "/api/stats/containers/container-1",
        "/api/stats/miners/container-1.a1",
        "/charts/container/container-1",
        "/alerts",
    ],
)
async def test_the_words_of_prometheus_are_told_to_the_house_alone(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts, path: str
) -> None:
    """They name labels of series: a miner that two exporters read has two of an address that no client is shown."""
    prometheus.refusal = 'found duplicate series: {__name__="miner_info", address="10.1.7.1", job="miners"}'
    client, office = await fleet.browser("clara", "client"), await fleet.browser()
    texts = []
    for browser in (client, office):
        response = await browser.get(path)
        assert response.status == 503 or path in ("/alerts", "/charts/container/container-1")
        texts.append(await response.text())
    assert "10.1." not in texts[0]
    assert "miner_info" not in texts[0]
    assert "duplicate series" in texts[1]


async def test_a_question_that_prometheus_refuses_takes_it_away_from_nobody(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    browser = await fleet.browser()
    await names(browser)
    prometheus.refusal = "query processing would load too many samples into memory in query execution"
    assert (await browser.get("/api/v1/stats/overview?hours=8760")).status == 503
    parts = (await (await browser.get("/api/v1/status")).json())["parts"]
    assert {one["state"] for one in parts if one["name"] == "prometheus"} == {"ok"}
    assert "Prometheus does not answer" not in await (await browser.get("/")).text()


async def test_a_prometheus_that_is_gone_is_said(fleet: FleetHouse, prometheus: PrometheusOfAlerts) -> None:
    browser = await fleet.browser()
    await prometheus.stop()
    response = await browser.get("/api/v1/alerts")
    assert response.status == 503
    assert response.headers["Retry-After"] == "10"
    overview = await (await browser.get("/api/v1/overview")).json()
    assert overview["sources"]["prometheus"] == "away"


@pytest.mark.parametrize(
    "odd", [None, 7, {}, {"labels": None}, {"labels": ["x"], "annotations": 3}, {"activeAt": 5}]
)
async def test_an_alert_of_another_form_does_not_hide_the_others(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts, odd: Any
) -> None:
    prometheus.alerts.append(odd)
    assert "MinerDown" in await names(await fleet.browser())
