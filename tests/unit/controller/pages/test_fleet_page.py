"""The page of the fleet over a real socket: its sums, what needs attention, its cards; what is old is never shown as of now."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.api.attention import NEEDS
from controller.model import Actor, Hold, Operation, Result
from controller.pages.fleet_page import natural
from miners.model import Board, PollFailure
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page
from tests.unit.controller.pages.reading_pages import Element
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

BORIS = Actor("user", "boris", "usr_boris")


def place(found: Element, key: str) -> str:
    """Return what stands at a live place: the same wherever it stands."""
    texts = {one.words for one in found.all("span") if one.attributes.get("data-live") == key}
    assert len(texts) == 1, f"{key}: {texts}"
    return texts.pop().replace("\u00a0", " ")


def shown(found: Element, key: str) -> bool:
    [one] = [one for one in found.all() if one.attributes.get("data-live-hidden") == key]
    return "hidden" not in one.attributes


def cards(found: Element) -> list[str]:
    return [card.one("h2").one("a").words for card in found.all("li", class_="card")]


def change(fleet: FleetHouse, miner: str, **fields: Any) -> None:
    """Have something else be known of a miner."""
    assert isinstance(fleet.deeds, ChangedDeeds)
    fleet.deeds.altered[miner] = fields


async def api(browser: Any, path: str) -> Any:
    response = await browser.get(f"/api/v1/{path}")
    assert response.status == 200
    return await response.json()


async def test_figures_are_those_of_the_api(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", power_source="estimated")
    browser = await fleet.browser()
    found = await page(browser, "/")
    overview = await api(browser, "overview")
    assert place(found, "f.power") == f"{overview['power_w'] / 1000:.1f} kW"
    assert place(found, "f.power.note") == f"{overview['power_measured_ratio']:.0%}".replace(
        "%", " % measured"
    )
    assert place(found, "f.efficiency") == f"{overview['efficiency_j_per_th']:.1f} J/TH"
    assert place(found, "f.rate.SHA-256") == "176.1 TH/s"
    assert place(found, "f.miners") == "3 miners"
    for state in ("mining", "unreachable", "fault"):
        assert place(found, f"f.state.{state}").split()[0] == str(overview["miners"][state])
        link = found.one("ul", class_="fleet-states").one("a", href=f"/miners?state={state}")
        assert str(overview["miners"][state]) in link.words
    one = await api(browser, "containers/container-1")
    assert place(found, "c.container-1.power") == f"{one['power_w'] / 1000:.1f} kW"
    assert "Container 1" in cards(found)
    assert place(found, "c.container-1.grid.words") == "2 miners: 1 mining, 1 unreachable"


async def test_a_power_that_is_not_reported_is_said_and_no_nought(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", power_w=None, power_source=None, hashrate_hs=None)
    found = await page(await fleet.browser(), "/")
    assert "not known of 1 miner" in place(found, "f.power.note")
    assert place(found, "c.container-2.power") == "–"
    assert place(found, "c.container-2.efficiency") == "–"


async def test_old_figures_stay_dimmed_and_dated(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    before = await page(browser, "/")
    for id_ in ("container-1.a1", "container-1.a2", "container-2.b1"):
        change(fleet, id_, stale=True)
    fleet.deeds.pass_time(minutes=14)
    found = await page(browser, "/")
    assert place(found, "f.power") == place(before, "f.power") != "–"
    for key in ("f", "c.container-1"):
        [one] = [one for one in found.all() if one.attributes.get("data-live-state") == f"{key}.fresh"]
        assert one.attributes["data-state"] == "old"
        assert shown(found, f"{key}.as-of")
        assert not shown(before, f"{key}.as-of")
        assert place(found, f"{key}.as-of").startswith("Figures are of 1")
    paths = {
        one.attributes["data-live-path"]: one.attributes["d"]
        for one in found.all("path")
        if "data-live-path" in one.attributes
    }
    assert not paths["c.container-1.grid.mining"]
    assert paths["c.container-1.grid.mining-old"]
    assert place(found, "s.age") == "14 min old"
    assert shown(found, "s.age")
    assert (await api(browser, "overview"))["power_w"] is None


async def test_sums_leave_out_a_container_that_is_not_read_and_say_so(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1")
    change(fleet, "container-2.b1", stale=True)
    found = await page(await fleet.browser(), "/")
    assert place(found, "f.power") == "2.2 kW"
    assert place(found, "c.container-2.power") == "3.3 kW"
    assert shown(found, "f.left-out")
    assert place(found, "f.left-out") == "Sums leave out 1 container that is not read now."


async def test_what_needs_attention_has_its_count_and_leads_there(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", state="fault")
    browser = await fleet.browser()
    needs = (await page(browser, "/")).one("section", class_="fleet-needs")
    seen = {one.one("a").attributes["href"] for one in needs.all("li") if "hidden" not in one.attributes}
    wanted = ("fault", "unreachable", "boards", "chips", "mismatched")
    assert seen == {f"/miners?{NEEDS[need]}" for need in wanted}
    fleet.deeds.snapshot("container-1.a1")
    fleet.deeds.snapshot("container-2.b1")
    fleet.deeds.snapshot("container-1.a2")
    quiet = await page(browser, "/")
    assert shown(quiet, "f.quiet")
    assert not any(
        shown(quiet, f"f.need.{need}")
        for need in ("fault", "unreachable", "boards", "chips", "faults", "mismatched", "hot", "stale")
    )


async def test_a_container_whose_miners_mine_with_a_lost_board_stands_before_one_that_is_whole(
    fleet: FleetHouse,
) -> None:
    fleet.deeds.snapshot("container-1.a1")
    fleet.deeds.snapshot("container-1.a2")
    fleet.deeds.snapshot("container-2.b1", expected_boards=3, boards=(Board(0), Board(2)))
    browser = await fleet.browser()
    found = await page(browser, "/")
    assert place(found, "f.need.boards") == "1 with a lost board"
    assert cards(found) == ["Container 2", "Container 1"]
    fleet.deeds.snapshot("container-2.b1", expected_boards=3, boards=(Board(0), Board(1), Board(2)))
    assert cards(await page(browser, "/")) == ["Container 1", "Container 2"]


async def test_a_container_that_is_silent_is_named_with_since_when(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    miners = "".join(f"\n  - {{name: c{at}, address: 10.1.9.{at}}}" for at in range(1, 5))
    hand = f"{HAND}- name: Container 3\n  timezone: Europe/Samara\n  miners:{miners}\n"
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    for at in range(1, 4):
        fleet.deeds.failure(f"container-3.c{at}")
        change(fleet, f"container-3.c{at}", failing_since=fleet.deeds.now - timedelta(minutes=at))
    found = await page(await fleet.browser(), "/")
    assert shown(found, "c.container-3.silent")
    assert place(found, "c.container-3.silent") == "Container 3: 3 silent since 15:57 (UTC+4)"
    assert not shown(found, "c.container-1.silent")
    assert cards(found)[0] == "Container 3"


async def test_alerts_stand_first_and_the_grave_ones_before_others(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.fires("MinerDown", container="Container 1", miner="a2", severity="warning")
    prometheus.fires("ContainerDown", container="Container 1", severity="critical")
    prometheus.fires("Watchdog", severity="none")
    prometheus.fires("ContainerDown", container="Container 2", client="borealis", severity="critical")
    browser = await fleet.browser()
    await api(browser, "alerts")
    found = await page(browser, "/")
    assert place(found, "f.alert.0") == "Many miners do not answer: 2 times"
    assert found.all("a", href="/alerts?name=ContainerDown")
    assert place(found, "f.alert.1") == "Does not answer: Container 1, a2"
    assert found.all("a", href="/miners/by-name?container=Container+1&miner=a2")
    assert not shown(found, "f.alert.2")
    client = await page(await fleet.browser("carl", "client"), "/")
    assert place(client, "f.alert.0") == "Many miners do not answer: Container 1"


async def test_a_slow_prometheus_keeps_nobody_waiting(
    fleet: FleetHouse, prometheus: PrometheusOfAlerts
) -> None:
    prometheus.fires("ContainerDown", container="Container 1", severity="critical")
    prometheus.slow_s = 0.3
    browser = await fleet.browser()
    found = await page(browser, "/")
    assert not shown(found, "f.alert.0")  # it has not said yet
    await api(browser, "alerts")
    assert shown(await page(browser, "/"), "f.alert.0")


async def test_what_runs_and_what_is_held_stands_on_the_card(fleet: FleetHouse) -> None:
    deeds = fleet.deeds
    deeds.kept_holds.append(
        Hold(id="hold_1", container="container-1", reason="hands", created_by=BORIS, created_at=deeds.now)
    )
    deeds.running["op_1"] = (
        Operation(
            id="op_1",
            cause="override",
            action="profile curtail",
            state="running",
            created_by=BORIS,
            created_at=deeds.now,
            total=2,
            counts={"applied": 1, "waiting": 1},
        ),
        [Result(miner="container-1.a1", state="applied"), Result(miner="container-1.a2")],
    )
    found = await page(await fleet.browser(), "/")
    assert shown(found, "c.container-1.held")
    assert not shown(found, "c.container-2.held")
    assert place(found, "c.container-1.running") == "running: 1 of 2 miners done"
    assert place(found, "c.container-2.plan").startswith("would run normal")
    assert (
        "observe"
        in next(card for card in found.all("li", class_="card") if "Container 2" in card.words).words
    )


async def test_filters_sorting_and_the_table_stand_in_the_address(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", power_w=9000.0)
    browser = await fleet.browser()
    assert cards(await page(browser, "/?sort=power")) == ["Container 2", "Container 1"]
    assert cards(await page(browser, "/?sort=need")) == ["Container 1", "Container 2"]
    assert cards(await page(browser, "/?state=unreachable")) == ["Container 1"]
    assert cards(await page(browser, "/?client=borealis&container=")) == ["Container 2"]
    none = await page(browser, "/?container=container-2&state=unreachable")
    assert "No container matches." in main(none)
    table = await page(browser, "/?view=table&sort=name")
    rows = [row.one("th").one("a").words for row in table.one("tbody").all("tr")]
    assert rows == ["Container 1", "Container 2"]
    wrong = await page(browser, "/?container=nowhere&state=odd&sort=x&view=y")
    assert {"There is no container nowhere.", "There is no state odd."} <= {
        one.words for one in wrong.all("p")
    }
    assert len(cards(wrong)) == 2


async def test_a_client_sees_his_own_and_nothing_of_others(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot("container-2.b1", state="fault")
    found = await page(await fleet.browser("carl", "client"), "/")
    assert cards(found) == ["Container 1"]
    assert place(found, "f.miners") == "2 miners"
    assert not shown(found, "f.need.fault")
    for word in ("Container 2", "borealis", "grafana.example", "10.1.7"):
        assert word not in found.text
    assert not found.all("select", name="client")


async def test_without_containers_it_says_what_to_do(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path, hand="networks: [10.1.0.0/16]\ncontainers: []\n")
    assert "targets.yml" in main(await page(await fleet.browser(), "/"))
    assert "Ask the operator" in main(await page(await fleet.browser("carl", "client"), "/"))
    assert main(await page(await fleet.browser("fred", "accountant"), "/")).endswith("No containers yet.")


async def test_names_stay_text(make_house: MakeHouse, tmp_path: Path) -> None:
    name = "<script>alert(1)</script>{{7*1512529}}"
    hand = HAND.replace("name: Container 2", f"name: {name!r}\n  id: odd".replace("'", '"')).replace(
        "client: borealis", 'client: borealis\n  location: "<img src=x>"'
    )
    fleet = await start(make_house, tmp_path, hand=hand)
    fleet.deeds.failure("odd.b1")
    browser = await fleet.browser()
    for path in ("/", "/?view=table", "/?container=%3Cb%3Ex"):
        found = await page(browser, path)
        assert "<script>alert(1)</script>{{7*1512529}}" in found.text
        assert "10587703" not in found.text
        assert not found.all("img")
        assert not found.all("b")


@pytest.mark.parametrize(("one", "other"), [("Container 2", "Container 10"), ("a", "b"), ("7", "x")])
def test_numbers_in_names_count_as_numbers(one: str, other: str) -> None:
    assert natural(one) < natural(other)


async def test_a_failure_is_no_reading_of_nought(fleet: FleetHouse) -> None:
    assert isinstance(fleet.deeds.readings["container-1.a2"], PollFailure)
    del fleet.deeds.readings["container-1.a1"]
    found = await page(await fleet.browser(), "/")
    assert place(found, "c.container-1.power") == "–"
