"""Ends of deeds, told and done: until when, an override ended or changed, an operation stopped, undone and tried again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.model import FAILED_STATES, Operation, Override, Result, ResultState
from controller.pages.deed_links import deed_link
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.telling_deeds import (
    ANNA,
    HOSTILE,
    again,
    begun,
    curtailed,
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
