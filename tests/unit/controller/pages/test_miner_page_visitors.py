"""Who sees the page of a miner, by what names it is found, and that strangers' words on it stay text."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.deeds import Source
from controller.history import History
from controller.model import Actor, Event, MinerRecord, ServiceMark, new_id
from miners.model import Board, Fault, Identity, Pool, Psu
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import A1, ChangedDeeds, main, page, pairs
from tests.unit.controller.pages.reading_pages import read_page
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

HOSTILE = (
    "<script>alert(1)</script>",
    "{{7*7}}{{191*7919}}{% raw %}",
    "\u202egnp.exe\u2066",
    "\"'><img src=x onerror=alert(1)>",
    "a\x00b\x1b[31m",
)


async def test_a_client_sees_his_own_without_addresses_and_what_is_the_operators(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser("clara", "client"), A1)
    text = found.text
    assert pairs(found)["Hash rate"].startswith("66.1 TH/s")
    assert pairs(found)["Boards that hash"] == "2 of 3"
    for private in ("10.1.7.1", "4028", "SMT0123", "whatsminer_v2", "targets.yml", "grafana.example"):
        assert private not in text
    assert not any("grafana" in link.attributes["href"] for link in found.all("a"))


async def test_what_is_somebody_elses_is_404_as_what_is_not_there(fleet: FleetHouse) -> None:
    client = await fleet.browser("clara", "client")
    other = await page(client, "/miners/container-2.b1", 404)
    none = await page(client, "/miners/container-9.z9", 404)
    assert main(other).split("request")[0] == main(none).split("request")[0]
    by_name = "/miners/by-name?container=Container%20{}&miner=b1"
    other = await page(client, by_name.format(2), 404)
    none = await page(client, by_name.format(9), 404)
    assert main(other).split("request")[0] == main(none).split("request")[0]
    other = await page(client, "/by-name?container=Container%202", 404)
    none = await page(client, "/by-name?container=Container%209", 404)
    assert main(other).split("request")[0] == main(none).split("request")[0]
    assert "Container 2" not in (await page(client, "/")).text


@pytest.mark.parametrize("role", ["administrator", "accountant", "client"])
async def test_names_lead_to_the_page(fleet: FleetHouse, role: Any) -> None:
    browser = await fleet.browser("clara", role)
    response = await browser.get("/miners/by-name?container=Container%201&miner=%20a1&from=now-1h")
    assert (response.status, response.headers["Location"]) == (303, A1)
    response = await browser.get("/by-name?container=Container%201&from=now-1h")
    assert (response.status, response.headers["Location"]) == (303, "/containers/container-1")
    assert (await page(browser, A1)).one("h1")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?container=Container%201", 400),
        ("?container=Container%201&miner=", 400),
        ("?container=Container%201&miner=a1&miner=a2", 400),
        ("?container=Container%201&miner=" + "x" * 501, 400),
        ("?container=Container%201&miner=%00", 400),
        ("?container=Container%201&miner=zz", 404),
        ("?container=container-1&miner=a1", 404),
    ],
)
async def test_names_that_are_none_are_a_page(fleet: FleetHouse, query: str, status: int) -> None:
    found = await page(await fleet.browser(), f"/miners/by-name{query}", status)
    assert found.all("a", href="/runbooks")
    if not query:
        told = [one.words for one in found.one("main").all("li")]
        assert told == ["container: It is missing.", "miner: It is missing."]


async def test_grafana_is_linked_for_those_who_may_use_it(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), A1)
    links = {link.attributes["href"] for link in found.all("a")}
    assert "https://grafana.example/d/hashyard-miner?var-container=Container%201&var-miner=a1" in links
    assert "https://grafana.example" in links


@pytest.mark.parametrize("words", HOSTILE)
async def test_strangers_words_stay_text(
    make_house: MakeHouse, tmp_path: Path, prometheus: PrometheusOfAlerts, history: History, words: str
) -> None:
    """Everywhere that a miner, a person, a rule or a file has a say. `read_page` fails for any script or handler."""
    # The inventory itself refuses what turns the direction, and control characters.
    named = "".join(character for character in words if character >= " " and character not in "\u202e\u2066")
    quoted = "'" + named.replace("'", "''") + "'"
    hand = f"networks: [10.1.0.0/16]\ncontainers:\n- name: {quoted}\n  id: one\n  miners:\n  - {{name: {quoted}, address: 10.1.7.1}}\n"
    fleet = await start(make_house, tmp_path, hand=hand, services={History: history}, kind=ChangedDeeds)
    (view,) = fleet.deeds.views()
    snapshot = fleet.deeds.snapshot(
        view.id,
        identity=Identity(words, words, words, words, words, words, words, words),
        profile=words,
        power_mode=words,
        pools=(Pool(0, words, words, active=True),),
        faults=(Fault(words, words),),
        psu=Psu(words),
        boards=(Board(0, serial=words),),
    )
    fleet.deeds.marks[view.id] = ServiceMark(
        miner=view.id, reason=words, created_by=Actor("user", words), created_at=BEGIN
    )
    fleet.deeds.altered[view.id] = {
        "doubt": words,
        "record": MinerRecord(
            miner=view.id, applied_profile=words, last_outcome="refused", last_detail=words
        ),
        "last_snapshot": snapshot,
    }
    prometheus.fires(words, miner=named, container=named, severity=words)
    prometheus.alerts[-1]["annotations"] = {
        "summary": words,
        "description": words,
        "runbook_url": f"runbooks/{words}",
    }
    await fleet.house.storage.events.add(
        Event(
            id=new_id("evt"),
            at=BEGIN,
            category="command",
            kind="command.finished",
            actor=Actor("user", words.replace("\x00", "")),
            params={"action": words, "detail": words.replace("\x00", "")},
            outcome="refused",
            container="one",
            miner=view.id,
        )
    )
    browser = await fleet.browser()
    for path in (f"/miners/{view.id}", "/"):
        response = await browser.get(path)
        text = await response.text()
        assert response.status == 200, text
        found = read_page(text)
        assert named in found.text
        assert "1512529" not in text
        assert not found.all("img")
    failed = fleet.deeds.failure(view.id)
    fleet.deeds.readings[view.id] = msgspec.structs.replace(failed, detail=words)
    fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason=words)
    found = await page(browser, f"/miners/{view.id}")
    assert not found.all("img")
    for character in ("\u202e", "\u2066"):
        for one in found.all():
            if character in one.text and not any(inner.text.count(character) for inner in one.inside):
                assert one.tag == "bdi", one.tag
        assert character not in found.one("title").text
