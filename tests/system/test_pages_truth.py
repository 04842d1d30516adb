"""What the pages say is what the exporter says, and what is not of now is never shown as if it were.

The simulated miners stand still, so the figures of a page can be worked out here from the exporter's own answer. Then parts are
ended, started again and spoilt, and the pages are read: as HTML, and in a browser that has them open.
"""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.system.pages_yard import FLEET, WATCHED, Yard, yard
from tests.system.stack import ask, until
from tests.unit.controller.pages.reading_pages import Element, read_page

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Where the controller commands, it reads by itself when the exporter is away: here it only watches.
OBSERVED = FLEET.replace("control: enforce", "control: observe")
HOLLOW = ("mining-old", "sleeping-old", "starting-old", "fault-old")
SOLID = ("mining", "sleeping", "starting", "fault")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("truth"), prometheus, fleet=OBSERVED, simulate=("--static",)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(place: Yard, same_browser: Browser) -> AsyncIterator[Page]:
    context = await place.look(same_browser)
    yield await context.new_page()
    await context.close()


def fleet(place: Yard) -> list[dict[str, Any]]:
    """What the exporter knows of every miner now."""
    answer = ask(f"{place.exporter.url}/api/v1/fleet").json()
    assert answer["reset"]
    return list(answer["items"])


def html(place: Yard, path: str) -> Element:
    answer = place.page(path)
    assert answer.status == 200, path
    return read_page(answer.body.decode())


def spoken(element: Element) -> str:
    return element.words.replace("\u00a0", " ")


def live(element: Element, key: str) -> str:
    """What stands at a live place; a page may have it more than once, and says the same each time."""
    found = {spoken(one) for one in element.all(**{"data-live": key})}
    assert len(found) == 1, f"{key}: {found}"
    return found.pop()


class Sums:
    """Sums over miners, worked out from what the exporter says, as the pages write them."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.read = [one for one in items if one["kind"] == "snapshot"]
        self.lost = len(items) - len(self.read)

    def rate(self, algorithm: str) -> float:
        return sum(one["hashrate_hs"] or 0 for one in self.read if one["identity"]["algorithm"] == algorithm)

    @property
    def power(self) -> str:
        return f"{sum(one['power_w'] or 0 for one in self.read) / 1e3:.1f} kW"

    @property
    def chip(self) -> str:
        hottest = max(one["temperatures_c"]["chip_max"] or 0 for one in self.read)
        return f"≤ {hottest:.0f} °C"

    def count(self, state: str) -> int:
        return self.lost if state == "unreachable" else sum(one["state"] == state for one in self.read)


def figure(rate_hs: float) -> str:
    """A hash rate in three or four figures."""
    for size, unit in ((1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s")):
        if rate_hs >= size:
            value = rate_hs / size
            return f"{value:.2f} {unit}" if value < 9.995 else f"{value:.1f} {unit}"
    assert rate_hs == 0
    return "0 TH/s"


async def test_the_fleet_and_its_containers_say_what_the_exporter_says(place: Yard) -> None:
    items = fleet(place)
    shown, sums = html(place, "/"), Sums(items)
    assert live(shown, "f.rate.SHA-256") == figure(sums.rate("SHA-256"))
    assert live(shown, "f.rate.Scrypt") == figure(sums.rate("Scrypt"))
    assert live(shown, "f.power") == sums.power
    assert live(shown, "f.chip") == sums.chip
    for state in ("mining", "sleeping", "starting", "fault", "unknown", "unreachable"):
        assert live(shown, f"f.state.{state}").startswith(f"{sums.count(state)} "), state
    assert live(shown, "f.miners") == f"{len(items)} miners"
    for one in place.api("/containers").json()["items"]:
        part = Sums([item for item in items if item["container"] == one["name"]])
        begin = f"c.{one['id']}."
        assert live(shown, f"{begin}power") == part.power
        assert live(shown, f"{begin}rate") == figure(part.rate("SHA-256"))
        own = html(place, f"/containers/{one['id']}")
        assert live(own, f"{begin}power") == part.power
        assert live(own, f"{begin}rate") == figure(part.rate("SHA-256"))
        assert live(own, f"{begin}chip") == part.chip
        for state in ("mining", "sleeping", "unreachable"):
            assert live(own, f"{begin}count.{state}") == str(part.count(state)), (one["name"], state)


async def test_each_miner_is_what_the_exporter_says(place: Yard) -> None:
    listed = html(place, "/miners")
    ids = {
        (one["container"], one["name"]): one["id"] for one in place.api("/miners?limit=500").json()["items"]
    }
    containers = {one["name"]: one["id"] for one in place.api("/containers").json()["items"]}
    items = fleet(place)
    assert len(items) == len(ids)
    for item in items:
        begin = f"m.{ids[containers[item['container']], item['miner']]}."
        if item["kind"] == "poll_failure":
            assert live(listed, f"{begin}state") == "unreachable"
            assert [live(listed, begin + name) for name in ("hashrate_hs", "power_w")] == ["–", "–"]
            continue
        assert live(listed, f"{begin}state") == item["state"]
        assert live(listed, f"{begin}power_w").replace(",", "") == f"{item['power_w']:.0f}"
        chip = item["temperatures_c"]["chip_max"]
        assert live(listed, f"{begin}chip_max_c") == f"{chip:.0f}"
    for name in ("w1", "a2", "l11", "a9"):
        [item] = [one for one in items if one["miner"] == name]
        own_id = ids[containers[item["container"]], name]
        own = html(place, f"/miners/{own_id}")
        assert live(own, f"m.{own_id}.hashrate") == figure(item["hashrate_hs"])
        assert live(own, f"m.{own_id}.power").replace(",", "") == f"{item['power_w']:.0f} W"
        assert live(own, f"m.{own_id}.state").startswith(item["state"])


def assert_old(shown: Element, *, of: str) -> None:
    """Nothing of a page is shown as of now."""
    assert shown.one(**{"data-live-state": "s.fresh"}).attributes["data-state"] == "old"
    assert "old" in live(shown, "s.age")
    [notice] = [
        one for one in shown.all("p", **{"data-live-hidden": "s.source"}) if "hidden" not in one.attributes
    ]
    assert "No readings since" in spoken(notice)
    assert "Figures are from then." in spoken(notice)
    for place_of in shown.all(**{"data-live-state": of}):
        assert place_of.attributes["data-state"] == "old", of
    for path in shown.all("path"):
        key = path.attributes.get("data-live-path", "")
        if ".grid." in key and key.rpartition(".")[2] in SOLID:
            assert path.attributes["d"] == "", f"{key} is drawn as of now"


async def test_without_the_exporter_everything_is_dated_and_heals_by_itself(place: Yard, page: Page) -> None:
    await page.goto("/")
    fresh, source = page.locator(".fresh"), page.locator("[data-live-hidden='s.source']")
    await expect(fresh).to_have_attribute("data-state", "live")
    await expect(fresh.locator("[data-way]")).to_have_text("live")
    await expect(source).to_be_hidden()
    figures = await page.locator("[data-live='f.power']").inner_text()
    await page.evaluate("document.documentElement.dataset.same = 'yes'")
    place.exporter.end()
    try:
        await expect(source).to_contain_text(
            re.compile("No readings since .* does not answer. Figures are from then")
        )
        await expect(fresh).to_have_attribute("data-state", "old")
        await expect(page.locator(".fleet-sums")).to_have_attribute("data-state", "old")
        cards = page.locator("ul.fleet > li")
        for at in range(await cards.count()):
            await expect(cards.nth(at)).to_have_attribute("data-state", "old")
            await expect(cards.nth(at).locator(".as-of")).to_contain_text("Figures are of")
            for state in SOLID:
                await expect(cards.nth(at).locator(f".cells-{state}")).to_have_attribute("d", "")
        assert await page.locator("[data-live='f.power']").inner_text() == figures
        dimmed = await page.locator(".fleet-sums dd").first.evaluate("one => getComputedStyle(one).color")
        muted = await page.locator(".fleet-sums .as-of").evaluate("one => getComputedStyle(one).display")
        assert dimmed != await page.locator("h1").evaluate("one => getComputedStyle(one).color")
        assert muted != "none"
        # As HTML, for whoever has no scripts.
        assert_old(html(place, "/"), of="f.fresh")
        assert_old(html(place, "/containers/container-7"), of="c.container-7.read")
        assert_old(html(place, "/miners"), of="m.container-7.w1.row")
        own = html(place, "/miners/container-7.w1")
        assert_old(own, of="none")
        assert own.one(**{"data-live-state": "m.container-7.w1.fresh"}).attributes["data-state"] != "now"
    finally:
        place.start_exporter()
    await expect(source).to_be_hidden()
    await expect(fresh).to_have_attribute("data-state", "live")
    await expect(page.locator(".fleet-sums")).to_have_attribute("data-state", "now")
    for at in range(await cards.count()):
        await expect(cards.nth(at)).to_have_attribute("data-state", "now")
    assert await page.evaluate("document.documentElement.dataset.same") == "yes"


async def test_without_prometheus_charts_keep_their_place_and_the_rest_is_whole(
    place: Yard, page: Page
) -> None:
    assert place.prometheus is not None
    chart = page.locator(".chart-place").first
    await page.goto("/containers/container-7")
    await expect(chart).not_to_have_attribute("aria-busy", "true")
    await expect(chart).to_contain_text("Power")
    before = await chart.bounding_box()
    place.prometheus.end()
    try:
        # Answers are kept for some seconds: this one has not been asked for yet.
        await page.goto("/containers/konteiner-1")
        await expect(chart).to_contain_text("No history: Prometheus does not answer")
        after = await chart.bounding_box()
        assert before is not None
        assert after is not None
        assert after["height"] == pytest.approx(before["height"], abs=1)
        until(
            lambda: "Prometheus does not answer" in spoken(html(place, "/containers/container-7")),
            "the notice tells of it",
        )
        items = [one for one in fleet(place) if one["container"] == "Container 7"]
        assert live(html(place, "/containers/container-7"), "c.container-7.power") == Sums(items).power
    finally:
        place.start_prometheus()


async def test_a_spoilt_inventory_is_told_with_file_and_lines_until_it_is_mended(
    place: Yard, page: Page
) -> None:
    await page.goto("/")
    notice = page.locator("[data-live-hidden='s.inventory']")
    await expect(notice).to_be_hidden()
    place.stack.write_targets(OBSERVED.replace("127.N.7.1-12", "127.N.7.1-12, port: 70000"))
    try:
        await expect(notice).to_contain_text(
            re.compile(r"targets\.yml has 1 mistake; the fleet of .* is in use")
        )
        health = spoken(html(place, "/settings/health"))
        assert re.search(r"targets\.yml:\d+: .*70000", health), health
    finally:
        place.stack.write_targets(OBSERVED)
    await expect(notice).to_be_hidden()
    assert "70000" not in spoken(html(place, "/settings/health"))


async def test_an_open_page_says_when_the_controller_is_gone_and_finds_it_again(
    place: Yard, page: Page
) -> None:
    await page.clock.install()
    await page.goto("/miners")
    fresh, way = page.locator(".fresh"), page.locator("[data-way]")
    await expect(way).to_have_text("live")
    await page.evaluate("document.documentElement.dataset.same = 'yes'")
    place.controller.end()
    try:
        await expect(way).to_have_text("no connection")
        await expect(page.locator("[data-refresh]")).to_be_visible()
    finally:
        place.start_controller()

    async def asked_again() -> bool:
        await page.clock.fast_forward(10_000)
        await expect(way).to_have_text(re.compile("live|every 10 s"))
        return await fresh.get_attribute("data-state") == "live"

    # It asks every ten seconds, and the controller has to hear of the exporter first.
    while not await asked_again():
        await page.wait_for_timeout(200)
    assert WATCHED in await page.locator("main").inner_text()
    assert await page.evaluate("document.documentElement.dataset.same") == "yes"
