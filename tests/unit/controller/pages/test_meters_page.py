"""Meters on their page: readings entered, held against the miners, withdrawn; a file looked at line by line and taken whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.pages.booked_fleet import book, read_meter
from tests.unit.controller.pages.filled_forms import filled, sent, sent_in_parts, summary
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page
from tests.unit.controller.pages.reading_pages import Element

BEGIN, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, 2, tzinfo=UTC)


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds)
    await book(found)
    return found


def rows(found: Element, container: str = "container-1") -> list[list[str]]:
    table = found.one("section", id=f"meter-{container}").one("tbody")
    return [[cell.words for cell in row.inside if cell.tag in ("th", "td")] for row in table.all("tr")]


async def test_a_reading_is_entered_by_the_containers_clock(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    form = filled(
        await page(browser, "/meters"), container="container-1", day="2026-10-01", time="9.30", kwh="12 345,6"
    )
    form.pop("replaced", None)
    status, _, where = await sent(browser, "/meters", form)
    assert (status, where) == (303, "/meters#meter-container-1")
    assert rows(await page(browser, "/meters"))[0][:3] == ["1 Oct 2026, 09:30", "12,345.6", "–"]
    (event,) = await fleet.house.events("meter_reading.added")
    assert event.category == "money"


async def test_mistakes_stand_at_their_fields_and_nothing_is_lost(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    form = filled(
        await page(browser, "/meters"), day="2026-02-30", time="25", kwh="", note="by hand", container=""
    )
    status, found, _ = await sent(browser, "/meters", form)
    assert status == 422
    assert summary(found) == [
        "Choose a container",
        "Give a date such as 2026-12-31",
        "Give a time such as 09:00",
        "Give the figure on the meter's display",
    ]
    assert found.one("input", id="note").attributes["value"] == "by hand"
    form |= {"container": "container-1", "day": "2026-10-01", "time": "09:00", "kwh": "much"}
    form.pop("replaced", None)
    status, found, _ = await sent(browser, "/meters", form)
    assert status == 422
    assert summary(found) == ["Much is no figure of a meter."]
    status, found, _ = await sent(browser, "/meters", form | {"kwh": "1,234"})
    assert summary(found) == ["1,234 may be two figures: write it as 1234 or as 1.234."]
    await read_meter(fleet, "container-1", (BEGIN, "500"))
    status, found, _ = await sent(browser, "/meters", form | {"kwh": "400"})
    assert status == 422
    assert "falls" in summary(found)[0]


async def test_a_time_is_the_containers_and_there_once(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = HAND.replace("client: borealis", "client: borealis\n  timezone: America/New_York")
    fleet = await start(make_house, tmp_path, hand=hand, kind=ChangedDeeds)
    fleet.deeds.now = datetime(2026, 11, 20, tzinfo=UTC)
    browser = await fleet.browser("olga", "accountant")
    form = filled(await page(browser, "/meters"), container="container-2", day="2026-11-01", kwh="5")
    form.pop("replaced", None)
    for day, time, words in (
        ("2026-11-01", "01:30", "The clock shows this time twice"),
        ("2026-03-08", "02:30", "The clock was put forward over this time"),
    ):
        status, found, _ = await sent(browser, "/meters", form | {"day": day, "time": time})
        assert status == 422
        assert words in summary(found)[0]
    status, _, _ = await sent(browser, "/meters", form | {"time": "24:00"})
    assert status == 303
    (reading,) = await fleet.house.storage.meter_readings.find()
    assert reading.at == datetime(2026, 11, 2, 5, tzinfo=UTC)
    assert "2 Nov 2026, 00:00" in main(await page(browser, f"/meters/{reading.id}/withdraw"))
    upload = filled(await page(browser, "/meters/import"))
    upload.pop("file", None)
    text = "container,at,kwh\ncontainer-2,2026-11-01 01:30-05:00,4\n"
    text += "container-2,2026-11-03 09:00,7\n"
    _, found = await sent_in_parts(browser, "/meters/import", {**upload, "text": text, "do": "preview"})
    lines = found.one("section", id="preview").one("tbody").all("tr")
    assert [line.all("td")[1].words for line in lines] == [
        "1 Nov 2026, 01:30 (UTC-05:00)",
        "3 Nov 2026, 09:00",
    ]


async def test_each_reading_stands_beside_the_sum_of_its_time(fleet: FleetHouse) -> None:
    await read_meter(fleet, "container-1", (BEGIN, "1000"), (END, "1011"), (END.replace(day=9), "1200"))
    found = await page(await fleet.browser("olga", "accountant"), "/meters")
    assert [row[2:5] for row in rows(found)] == [
        ["189.0", "–", "–"],
        ["11.0", "12.0", "+9.1 % look into it"],
        ["–", "–", "–"],
    ]


async def test_one_is_withdrawn_after_a_question_and_stays_to_be_seen(fleet: FleetHouse) -> None:
    (reading,) = await read_meter(fleet, "container-1", (BEGIN, "1000"))
    browser = await fleet.browser("olga", "accountant")
    address = f"/meters/{reading.id}/withdraw"
    asked = await page(browser, address)
    assert "1,000" in main(asked)
    status, _, _ = await sent(browser, address, filled(asked))
    assert status == 303
    assert "withdrawn by olga" in rows(await page(browser, "/meters"))[0][-1]
    await page(browser, address, 404)


async def test_a_file_is_looked_at_and_then_entered(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    form = filled(await page(browser, "/meters/import"))
    form.pop("file", None)
    lines = "container;at;kwh\n\nContainer 1;2026-10-01 09:00;12345,6\n\n\ncontainer-2;2026-10-01 10:00;7\n"
    status, found = await sent_in_parts(browser, "/meters/import", {**form, "text": lines, "do": "preview"})
    assert status == 200
    assert "2 readings to enter" in main(found)
    told = found.one("section", id="preview").one("tbody").all("th")
    assert [one.words for one in told] == ["3", "6"]
    assert await fleet.house.storage.meter_readings.find() == []
    looked = filled(found)
    looked.pop("file", None)
    status, found = await sent_in_parts(browser, "/meters/import", {**looked, "do": "apply"})
    assert "2 readings were entered." in main(found)
    assert len(await fleet.house.storage.meter_readings.find()) == 2


async def test_every_line_that_is_wrong_is_named_and_nothing_is_half_entered(fleet: FleetHouse) -> None:
    browser = await fleet.browser("olga", "accountant")
    form = filled(await page(browser, "/meters/import"))
    form.pop("file", None)
    lines = "container,at,kwh\ncontainer-1,2026-10-01 09:00,5\ncontainer-9,2026-10-01,6\ncontainer-1,yesterday,7\n"
    for button in ("preview", "apply"):
        status, found = await sent_in_parts(browser, "/meters/import", {**form, "text": lines, "do": button})
        assert status == 422
        told = found.one("section", id="preview").one("tbody").all("th")
        assert [one.words for one in told] == ["3", "4"]
        texts = [one.words for one in found.one("section", id="preview").one("tbody").all("code")]
        assert texts == ["container-9,2026-10-01,6", "container-1,yesterday,7"]
    assert await fleet.house.storage.meter_readings.find() == []


async def test_a_client_has_no_meters_page(fleet: FleetHouse) -> None:
    browser = await fleet.browser("clara", "client")
    await page(browser, "/meters", 403)
