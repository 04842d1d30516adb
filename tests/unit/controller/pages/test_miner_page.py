"""The page of a miner, as each role has it: what is reported, what is not, from when it is, and that strangers' words stay text."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from controller.deeds import MinerView, Source
from controller.history import History
from controller.model import (
    Actor,
    Event,
    Hold,
    MinerRecord,
    Override,
    ServiceMark,
    Wanted,
    new_id,
)
from miners.model import Board, Fan, Fault, Identity, Pool, Psu, Snapshot, Temperatures
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetDeeds, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.reading_pages import Element, read_page
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

A1 = "/miners/container-1.a1"
A2 = "/miners/container-1.a2"
BORIS = Actor("user", "boris", "usr_boris")
OWN = {"container": "Container 1", "client": "acme"}
HOSTILE = (
    "<script>alert(1)</script>",
    "{{7*7}}{{191*7919}}{% raw %}",
    "\u202egnp.exe\u2066",
    "\"'><img src=x onerror=alert(1)>",
    "a\x00b\x1b[31m",
)


class ChangedDeeds(FleetDeeds):
    """Knows of miners whatever a test says in addition: `changed`, fields of the view by miner."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.changed: dict[str, dict[str, Any]] = {}
        self.origin_of_readings = Source(state="ok", since=BEGIN)

    def views(self, container_id: str | None = None) -> list[MinerView]:
        return [
            msgspec.structs.replace(view, **self.changed.get(view.id, {}))
            for view in super().views(container_id)
        ]

    def source(self) -> Source:
        return self.origin_of_readings


@pytest.fixture
async def prometheus() -> AsyncIterator[PrometheusOfAlerts]:
    found = PrometheusOfAlerts()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def history(prometheus: PrometheusOfAlerts) -> AsyncIterator[History]:
    found = History(prometheus.url)
    yield found
    await found.close()


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path, history: History) -> FleetHouse:
    hand = HAND.replace("- name: Container 1", "- name: Container 1\n  timezone: Europe/Samara")
    found = await start(
        make_house,
        tmp_path,
        hand=hand,
        services={History: history},
        kind=ChangedDeeds,
        grafana_url="https://grafana.example",
    )
    full_snapshot(found)
    found.deeds.failure("container-1.a2")
    return found


def full_snapshot(fleet: FleetHouse, **more: Any) -> Snapshot:
    """Give the first miner a reading with a board that is gone, one fault, and two pools."""
    given: dict[str, Any] = {
        "identity": Identity(
            manufacturer="Antminer",
            model="S19j Pro",
            algorithm="SHA-256",
            firmware="Bitmain",
            firmware_version="2023-01-10",
            serial="SMT0123",
        ),
        "hashrate_hs": 66.1e12,
        "nominal_hashrate_hs": 104e12,
        "power_w": 2210.0,
        "uptime_s": 12 * 86_400 + 4 * 3600.0,
        "expected_boards": 3,
        "boards": (
            Board(0, hashrate_hs=33.0e12, chips=126, expected_chips=126, chip_max_c=71.0, frequency_hz=545e6),
            Board(1, hashrate_hs=33.1e12, chips=120, expected_chips=126, voltage_v=13.7, hardware_errors=0),
        ),
        "fans": (Fan(0, 5640.0), Fan(1, 0.0)),
        "psu": Psu(input_v=228.0),
        "temperatures_c": Temperatures(chip_max=72.0),
        "pools": (
            Pool(
                0,
                "stratum+tcp://pool.example:3333",
                "volga.a6",
                alive=True,
                active=True,
                accepted=12_480,
                rejected=22,
                last_share_at=fleet.deeds.now - timedelta(seconds=6),
            ),
            Pool(1, "stratum+tcp://spare.example:3333", alive=False, active=False),
        ),
        "faults": (Fault("J0:2", "chain 2 not found", fleet.deeds.now - timedelta(hours=1)),),
    } | more
    return fleet.deeds.snapshot("container-1.a1", **given)


async def page(browser: Browser, path: str, status: int = 200) -> Element:
    response = await browser.get(path)
    text = await response.text()
    assert (response.status, response.content_type) == (status, "text/html"), text[:500]
    return read_page(text)


def pairs(found: Element) -> dict[str, str]:
    """Return what stands behind each word of the page's lists."""
    named: dict[str, str] = {}
    for name, value in zip(found.all("dt"), found.all("dd"), strict=True):
        named.setdefault(name.words, value.words)
    return named


def main(found: Element) -> str:
    return found.one("main").words


async def test_what_a_miner_reports_is_shown_in_its_units(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), A1)
    assert found.one("h1").words == "a1 Antminer S19j Pro"
    assert found.one("p", class_="state").words.startswith("mining")
    shown = pairs(found)
    assert shown["Hash rate"] == "66.1 TH/s 63.6 % of 104.0 TH/s"
    assert shown["Power"] == "2,210 W measured by the miner"
    assert shown["Efficiency"].startswith("33.4 J/TH")
    assert shown["Read"] == "5 s ago at 15:59"  # noon UTC is four in the afternoon in Samara
    assert shown["Profile"] == "normal ordered, and read back"
    assert shown["Up"] == "12 d 4 h"
    assert shown["Serial"] == "SMT0123"
    assert shown["Address"] == "10.1.7.1:4028"
    assert "2 of 3 boards found" in main(found)
    boards, pools = found.all("table")
    assert [cell.words for cell in boards.all("tr")[1].all("td")] == [
        "33.0", "126/126", "71", "– not reported", "545", "– not reported", "– not reported",
    ]  # fmt: skip
    assert boards.all("tr")[2].all("td")[1].attributes["class"] == "lacking"
    assert boards.all("tr")[2].all("td")[-1].words == "0"  # a measured nought is no absence
    assert "12,480 22 (0.2 %) 6 s ago" in pools.words
    assert "spare, dead" in pools.words
    assert "J0:2 chain 2 not found since 15:00" in main(found)
    assert "Europe/Samara (UTC+04:00)" in main(found)


async def test_what_is_not_reported_is_a_dash_with_the_words_and_never_a_nought(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot(
        "container-1.a1",
        identity=Identity(),
        hashrate_hs=None,
        power_w=None,
        power_source=None,
        temperatures_c=Temperatures(),
    )
    found = await page(await fleet.browser(), A1)
    shown = pairs(found)
    for name in ("Hash rate", "Power", "Efficiency", "Hottest chip"):
        assert shown[name].startswith("– not reported"), name
    for name in ("Fans", "Supply", "Power limit", "Serial", "MAC", "Up", "It says of itself"):
        assert shown[name] == "– not reported", name
    for absent in found.all("span", class_="absent"):
        assert absent.attributes["title"] == "not reported"
    assert "It reports none" in main(found)
    assert " 0 W" not in main(found).replace("\u00a0", " ")


async def test_an_estimated_power_says_so(fleet: FleetHouse) -> None:
    full_snapshot(fleet, power_source="estimated")
    assert pairs(await page(await fleet.browser(), A1))["Power"] == "2,210 W estimated from the model"


async def test_a_stale_reading_is_dated_and_never_called_the_present(fleet: FleetHouse) -> None:
    fleet.deeds.changed["container-1.a1"] = {"stale": True}
    fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="connection refused")
    fleet.deeds.pass_time(minutes=14)
    found = await page(await fleet.browser(), A1)
    assert found.one("p", class_="state").words == "not known now, was mining 14 min ago"
    assert "what is shown is from then, not of now" in main(found)
    assert "The exporter does not answer since 16:00: connection refused" in main(found)
    assert "old" in found.one("dl", class_="figures").attributes["class"]
    assert pairs(found)["Read"].startswith("14 min ago")
    assert "not known now" in pairs(found)["Profile"]
    assert "read back" not in main(found)


async def test_a_miner_that_fell_silent_shows_its_last_reading_and_its_age(fleet: FleetHouse) -> None:
    before = full_snapshot(fleet)
    fleet.deeds.pass_time(minutes=12)
    failure = fleet.deeds.failure("container-1.a1")
    fleet.deeds.changed["container-1.a1"] = {
        "last_snapshot": before,
        "failing_since": fleet.deeds.now - timedelta(minutes=11),
    }
    found = await page(await fleet.browser(), A1)
    assert found.one("p", class_="state").words == "unreachable since 16:01"
    assert f"No{failure.detail[2:]}." in main(found)
    assert "So since 16:01 (11 min). Last tried 0 s ago." in main(found)
    assert "its last reading, 12 min old" in main(found)
    assert pairs(found)["Hash rate"].startswith("66.1 TH/s")
    assert pairs(found)["Read"].startswith("12 min ago")
    assert "old" in found.one("dl", class_="figures").attributes["class"]
    client = main(await page(await fleet.browser("clara", "client"), A1))
    assert "No answer in time." in client
    assert "10.1.7.1" not in client
    assert "66.1" not in client
    assert "Not known: there is no reading to show" in client


async def test_a_miner_that_never_answered_and_one_that_was_never_read(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, A2)
    assert "It has not answered since the controller started" in main(found)
    assert pairs(found)["Read"].startswith("never")
    assert not found.all("table")
    assert "Not known: there is no reading to show" in main(found)
    assert pairs(found)["Hash rate"].startswith("– not known")
    assert "not reported" not in main(found)
    fleet.deeds.readings.clear()
    found = await page(browser, A2)
    assert found.one("p", class_="state").words == "not read yet"
    assert pairs(found)["Hash rate"].startswith("– not known")


async def test_a_disabled_miner_says_so(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = HAND.replace("address: 10.1.7.1,", "address: 10.1.7.1, active: false,")
    fleet = await start(make_house, tmp_path, hand=hand)
    found = await page(await fleet.browser(), A1)
    assert "it is neither read nor commanded" in main(found)


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
    assert [name.words for name in alerts.all("strong")] == ["MinerBoardLost", "ContainerOverheating"]
    assert "since 15:30" in alerts.words
    assert [link.attributes["href"] for link in alerts.all("a")] == [
        "/runbooks/MinerBoardLost",
        "/runbooks/ContainerOverheating",
    ]
    client = await page(await fleet.browser("clara", "client"), A1)
    assert [name.words for name in client.one("ul", class_="alerts").all("strong")] == [
        "MinerBoardLost",
        "ContainerOverheating",
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
    assert "Not known: Prometheus does not answer." in main(await page(client, A1))


async def test_what_stands_against_commands_is_said(fleet: FleetHouse) -> None:
    override = Override(
        id=new_id("ov"),
        profile="curtail",
        ends="at",
        reason="breaker 2",
        created_by=BORIS,
        created_at=BEGIN,
        starts_at=BEGIN,
        until=BEGIN + timedelta(hours=2),
        containers=("container-1",),
    )
    fleet.deeds.kept_overrides.append(override)
    fleet.deeds.marks["container-1.a1"] = ServiceMark(
        miner="container-1.a1", reason="new fan", created_by=BORIS, created_at=BEGIN
    )
    fleet.deeds.kept_holds.append(
        Hold(id=new_id("hold"), container="container-1", reason="smoke", created_by=BORIS, created_at=BEGIN)
    )
    fleet.deeds.changed["container-1.a1"] = {
        "wanted": Wanted(profile="curtail", source="override", override_id=override.id, since=BEGIN),
        "matches": False,
        "doubt": "its serial is another one",
        "record": MinerRecord(
            miner="container-1.a1",
            applied_profile="normal",
            last_outcome="accepted_unverified",
            last_detail="it said yes",
        ),
    }
    found = await page(await fleet.browser(), A1)
    shown = pairs(found)
    assert shown["Wanted"] == "curtail, by an override since 16:00"
    assert shown["Override"] == "boris: breaker 2, until 18:00"
    assert shown["Last confirmed"] == "normal"
    assert shown["Last order"] == "accepted, but it could not be read back: it said yes"
    assert shown["Not sent"] == "its serial is another one"
    assert "In service since 16:00, boris: new fan" in main(found)
    assert "Held since 16:00 by boris: smoke" in main(found)
    assert "not as ordered" in found.one("p", class_="state").words
    client = main(await page(await fleet.browser("clara", "client"), A1))
    for private in ("boris", "smoke", "breaker 2", "serial is another", "it said yes"):
        assert private not in client
    assert "operator" in client


async def test_the_log_says_in_words_what_was_done(fleet: FleetHouse) -> None:
    await fleet.house.storage.events.add(
        Event(
            id=new_id("evt"),
            at=BEGIN - timedelta(hours=20),
            category="command",
            kind="command.finished",
            actor=BORIS,
            params={"action": "sleep", "duration_s": 2.94, "detail": "read back asleep at 10.1.7.1"},
            outcome="applied",
            container="container-1",
            miner="container-1.a1",
            client="acme",
        )
    )
    log = (await page(await fleet.browser(), A1)).one("ol", class_="log")
    assert log.words == (
        "yesterday 20:00 Sleep: done and read back after 2.9 s: read back asleep at 10.1.7.1 boris"
    )
    client = (await page(await fleet.browser("clara", "client"), A1)).one("ol", class_="log")
    assert client.words == "yesterday 20:00 Sleep: done and read back operator"


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
    assert "Container 2" not in (await page(client, "/")).text


@pytest.mark.parametrize("role", ["administrator", "accountant", "client"])
async def test_names_lead_to_the_page(fleet: FleetHouse, role: Any) -> None:
    browser = await fleet.browser("clara", role)
    response = await browser.get("/miners/by-name?container=Container%201&miner=%20a1&from=now-1h")
    assert (response.status, response.headers["Location"]) == (303, A1)
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
    fleet.deeds.changed[view.id] = {
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


async def test_the_page_is_small(fleet: FleetHouse) -> None:
    response = await (await fleet.browser()).get(A1)
    assert len(await response.read()) < 60_000


async def test_a_prometheus_that_is_something_else_does_not_break_the_page(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.answer = web.Response(text="<html>", content_type="text/html")
    assert "Not known" in main(await page(await fleet.browser(), A1))
