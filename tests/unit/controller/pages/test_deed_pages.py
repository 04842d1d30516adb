"""Deeds are confirmed over a real socket: what would happen is said first, it is done once, and every refusal is told there."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from controller.choosing import check_end
from controller.deeds import (
    Busy,
    InDoubt,
    Invalid,
    Observed,
    OverLimit,
    Plan,
    PlanChanged,
    Planned,
    Skipped,
    Source,
    Warned,
)
from controller.history import History
from controller.model import FAILED_STATES, Actor, Hold, Operation, Override, Result, ResultState, ServiceMark
from controller.pages.deed_links import deed_link
from controller.storage.faults import StorageAway
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


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await begun(make_house, tmp_path, "Europe/Samara")


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
    assert "1 does not answer (M50S) later" in said
    assert "After that: normal" in said
    assert "Europe/Samara" in said
    assert found.one("button", type="submit").words == "Curtail 2 miners"
    keep = found.one("a", class_="plain")
    assert (keep.words, keep.attributes["href"]) == ("Keep running", "/containers/container-1")
    assert "autofocus" in found.one("input", id="deed-reason").attributes
    assert deeds_of(yard).kept_overrides == []


async def test_what_is_sent_is_done_and_leads_to_its_operation(yard: FleetHouse) -> None:
    browser = await yard.browser()
    found = await look(browser, deed_link("curtail", containers=["container-1"]))
    fields = form_of(found) | {
        "reason": "breaker 2",
        "ends": "at",
        "until": "2026-03-02T18:00",
        "emergency": "yes",
    }
    response = await send(browser, "curtail", fields)
    assert response.status == 303, await response.text()
    [made] = deeds_of(yard).kept_overrides
    assert response.headers["Location"].startswith("/operations/op_")
    wish = deeds_of(yard).wishes[-1]
    assert (wish.profile, wish.reason, wish.ends, wish.emergency, wish.plan) == (
        "curtail",
        "breaker 2",
        "at",
        True,
        "f2",
    )
    assert made.containers == ("container-1",)
    # What is typed is the container's own time: 18:00 in Samara is 14:00 UTC.
    assert wish.until == BEGIN.replace(hour=14)


async def test_a_double_click_is_one_command(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).slow_s = 0.3
    fields = form_of(await look(browser, deed_link("reboot", miners=["container-1.a1"]))) | {
        "reason": "hangs"
    }
    both = await asyncio.gather(send(browser, "reboot", fields), send(browser, "reboot", fields))
    assert [one.status for one in both] == [303, 303]
    assert len({one.headers["Location"] for one in both}) == 1
    assert len(deeds_of(yard).running) == 1
    replayed = await send(browser, "reboot", fields)
    assert replayed.headers["Location"] == both[0].headers["Location"]
    assert len(deeds_of(yard).running) == 1
    changed = await send(browser, "reboot", fields | {"reason": "other words"})
    said = words(await again(changed, 422))
    assert "This form was sent before" in said
    assert len(deeds_of(yard).running) == 1


async def test_mistakes_stand_at_their_fields_and_what_was_typed_stays(yard: FleetHouse) -> None:
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"])))
    response = await send(
        browser, "curtail", fields | {"reason": " ", "ends": "at", "until": "noon", "emergency": "yes"}
    )
    found = await again(response, 422)
    assert found.one("title").words.startswith("Error: ")
    summary = found.one("div", id="mistakes")
    assert {link.attributes["href"] for link in summary.all("a")} == {"#deed-until", "#deed-reason"}
    assert found.one("input", id="deed-reason").attributes["aria-invalid"] == "true"
    until = found.one("input", id="deed-until").attributes
    assert (until["value"], until["aria-invalid"]) == ("noon", "true")
    assert "checked" in found.one("input", name="emergency").attributes
    chosen = [
        one.attributes["value"] for one in found.all("input", name="ends") if "checked" in one.attributes
    ]
    assert chosen == ["at"]
    long = await send(browser, "curtail", fields | {"reason": "x" * 501})
    assert "at most 500 characters" in words(await again(long, 422))
    strange = await send(browser, "curtail", fields | {"reason": "x", "ends": "never"})
    assert "Choose one of the ends" in words(await again(strange, 422))
    assert deeds_of(yard).kept_overrides == []


async def test_the_engine_s_mistakes_stand_at_their_fields(yard: FleetHouse) -> None:
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"]))) | {"reason": "x"}
    deeds_of(yard).refusal = Invalid("the end is not after the start", "/until")
    found = await again(await send(browser, "curtail", fields), 422)
    assert found.one("input", id="deed-until").attributes["aria-invalid"] == "true"
    assert "The end is not after the start." in words(found)


async def test_another_plan_is_shown_with_what_changed(yard: FleetHouse) -> None:
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"]))) | {
        "reason": "breaker"
    }
    deeds_of(yard).coming = plan(1)
    deeds_of(yard).refusal = PlanChanged("the miners meant have changed", plan(1))
    found = await again(await send(browser, "curtail", fields), 409)
    said = words(found)
    assert "1 miner would change now; it was 2." in said
    assert "2 miners are left out now; it was 1." in said
    fresh = form_of(found)
    assert (fresh["plan"], fresh["reason"]) == ("f1", "breaker")
    assert fresh["key"] != fields["key"]
    assert found.one("button", type="submit").words == "Curtail 1 miner"
    deeds_of(yard).refusal = None
    assert (await send(browser, "curtail", fresh)).status == 303


REFUSALS = {
    "busy": (Busy("a1 is part of a running operation", "op_OTHER"), 409, "another operation is in the way"),
    "over": (OverLimit("250 kW over the feed"), 422, "more power than is allowed"),
    "doubt": (InDoubt("the clock is 80 s off"), 409, "in doubt"),
    "observed": (Observed("only observed", ["targets.yml:17"]), 409, "targets.yml:17"),
    "storage": (StorageAway("locked", "the database"), 503, "The database does not answer"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_every_refusal_is_told_on_the_page(yard: FleetHouse, name: str) -> None:
    refusal, status, told = REFUSALS[name]
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"]))) | {
        "reason": "kept"
    }
    deeds_of(yard).refusal = refusal
    found = await again(await send(browser, "curtail", fields), status)
    assert told in words(found)
    assert found.one("input", id="deed-reason").attributes["value"] == "kept"
    if name == "busy":
        assert found.all("a", href="/operations/op_OTHER")
    if name == "storage":
        assert found.all("a", href="/operations")
    # Sent once more from there it is done: a refused form takes no key with it.
    deeds_of(yard).refusal = None
    assert (await send(browser, "curtail", form_of(found))).status == 303
    assert len(deeds_of(yard).kept_overrides) == 1


async def test_what_would_be_refused_has_no_button(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = plan(
        warnings=(Warned(code="over_limit", detail="12 kW over the limit of Container 1"),)
    )
    found = await look(browser, deed_link("wake", containers=["container-1"]))
    assert found.all("button", type="submit") == []
    assert "12 kW over the limit of Container 1" in words(found)
    deeds_of(yard).coming = plan(
        0, skipped=(Skipped(reason="observe", miners=3, detail="write control: enforce (targets.yml:17)"),)
    )
    found = await look(browser, deed_link("curtail", containers=["container-1"]))
    assert found.all("button", type="submit") == []
    assert "targets.yml:17" in words(found)


async def test_large_deeds_are_typed(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = plan(3, power_change_w=-20_000.0)
    address = deed_link("curtail", containers=["container-1"])
    fields = form_of(await look(browser, address)) | {"reason": "grid"}
    assert "typed" in fields
    found = await again(await send(browser, "curtail", fields | {"typed": "container"}), 422)
    assert found.one("input", id="deed-typed").attributes["aria-invalid"] == "true"
    assert deeds_of(yard).kept_overrides == []
    for typed in ("  container  1 ", "3"):
        fresh = form_of(await look(browser, address))
        sent = await send(browser, "curtail", fresh | {"reason": "grid", "typed": typed})
        assert sent.status == 303, await sent.text()
    assert "typed" not in form_of(await look(browser, deed_link("locate", containers=["container-1"])))


async def test_miners_ticked_in_a_list_are_looked_at_and_not_yet_told(yard: FleetHouse) -> None:
    browser = await yard.browser()
    csrf = form_of(await look(browser, deed_link("sleep", miners=["container-1.a1"])))["csrf"]
    ticked = [
        ("csrf", csrf),
        ("back", "/miners"),
        *(("miner", one) for one in ("container-1.a1", "container-1.a2")),
    ]
    found = await again(await send(browser, "sleep", ticked), 200)
    assert found.one("h1").words == "Put 2 miners to sleep"
    fields = form_of(found)
    assert fields["miners"] == "container-1.a1 container-1.a2"
    assert deeds_of(yard).kept_overrides == []
    assert (await send(browser, "sleep", fields | {"reason": "noise"})).status == 303
    assert deeds_of(yard).wishes[-1].choice.miners == ("container-1.a1", "container-1.a2")
    # "All that match" is more than what was ticked beside it.
    matching = [*ticked, ("filter", "container=container-2")]
    fields = form_of(await again(await send(browser, "sleep", matching), 200))
    assert "miners" not in fields
    assert (await send(browser, "sleep", fields | {"reason": "noise"})).status == 303
    assert len(deeds_of(yard).wishes[-1].choice.miners) == 20


async def test_a_filter_is_worked_out_when_it_is_looked_at_and_when_it_is_sent(yard: FleetHouse) -> None:
    browser = await yard.browser()
    address = deed_link("reboot", filter="state=mining&sort=-power_w")
    fields = form_of(await look(browser, address))
    assert deeds_of(yard).wishes[-1].choice.miners == ("container-1.a1", "container-2.b1")
    deeds_of(yard).snapshot("container-1.a2", state="mining")
    assert (await send(browser, "reboot", fields | {"reason": "x"})).status == 303
    assert deeds_of(yard).wishes[-1].choice.miners == ("container-1.a1", "container-1.a2", "container-2.b1")
    assert (await browser.get(deed_link("reboot", filter="stat=mining"))).status == 400
    assert (await browser.get(deed_link("reboot", filter="state=unreachable"))).status == 422
    assert (await browser.get("/deeds/reboot")).status == 400
    assert (await browser.get(deed_link("reboot", miners=["container-1.zz"]))).status == 404
    assert (await browser.get("/deeds/explode")).status == 404


async def test_a_profile_is_chosen_before_there_is_a_plan(yard: FleetHouse) -> None:
    browser = await yard.browser()
    found = await look(browser, deed_link("profile", containers=["container-1"]))
    form = found.one("form", class_="deed")
    assert form.attributes["method"] == "get"
    assert {one.attributes["value"] for one in found.all("input", name="profile")} >= {
        "normal",
        "underclock",
        "curtail",
    }
    assert not deeds_of(yard).wishes
    found = await look(browser, f"/deeds/profile?{urlencode(form_of(found) | {'profile': 'underclock'})}")
    assert "2 of 3 miners go to the profile underclock." in words(found)
    assert (await send(browser, "profile", form_of(found) | {"reason": "heat"})).status == 303
    assert deeds_of(yard).wishes[-1].profile == "underclock"


async def curtailed(yard: FleetHouse, browser: Browser) -> Override:
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"])))
    assert (await send(browser, "curtail", fields | {"reason": HOSTILE})).status == 303
    made = deeds_of(yard).kept_overrides[-1]
    await yard.house.storage.overrides.add(made)
    return made


async def test_waking_what_was_put_to_sleep_ends_that(yard: FleetHouse) -> None:
    browser = await yard.browser()
    made = await curtailed(yard, browser)
    response = await browser.get(
        deed_link("wake", containers=["container-1"], back="/containers/container-1")
    )
    assert response.status == 303
    address = response.headers["Location"]
    assert address == deed_link("end-override", override=made.id, back="/containers/container-1")
    found = await look(browser, address)
    assert "2 of 3 miners go back to normal." in words(found)
    assert HOSTILE in found.one("dl").text
    assert (await send(browser, "end-override", form_of(found))).status == 303
    assert deeds_of(yard).overrides() == []
    # Another reach is no simple end: it is an order above it.
    await curtailed(yard, browser)
    found = await look(browser, deed_link("wake", miners=["container-1.a1"]))
    assert found.one("h1").words == "Wake a1"


async def test_an_end_that_would_do_something_else_by_now_is_looked_at_again(yard: FleetHouse) -> None:
    browser = await yard.browser()
    made = await curtailed(yard, browser)
    fields = form_of(await look(browser, deed_link("end-override", override=made.id)))
    deeds_of(yard).coming = plan(0)
    said = words(await again(await send(browser, "end-override", fields), 409))
    assert "0 miners would change now; it was 2." in said
    assert len(deeds_of(yard).overrides()) == 1


async def test_the_end_of_an_override_is_changed_unless_somebody_was_before(yard: FleetHouse) -> None:
    browser = await yard.browser()
    made = await curtailed(yard, browser)
    fields = form_of(await look(browser, deed_link("change-override", override=made.id, back="/schedule")))
    await yard.house.storage.overrides.replace(msgspec.structs.replace(made, reason="somebody else's"))
    late = await again(
        await send(browser, "change-override", fields | {"ends": "manual", "reason": "x"}), 412
    )
    assert "Somebody has changed it meanwhile" in words(late)
    assert "somebody else's" in words(late)
    sent = await send(browser, "change-override", form_of(late) | {"ends": "manual", "reason": "longer"})
    assert (sent.status, sent.headers["Location"]) == (303, "/schedule")
    assert deeds_of(yard).asked[-1][1]["ends"] == "manual"


async def test_holds_and_service_lead_back(yard: FleetHouse) -> None:
    browser = await yard.browser()
    for kind, place, kept in (
        ("hold", {"containers": ["container-1"]}, lambda: [one.container for one in yard.deeds.kept_holds]),
        ("service", {"miners": ["container-1.a1"]}, lambda: list(yard.deeds.marks)),
    ):
        assert kept() == []
        fields = form_of(await look(browser, deed_link(kind, back="/containers/container-1", **place)))
        refused = await send(browser, kind, fields)
        assert refused.status == 422
        sent = await send(browser, kind, fields | {"reason": "smoke"})
        assert (sent.status, sent.headers["Location"]) == (303, "/containers/container-1")
        assert len(kept()) == 1
        ending = {"hold": "release", "service": "end-service"}[kind]
        found = await look(browser, deed_link(ending, **place))
        assert "smoke" in words(found)
        assert (await send(browser, ending, form_of(found) | {"reason": "over"})).status == 303
        assert kept() == []
    found = await look(browser, deed_link("release"))
    assert found.all("button", type="submit") == []


async def test_one_miner_is_read_in_place(yard: FleetHouse) -> None:
    browser = await yard.browser()
    fields = form_of(
        await look(browser, deed_link("poll", miners=["container-1.a2"], back="/miners/container-1.a2"))
    )
    assert "reason" not in fields
    yard.deeds.polled = yard.deeds.snapshot("container-1.a2")
    found = await again(await send(browser, "poll", fields), 200)
    assert "It was read just now: mining, 110.0 TH/s, 3,300 W." in words(found).replace("\u00a0", " ")
    assert found.one("a", class_="plain").attributes["href"] == "/miners/container-1.a2"
    yard.deeds.polled = yard.deeds.failure("container-1.a2")
    failed = await again(await send(browser, "poll", fields), 502)
    assert "no answer from 10.1.7.2 within 3 s" in words(failed)
    yard.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="refused")
    found = await look(browser, deed_link("poll", miners=["container-1.a2"]))
    assert "The exporter does not answer" in words(found)


async def test_a_part_has_no_frame_and_its_success_names_where(yard: FleetHouse) -> None:
    browser = await yard.browser()
    response = await browser.get(
        deed_link("curtail", containers=["container-1"]), headers={"X-Requested-With": "dialogue"}
    )
    text = await response.text()
    assert response.headers["X-Part"] == "deed"
    assert "<main" not in text
    found = read_page(text)
    sent = await send(
        browser, "curtail", form_of(found) | {"reason": "x"}, **{"X-Requested-With": "dialogue"}
    )
    assert (sent.status, sent.headers["Location"][:12]) == (201, "/operations/")
    wrong = await send(browser, "curtail", form_of(found), **{"X-Requested-With": "dialogue"})
    assert (wrong.status, wrong.headers["X-Part"]) == (422, "deed")


async def test_only_administrators_and_only_with_the_session_s_token(yard: FleetHouse) -> None:
    for role in ("accountant", "client"):
        browser = await yard.browser(role, role)
        assert (await browser.get(deed_link("curtail", containers=["container-1"]))).status == 403
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"]))) | {"reason": "x"}
    del fields["csrf"]
    assert (await send(browser, "curtail", fields)).status == 403
    assert deeds_of(yard).kept_overrides == []


async def test_the_way_back_stays_in_the_house(yard: FleetHouse) -> None:
    browser = await yard.browser()
    for way in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        found = await look(browser, deed_link("curtail", containers=["container-1"], back=way))
        assert found.one("a", class_="plain").attributes["href"] == "/"


async def test_what_strangers_wrote_stays_text(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = plan(
        skipped=(Skipped(reason="unsupported", miners=1, model=HOSTILE, firmware=HOSTILE, detail=HOSTILE),),
        warnings=(Warned(code="covers_override", detail=HOSTILE),),
    )
    found = await look(
        browser, deed_link("curtail", containers=["container-1"]) + "&" + urlencode({"reason": HOSTILE})
    )
    assert found.one("input", id="deed-reason").attributes["value"] == HOSTILE
    assert HOSTILE in found.one("div", class_="left-out").text
    assert "49" not in words(found)


def running(yard: FleetHouse, **more: Any) -> Operation:
    """Begin an operation in which every state is met."""
    states: tuple[ResultState, ...] = ("applied", "unreachable", "waiting")
    miners = ("container-1.a1", "container-1.a2", "container-2.b1")
    results = [
        Result(miner=miner, state=state, detail=HOSTILE if state == "unreachable" else "", attempts=2)
        for miner, state in zip(miners, states, strict=True)
    ]
    given: dict[str, Any] = {
        "id": "op_01",
        "cause": "override",
        "action": "profile curtail",
        "profile": "curtail",
        "state": "running",
        "created_by": ANNA,
        "created_at": BEGIN,
        "started_at": BEGIN - timedelta(seconds=20),
        "reason": HOSTILE,
        "total": 3,
        "counts": {"applied": 1, "unreachable": 1, "waiting": 1},
        "power_before_w": 9000.0,
        "power_expected_w": 100.0,
        "intent": True,
    } | more
    operation = Operation(**given)
    yard.deeds.running[operation.id] = (operation, results)
    return operation


def standing(yard: FleetHouse) -> None:
    """Have the override in force that the operation brings about."""
    given = Override(
        id="ov_01",
        profile="curtail",
        ends="manual",
        reason="grid",
        created_by=ANNA,
        created_at=BEGIN,
        starts_at=BEGIN,
        containers=("container-1",),
    )
    yard.deeds.kept_overrides.append(given)


async def test_stopping_and_undoing_go_through_the_same_page(yard: FleetHouse) -> None:
    browser = await yard.browser()
    running(yard, override_id="ov_01")
    standing(yard)
    found = await look(browser, deed_link("stop", operation="op_01", back="/operations/op_01"))
    assert "1 miner waits, and is left as it is." in words(found)
    assert found.one("a", class_="plain").words == "Let it go on"
    assert (await send(browser, "stop", form_of(found))).headers["Location"] == "/operations/op_01"
    deeds_of(yard).coming = plan(2, power_now_w=600.0, power_after_w=6600.0, power_change_w=6000.0)
    found = await look(browser, deed_link("stop-undo", operation="op_01"))
    assert "The override ends" in words(found)
    assert "2 of 3 miners go back to normal." in words(found)
    assert "Power rises by about 6.0 kW, from 600 W to 6.6 kW." in words(found).replace("\u00a0", " ")
    assert (await send(browser, "stop-undo", form_of(found))).status == 303
    asked = [one for one in deeds_of(yard).asked if one[0] == "cancel"]
    assert asked == [("cancel", False), ("cancel", True)]
    assert (await browser.get(deed_link("stop", operation="op_nothing"))).status == 404


async def test_what_cannot_be_stopped_or_undone_any_more_has_no_button(yard: FleetHouse) -> None:
    browser = await yard.browser()
    running(yard, counts={"applied": 1, "unreachable": 2})
    for kind in ("stop", "stop-undo"):
        found = await look(browser, deed_link(kind, operation="op_01"))
        assert "It has ended meanwhile" in words(found)
        assert found.all("button", type="submit") == []
    running(yard)
    found = await look(browser, deed_link("stop-undo", operation="op_01"))
    assert "Its override does not stand any more" in words(found)
    assert found.all("button", type="submit") == []


async def test_as_many_are_tried_again_as_is_said(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).profile = "curtail"
    running(yard)
    address = deed_link("retry", operation="op_01")
    found = await look(browser, address)
    assert found.one("button", type="submit").words == "Try 1 miner again"
    fields = form_of(found)
    assert (await send(browser, "retry", fields)).status == 303
    assert ("retry", FAILED_STATES) in deeds_of(yard).asked
    assert (await browser.get(f"{address}&state=nonsense")).status == 400
    # Of two that failed one is gone from the inventory; and by now another one is left.
    operation, results = yard.deeds.running["op_01"]
    gone = Result(miner="container-1.gone", state="unreachable")
    yard.deeds.running["op_01"] = (operation, [*results, gone])
    assert (await look(browser, address)).one("button", type="submit").words == "Try 1 miner again"
    other = Result(miner="container-2.b2", state="refused")
    yard.deeds.running["op_01"] = (operation, [*results, other])
    late = await again(await send(browser, "retry", fields | {"key": "another"}), 412)
    assert late.one("button", type="submit").words == "Try 2 miners again"
    # Something else is wanted of them now: an order that is no more is not told again.
    deeds_of(yard).profile = "normal"
    found = await look(browser, address)
    assert "Nothing is left to try again." in words(found)
    assert found.all("button", type="submit") == []


async def test_marks_of_service_and_holds_are_the_model_s(yard: FleetHouse) -> None:
    # The page tells who did it and why in the words that were kept.
    yard.deeds.marks["container-1.a1"] = ServiceMark(
        miner="container-1.a1", reason=HOSTILE, created_by=ANNA, created_at=BEGIN
    )
    yard.deeds.kept_holds.append(
        Hold(id="hold_1", container="container-1", reason=HOSTILE, created_by=ANNA, created_at=BEGIN)
    )
    browser = await yard.browser()
    for address in (
        deed_link("end-service", miners=["container-1.a1"]),
        deed_link("release", containers=["container-1"]),
    ):
        found = await look(browser, address)
        assert HOSTILE in found.one("dl").text
        assert "anna" in found.one("dl").text


async def test_what_was_done_once_is_not_judged_anew(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = plan(3, power_change_w=-20_000.0)
    address = deed_link("curtail", filter="container=container-1&state=mining")
    fields = form_of(await look(browser, address)) | {"reason": "grid", "typed": "3"}
    first = await send(browser, "curtail", fields)
    assert first.status == 303, await first.text()
    # By now they sleep: another number is meant, and then nobody passes the filter.
    deeds_of(yard).coming = plan(1, power_change_w=-20_000.0)
    deeds_of(yard).snapshot("container-1.a1", state="sleeping")
    replayed = await send(browser, "curtail", fields)
    assert (replayed.status, replayed.headers.get("Location")) == (303, first.headers["Location"])
    assert len(deeds_of(yard).kept_overrides) == 1


async def test_an_end_that_has_passed_is_told_at_its_field(yard: FleetHouse) -> None:
    browser = await yard.browser()
    fields = form_of(await look(browser, deed_link("curtail", containers=["container-1"]))) | {
        "reason": "kept",
        "ends": "at",
        "until": "2020-01-01T10:00",
    }
    deeds_of(yard).refused_end = True
    found = await again(await send(browser, "curtail", fields), 422)
    until = found.one("input", id="deed-until").attributes
    assert (until["value"], until["aria-invalid"]) == ("2020-01-01T10:00", "true")
    assert found.one("input", id="deed-reason").attributes["value"] == "kept"
    assert deeds_of(yard).kept_overrides == []


async def test_what_was_looked_at_goes_with_the_end_of_an_override(yard: FleetHouse) -> None:
    browser = await yard.browser()
    made = await curtailed(yard, browser)
    fields = form_of(await look(browser, deed_link("end-override", override=made.id)))
    assert (await send(browser, "end-override", fields | {"plan": ""})).status == 409
    deeds_of(yard).coming = plan(2, fingerprint="to something else")
    said = words(await again(await send(browser, "end-override", fields), 409))
    assert "but other ones, or to something else" in said
    assert len(deeds_of(yard).overrides()) == 1
    del fields["key"]
    assert (await send(browser, "end-override", fields)).status == 400


async def test_of_a_time_that_comes_twice_it_is_asked_which(make_house: MakeHouse, tmp_path: Path) -> None:
    yard = await begun(make_house, tmp_path, "Europe/Berlin")
    yard.deeds.now = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    browser = await yard.browser()
    found = await look(browser, deed_link("curtail", containers=["container-1"]))
    assert found.all("input", name="twice") == []
    fields = form_of(found) | {"reason": "grid", "ends": "at", "until": "2026-10-25T02:30"}
    found = await again(await send(browser, "curtail", fields), 422)
    assert "The clock shows this time twice that day" in words(found)
    assert "02:30 (UTC+02:00), before the clock is put back" in words(found)
    assert "02:30 (UTC+01:00), after the clock is put back" in words(found)
    assert {one.attributes["value"] for one in found.all("input", name="twice")} == {"first", "second"}
    assert deeds_of(yard).kept_overrides == []
    sent = await send(browser, "curtail", form_of(found) | {"twice": "second"})
    assert sent.status == 303, await sent.text()
    assert deeds_of(yard).wishes[-1].until == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    # Its end is shown as the one it is when it is to be changed.
    made = deeds_of(yard).kept_overrides[-1]
    await yard.house.storage.overrides.add(made)
    found = await look(browser, deed_link("change-override", override=made.id))
    chosen = [one for one in found.all("input", name="twice") if "checked" in one.attributes]
    assert [one.attributes["value"] for one in chosen] == ["second"]
    left_out = await send(browser, "curtail", fields | {"until": "2027-03-28T02:30"})
    assert "is no time of that day" in words(await again(left_out, 422))


async def test_of_several_zones_it_is_said_whose_clock_is_meant(yard: FleetHouse) -> None:
    browser = await yard.browser()
    found = await look(browser, deed_link("curtail", containers=["container-1", "container-2"]))
    assert "by the clock of Container 1: other containers are in other zones" in words(found)
    found = await look(browser, deed_link("curtail", containers=["container-1"]))
    assert "by the clock of" not in words(found)


async def test_a_named_container_that_is_only_observed_has_no_button(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    found = await start(make_house, tmp_path, hand=HAND, kind=TellingDeeds, services={History: History(None)})
    browser = await found.browser()
    for kind in ("curtail", "reboot"):
        seen = await look(browser, deed_link(kind, containers=["container-1", "container-2"]))
        assert "This would be refused: Hashyard only observes Container 2." in words(seen)
        assert seen.all("button", type="submit") == []
    seen = await look(browser, deed_link("poll", containers=["container-1", "container-2"]))
    assert seen.all("button", type="submit")


async def test_a_place_is_not_widened_by_what_is_no_place(yard: FleetHouse) -> None:
    browser = await yard.browser()
    for kind in ("hold", "release"):
        assert (await browser.get(deed_link(kind, miners=["container-1.a1"]))).status == 400
        assert (await browser.get(deed_link(kind, filter="state=mining"))).status == 400
    both = deed_link("curtail", containers=["container-2"], miners=["container-1.a1"])
    assert (await browser.get(both)).status == 400


async def test_enter_in_a_field_sends_nothing_without_scripts(yard: FleetHouse) -> None:
    found = await look(await yard.browser(), deed_link("curtail", containers=["container-1"]))
    first, *others = found.one("form", class_="deed").all("button")
    assert {"disabled", "hidden"} <= first.attributes.keys()
    assert [one.attributes.get("type") for one in others] == ["submit"]
