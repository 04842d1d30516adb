"""The Schedule page: strips by time zone, what comes next, overrides, days on which the clock changes, who sees what."""

from datetime import timedelta
from pathlib import Path

import pytest

from controller.model import Hold
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import BORIS, main, page
from tests.unit.controller.pages.fleet_with_schedules import override, scheduled
from tests.unit.controller.pages.reading_pages import Element


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await scheduled(make_house, tmp_path)


def lines(found: Element) -> dict[str, Element]:
    """Return the lines of containers, by their names."""
    return {
        one.one("p", class_="who-line").words: one
        for one in found.all("div", class_="line")
        if one.all("p", class_="who-line")
    }


def letters(line: Element) -> str:
    return "".join(text.words for text in line.one("svg", class_="strip").all("text"))


async def test_containers_stand_by_zone_with_their_strips(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), "/schedule")
    zones = [one.words for one in found.all("h2") if "zone-" in one.attributes.get("id", "")]
    assert zones == ["Europe/Berlin (UTC+01:00)", "Asia/Kathmandu (UTC+05:45)"]
    shown = lines(found)
    assert list(shown) == ["Container 1", "Container 7", "Container 2"]
    assert [letters(shown[name]) for name in shown] == ["ONUC", "NCN", "CNC"]
