"""What ends would bring, on the confirming page: of a hold that is released, and of an override that is to end sooner."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.deeds import Plan
from controller.model import Hold
from controller.pages.deed_links import deed_link
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.telling_deeds import (
    ANNA,
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

SOME = plan(2, becomes={"curtail": 2}, then_profile=None, power_change_w=-400.0)


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await begun(make_house, tmp_path, "Europe/Samara")
    for container in ("container-1", None):
        hold = Hold(
            id=f"hold_{container}", container=container, reason="smoke", created_by=ANNA, created_at=BEGIN
        )
        found.deeds.kept_holds.append(hold)
    return found


@pytest.fixture
def released(yard: FleetHouse, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have what a release was asked with kept."""
    asked: list[Any] = []
    release = deeds_of(yard).release

    async def kept(containers: Any, reason: str, actor: Any, **more: Any) -> None:
        asked.append(more["plan"])
        await release(containers, reason, actor, **more)

    monkeypatch.setattr(yard.deeds, "release", kept)
    return asked


async def test_a_release_says_how_many_are_commanded_and_to_what(
    yard: FleetHouse, released: list[Any]
) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = SOME
    found = await look(browser, deed_link("release", containers=["container-1"]))
    assert "2 of 3 miners are told at once to go to the profile curtail." in words(found)
    assert "Power falls by about 400 W" in words(found).replace("\u00a0", " ")
    assert "smoke" in words(found)
    [button] = found.all("button", type="submit")
    assert button.words == "Release the hold and command 2 miners"
    sent = await send(browser, "release", form_of(found) | {"reason": "it was dust"})
    assert sent.status == 303
    assert released == [SOME.fingerprint]
    assert [hold.container for hold in yard.deeds.kept_holds] == [None]


async def test_a_large_release_is_typed_and_says_each_profile(yard: FleetHouse, released: list[Any]) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = every = plan(
        3,
        becomes={"curtail": 2, "underclock": 1},
        then_profile=None,
        power_change_w=-60_000.0,
        power_now_w=66_000.0,
        power_after_w=6_000.0,
    )
    for place, right in (({"containers": ["container-1"]}, "Container 1"), ({}, "3")):
        found = await look(browser, deed_link("release", **place))
        assert "3 of 3 miners are told at once what is wanted of them." in words(found)
        assert "2 go to the profile curtail." in words(found)
        assert "1 goes to the profile underclock." in words(found)
        assert "at most 0 at a time" not in words(found)
        fields = form_of(found) | {"reason": "it was dust"}
        mistaken = await again(await send(browser, "release", fields | {"typed": "yes"}), 422)
        assert mistaken.one("input", id="deed-typed").attributes["aria-invalid"] == "true"
        assert (
            await send(browser, "release", form_of(mistaken) | {"reason": "dust", "typed": right})
        ).status == 303
    assert released == [every.fingerprint] * 2
    assert yard.deeds.kept_holds == []


async def test_a_release_that_changes_no_miner_can_be_done_all_the_same(yard: FleetHouse) -> None:
    browser = await yard.browser()
    deeds_of(yard).coming = plan(0, skipped=(), power_change_w=0.0)
    found = await look(browser, deed_link("release", containers=["container-1"]))
    assert "No miner would change now." in words(found)
    [button] = found.all("button", type="submit")
    assert button.words == "Let commands go to 2 miners"


async def test_an_end_that_is_sooner_is_looked_at_before_it_is_so(
    yard: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await yard.browser()
    made = await curtailed(yard, browser)
    asked: list[tuple[str, datetime | None]] = []

    async def sooner(_override_id: str, *, ends: str, until: datetime | None) -> Plan | None:
        asked.append((ends, until))
        if ends != "at" or until is None:
            return None
        return plan(2, becomes={"normal": 2}, starts_at=until, done_by_estimate=until, power_change_w=400.0)

    monkeypatch.setattr(yard.deeds, "plan_change_override", sooner)
    found = await look(browser, deed_link("change-override", override=made.id))
    assert "stays as it is" in words(found)
    fields = form_of(found) | {"ends": "at", "until": "17:00", "reason": "sooner"}
    shown = await again(await send(browser, "change-override", fields), 409)
    assert "Nothing was done yet: it would end sooner than it does now." in words(shown)
    assert "It ends 17:00." in words(shown)
    assert "2 of 3 miners go back to normal." in words(shown)
    assert not [one for one in deeds_of(yard).asked if one[0] == "change"]
    assert asked[-1] == ("at", BEGIN + timedelta(hours=1))
    sent = await send(browser, "change-override", form_of(shown) | {"reason": "sooner", "until": "17:00"})
    assert sent.status == 303
    [(_, change)] = [one for one in deeds_of(yard).asked if one[0] == "change"]
    assert change["plan"] == "f2"
    # A later end moves nothing, and is nothing to look at.
    later = form_of(await look(browser, deed_link("change-override", override=made.id)))
    sent = await send(browser, "change-override", later | {"ends": "manual", "reason": "longer"})
    assert sent.status == 303
