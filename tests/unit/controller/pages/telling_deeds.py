"""Deeds that plan and refuse as a test tells them, and somebody who confirms them by the forms of the pages."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from controller.choosing import check_end
from controller.deeds import (
    Plan,
    PlanChanged,
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
        self.refused_end = False

    async def _refuse(self) -> None:
        await asyncio.sleep(self.slow_s)
        if self.refusal is not None:
            raise self.refusal

    async def plan_end_override(self, override_id: str) -> Plan:
        self.asked.append(("plan-end", override_id))
        return self.coming

    async def plan_override(self, wish: Any, actor: Actor) -> Plan:
        if self.refused_end:  # as the engine does
            check_end(wish.ends, wish.until, self.now)
        return await super().plan_override(wish, actor)

    async def end_override(self, override_id: str, actor: Actor, **more: Any) -> Operation:
        if more["plan"] != self.coming.fingerprint:
            raise PlanChanged("it would do something else by now", self.coming)
        return await super().end_override(override_id, actor, **more)

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


async def begun(make_house: MakeHouse, folder: Path, zone: str) -> FleetHouse:
    hand = HAND.replace("- name: Container 1", f"- name: Container 1\n  timezone: {zone}").replace(
        "  client: borealis\n", "  client: borealis\n  control: enforce\n"
    )
    hand = hand.replace("{name: b1, address: 10.1.8.1}", '{name: "b{n}", addresses: 10.1.8.1-20}')
    found = await start(make_house, folder, hand=hand, kind=TellingDeeds, services={History: History(None)})
    found.deeds.snapshot("container-1.a1")
    found.deeds.snapshot("container-1.a2", state="sleeping", power_w=40.0)
    for number in range(1, 21):
        found.deeds.snapshot(f"container-2.b{number}", state="mining" if number == 1 else "fault")
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


async def curtailed(yard: FleetHouse, browser: Browser) -> Override:
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"])))
    assert (await send(browser, "curtail", fields | {"reason": HOSTILE})).status == 303
    made = deeds_of(yard).kept_overrides[-1]
    await yard.house.storage.overrides.add(made)
    return made
