"""The editor of schedules: rows as typed, mistakes by row, a preview that changes nothing, and nobody's change lost."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from multidict import MultiDict

from controller.deeds import Source
from controller.pages.language import words
from controller.pages.schedule_form import field_of, mistakes_in, pressed, read_form
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, plan_of
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.fleet_with_schedules import (
    changed,
    fields_of,
    override,
    scheduled,
    send,
)
from tests.unit.controller.pages.reading_pages import Element

EDIT = "/schedule/nights/edit"
PROFILES = ("overclock", "normal", "underclock", "curtail")


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await scheduled(make_house, tmp_path)


def summary(found: Element) -> list[str]:
    return [one.words for one in found.one("div", class_="mistakes").all("li")]


def values(found: Element) -> dict[str, str]:
    return dict(fields_of(found))


async def saved(browser: Browser, schedule: str = "nights") -> Any:
    return await (await browser.get(f"/api/v1/schedules/{schedule}")).json()


async def test_what_is_there_is_changed(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), w_0_from="21.30", w_0_to="7", do="save")
    status, _, where = await send(browser, EDIT, fields)
    assert (status, where) == (303, "/schedule#schedule-nights")
    now = await saved(browser)
    assert [(one["from"], one["to"]) for one in now["windows"]] == [("21:30", "07:00")]
    assert now["containers"] == ["container-7"]
    (event,) = await fleet.house.events("schedule.changed")
    assert event.actor.name == "anna"


async def test_a_new_schedule_is_four_shifts_ready_to_save(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = fields_of(await page(browser, "/schedule/new"))
    status, _, where = await send(browser, "/schedule/new", [*fields, ("do", "save")])
    assert (status, where) == (303, "/schedule#schedule-four-shifts")
    made = await saved(browser, "four-shifts")
    assert [one["profile"] for one in made["windows"]] == ["overclock", "normal", "underclock", "curtail"]
    # The next one has a name of its own.
    assert values(await page(browser, "/schedule/new"))["name"] == "four shifts 2"
    status, found, _ = await send(browser, "/schedule/new", [*fields, ("do", "save")])
    assert (status, summary(found)) == (422, ["There is a schedule of this name already"])


async def test_one_written_by_hand_is_copied_and_not_edited(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, "/schedule/shifts/edit", 409)
    assert "targets.yml, line 21" in main(found)
    form = await page(browser, "/schedule/shifts/copy")
    assert form.one("form", class_="editor").attributes["action"] == "/schedule/new"
    assert values(form)["name"] == "shifts, copy"
    status, _, _ = await send(browser, "/schedule/new", [*fields_of(form), ("do", "save")])
    assert status == 303
    assert (await saved(browser, "shifts-copy"))["otherwise"] == "curtail"


async def test_rows_come_and_go_without_scripts_and_keep_what_was_typed(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), w_0_from="nonsense", name="my nights")
    for button, rows in (("add-row", 2), ("add-row", 3), ("remove-row:1", 2)):
        status, found, _ = await send(browser, EDIT, [*fields, ("do", button)])
        assert status == 200
        fields = fields_of(found)
        assert len(found.all("fieldset", class_="shift")) == rows
        if (button, rows) == ("add-row", 2):
            assert values(found)["w-1-from"] == "06:00"  # where the row before it ends
    assert (values(found)["w-0-from"], values(found)["name"]) == ("nonsense", "my nights")
    for button in ("add-date", "add-row:0", "add-row:0", "remove-row:0:0"):
        status, found, _ = await send(browser, EDIT, [*fields, ("do", button)])
        fields = fields_of(found)
    assert [name for name in values(found) if name.startswith("x-")] == [
        "x-0-date", "x-0-w-0-from", "x-0-w-0-to", "x-0-w-0-profile",
    ]  # fmt: skip
    assert (await saved(browser))["windows"][0]["from"] == "22:00"


async def test_every_mistake_stands_at_its_row_and_in_the_summary(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = changed(
        fields_of(await page(browser, EDIT)),
        name="",
        w_0_from="25:00",
        w_1_from="06:00",
        w_1_to="06:30",
        w_1_profile="turbo",
        x_0_date="2026-02-30",
        do="save",
    )
    status, found, _ = await send(browser, EDIT, fields)
    assert status == 422
    assert found.one("title").text.startswith("Error: ")
    assert summary(found) == [
        "Give the schedule a name",
        "Row 1: 25:00 is no time such as 06:00 (24:00 is the end of the day)",
        "Row 2: choose at least one day",
        "There is no profile turbo",
        "Give a date such as 2026-12-31",
    ]
    for link in found.one("div", class_="mistakes").all("a"):
        (field,) = found.all("", id=link.attributes["href"].removeprefix("#"))
        assert field.attributes["aria-describedby"].split()[-1] == f"{field.attributes['id']}-error"
        assert found.one("", id=f"{field.attributes['id']}-error").words
    assert values(found)["w-0-from"] == "25:00"
    assert (values(found)["w-1-profile"], values(found)["x-0-date"]) == ("turbo", "2026-02-30")
    assert (await saved(browser))["name"] == "nights"


async def test_overlaps_and_gaps_are_named_by_row(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    form = fields_of(await page(browser, EDIT))
    second = [("w-1-days", "mon"), ("w-1-days", "tue"), ("w-1-profile", "normal")]
    overlapping = [*form, *second, ("w-1-from", "05:00"), ("w-1-to", "07:00"), ("do", "preview")]
    status, found, _ = await send(browser, EDIT, overlapping)
    assert (status, summary(found)) == (422, ["Rows 1 and 2 both hold 05:00–06:00 (Mon, Tue)"])
    gap = changed(
        [*form, *second, ("w-1-from", "08:00"), ("w-1-to", "22:00"), ("do", "preview")], otherwise=""
    )
    status, found, _ = await send(browser, EDIT, gap)
    assert status == 422
    (said,) = summary(found)
    assert said == (
        "No row holds 06:00–08:00 (Mon, Tue); 06:00–22:00 (Wed, Thu, Fri, Sat, Sun): "
        "add one, or choose the profile that holds otherwise"
    )
    dated = [*form, ("x-0-date", "2026-12-31"), ("x-0-w-0-from", "18:00"), ("x-0-w-0-to", "06:00")]
    status, found, _ = await send(browser, EDIT, [*dated, ("x-0-w-0-profile", "normal"), ("do", "preview")])
    assert summary(found) == ["Row 1: it ends before it begins, and a date of its own ends at 24:00"]


async def test_a_preview_shows_days_before_and_after_and_changes_nothing(fleet: FleetHouse) -> None:
    fleet.deeds.coming = msgspec.structs.replace(plan_of(1), power_change_w=3200.0)
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), w_0_from="12:00", do="preview")
    status, found, _ = await send(browser, EDIT, fields)
    preview = found.one("section", class_="preview")
    assert status == 200
    assert "Now: 1 miner goes from curtail to normal." in preview.words
    assert "1 miner changes at once. Power: +3.2 kW." in preview.words
    before, after = preview.all("svg", class_="strip")
    assert len(before.all("g")) == 8 * 2 + 1
    assert [one.words for one in preview.all("table")[-1].all("td")] == [
        "curtail, normal from 22:00",
        "normal, curtail from tomorrow 06:00",
    ]
    assert [one.words for one in after.all("title")][1].endswith("curtail")
    assert (await saved(browser))["windows"][0]["from"] == "22:00"
    assert not await fleet.house.events("schedule.changed")


async def test_a_preview_names_the_days_on_which_the_clock_changes(fleet: FleetHouse) -> None:
    fleet.deeds.pass_time(days=22)
    browser = await fleet.browser()
    form = fields_of(await page(browser, EDIT))
    _, found, _ = await send(browser, EDIT, [*form, ("do", "preview")])
    words_shown = found.one("section", class_="preview").words
    assert "29 Mar 2026 lasts 23 h: 02:00–03:00 does not exist" in words_shown
    assert "begins at the first moment after it" in words_shown


async def test_what_changes_at_once_is_looked_at_and_confirmed_before_it_is_saved(fleet: FleetHouse) -> None:
    fleet.deeds.coming = plan_of(4, "seen")
    browser = await fleet.browser()
    form = changed(fields_of(await page(browser, EDIT)), w_0_from="12:00")
    status, found, _ = await send(browser, EDIT, [*form, ("do", "save")])
    assert (status, summary(found)) == (
        409,
        ["This changes at once what 4 miners do: look at it below, then save"],
    )
    assert found.all("button", class_="primary")[-1].words == "Save and change 4 miners"
    form = fields_of(found)
    status, found, _ = await send(browser, EDIT, [*form, ("do", "save")])
    assert (status, summary(found)) == (409, ["Type 4, the number of miners that change"])
    fleet.deeds.coming = plan_of(3, "another")
    typed = changed(fields_of(found), typed="4")
    status, found, _ = await send(browser, EDIT, [*typed, ("do", "save")])
    assert (status, summary(found)) == (
        409,
        ["This changes at once what 3 miners do: look at it below, then save"],
    )
    assert (await saved(browser))["windows"][0]["from"] == "22:00"
    status, _, _ = await send(browser, EDIT, [*changed(fields_of(found), typed="3"), ("do", "save")])
    assert status == 303
    assert (await saved(browser))["windows"][0]["from"] == "12:00"


async def test_without_the_exporter_the_power_is_not_known(fleet: FleetHouse) -> None:
    fleet.deeds.coming = msgspec.structs.replace(plan_of(1), power_change_w=3200.0)
    fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="connection refused")
    browser = await fleet.browser()
    _, found, _ = await send(browser, EDIT, [*fields_of(await page(browser, EDIT)), ("do", "preview")])
    preview = found.one("section", class_="preview").words
    assert "Power: unknown." in preview
    assert "3.2" not in preview


async def test_somebody_elses_change_is_shown_and_neither_is_lost(fleet: FleetHouse) -> None:
    browser, other = await fleet.browser(), await fleet.browser("boris")
    mine = changed(fields_of(await page(browser, EDIT)), w_0_from="20:00", do="save")
    theirs = changed(fields_of(await page(other, EDIT)), w_0_to="09:00", do="save")
    assert (await send(other, EDIT, theirs))[0] == 303
    status, found, _ = await send(browser, EDIT, mine)
    assert status == 412
    assert summary(found)[0].startswith("Somebody changed the schedule while you did.")
    assert "every day: 22:00–09:00 normal" in found.one("section", class_="theirs").words
    assert (values(found)["w-0-from"], values(found)["w-0-to"]) == ("20:00", "06:00")
    assert (await saved(browser))["windows"][0]["to"] == "09:00"
    status, _, _ = await send(browser, EDIT, [*fields_of(found), ("do", "save")])
    assert status == 303
    assert [(one["from"], one["to"]) for one in (await saved(browser))["windows"]] == [("20:00", "06:00")]


async def test_a_form_without_what_it_was_read_from_saves_nothing(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    mine = changed(fields_of(await page(browser, EDIT)), w_0_from="20:00", etag="", do="save")
    status, _, _ = await send(browser, EDIT, mine)
    assert status in (412, 428)
    assert (await saved(browser))["windows"][0]["from"] == "22:00"


async def test_containers_of_ours_follow_and_those_by_hand_say_where(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    form = [one for one in fields_of(await page(browser, EDIT)) if one[0] != "container"]
    assert (await send(browser, EDIT, [*form, ("do", "save")]))[0] == 303
    container = await (await browser.get("/api/v1/containers/container-7")).json()
    assert container["schedule_id"] is None
    (event,) = await fleet.house.events("container.changed")
    assert (event.container, event.before) == ("container-7", {"schedule_id": "nights"})
    copy = fields_of(await page(browser, "/schedule/default/copy"))
    both = [*copy, ("container", "container-7"), ("container", "container-1"), ("do", "save")]
    assert (await send(browser, "/schedule/new", both))[0] == 303
    followers = (await saved(browser, "default-copy"))["containers"]
    assert followers == ["container-7"]  # Container 1 stands in a file of a person's


async def test_a_rename_keeps_who_follows(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), name="dark hours", do="save")
    assert (await send(browser, EDIT, fields))[0] == 303
    shown = await saved(browser)
    assert (shown["name"], shown["containers"]) == ("dark hours", ["container-7"])


async def test_who_is_followed_does_not_go(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    where = "/schedule/nights/delete"
    found = await page(browser, where)
    assert "It cannot go while containers follow it: Container 7" in main(found)
    assert not found.one("main").all("button")
    status, found, _ = await send(browser, where, [("csrf", browser.csrf), ("etag", "x")])
    assert status in (409, 412)
    form = [one for one in fields_of(await page(browser, EDIT)) if one[0] != "container"]
    assert (await send(browser, EDIT, [*form, ("do", "save")]))[0] == 303
    form_ = (await page(browser, where)).all("form")[-1]
    fields = [(one.attributes["name"], one.attributes["value"]) for one in form_.all("input")]
    status, _, to = await send(browser, where, fields)
    assert (status, to) == (303, "/schedule#schedules")
    assert (await browser.get("/api/v1/schedules/nights")).status == 404


async def test_an_override_lasts_whatever_the_schedule_says(fleet: FleetHouse) -> None:
    override(fleet, containers=("container-7",), profile="underclock")
    browser = await fleet.browser()
    fields = changed(fields_of(await page(browser, EDIT)), w_0_from="12:00", do="preview")
    _, found, _ = await send(browser, EDIT, fields)
    preview = found.one("section", class_="preview")
    assert "goes from" not in preview.words
    assert preview.all("table")[-1].all("td")[0].words == "underclock"


async def test_names_of_others_stay_text_in_the_form(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    evil = '"><script>alert(1)</script>{{7*7}}'
    fields = changed(fields_of(await page(browser, EDIT)), name=evil, w_0_from=evil, do="save")
    status, found, _ = await send(browser, EDIT, fields)
    assert status == 422
    assert (values(found)["name"], values(found)["w-0-from"]) == (evil, evil)
    fields = changed(fields_of(found), w_0_from="22:00", do="save")
    assert (await send(browser, EDIT, fields))[0] == 303
    assert evil in [one.text for one in (await page(browser, "/schedule")).all("bdi")]


async def test_what_is_no_form_is_refused(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    response = await browser.ask("POST", EDIT, {"name": "x"})
    assert response.status == 415
    status, _, _ = await send(browser, EDIT, [("w-99999-from", "x"), ("do", "remove-row:77:88")])
    assert status == 200


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("6", "06:00"),
        ("6.30", "06:30"),
        ("0630", "06:30"),
        ("24:00", "24:00"),
        ("630", "630"),
        ("6:7", "6:7"),
    ],
)
def test_times_are_taken_as_people_write_them(typed: str, meant: str) -> None:
    form = read_form(MultiDict({"w-0-from": f" {typed} ", "w-0-to": "12:00"}))
    assert form.rows[0].from_ == meant


def test_hundreds_of_rows_that_overlap_are_checked_at_once() -> None:
    fields: MultiDict[str] = MultiDict({"name": "s", "otherwise": "normal"})
    for number in range(400):
        for day in ("mon", "tue", "wed"):
            fields.add(f"w-{number}-days", day)
        fields[f"w-{number}-from"], fields[f"w-{number}-to"] = "06:00", "12:00"
        fields[f"w-{number}-profile"] = "normal"
    found = mistakes_in(read_form(fields), PROFILES, words("en"))
    assert 1 <= len(found) <= 100
    assert found[0] == ("w-1-from", "Rows 1 and 2 both hold 06:00–12:00 (Mon)")


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("/name", "name"),
        ("/windows", "otherwise"),
        ("/windows/2/from", "w-2-from"),
        ("/windows/2", "w-2-from"),
        ("/exceptions/1/date", "x-1-date"),
        ("/exceptions/1/windows/0/to", "x-1-w-0-to"),
        ("", ""),
    ],
)
def test_a_mistake_of_the_inventory_leads_to_its_field(pointer: str, field: str) -> None:
    assert field_of(pointer) == field


def test_a_button_that_is_none_does_nothing() -> None:
    form = read_form(MultiDict({"w-0-from": "06:00"}))
    assert pressed(form, "save") is None
    assert pressed(form, "remove-row:5") == form
