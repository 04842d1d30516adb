"""Deeds are confirmed over a real socket: what would happen is said first, it is done once, and every refusal is told there."""

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import pytest

from controller.deeds import (
    Busy,
    InDoubt,
    Invalid,
    Observed,
    OverLimit,
    PlanChanged,
    Skipped,
    Source,
    Warned,
)
from controller.history import History
from controller.model import Hold, ServiceMark
from controller.pages.deed_links import deed_link
from controller.storage.faults import StorageAway
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.reading_pages import read_page
from tests.unit.controller.pages.telling_deeds import (
    ANNA,
    HOSTILE,
    TellingDeeds,
    again,
    begun,
    deeds_of,
    form_of,
    look,
    plan,
    send,
    words,
)


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await begun(make_house, tmp_path, "Europe/Samara")


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
    assert "1 does not answer (1 × M50S) later" in said
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
