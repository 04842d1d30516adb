"""The forms of miners: added, read first, edited against others' changes, disabled and enabled, taken away."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec, MinerSpec
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.pages.filled_forms import differing, filled, sent, summary
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.fleet_with_schedules import FORM
from tests.unit.controller.pages.reading_pages import Element, read_page

NEW = "/miners/new"
M1 = "/miners/container-1.m1"
NEXT_TO_NOTHING = {"name": "m1", "address": "10.1.9.1", "container": "container-1"}
HOSTILE = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path, environment={"HASHYARD_MINER_A": "root:hunter2"})


@pytest.fixture
async def browser(fleet: FleetHouse) -> Browser:
    found: Browser = await fleet.browser()
    return found


async def made(browser: Browser, **more: Any) -> None:
    response = await browser.ask("POST", "/api/v1/miners", {**NEXT_TO_NOTHING, **more})
    assert response.status == 201, await response.text()


async def miner(browser: Browser, path: str = M1) -> dict[str, Any]:
    found: dict[str, Any] = await (await browser.get(f"/api/v1{path}")).json()
    return found


async def test_a_miner_is_added(fleet: FleetHouse, browser: Browser) -> None:
    found = await page(browser, f"{NEW}?container=container-1")
    assert dict(filled(found))["container"] == "container-1"
    assert "10.1.0.0/16, 127.0.0.0/8" in main(found)
    fields = filled(
        found,
        name="  m1 ",
        address="10.1.9.1",
        row="2",
        column="3",
        model="M50S",
        port="0",
        web_port="8080",
        nominal_power_w="3250,5",
        credentials="HASHYARD_MINER_A",
        do="save",
    )
    status, _, where = await sent(browser, NEW, fields)
    assert (status, where) == (303, M1)
    known = fleet.deeds.view("container-1.m1")
    assert known is not None
    one = known.miner
    assert (one.name, one.row, one.column, one.model) == ("m1", 2, 3, "M50S")
    assert (one.port, one.web_port, one.v3_port, one.nominal_power_w) == (None, 8080, 4433, 3250.5)
    assert one.manufacturer == "Whatsminer"
    (event,) = await fleet.house.events("miner.created")
    assert event.actor.name == "anna"


async def test_all_mistakes_are_told_at_once_and_what_was_typed_stays(
    fleet: FleetHouse, browser: Browser
) -> None:
    typed = {
        "address": "10.1.9.300",
        "row": "3",
        "port": "abc",
        "v3_port": "70000",
        "nominal_power_w": "much",
        "manufacturer": "Toaster & Sons",
        "credentials": "root:hunter2",
        "do": "save",
    }
    status, found, _ = await sent(browser, NEW, filled(await page(browser, NEW), **typed))
    told = summary(found)
    assert status == 422
    assert found.one("title").text.startswith("Error:")
    assert told[:2] == ["Choose the container that it stands in.", "Give the miner a name."]
    assert "Give row and column, or neither." in told
    assert told.count("Give a TCP port from 1 to 65535, or 0 where it is not asked.") == 2
    assert "Give a number of watts, such as 3250." in told
    assert any("10.1.9.300" in one for one in told)
    assert any("Toaster & Sons" in one for one in told)
    again = filled(found)
    assert {name: again[name] for name in ("address", "row", "port", "manufacturer")} == {
        name: typed[name] for name in ("address", "row", "port", "manufacturer")
    }
    assert again["credentials"] == ""
    assert "hunter2" not in found.text
    assert not fleet.managed.exists()


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"address": "8.8.8.8"}, "address", "8.8.8.8 is in none of the inventory's networks"),
        ({"address": "miner.example"}, "address", "Give an IP address"),
        ({"address": "::ffff:10.1.9.1"}, "address", "Write it as the IPv4 address that it is: 10.1.9.1"),
        ({"address": "10.1.7.1"}, "address", "already that of a1"),
        ({"name": "a1"}, "name", "There is a miner a1 in Container 1 already"),
        ({"name": "x" * 101}, "name", "It has at most 100 characters"),
        ({"container": "container-9"}, "container", "There is no such container"),
        ({"row": "1", "column": "1"}, "row", "a1"),
        ({"row": "1001", "column": "x"}, "column", "Give a whole number from 1 to 1000"),
        ({"driver": "toaster"}, "driver", "toaster"),
        ({"credentials": "file:nothing"}, "credentials", "There is no usable user:password there"),
        ({"credentials": "file:../../etc/passwd"}, "credentials", ""),
    ],
)
async def test_what_the_inventory_does_not_take_stands_at_its_field(
    fleet: FleetHouse, browser: Browser, typed: dict[str, str], field: str, said: str
) -> None:
    fields = filled(await page(browser, NEW), **{**NEXT_TO_NOTHING, **typed, "do": "save"})
    status, found, _ = await sent(browser, NEW, fields)
    assert status == 422
    assert said in " ".join(summary(found))
    assert said in found.one("p", id=f"{field}-error").words
    assert not fleet.managed.exists()


async def test_without_networks_it_is_said_before_anything_is_typed(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await start(make_house, tmp_path, hand="containers: [{name: C}]\n")
    browser = await fleet.browser()
    found = await page(browser, NEW)
    assert "networks: [10.1.0.0/16]" in main(found)
    fields = filled(found, name="m", address="10.1.9.1", container="c", do="save")
    status, found, _ = await sent(browser, NEW, fields)
    assert (status, len(summary(found))) == (422, 1)


async def test_a_hostile_name_stays_text(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(
        await page(browser, NEW), **{**NEXT_TO_NOTHING, "name": HOSTILE, "address": "", "do": "save"}
    )
    _, found, _ = await sent(browser, NEW, fields)
    assert filled(found)["name"] == HOSTILE
    turned = HOSTILE + "\u202eevil"
    _, found, _ = await sent(browser, NEW, {**fields, "name": turned, "address": "10.1.9.1"})
    assert "has a control character (U+202E) in it" in found.one("p", id="name-error").words
    assert "\u202e" not in "".join(summary(found))
    status, _, where = await sent(browser, NEW, {**fields, "address": "10.1.9.1"})
    assert status == 303, where
    assert where.isascii()
    for path in (f"{where}/edit", f"{where}/delete", f"{where}/disable"):
        found = await page(browser, path)
        assert HOSTILE in main(found) or filled(found)["name"] == HOSTILE
    fields = {**_deed(await page(browser, f"{where}/delete")), "typed": HOSTILE}
    assert (await sent(browser, f"{where}/delete", fields))[2] == "/containers/container-1"


async def test_a_miner_is_read_before_it_is_added(fleet: FleetHouse, browser: Browser) -> None:
    spec = MinerSpec(
        container="Container 1",
        name="m1",
        address="127.66.7.1",
        port=24028,
        web_port=28080,
        v3_port=24433,
        model="M50",
        simulate={},
    )
    simulated = SimulatedFleet([ContainerSpec(name="Container 1", miners=(spec,))], control_port=0)
    await simulated.start()
    try:
        fields = filled(
            await page(browser, NEW),
            **{**NEXT_TO_NOTHING, "address": "127.66.7.1", "port": "24028", "do": "check"},
            web_port="28080",
            v3_port="24433",
        )
        status, found, _ = await sent(browser, NEW, fields)
    finally:
        await simulated.stop()
    told = found.one("section", class_="checked").words
    assert status == 200
    assert "A miner answers at 127.66.7.1" in told
    assert "M50" in told
    assert "Nothing is saved yet." in told
    assert filled(found)["port"] == "24028"
    assert not fleet.managed.exists()


async def test_where_nothing_answers_it_says_why_and_can_be_saved_all_the_same(
    fleet: FleetHouse, browser: Browser
) -> None:
    refusing = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = refusing.sockets[0].getsockname()[1]
    refusing.close()
    await refusing.wait_closed()
    given = {**NEXT_TO_NOTHING, "address": "127.0.0.1", "port": str(port), "web_port": "0", "v3_port": "0"}
    status, found, _ = await sent(browser, NEW, filled(await page(browser, NEW), **given, do="check"))
    assert status == 200
    assert "No miner answers at 127.0.0.1" in found.one("section", class_="checked").words
    assert not fleet.managed.exists()
    assert (await sent(browser, NEW, filled(found, do="save")))[2] == M1
    wrong = filled(await page(browser, NEW), **{**NEXT_TO_NOTHING, "address": "8.8.8.8", "do": "check"})
    status, found, _ = await sent(browser, NEW, wrong)
    assert (status, len(summary(found))) == (422, 1)


async def test_a_miner_is_edited(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser, port=None, model="M50", position={"row": 2, "column": 2})
    found = await page(browser, f"{M1}/edit")
    fields = filled(found)
    assert (fields["port"], fields["web_port"], fields["model"], fields["manufacturer"]) == (
        "0",
        "",
        "M50",
        "",
    )
    assert "Empty: as the container says, now Whatsminer." in main(found)
    assert (await sent(browser, f"{M1}/edit", filled(found, do="save")))[0] == 303
    assert await fleet.house.events("miner.changed") == []
    fields = filled(
        found, name="m2", container="container-2", model="", row="", column="", port="", do="save"
    )
    status, _, where = await sent(browser, f"{M1}/edit", fields)
    assert (status, where) == (303, "/miners/container-2.m2")
    known = await miner(browser, "/miners/container-2.m2")
    assert (known["port"], known["model"], known["position"]) == (4028, None, None)


async def test_somebody_elses_change_is_shown_and_neither_is_lost(
    fleet: FleetHouse, browser: Browser
) -> None:
    await made(browser)
    mine = filled(await page(browser, f"{M1}/edit"), model="M50S", do="save")
    other = await fleet.browser("boris")
    theirs = filled(await page(other, f"{M1}/edit"), model="M60", active=None, do="save")
    assert (await sent(other, f"{M1}/edit", theirs))[0] == 303
    status, found, _ = await sent(browser, f"{M1}/edit", mine)
    assert status == 412
    assert differing(found) == [["Model", "M60", "M50S"], ["Read and commanded", "no", "yes"]]
    assert (await miner(browser))["model"] == "M60"
    assert (await sent(browser, f"{M1}/edit", filled(found, do="save")))[0] == 303
    known = await miner(browser)
    assert (known["model"], known["active"]) == ("M50S", True)


async def test_a_password_typed_where_a_reference_belongs_never_comes_back(
    fleet: FleetHouse, browser: Browser
) -> None:
    """Not in the field, and not beside what somebody else has changed meanwhile."""
    assert (await browser.ask("POST", "/api/v1/miners", NEXT_TO_NOTHING)).status == 201
    mine = filled(await page(browser, f"{M1}/edit"), credentials="operator:opensesame", do="save")
    assert (
        await browser.ask("PATCH", f"/api/v1{M1}", {"model": "M60"}, headers={"If-Match": "*"})
    ).status == 200
    for status in (412, 422):
        response = await browser.ask("POST", f"{M1}/edit", data=urlencode(mine), headers=FORM)
        text = await response.text()
        assert (response.status, "opensesame" in text) == (status, False)
        mine = filled(read_page(text), credentials="operator:opensesame", do="save")


async def test_what_went_away_meanwhile_keeps_what_was_typed(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    mine = filled(await page(browser, f"{M1}/edit"), model="M50S", do="save")
    assert (await browser.ask("DELETE", f"/api/v1{M1}")).status == 204
    status, found, _ = await sent(browser, f"{M1}/edit", mine)
    assert status == 412
    assert filled(found)["model"] == "M50S"
    action = found.one("form", class_="editor").attributes["action"]
    assert (await sent(browser, action, filled(found, do="save")))[2] == M1
    assert (await miner(browser))["model"] == "M50S"


async def test_a_form_without_its_condition_changes_nothing(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    fields = filled(await page(browser, f"{M1}/edit"), etag="", model="M50S", do="save")
    assert (await sent(browser, f"{M1}/edit", fields))[0] == 412
    assert (await miner(browser))["model"] is None


async def test_a_miner_is_disabled_and_enabled(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    found = await page(browser, f"{M1}/disable")
    assert "neither read nor commanded" in main(found)
    assert (await sent(browser, f"{M1}/disable", _deed(found)))[2] == M1
    assert (await miner(browser))["active"] is False
    assert (await sent(browser, f"{M1}/enable", _deed(await page(browser, f"{M1}/enable"))))[2] == M1
    assert (await miner(browser))["active"] is True
    links = [one.attributes["href"] for one in (await page(browser, M1)).all("a")]
    assert {f"{M1}/edit", f"{M1}/disable", f"{M1}/delete"} <= set(links)


async def test_a_miner_goes_when_its_name_was_typed(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    found = await page(browser, f"{M1}/delete")
    assert "History stays in Prometheus and in reports." in main(found)
    status, found, _ = await sent(browser, f"{M1}/delete", {**_deed(found), "typed": "m2"})
    assert status == 422
    assert found.one("input", id="typed").attributes["value"] == "m2"
    assert (
        await browser.ask("PATCH", f"/api/v1{M1}", {"model": "M60"}, headers={"If-Match": "*"})
    ).status == 200
    status, found, _ = await sent(browser, f"{M1}/delete", {**_deed(found), "typed": "m1"})
    assert status == 412
    assert fleet.deeds.view("container-1.m1") is not None
    status, _, where = await sent(browser, f"{M1}/delete", {**_deed(found), "typed": " M1 "})
    assert (status, where) == (303, "/containers/container-1")
    assert fleet.deeds.view("container-1.m1") is None
    await page(browser, f"{M1}/delete", 404)


@pytest.mark.parametrize("deed", ["edit", "disable", "enable", "delete"])
async def test_one_written_by_hand_stays_with_its_file(
    fleet: FleetHouse, browser: Browser, deed: str
) -> None:
    path = f"/miners/container-1.a1/{deed}"
    found = await page(browser, path, 409)
    assert f"{fleet.hand}:12" in main(found)
    links = {one.attributes["href"] for one in found.one("main").all("a")}
    assert {"/miners/container-1.a1", "/miners/new?container=container-1", "/settings/health"} <= links
    fields = {**NEXT_TO_NOTHING, "csrf": browser.csrf or "", "typed": "a1", "do": "save"}
    status, found, _ = await sent(browser, path, fields)
    assert status == 409
    assert not fleet.managed.exists()


async def test_a_form_that_another_site_sends_does_nothing(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(await page(browser, NEW), **NEXT_TO_NOTHING, do="save")
    stranger = Browser(browser.http, cookie=browser.cookie)
    for given in ({"csrf": ""}, {"csrf": "wrong"}):
        assert (await sent(stranger, NEW, {**fields, **given}))[0] == 403
    assert not fleet.managed.exists()
    assert (await sent(stranger, NEW, fields))[0] == 303


@pytest.mark.parametrize("role", ["accountant", "client"])
async def test_who_changes_nothing_is_offered_nothing(fleet: FleetHouse, role: str) -> None:
    await made(await fleet.browser("maker"))
    browser = await fleet.browser("carla", role)
    await page(browser, NEW, 403)
    await page(browser, f"{M1}/edit", 403)
    fields = {**NEXT_TO_NOTHING, "name": "m9", "csrf": browser.csrf or "", "do": "save"}
    assert (await sent(browser, NEW, fields))[0] == 403
    for path in (M1, "/miners", "/containers/container-1", "/"):
        links = [one.attributes["href"] for one in (await page(browser, path)).all("a")]
        assert not [
            one
            for one in links
            if one.partition("?")[0].endswith(("/new", "/edit", "/delete", "/import", "/new-container"))
        ]


def _deed(found: Element) -> dict[str, str]:
    """Return what the form of a deed carries of itself."""
    form = found.one("form", class_="deed")
    return {one.attributes["name"]: one.attributes["value"] for one in form.all("input", type="hidden")}
