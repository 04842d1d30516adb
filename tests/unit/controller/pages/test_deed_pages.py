"""Deeds are confirmed over a real socket: what would happen is said first, it is done once, and every refusal is told there."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from controller.deeds import (
    Plan,
    Planned,
    Skipped,
)
from controller.history import History
from controller.model import Actor, Operation, Override, ResultState
from controller.pages.deed_links import deed_link
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds
from tests.unit.controller.pages.reading_pages import Element, read_page

FORM = "application/x-www-form-urlencoded"
ANNA = Actor("user", "anna", "usr_anna")
HOSTILE = "<script>alert(1)</script> {{7*7}} \u202eback"
TWO = "[{name: a1, address: 10.1.7.1, row: 1, column: 1}, {name: a2, address: 10.1.7.2}"


def plan(will_change: int = 2, **more: Any) -> Plan:
    """Return a plan in which so many of three miners change."""
    given: dict[str, Any] = {
        "fingerprint": f"f{will_change}",
        "miners": Planned(targeted=3, will_change=will_change, already=0, skipped=3 - will_change),
        "skipped": (Skipped(reason="unreachable", miners=3 - will_change, model="M50S", detail="later"),)
        if will_change < 3
        else (),
        "power_now_w": 6600.0,
        "power_after_w": 600.0,
        "power_change_w": -6000.0,
        "starts_at": BEGIN,
        "done_by_estimate": BEGIN + timedelta(seconds=170),
        "ends_at": BEGIN + timedelta(hours=2),
        "then_profile": "normal",
    } | more
    return Plan(**given)


class TellingDeeds(ChangedDeeds):
    """Plans as it is told to, refuses as it is told to, and keeps what was changed, held, marked and cancelled."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.coming = plan()
        self.refusal: Exception | None = None
        self.asked: list[tuple[str, Any]] = []
        self.slow_s = 0.0

    async def _refuse(self) -> None:
        await asyncio.sleep(self.slow_s)
        if self.refusal is not None:
            raise self.refusal

    async def plan_end_override(self, override_id: str) -> Plan:
        self.asked.append(("plan-end", override_id))
        return self.coming

    async def override(self, wish: Any, actor: Actor, **more: Any) -> Any:
        await self._refuse()
        return await super().override(wish, actor, **more)

    async def command(self, wish: Any, actor: Actor, **more: Any) -> Operation:
        await self._refuse()
        return await super().command(wish, actor, **more)

    async def change_override(self, override_id: str, **more: Any) -> Override:
        await self._refuse()
        self.asked.append(("change", more))
        place = next(n for n, one in enumerate(self.kept_overrides) if one.id == override_id)
        named = {name: more[name] for name in ("ends", "until", "reason")}
        self.kept_overrides[place] = msgspec.structs.replace(self.kept_overrides[place], **named)
        return self.kept_overrides[place]

    async def cancel(self, operation_id: str, **more: Any) -> Operation:
        await self._refuse()
        self.asked.append(("cancel", more["undo"]))
        return await super().cancel(operation_id, **more)

    async def retry(
        self, operation_id: str, states: Sequence[ResultState], actor: Actor, **more: Any
    ) -> Operation:
        await self._refuse()
        self.asked.append(("retry", tuple(states)))
        return await super().retry(operation_id, states, actor, **more)


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    hand = HAND.replace("- name: Container 1", "- name: Container 1\n  timezone: Europe/Samara").replace(
        "  client: borealis\n", "  client: borealis\n  control: enforce\n"
    )
    found = await start(make_house, tmp_path, hand=hand, kind=TellingDeeds, services={History: History(None)})
    found.deeds.snapshot("container-1.a1")
    found.deeds.snapshot("container-1.a2", state="sleeping", power_w=40.0)
    found.deeds.snapshot("container-2.b1")
    return found


def deeds_of(yard: FleetHouse) -> TellingDeeds:
    assert isinstance(yard.deeds, TellingDeeds)
    return yard.deeds


async def look(browser: Browser, address: str, status: int = 200, **more: Any) -> Element:
    response = await browser.get(address, **more)
    text = await response.text()
    assert response.status == status, f"{response.status} {text[:600]}"
    return read_page(text)


def form_of(found: Element) -> dict[str, str]:
    """Return what the form sends as it stands."""
    form = found.one("form", class_="deed")
    fields: dict[str, str] = {}
    for one in form.all("input"):
        kind, name = one.attributes.get("type", "text"), one.attributes["name"]
        if kind in ("radio", "checkbox") and "checked" not in one.attributes:
            continue
        fields[name] = one.attributes.get("value", "")
    return fields


async def send(browser: Browser, kind: str, fields: Any, **headers: str) -> Any:
    # The session's token stands in the form: the header of programs is left out.
    plain = Browser(browser.http, cookie=browser.cookie)
    body = urlencode(fields, doseq=True).encode()
    return await plain.ask("POST", f"/deeds/{kind}", data=body, headers={"Content-Type": FORM} | headers)


async def again(response: Any, status: int) -> Element:
    text = await response.text()
    assert (response.status, response.content_type) == (status, "text/html"), (
        f"{response.status} {text[:600]}"
    )
    return read_page(text)


def words(found: Element) -> str:
    return found.one("form", class_="deed").words


async def test_the_plan_is_told_before_anything_is_done(yard: FleetHouse) -> None:
    browser = await yard.browser()
    found = await look(
        browser, deed_link("curtail", containers=["container-1"], back="/containers/container-1")
    )
    said = words(found)
    assert found.one("h1").words == "Curtail Container 1"
    assert "2 of 3 miners go to sleep." in said
    assert "Power falls by about 6.0\u00a0kW, from 6.6\u00a0kW to 600\u00a0W.".replace("\u00a0", " ") in said
    assert "Takes about 3 min" in said
    assert "1 does not answer" in said
    assert "M50S: later" in said
    assert "After that: normal" in said
    assert "Europe/Samara" in said
    assert found.one("button", type="submit").words == "Curtail 2 miners"
    keep = found.one("a", class_="plain")
    assert (keep.words, keep.attributes["href"]) == ("Keep running", "/containers/container-1")
    assert "autofocus" in found.one("input", id="deed-reason").attributes
    assert deeds_of(yard).kept_overrides == []
