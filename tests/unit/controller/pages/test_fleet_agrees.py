"""What the page of the fleet says agrees with itself: sums with what they are of, numbers with the lists that they lead to."""

from pathlib import Path

import pytest

from controller.history import History
from miners.model import Identity, Temperatures
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, page
from tests.unit.controller.pages.reading_pages import Element
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

SCRYPT = Identity(manufacturer="Elphapex", model="DG1", algorithm="Scrypt")
MORE = """\
- name: Container 3
  rows: 1
  miners:
  - {name: c1, address: 10.1.9.1}
  - {name: c2, address: 10.1.9.2}
  - {name: c3, address: 10.1.9.3}
  - {name: c4, address: 10.1.9.4, active: false}
"""


@pytest.fixture
async def three(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=f"{HAND}{MORE}", kind=ChangedDeeds)
    for id_ in (
        "container-1.a1",
        "container-1.a2",
        "container-2.b1",
        *(f"container-3.c{at}" for at in range(1, 5)),
    ):
        found.deeds.snapshot(id_)
    return found


def change(fleet: FleetHouse, miner: str, **fields: object) -> None:
    assert isinstance(fleet.deeds, ChangedDeeds)
    fleet.deeds.altered[miner] = fields


def place(found: Element, key: str) -> str:
    texts = {one.words for one in found.all("span") if one.attributes.get("data-live") == key}
    assert len(texts) == 1, f"{key}: {texts}"
    return texts.pop().replace("\u00a0", " ")


def shown(found: Element, key: str) -> bool:
    [one] = [one for one in found.all() if one.attributes.get("data-live-hidden") == key]
    return "hidden" not in one.attributes


def state(found: Element, key: str) -> str:
    [word] = {
        one.attributes["data-state"] for one in found.all() if one.attributes.get("data-live-state") == key
    }
    return word


@pytest.mark.parametrize("role", ["administrator", "accountant", "client"])
async def test_each_number_is_that_of_the_miners_that_it_leads_to(three: FleetHouse, role: str) -> None:
    hot = Temperatures(chip_max=97.0)
    three.deeds.snapshot("container-1.a1", temperatures_c=hot)
    three.deeds.snapshot("container-1.a2", temperatures_c=hot, state="fault")
    change(three, "container-1.a2", stale=True)
    change(three, "container-2.b1", stale=True)
    three.deeds.snapshot("container-3.c1", state="sleeping")
    three.deeds.failure("container-3.c2")
    three.deeds.snapshot("container-3.c4", temperatures_c=hot)
    browser = await three.browser("carl" if role == "client" else "anna", role)
    found = await page(browser, "/")
    counted = 0
    for link in found.one("main").all("a"):
        if not link.attributes["href"].startswith("/miners"):
            continue
        inside = next(one for one in link.all("span") if "data-live" in one.attributes)
        listed = await page(browser, link.attributes["href"])
        rows = listed.one("tbody").all("tr") if listed.all("tbody") else []
        key = inside.attributes["data-live"]
        assert inside.words.split()[0].split("\u00a0")[0] == str(len(rows)), f"{key}: {inside.words}"
        counted += len(rows)
    assert counted > (4 if role == "client" else 12)


async def test_miners_of_a_container_that_is_not_read_are_named_as_not_read(three: FleetHouse) -> None:
    change(three, "container-2.b1", stale=True)
    found = await page(await three.browser(), "/")
    assert shown(found, "f.need.stale")
    assert place(found, "f.need.stale") == "1 not read lately"


async def test_while_nothing_is_read_the_notice_says_so_and_not_each_miner(three: FleetHouse) -> None:
    for view in list(three.deeds.views()):
        change(three, view.id, stale=True)
    found = await page(await three.browser(), "/")
    assert not shown(found, "f.need.stale")
    assert state(found, "f.needs") == "old"


@pytest.mark.parametrize(
    "more", ["- name: Empty\n", "- name: Off\n  miners: [{name: x, address: 10.1.9.9, active: false}]\n"]
)
async def test_a_container_without_miners_does_not_make_old_figures_new(
    make_house: MakeHouse, tmp_path: Path, more: str
) -> None:
    fleet = await start(make_house, tmp_path, hand=f"{HAND}{more}", kind=ChangedDeeds)
    for id_ in ("container-1.a1", "container-1.a2", "container-2.b1"):
        fleet.deeds.snapshot(id_)
        change(fleet, id_, stale=True)
    found = await page(await fleet.browser(), "/")
    assert state(found, "f.fresh") == "old"
    assert shown(found, "f.as-of")
    assert place(found, "f.power") == "9.9 kW"
    assert not shown(found, "f.left-out")


async def test_a_hash_rate_that_nobody_reports_is_no_nought(three: FleetHouse) -> None:
    for at in (1, 2, 3):
        three.deeds.snapshot(
            f"container-3.c{at}", identity=SCRYPT, hashrate_hs=None, nominal_hashrate_hs=16e9
        )
    browser = await three.browser()
    found = await page(browser, "/?view=table")
    for key in ("c.container-3.rate", "c.container-3.share"):
        assert place(found, key) == "–", key
    assert place(found, "f.rate.Scrypt") == "–"
    assert place(found, "f.rate.Scrypt.note") == "not reported"
    three.deeds.snapshot("container-3.c1", identity=SCRYPT, hashrate_hs=0.0, nominal_hashrate_hs=16e9)
    asleep = await page(browser, "/")
    assert place(asleep, "f.rate.Scrypt").startswith("0")
    assert place(asleep, "c.container-3.rate").startswith("0")


async def test_a_rate_keeps_to_its_algorithm_when_another_one_comes(three: FleetHouse) -> None:
    browser = await three.browser()
    before = await page(browser, "/")
    heads = {
        pair.one("dt").words: pair.one("dd").all("span")[0].attributes["data-live"]
        for pair in before.one("dl").all("div")
    }
    three.deeds.snapshot("container-2.b1", identity=Identity(algorithm="Ethash"), hashrate_hs=2e9)
    response = await browser.get(
        "/live/now", params={"page": before.one("body").attributes["data-live-page"]}
    )
    now = await response.json()
    assert now["texts"][heads["SHA-256"]].replace("\u00a0", " ") == "550.0 TH/s"
    assert now["hidden"]["s.changed"] is False


async def test_by_hash_rate_algorithms_are_not_compared(three: FleetHouse) -> None:
    for at in (1, 2, 3, 4):
        three.deeds.snapshot(f"container-3.c{at}", identity=SCRYPT, hashrate_hs=900e12)
    found = await page(await three.browser(), "/?sort=rate")
    assert [card.one("h2").one("a").words for card in found.all("li", class_="card")] == [
        "Container 1",
        "Container 2",
        "Container 3",
    ]


async def test_the_share_is_of_the_rate_beside_it(three: FleetHouse) -> None:
    three.deeds.snapshot("container-3.c1", identity=SCRYPT, hashrate_hs=8e9, nominal_hashrate_hs=16e9)
    found = await page(await three.browser(), "/?view=table")
    assert place(found, "c.container-3.rate") == "220.0 TH/s"
    assert place(found, "c.container-3.share") == "–"


async def test_who_hears_a_card_hears_what_is_not_of_now(three: FleetHouse) -> None:
    change(three, "container-3.c1", stale=True)
    found = await page(await three.browser(), "/")
    assert place(found, "c.container-3.grid.words") == "4 miners: 3 mining, 1 disabled, 1 not read lately"
    assert place(found, "c.container-1.grid.words") == "2 miners: 2 mining"


async def test_alerts_that_are_not_known_are_no_quiet(
    make_house: MakeHouse, tmp_path: Path, history: History, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.slow_s = 0.3
    fleet = await start(make_house, tmp_path, services={History: history}, kind=ChangedDeeds)
    for id_ in ("container-1.a1", "container-1.a2", "container-2.b1"):
        fleet.deeds.snapshot(id_)
    browser = await fleet.browser("carl", "client")
    unknown = await page(browser, "/")
    assert not shown(unknown, "f.quiet")
    assert shown(unknown, "f.alerts-unknown")
    assert (await browser.get("/api/v1/alerts")).status == 200
    known = await page(browser, "/")
    assert shown(known, "f.quiet")
    assert not shown(known, "f.alerts-unknown")
