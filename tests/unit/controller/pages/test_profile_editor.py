"""The editor of power profiles: what is typed is checked, what changes at once is looked at first, nobody's change is lost."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, plan_of, start
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.fleet_with_schedules import ZONES, changed, fields_of, scheduled, send
from tests.unit.controller.pages.reading_pages import Element

EDIT = "/profiles/normal/edit"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await scheduled(make_house, tmp_path)


def summary(found: Element) -> list[str]:
    return [one.words for one in found.one("div", class_="mistakes").all("li")]


async def saved(browser: Browser, name: str) -> Any:
    return await (await browser.get(f"/api/v1/profiles/{quote(name, safe='')}")).json()


async def test_a_target_is_changed(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, EDIT)
    assert "in the schedules shifts, nights, default" in main(found)
    fields = changed(fields_of(found), target="92,5", do="save")
    status, _, where = await send(browser, EDIT, fields)
    assert (status, where) == (303, "/schedule#profiles")
    assert (await saved(browser, "normal"))["target_percent"] == 92.5
    assert (await saved(browser, "normal"))["by_make"] == {"whatsminer": {"mode": "normal"}}


async def test_a_new_one_with_makes_of_its_own(fleet: FleetHouse) -> None:
    browser, where = await fleet.browser(), "/profiles/new"
    _, found, _ = await send(browser, where, [*fields_of(await page(browser, where)), ("do", "add-make")])
    fields = changed(
        fields_of(found),
        name="half / <b>",
        target="50",
        m_0_make="luxos",
        m_0_kind="preset",
        m_0_value="1600W",
        do="save",
    )
    assert (await send(browser, where, fields))[0] == 303
    assert (await saved(browser, "half / <b>"))["by_make"] == {"luxos": {"preset": "1600W"}}
    listed = await page(browser, "/schedule")
    (edit,) = [one for one in listed.all("a") if "half" in one.attributes["href"]]
    assert "half / <b>" in main(await page(browser, edit.attributes["href"]))
    status, found, _ = await send(browser, where, fields)
    assert (status, summary(found)) == (422, ["There is a profile of this name already"])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"target": "lots"}, "Give a percentage from 0 (asleep) to 200"),
        ({"target": "201"}, "Give a percentage from 0 (asleep) to 200"),
        ({"target": "0"}, "At 0 % every make is put to sleep in its own way: take the makes away"),
        ({"m_0_value": "turbo"}, "Row 1: a mode is low, normal or high"),
        ({"m_0_kind": "power_limit_w", "m_0_value": "much"}, "Row 1: give a number of watts"),
        ({"m_0_make": ""}, "Row 1: name the make or the driver"),
        ({"m_0_kind": "dance"}, "Row 1: choose how it is told"),
    ],
)
async def test_mistakes_stand_at_their_fields(fleet: FleetHouse, typed: dict[str, str], said: str) -> None:
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), do="save", **typed)
    status, found, _ = await send(browser, EDIT, fields)
    assert (status, summary(found)) == (422, [said])
    link = found.one("div", class_="mistakes").one("a").attributes["href"]
    assert found.one("", id=link.removeprefix("#")).attributes["aria-describedby"].endswith("-error")
    assert (await saved(browser, "normal"))["target_percent"] == 100


async def test_a_make_that_nobody_knows_is_told_in_the_inventorys_words(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), m_0_make="toaster", do="save")
    status, found, _ = await send(browser, EDIT, fields)
    assert status == 422
    assert "toaster" in summary(found)[0]
    assert dict(fields_of(found))["m-0-make"] == "toaster"


async def test_what_changes_at_once_is_looked_at_first(fleet: FleetHouse) -> None:
    fleet.deeds.coming = plan_of(4, "seen")
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), target="90", do="save")
    status, found, _ = await send(browser, EDIT, fields)
    assert status == 409
    assert "4 miners change at once." in found.one("section", class_="preview").words
    status, found, _ = await send(browser, EDIT, [*fields_of(found), ("do", "save")])
    assert (status, summary(found)) == (409, ["Type 4, the number of miners that change"])
    fields = changed(fields_of(found), typed="4", do="save")
    assert (await saved(browser, "normal"))["target_percent"] == 100
    assert (await send(browser, EDIT, fields))[0] == 303
    assert (await saved(browser, "normal"))["target_percent"] == 90


async def test_somebody_elses_change_is_shown_and_neither_is_lost(fleet: FleetHouse) -> None:
    browser, other = await fleet.browser(), await fleet.browser("boris")
    mine = changed(fields_of(await page(browser, EDIT)), target="90", do="save")
    theirs = changed(fields_of(await page(other, EDIT)), target="80", do="save")
    assert (await send(other, EDIT, theirs))[0] == 303
    status, found, _ = await send(browser, EDIT, mine)
    assert status == 412
    assert "normal: 80 %" in found.one("section", class_="theirs").words
    assert dict(fields_of(found))["target"] == "90"
    assert (await send(browser, EDIT, [*fields_of(found), ("do", "save")]))[0] == 303
    assert (await saved(browser, "normal"))["target_percent"] == 90


async def test_one_written_by_hand_stays_with_its_file(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = ZONES + "profiles: {quiet: {target_percent: 60}}\n"
    fleet = await start(make_house, tmp_path, hand=hand)
    browser = await fleet.browser()
    found = await page(browser, "/profiles/quiet/edit", 409)
    assert "targets.yml, line 22" in main(found)
    assert "/profiles/quiet/edit" not in [
        one.attributes["href"] for one in (await page(browser, "/schedule")).all("a")
    ]
    await page(browser, "/profiles/nothing/edit", 404)
