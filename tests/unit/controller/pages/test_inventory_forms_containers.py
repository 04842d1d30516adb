"""The forms of containers: added, edited with what that alters at once, taken away with or without their miners."""

import asyncio
from typing import Any

import msgspec
import pytest

from controller.deeds import OVER_LIMIT, Warned
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, plan_of, start
from tests.unit.controller.pages.filled_forms import differing, filled, sent, summary
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.reading_pages import Element

NEW = "/new-container"
C7 = "/containers/container-7"
MINER = {"name": "g8", "address": "10.1.9.8", "container": "container-7"}
HOSTILE = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture
async def browser(fleet: FleetHouse) -> Browser:
    found: Browser = await fleet.browser()
    return found


async def made(browser: Browser, miners: int = 0, **more: Any) -> None:
    body = {"name": "Container 7", "time_zone": "Europe/Berlin", **more}
    assert (await browser.ask("POST", "/api/v1/containers", body)).status == 201
    for number in range(1, miners + 1):
        miner = {"name": f"g{number}", "address": f"10.1.9.{number}", "container": "container-7"}
        assert (await browser.ask("POST", "/api/v1/miners", miner)).status == 201


async def seven(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = await (await browser.get(f"/api/v1{C7}")).json()
    return found


async def test_an_empty_fleet_leads_to_the_first_container(make_house: MakeHouse, tmp_path: Any) -> None:
    fleet = await start(make_house, tmp_path, hand="networks: [10.1.0.0/16]\ncontainers: []\n")
    browser = await fleet.browser()
    (link,) = (await page(browser, "/")).all("a", class_="primary")
    found = await page(browser, link.attributes["href"])
    status, _, where = await sent(browser, NEW, filled(found, name="Контейнер 1", do="save"))
    assert (status, where) == (303, "/containers/konteiner-1")
    assert "/miners/new?container=konteiner-1" in [
        one.attributes["href"] for one in (await page(browser, where)).all("a")
    ]


async def test_a_container_is_added_with_all_that_it_may_have(fleet: FleetHouse, browser: Browser) -> None:
    found = await page(browser, NEW)
    assert "Europe/Samara" in [
        one.attributes["value"] for one in found.one("datalist", id="zones").all("option")
    ]
    fields = filled(
        found,
        name="Container 7",
        id="new",
        description="air-cooled, north side",
        location="Bratsk",
        time_zone="Asia/Irkutsk",
        rows="8",
        columns="25",
        control="enforce",
        schedule="default",
        feed="feeder 2",
        power_limit="950,5",
        do="save",
    )
    status, _, where = await sent(browser, NEW, fields)
    assert (status, where) == (303, "/containers/new")
    assert "Container 7" in main(await page(browser, where))
    (known,) = [one for one in fleet.store.inventory.containers if one.id == "new"]
    assert (known.timezone, known.rows, known.columns, known.feed) == ("Asia/Irkutsk", 8, 25, "feeder 2")
    assert (known.control, known.schedule, known.power_limit_w) == ("enforce", "default", 950_500.0)
    assert known.description == "air-cooled, north side"


async def test_all_mistakes_are_told_at_once_and_what_was_typed_stays(
    fleet: FleetHouse, browser: Browser
) -> None:
    typed = {
        "id": "No Slug",
        "time_zone": "Europe/Moscw",
        "rows": "0",
        "power_limit": "lots",
        "location": "here",
    }
    status, found, _ = await sent(browser, NEW, filled(await page(browser, NEW), **typed))
    told = " ".join(summary(found))
    assert status == 422
    for said in (
        "Give the container a name",
        "Give a whole number from 1 to 1000",
        "Give a number of kilowatts",
    ):
        assert said in told
    assert found.one("p", id="id-error").words
    again = filled(found)
    assert {name: again[name] for name in typed} == typed
    status, found, _ = await sent(browser, NEW, {**again, "name": "C", "id": "c"})
    assert "Europe/Moscw is not a time zone; did you mean Europe/Moscow?" in " ".join(summary(found))
    assert not fleet.managed.exists()


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": "Container 1"}, "name", "There is a container Container 1 (container-1) already"),
        ({"id": "container-1"}, "id", "There is a container Container 1 (container-1) already"),
        ({"client": "nobody"}, "client", "There is no client nobody"),
        ({"schedule": "never"}, "schedule", "never"),
        ({"tariff": "none such"}, "tariff", "none such"),
        ({"control": "dance"}, "control", "observe, enforce"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "Mars/Olympus is not a time zone"),
    ],
)
async def test_what_the_inventory_does_not_take_stands_at_its_field(
    fleet: FleetHouse, browser: Browser, typed: dict[str, str], field: str, said: str
) -> None:
    fields = filled(await page(browser, NEW), **{"name": "Container 9", **typed})
    status, found, _ = await sent(browser, NEW, fields)
    assert status == 422
    assert said in " ".join(summary(found))
    assert said in found.one("p", id=f"{field}-error").words
    assert not fleet.managed.exists()


async def test_a_container_is_edited_and_its_id_stays(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser, description="north", power_limit_w=800_000)
    found = await page(browser, f"{C7}/edit")
    fields = filled(found)
    assert (fields["power_limit"], fields["time_zone"], fields["description"]) == (
        "800",
        "Europe/Berlin",
        "north",
    )
    assert (await sent(browser, f"{C7}/edit", fields))[0] == 303
    assert await fleet.house.events("container.changed") == []
    changed = filled(found, name="South", description="", time_zone="Asia/Almaty", power_limit="")
    assert (await sent(browser, f"{C7}/edit", changed))[2] == C7
    known = await seven(browser)
    assert (known["name"], known["description"], known["time_zone"]) == ("South", "", "Asia/Almaty")
    assert known["power_limit_w"] is None


async def test_what_changes_at_once_is_looked_at_first(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser, miners=2)
    fleet.deeds.coming = plan_of(5, "seen")
    fields = filled(await page(browser, f"{C7}/edit"), control="enforce", schedule="default")
    status, found, _ = await sent(browser, f"{C7}/edit", fields)
    assert status == 409
    assert "5 miners change at once." in found.one("section", class_="preview").words
    status, found, _ = await sent(browser, f"{C7}/edit", filled(found))
    assert (status, summary(found)) == (409, ["Type 5, the number of miners that change."])
    assert (await seven(browser))["control"] == "observe"
    assert (await sent(browser, f"{C7}/edit", filled(found, typed="5")))[2] == C7
    assert (await seven(browser))["control"] == "enforce"


async def test_what_goes_over_a_limit_is_refused(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    warned = Warned(code=OVER_LIMIT, detail="Container 7 would take 900 kW, and may take 800 kW")
    fleet.deeds.coming = msgspec.structs.replace(plan_of(0), warnings=(warned,))
    fields = filled(await page(browser, f"{C7}/edit"), power_limit="800")
    status, found, _ = await sent(browser, f"{C7}/edit", fields)
    assert (status, summary(found)) == (422, [f"{warned.detail}."])
    assert (await seven(browser))["power_limit_w"] is None


async def test_somebody_elses_change_is_shown_and_neither_is_lost(
    fleet: FleetHouse, browser: Browser
) -> None:
    await made(browser)
    mine = filled(await page(browser, f"{C7}/edit"), location="Bratsk")
    other = await fleet.browser("boris")
    theirs = filled(await page(other, f"{C7}/edit"), location="Samara", description="theirs")
    assert (await sent(other, f"{C7}/edit", theirs))[0] == 303
    status, found, _ = await sent(browser, f"{C7}/edit", mine)
    assert status == 412
    assert differing(found) == [["Description", "theirs", "empty"], ["Location", "Samara", "Bratsk"]]
    assert (await sent(browser, f"{C7}/edit", filled(found, description="theirs")))[0] == 303
    known = await seven(browser)
    assert (known["location"], known["description"]) == ("Bratsk", "theirs")


async def test_what_went_away_meanwhile_keeps_what_was_typed(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    mine = filled(await page(browser, f"{C7}/edit"), location="Bratsk")
    assert (await browser.ask("DELETE", f"/api/v1{C7}")).status == 204
    status, found, _ = await sent(browser, f"{C7}/edit", mine)
    assert status == 412
    assert (await sent(browser, NEW, filled(found)))[2] == C7
    assert (await seven(browser))["location"] == "Bratsk"


async def test_an_empty_container_goes_when_its_name_was_typed(fleet: FleetHouse, browser: Browser) -> None:
    await made(browser)
    found = await page(browser, f"{C7}/delete")
    assert "No miner is in it." in main(found)
    assert "History stays in Prometheus and in reports." in main(found)
    status, found, _ = await sent(browser, f"{C7}/delete", {**_deed(found), "typed": "container"})
    assert (status, len(summary(found))) == (422, 1)
    assert (await sent(browser, f"{C7}/delete", {**_deed(found), "typed": "Container 7"}))[2] == "/"
    assert (await browser.get(f"/api/v1{C7}")).status == 404


async def test_nothing_goes_that_was_not_there_when_it_was_asked(fleet: FleetHouse, browser: Browser) -> None:
    """As many miners as were looked at, but not the same ones; also when the other change is still on its way."""
    await made(browser, miners=2)
    sure = _deed(await page(browser, f"{C7}/delete")) | {"typed": "Container 7", "miners": "delete"}
    assert (await browser.ask("DELETE", "/api/v1/miners/container-7.g1")).status == 204
    assert (await browser.ask("POST", "/api/v1/miners", MINER)).status == 201
    status, found, _ = await sent(browser, f"{C7}/delete", sure)
    assert (status, len(summary(found))) == (412, 1)
    again = _deed(found) | {"typed": "Container 7", "miners": "delete"}
    adding = asyncio.create_task(
        browser.ask("POST", "/api/v1/miners", MINER | {"name": "g9", "address": "10.1.9.9"})
    )
    going = asyncio.create_task(sent(browser, f"{C7}/delete", again))
    added, (status, _, _) = await adding, await going
    # Whichever came first: no miner goes unseen.
    assert (added.status, status) in {(201, 412), (422, 303), (404, 303)}, await added.text()
    gone = await fleet.house.events("container.deleted")
    left = (await browser.get(f"/api/v1{C7}")).status == 200
    assert left is not bool(gone)
    assert all(len(event.before["miners"]) == 2 for event in gone)


async def test_miners_go_with_their_container_only_if_that_was_chosen(
    fleet: FleetHouse, browser: Browser
) -> None:
    await made(browser, miners=2)
    found = await page(browser, f"{C7}/delete")
    assert "2 miners are in it." in main(found)
    fields = {**_deed(found), "typed": "Container 7"}
    status, found, _ = await sent(browser, f"{C7}/delete", fields)
    assert status == 422
    assert summary(found) == [
        "2 miners are in it: tick that they go too, or move them to another container first."
    ]
    await browser.ask(
        "POST", "/api/v1/miners", {"name": "g3", "address": "10.1.9.3", "container": "container-7"}
    )
    status, found, _ = await sent(browser, f"{C7}/delete", {**fields, "miners": "delete"})
    assert status == 412
    assert "3 miners are in it." in main(found)
    status, _, where = await sent(browser, f"{C7}/delete", {**_deed(found), "typed": "3", "miners": "delete"})
    assert (status, where) == (303, "/")
    assert fleet.deeds.views("container-7") == []


async def test_one_written_by_hand_stays_with_its_file(fleet: FleetHouse, browser: Browser) -> None:
    for deed in ("edit", "delete"):
        found = await page(browser, f"/containers/container-1/{deed}", 409)
        assert f"{fleet.hand}:4" in main(found)
        fields = {"csrf": browser.csrf or "", "name": "X", "typed": "Container 1", "miners": "delete"}
        assert (await sent(browser, f"/containers/container-1/{deed}", fields))[0] == 409
    await page(browser, "/containers/nothing/edit", 404)


async def test_a_hostile_name_stays_text(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(await page(browser, NEW), name=HOSTILE, location=HOSTILE, description='"' + HOSTILE)
    status, _, where = await sent(browser, NEW, fields)
    assert status == 303
    again = filled(await page(browser, f"{where}/edit"))
    assert again["name"] == HOSTILE
    assert again["description"] == '"' + HOSTILE
    assert HOSTILE in main(await page(browser, f"{where}/delete"))


async def test_a_form_that_another_site_sends_does_nothing(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(await page(browser, NEW), name="Container 7")
    stranger = Browser(browser.http, cookie=browser.cookie)
    assert (await sent(stranger, NEW, {**fields, "csrf": "wrong"}))[0] == 403
    assert not fleet.managed.exists()


def _deed(found: Element) -> dict[str, str]:
    """Return what the form of a deed carries of itself."""
    form = found.one("form", class_="deed")
    return {one.attributes["name"]: one.attributes["value"] for one in form.all("input", type="hidden")}
