"""A fleet in three time zones whose schedules stand in both files: one written by hand, one made on the pages."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from controller.model import Override, new_id
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import BORIS, ChangedDeeds
from tests.unit.controller.pages.reading_pages import Element, read_page

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

ZONES = (
    HAND.replace("- name: Container 1", "- name: Container 1\n  timezone: Europe/Berlin").replace(
        "- name: Container 2", "- name: Container 2\n  timezone: Asia/Kathmandu\n  schedule: shifts"
    )
    + """\
schedules:
  shifts: {windows: [{from: "08:00", to: "20:00", profile: normal}], otherwise: curtail}
"""
)
MANAGED = [
    (
        "POST",
        "/api/v1/schedules",
        {
            "name": "nights",
            "windows": [{"from": "22:00", "to": "06:00", "profile": "normal"}],
            "otherwise": "curtail",
        },
    ),
    (
        "POST",
        "/api/v1/containers",
        {"name": "Container 7", "time_zone": "Europe/Berlin", "control": "enforce", "schedule_id": "nights"},
    ),
    ("POST", "/api/v1/miners", {"name": "g1", "address": "10.1.9.1", "container": "container-7"}),
]


async def scheduled(
    make_house: MakeHouse, tmp_path: Path, kind: type[ChangedDeeds] = ChangedDeeds, **more: Any
) -> FleetHouse:
    """Start it: Container 1 in Berlin by `default`, 2 in Kathmandu by `shifts` (by hand), 7 in Berlin by `nights` (ours)."""
    fleet = await start(make_house, tmp_path, hand=ZONES, kind=kind, **more)
    browser = await fleet.browser("maker")
    for method, path, body in MANAGED:
        response = await browser.ask(method, path, body)
        assert response.status == 201, await response.text()
    return fleet


def override(fleet: FleetHouse, **more: Any) -> Override:
    """Put an override in force in Container 1, and return it."""
    given = {
        "id": new_id("ov"),
        "profile": "curtail",
        "ends": "manual",
        "reason": "breaker 2",
        "created_by": BORIS,
        "created_at": BEGIN,
        "starts_at": BEGIN,
        "containers": ("container-1",),
    } | more
    made = msgspec.convert(given, Override)
    fleet.deeds.kept_overrides.append(made)
    return made


async def send(browser: Browser, path: str, fields: Any) -> tuple[int, Element, str]:
    """Send a form; return the status, the page, and where it leads."""
    response = await browser.ask("POST", path, data=urlencode(fields, doseq=True), headers=FORM)
    text = await response.text()
    return response.status, read_page(text), response.headers.get("Location", "")


def fields_of(page: Element) -> list[tuple[str, str]]:
    """Return what the browser would send of the page's one form with a name, whatever button is pressed."""
    form = page.one("form", class_="editor")
    found: list[tuple[str, str]] = []
    for one in form.all():
        name = one.attributes.get("name")
        if one.tag == "input" and name:
            ticked = one.attributes.get("type") not in ("checkbox", "radio") or "checked" in one.attributes
            if ticked:
                found.append((name, one.attributes.get("value", "")))
        if one.tag == "select" and name:
            chosen = [option for option in one.all("option") if "selected" in option.attributes]
            options = chosen or one.all("option")[:1]
            found.append((name, options[0].attributes["value"]))
    return found


def changed(fields: list[tuple[str, str]], **new: str) -> list[tuple[str, str]]:
    """Return the fields with other values; `w_0_from` stands for `w-0-from`."""
    named = {re.sub("_", "-", name): value for name, value in new.items()}
    return [(name, named.get(name, value)) for name, value in fields] + [
        (name, value) for name, value in named.items() if name not in dict(fields)
    ]
