"""Charts over a real socket: as parts and as pages, of whom one may see, without Prometheus, and of strangers' labels."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller.history import History
from controller.pages.chart_routes import PART
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.fleet_with_pages import A1, ChangedDeeds, main, page
from tests.unit.controller.pages.prometheus_of_series import PrometheusOfSeries
from tests.unit.controller.pages.reading_pages import Element, read_page

OF_A1 = "/charts/miner/container-1.a1"


@pytest.fixture
async def series() -> AsyncIterator[PrometheusOfSeries]:
    found = PrometheusOfSeries()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def drawn(
    make_house: MakeHouse, tmp_path: Path, series: PrometheusOfSeries
) -> AsyncIterator[FleetHouse]:
    history = History(series.url)
    hand = HAND.replace("- name: Container 1", "- name: Container 1\n  timezone: Europe/Samara")
    yield await start(make_house, tmp_path, hand=hand, services={History: history}, kind=ChangedDeeds)
    await history.close()


async def part(browser: Browser, path: str) -> Element:
    response = await browser.get(path, headers={PART: "1"})
    assert (response.status, response.headers[PART]) == (200, "chart"), await response.text()
    assert PART in response.headers["Vary"]
    return read_page(await response.text())


def cursor(found: Element) -> Any:
    return json.loads(found.one("script", type="application/json").text)


async def test_a_part_is_the_chart_alone_and_a_page_has_it_with_the_way_back(
    drawn: FleetHouse, series: PrometheusOfSeries
) -> None:
    series.has("miner_hashrate", lambda at: None if 0.4 < at < 0.5 else 104e12)
    browser = await drawn.browser()
    alone = await part(browser, OF_A1)
    assert not alone.all("main")
    whole = await page(browser, OF_A1)
    assert whole.one("nav", class_="crumbs").all("a", href=A1)
    for found in (alone, whole):
        figure = found.one("figure", class_="chart")
        (line,) = [path for path in figure.all("path") if "line-1" in path.attributes["class"]]
        assert line.attributes["d"].count("M") == 2
        assert "104.0 TH/s" in figure.one("figcaption").words
        label = figure.one("svg", role="img").attributes["aria-label"].replace("\u00a0", " ")
        assert "Lowest 104.0 TH/s, mean 104.0 TH/s" in label
        told = cursor(figure)["texts"]
        assert told[-1].replace("\u00a0", " ") == "16:00 · 104.0 TH/s"
        assert any(text.endswith("no reading") for text in told)
        assert "–" in figure.one("table").words
        assert figure.one("svg", role="img").words.endswith("now")


async def test_figures_are_those_of_the_api(drawn: FleetHouse, series: PrometheusOfSeries) -> None:
    series.has("miner_power", lambda at: 3000 + 500 * at)
    browser = await drawn.browser()
    answer = await browser.get("/api/v1/stats/miners/container-1.a1?metric=power&hours=6&limit=240")
    values = [value for _, value in (await answer.json())["series"][0]["points"] if value is not None]
    found = await part(browser, f"{OF_A1}?metric=power&hours=6")
    shown = [one.words for one in found.one("dl", class_="chart-figures").all("dd")]
    assert shown == [f"{figure:,.0f} W" for figure in (min(values), sum(values) / len(values), max(values))]
    assert len(cursor(found)["texts"]) == len((await answer.json())["series"][0]["points"])


async def test_every_metric_and_time_has_a_way_that_is_followed_without_scripts(
    drawn: FleetHouse, series: PrometheusOfSeries
) -> None:
    series.has("miner_", lambda at: 1.0 + at)
    browser = await drawn.browser()
    for path in (OF_A1, "/charts/container/container-1", "/charts/fleet"):
        found = await part(browser, path)
        ways = found.all("a", **{"data-part-link": ""})
        chosen = [way.words for way in ways if way.attributes.get("aria-current") == "true"]
        assert chosen == ["Hash rate", "24 h"]
        for way in ways:
            followed = await page(browser, way.attributes["href"])
            assert followed.one("figure", class_="chart").all("table"), way.attributes["href"]
    bare = await part(browser, f"{OF_A1}?choice=false")
    assert not bare.all("nav")


async def test_without_prometheus_its_place_says_so_and_keeps_its_size(
    drawn: FleetHouse, series: PrometheusOfSeries
) -> None:
    browser, client = await drawn.browser(), await drawn.browser("clara", "client")
    await series.stop()
    found = await part(browser, OF_A1)
    assert "No history: Prometheus does not answer (since " in found.words
    assert found.one("div", class_="chart-said")
    assert found.all("a", **{"data-part-link": ""})
    assert "ClientConnectorError" in found.words
    whole = await page(browser, OF_A1, 503)
    assert "No history: Prometheus does not answer" in main(whole)
    own = await part(client, OF_A1)
    assert "No history: Prometheus does not answer" in own.words
    assert "ClientConnectorError" not in own.words
    response = await browser.get("/charts/sparklines")
    assert await response.json() == {"paths": {}, "texts": {}}


async def test_where_there_is_no_prometheus_it_is_not_said_to_be_away(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await start(make_house, tmp_path)
    assert "No history: no Prometheus is set up" in (await part(await fleet.browser(), OF_A1)).words


async def test_a_time_without_readings_is_told(drawn: FleetHouse, series: PrometheusOfSeries) -> None:
    browser = await drawn.browser()
    assert "No readings in this period." in (await part(browser, OF_A1)).words
    series.has("miner_power", lambda _: None)
    found = await part(browser, f"{OF_A1}?metric=power&hours=1")
    assert "No readings in this period." in found.words
    assert not found.all("figure")


async def test_a_client_has_charts_of_his_own_alone(drawn: FleetHouse, series: PrometheusOfSeries) -> None:
    series.has("miner_", lambda _: 1.0)
    client = await drawn.browser("clara", "client")
    await part(client, OF_A1)
    for query in series.queries:
        assert 'client="acme"' in query
    await page(client, "/charts/miner/container-2.b1", 404)
    await page(client, "/charts/container/container-2", 404)
    series.queries.clear()
    await part(client, "/charts/fleet")
    assert all("Container\\\\ 2" not in query and 'client="acme"' in query for query in series.queries)


async def test_small_lines_come_for_all_containers_in_one_question(
    drawn: FleetHouse, series: PrometheusOfSeries
) -> None:
    for source, power in (("measured", 800e3), ("estimated", 12.4e3)):
        series.has(
            "miner_power",
            lambda at, power=power: power if at < 0.5 else None,
            container="Container 1",
            source=source,
        )  # type: ignore[misc]  # bound now
    series.has("miner_power", lambda _: 1.0, container="Somewhere else", source="measured")
    browser = await drawn.browser()
    response = await browser.get("/charts/sparklines?metric=power&hours=24")
    found = await response.json()
    assert len(series.queries) == 1
    assert list(found["paths"]) == ["container-1"]
    assert found["paths"]["container-1"].startswith("M0.0 ")
    assert found["texts"]["container-1"].replace("\u00a0", " ") == (
        "Power over 24 h: lowest 812.4 kW, highest 812.4 kW, last 812.4 kW"
    )


async def test_labels_of_strangers_stay_text(drawn: FleetHouse, series: PrometheusOfSeries) -> None:
    for name in (
        "<script>alert(1)</script>",
        "{{7*7}}",
        "</script><img src=x onerror=alert(1)>",
        "\u202egnp",
    ):
        series.has("miner_shares", lambda _: 1.0, result=name)
        series.has("miner_hashrate", lambda _: 1.0, algorithm=name)
    browser = await drawn.browser()
    for path in (f"{OF_A1}?metric=shares", "/charts/fleet?metric=hashrate", "/charts/fleet?metric=shares"):
        for found in (await part(browser, path), await page(browser, path)):
            assert not found.all("img")
            assert "<script>alert(1)</script>" in found.text
            assert "49" not in "".join(one.words for one in found.all("bdi"))


@pytest.mark.parametrize("query", ["metric=nonsense", "hours=5", "hours=0", "hours=1e9", "hours=1&hours=6"])
async def test_what_cannot_be_drawn_is_a_page_that_names_it(drawn: FleetHouse, query: str) -> None:
    found = await page(await drawn.browser(), f"{OF_A1}?{query}", 400)
    assert query.partition("=")[0] in main(found)
