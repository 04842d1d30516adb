"""What a miner's page offers to do, to whom, and what it says in place of what cannot be done; and what changes on it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from controller.history import History
from controller.model import Operation, Override, Result, Wanted, new_id
from miners.model import Board
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import (
    A1,
    A2,
    BORIS,
    ChangedDeeds,
    full_snapshot,
    main,
    page,
    pairs,
)
from tests.unit.controller.pages.reading_pages import Element
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

ABLE = ("sleep", "wake", "set_mode", "reboot", "locate")


class AbleDeeds(ChangedDeeds):
    """Knows what each driver can do."""

    able: tuple[str, ...] = ABLE

    def actions_of(self, _miner: str) -> tuple[str, ...]:
        return self.able


def deeds(found: Element) -> dict[str, str]:
    """Return where each deed leads, by its words."""
    groups = found.all("div", class_="miner-deeds")
    return {link.words: link.attributes["href"] for group in groups for link in group.all("a")}


async def able(make_house: MakeHouse, tmp_path: Path, hand: str = HAND) -> FleetHouse:
    fleet = await start(make_house, tmp_path, hand=hand, kind=AbleDeeds)
    full_snapshot(fleet)
    return fleet


async def test_what_can_be_done_leads_to_where_it_is_confirmed(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await able(make_house, tmp_path)
    found = await page(await fleet.browser(), A1)
    offered = deeds(found)
    back = "miner=container-1.a1&back=%2Fminers%2Fcontainer-1.a1"
    assert offered == {
        "Poll now": f"/deeds/poll?{back}",
        "Change profile": f"/deeds/profile?{back}",
        "Sleep": f"/deeds/sleep?{back}",
        "Wake": f"/deeds/wake?{back}",
        "Reboot": f"/deeds/reboot?{back}",
        "Locate (light)": f"/deeds/locate?{back}",
        "Take into service": f"/deeds/service?{back}",
    }
    for link in found.one("div", class_="miner-deeds").all("a"):
        assert "data-deed" in link.attributes
    assert "targets.yml:12, written by hand: change it there" in found.one("ul", class_="lacking-deeds").words
    full_snapshot(fleet, locating=True)
    assert "Light off" in deeds(await page(await fleet.browser("otto"), A1))


async def test_what_its_driver_cannot_do_is_named_with_the_reason(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await able(make_house, tmp_path)
    fleet.deeds.able = ("sleep", "wake")  # type: ignore[attr-defined]  # AbleDeeds
    browser = await fleet.browser()
    found = await page(browser, A1)
    lacking = found.one("ul", class_="lacking-deeds").words
    assert "Reboot: the driver whatsminer_v2 has no command for it" in lacking
    assert "Locate (light): the driver whatsminer_v2 has no command for it" in lacking
    assert "Reboot" not in deeds(found)
    fleet.deeds.able = ()  # type: ignore[attr-defined]  # AbleDeeds
    lacking = (await page(browser, A1)).one("ul", class_="lacking-deeds").words
    assert "Sleep: nothing is known that writes to it" in lacking


async def test_a_container_that_is_watched_says_why_nothing_is_sent_and_where_to_change_it(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await able(make_house, tmp_path, HAND.replace("control: enforce", "control: observe"))
    found = await page(await fleet.browser(), A1)
    assert set(deeds(found)) == {"Poll now", "Take into service"}
    said = found.one("ul", class_="lacking-deeds").words
    assert "Hashyard only watches this container" in said
    assert "control: enforce at " in said
    assert "targets.yml:4" in said
    assert pairs(found)["Profile"] == "normal only watched: it would run this"
    client = await page(await fleet.browser("clara", "client"), A1)
    assert "Hashyard only watches this container" in main(client)
    assert "targets.yml" not in client.text


async def test_a_disabled_miner_can_only_be_enabled(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path, kind=AbleDeeds)
    browser = await fleet.browser()
    made = await browser.ask(
        "POST",
        "/api/v1/miners",
        {"name": "a3", "address": "10.1.7.3", "container": "container-1", "active": False},
    )
    assert made.status == 201, await made.text()
    found = await page(browser, "/miners/container-1.a3")
    assert {name: href.partition("?")[0] for name, href in deeds(found).items()} == {
        "Take into service": "/deeds/service",
        "Edit": "/miners/container-1.a3/edit",
        "Enable": "/miners/container-1.a3/enable",
        "Delete": "/miners/container-1.a3/delete",
    }
    assert "nothing is sent to it" in found.one("ul", class_="lacking-deeds").words


@pytest.mark.parametrize("role", ["accountant", "client"])
async def test_who_commands_nothing_is_offered_nothing(
    make_house: MakeHouse, tmp_path: Path, role: str
) -> None:
    fleet = await able(make_house, tmp_path)
    override = Override(
        id=new_id("ov"), profile="curtail", ends="manual", reason="breaker", created_by=BORIS,
        created_at=BEGIN, starts_at=BEGIN, miners=("container-1.a1",),
    )  # fmt: skip
    fleet.deeds.kept_overrides.append(override)
    fleet.deeds.altered["container-1.a1"] = {  # type: ignore[attr-defined]  # ChangedDeeds
        "wanted": Wanted(profile="curtail", source="override", override_id=override.id, since=BEGIN)
    }
    found = await page(await fleet.browser("otto", role), A1)
    assert not found.all("a", **{"data-deed": ""})
    assert not any("/deeds/" in link.attributes.get("href", "") for link in found.one("main").all("a"))


async def test_an_operation_on_it_is_led_to_until_it_is_over(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await able(make_house, tmp_path)
    operation = Operation(
        id=new_id("op"), cause="command", action="reboot", state="running", created_by=BORIS, created_at=BEGIN, total=1,
    )  # fmt: skip
    fleet.deeds.running[operation.id] = (operation, [Result(miner="container-1.a1", state="sending")])
    browser = await fleet.browser()
    link = f"/operations/{operation.id}"
    assert (await page(browser, A1)).one("main").all("a", href=link)
    beside = [
        one
        for one in (await page(browser, A2)).one("main").all("p", class_="notice")
        if one.all("a", href=link)
    ]
    assert not any("on this miner" in one.words for one in beside)


async def places(
    fleet: FleetHouse, browser: Browser, path: str, miner: str
) -> tuple[Element, dict[str, dict[str, str]]]:
    """Return a miner's page, and the places that the stream has for it now."""
    found = await page(browser, path)
    # What changes raises the version; else the stream's answer is kept for a moment.
    version = fleet.deeds.version() + 1
    fleet.deeds.version = lambda: version  # type: ignore[method-assign]
    response = await browser.get("/live/now", params={"page": f"miner:{miner}"})
    assert response.status == 200, await response.text()
    return found, await response.json()


async def test_each_place_of_the_page_is_one_of_the_stream(fleet: FleetHouse) -> None:
    """What the first HTML says and what the stream says of the same moment is the same, place by place."""
    for who, role in (("anna", "administrator"), ("clara", "client")):
        browser = await fleet.browser(who, role)
        for path in (A1, A2):
            found, now = await places(fleet, browser, path, path.removeprefix("/miners/"))
            shown = [
                one for one in found.one("main").all() if one.attributes.get("data-live", "").startswith("m.")
            ]
            assert len(shown) >= 15
            for one in shown:
                assert one.text == now["texts"][one.attributes["data-live"]]
            for one in found.one("main").all():
                if (key := one.attributes.get("data-live-hidden", "")).startswith("m."):
                    assert ("hidden" in one.attributes) is now["hidden"][key]
                if (key := one.attributes.get("data-live-state", "")).startswith("m."):
                    assert one.attributes["data-state"] == now["states"][key]


async def test_figures_are_those_of_the_api(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found, now = await places(fleet, browser, A1, "container-1.a1")
    miner = await (await browser.get("/api/v1/miners/container-1.a1")).json()
    shown = pairs(found)
    assert shown["Hash rate"].startswith(f"{miner['hashrate_hs'] / 1e12:.1f} TH/s")
    assert shown["Power"].startswith(f"{miner['power_w']:,.0f} W")
    assert shown["Efficiency"].startswith(f"{miner['efficiency_j_per_th']:.1f} J/TH")
    assert shown["Hottest chip"].startswith(f"{miner['chip_max_c']:.0f} °C")
    assert now["states"]["m.container-1.a1.fresh"] == "now"


async def test_a_board_that_comes_back_appears_and_one_that_goes_is_a_dash(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    before, now = await places(fleet, browser, A1, "container-1.a1")
    keys = {one.attributes.get("data-live") for one in before.all()}
    assert now["states"]["m.container-1.a1.board.2"] == "lost"
    full_snapshot(fleet, boards=(Board(1, hashrate_hs=33e12), Board(2, hashrate_hs=34e12)))
    _, now = await places(fleet, browser, A1, "container-1.a1")
    texts = now["texts"]
    assert texts["m.container-1.a1.board.2.rate"] == "34.0"
    assert texts["m.container-1.a1.board.0.rate"] == "–"
    assert "m.container-1.a1.board.2.rate" in keys
    full_snapshot(fleet, boards=(), expected_boards=None)
    _, now = await places(fleet, browser, A1, "container-1.a1")
    assert all(now["hidden"][f"m.container-1.a1.board.{index}"] for index in range(3))
    assert now["texts"]["m.container-1.a1.board.2.rate"] == "–"


async def test_figures_of_a_miner_that_fell_silent_stay_and_are_dated(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    before = full_snapshot(fleet)
    fleet.deeds.pass_time(minutes=12)
    fleet.deeds.failure("container-1.a1")
    fleet.deeds.altered["container-1.a1"] = {  # type: ignore[attr-defined]  # ChangedDeeds
        "last_snapshot": before, "failing_since": fleet.deeds.now - timedelta(minutes=11),
    }  # fmt: skip
    _, now = await places(fleet, browser, A1, "container-1.a1")
    key = "m.container-1.a1."
    assert now["states"][f"{key}fresh"] == "failed"
    assert now["texts"][f"{key}hashrate"].startswith("66.1")
    assert now["texts"][f"{key}read"] == "12\u00a0min ago"
    assert now["hidden"][f"{key}why"] is False
    client = await fleet.browser("clara", "client")
    _, own = await places(fleet, client, A1, "container-1.a1")
    assert own["texts"][f"{key}hashrate"] == "–"
    assert not [text for text in own["texts"].values() if "66.1" in text or "10.1.7.1" in text]


class SlowPrometheus(PrometheusOfAlerts):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def _alerts(self, request: web.Request) -> web.Response:
        await self.go_on.wait()
        return await super()._alerts(request)


async def test_alerts_that_are_late_keep_nobody_waiting(make_house: MakeHouse, tmp_path: Path) -> None:
    prometheus = SlowPrometheus()
    await prometheus.start()
    history = History(prometheus.url)
    fleet = await start(make_house, tmp_path, services={History: history})
    browser = await fleet.browser()
    found = await page(browser, A1)
    assert "Not known: Prometheus has not answered yet" in main(found)
    assert found.all("a", href=f"{A1}/alerts")
    prometheus.fires("MinerBoardLost", miner="a1", container="Container 1", client="acme")
    prometheus.go_on.set()
    assert "Board lost" in main(await page(browser, f"{A1}/alerts"))
    response = await browser.get(f"{A1}/alerts", headers={"X-Part": "1"})
    text = await response.text()
    assert response.headers["X-Part"] == "alerts"
    assert "Board lost" in text
    assert "<main" not in text
    await history.close()
    await prometheus.stop()
