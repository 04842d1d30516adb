"""Operations on their pages: running and ended, with every outcome, for each role, with strangers' words as text."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.control_shapes import ShownOperation
from controller.history import History
from controller.model import RESULT_STATES, Actor, Operation, Override, Result, ResultState
from controller.pages.language import words
from controller.pages.operation_page import BAR_WIDTH, PARTS, Powers, bar_paths, ending, left_s, power_words
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, main, page
from tests.unit.controller.pages.reading_pages import Element

ANNA = Actor("user", "anna", "usr_anna")
HOSTILE = "<script>alert(1)</script> {{7*7}} \u202eback"
HERE = "/operations/op_01"


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path, hand=HAND, kind=ChangedDeeds, services={History: History(None)})
    for miner in ("container-1.a1", "container-1.a2", "container-2.b1"):
        found.deeds.snapshot(miner)
    return found


def operation(**more: Any) -> Operation:
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
        "power_expected_w": 120.0,
        "intent": True,
    } | more
    return Operation(**given)


RESULTS = (
    Result(miner="container-1.a1", state="applied", attempts=1, power_before_w=3000.0, power_after_w=40.0),
    Result(miner="container-1.a2", state="unreachable", detail=HOSTILE, attempts=2),
    Result(miner="container-2.b1", state="waiting"),
)


def run(yard: FleetHouse, **more: Any) -> Operation:
    made = operation(**more)
    yard.deeds.running[made.id] = (made, list(RESULTS))
    return made


async def keep(yard: FleetHouse, *results: Result, **more: Any) -> Operation:
    """Write an operation down that has ended."""
    ended: dict[str, Any] = {"ended_at": BEGIN + timedelta(seconds=170), "state": "done_with_failures"}
    made = operation(**(ended | more))
    work = yard.house.storage.operations.adding(made, list(results))
    await yard.house.storage.database.write(work)
    return made


def counts(found: Element) -> list[str]:
    legend = found.one("ul", class_="legend")
    return [one.words for one in legend.all("li") if "hidden" not in one.attributes]


async def test_a_running_operation_tells_how_far_it_is(yard: FleetHouse) -> None:
    run(yard)
    found = await page(await yard.browser(), HERE)
    assert found.one("h1").words == "Curtail 3 miners"
    assert counts(found) == ["1 applied", "1 waiting", "1 did not answer"]
    said = main(found)
    assert "2 of 3 miners have their outcome; about 20 s left, as an estimate." in said
    assert "Power 9.0 kW → 9.9 kW now, 120 W expected" in said.replace("\u00a0", " ")
    # The counts stand beneath it, and are brought up to date; a label of its own would be of when the page was opened.
    assert found.one("svg", class_="outcomes").attributes["aria-hidden"] == "true"
    assert found.one("body").attributes["data-live-page"] == "operation:op_01"
    shown = [
        one.words
        for one in found.all("a", class_="button")
        if one.attributes.get("href", "").startswith("/deeds")
    ]
    assert shown[0] == "Stop"
    titles = [one.words for one in found.all("h2")]
    assert titles[1:] == ["Did not follow so far", "The others"], (
        "a number would be old with the next outcome"
    )
    first = found.all("table")[0]
    assert [row.words for row in first.all("th", scope="row")] == ["a2"]
    assert HOSTILE in first.text
    assert HOSTILE in found.one("p", class_="operation-facts").text


async def test_the_places_are_those_of_the_stream(yard: FleetHouse) -> None:
    run(yard)
    browser = await yard.browser()
    found = await page(browser, HERE)
    places = await (await browser.get("/live/now?page=operation:op_01")).json()
    texts = {one.attributes["data-live"]: one.text for one in found.all() if "data-live" in one.attributes}
    own = {key: text for key, text in texts.items() if key.startswith("o.op_01.")}
    assert own
    assert own.items() <= places["texts"].items()
    assert (await browser.get("/live/now?page=operation:op_99")).status == 404
    chosen = await (await browser.get("/live/now?page=operation:op_01%3Fstate%3Dwaiting")).json()
    assert "o.op_01.r.container-2.b1" in chosen["texts"]
    assert "o.op_01.r.container-1.a1" not in chosen["texts"]


async def test_one_that_has_ended_says_so_in_one_sentence(yard: FleetHouse) -> None:
    await keep(yard, *RESULTS[:2], total=2, counts={"applied": 1, "unreachable": 1}, started_at=BEGIN)
    found = await page(await yard.browser(), HERE)
    end = found.one("p", class_="ended-as")
    assert "hidden" not in end.attributes
    said = end.words.replace("\u00a0", " ")
    assert said == "1 of 2 asleep after 2 min; power fell by 3.0 kW, 8.9 kW was expected. 1 did not answer."
    offered = {one.words for one in found.all("a", class_="button") if "data-deed" in one.attributes}
    assert "Try 1 failure again" in offered
    assert "Stop" not in offered
    only = await page(await yard.browser("boris"), f"{HERE}?state=applied")
    assert [row.words for row in only.all("th", scope="row")] == ["a1"]


async def test_what_is_not_plain_is_explained(yard: FleetHouse) -> None:
    unverified = Result(miner="container-1.a1", state="accepted_unverified")
    await keep(yard, unverified, id="op_02", total=1, counts={"accepted_unverified": 1}, state="interrupted")
    said = main(await page(await yard.browser(), "/operations/op_02"))
    assert "The miner said yes, but its state could not be read back.".lower() in said.lower()
    assert "Hashyard was stopped while this ran" in said


async def test_undoing_is_offered_as_long_as_the_override_stands(yard: FleetHouse) -> None:
    override = Override(
        id="ov_01",
        profile="curtail",
        ends="manual",
        reason="grid",
        created_by=ANNA,
        created_at=BEGIN,
        starts_at=BEGIN,
        containers=("container-1",),
    )
    await yard.house.storage.overrides.add(override)
    yard.deeds.kept_overrides.append(override)
    await keep(yard, *RESULTS[:2], total=2, counts={"applied": 1, "unreachable": 1}, override_id="ov_01")
    browser = await yard.browser()
    found = await page(browser, HERE)
    assert found.one("h1").words == "Curtail Container 1"
    assert "until somebody ends it" in main(found)
    assert any(one.words == "End the override" for one in found.all("a", class_="button"))
    yard.deeds.kept_overrides.clear()
    found = await page(browser, HERE)
    assert not any(one.words == "End the override" for one in found.all("a", class_="button"))


async def test_who_commands_nothing_is_offered_nothing(yard: FleetHouse) -> None:
    run(yard)
    accountant = await page(await yard.browser("fedor", "accountant"), HERE)
    assert not [one for one in accountant.all("a") if one.attributes.get("href", "").startswith("/deeds")]
    assert HOSTILE in accountant.text
    client = await yard.browser("clara", "client")
    found = await page(client, HERE)
    assert not [one for one in found.all("a") if one.attributes.get("href", "").startswith("/deeds")]
    # Of his own miners only, and without the operator's and the miners' words.
    assert counts(found) == ["1 applied", "1 did not answer"]
    assert HOSTILE not in found.text
    assert "anna" not in found.text
    assert "b1" not in {one.words for one in found.all("th", scope="row")}
    other = run(yard, id="op_07")
    yard.deeds.running[other.id] = (other, [RESULTS[2]])
    assert (await client.get("/operations/op_07")).status == 404


async def test_the_list_has_the_running_ones_first(yard: FleetHouse) -> None:
    browser = await yard.browser()
    assert "No operation yet" in main(await page(browser, "/operations"))
    await keep(yard, RESULTS[0], id="op_09", total=1, counts={"applied": 1}, state="done")
    run(yard)
    await keep(yard, *RESULTS, id="op_01", ended_at=None, state="running")
    found = await page(browser, "/operations")
    links = [one.one("a").attributes["href"] for one in found.all("th", scope="row")]
    assert links == ["/operations/op_01", "/operations/op_09"]
    assert HOSTILE in found.one("table").text
    filtered = await page(browser, "/operations?state=done")
    assert [one.one("a").attributes["href"] for one in filtered.all("th", scope="row")] == [
        "/operations/op_09"
    ]


async def test_many_outcomes_come_in_parts(yard: FleetHouse) -> None:
    results = [Result(miner=f"container-1.m{number:03}", state="applied") for number in range(230)]
    await keep(yard, *results, total=230, counts={"applied": 230}, state="done")
    browser = await yard.browser()
    found = await page(browser, HERE)
    names: list[str] = []
    for _ in range(3):
        names += [one.words for one in found.all("th", scope="row")]
        more = found.all("a", rel="next")
        if more:
            found = await page(browser, more[0].attributes["href"])
    assert names == [f"m{number:03}" for number in range(230)]


@given(st.dictionaries(st.sampled_from(RESULT_STATES), st.integers(1, 10_000), min_size=1))
def test_the_bar_is_full_and_nobody_in_it_is_too_narrow_to_see(by_state: dict[ResultState, int]) -> None:
    found = bar_paths(by_state, sum(by_state.values()))
    widths = {
        look: float(path.partition("h")[2].partition("v")[0]) if path else 0.0
        for look, (path, _) in found.items()
    }
    assert sum(widths.values()) == pytest.approx(BAR_WIDTH, abs=1.0)
    for look, states in PARTS:
        assert (widths[look] >= 5.9) is any(state in by_state for state in states)


def test_what_is_left_is_not_guessed_from_nothing() -> None:
    assert left_s(operation(started_at=None), BEGIN) is None
    assert left_s(operation(counts={"waiting": 3}), BEGIN) is None
    assert left_s(operation(state="done"), BEGIN) is None
    assert left_s(operation(), BEGIN) == pytest.approx(20.0)
    # Who was so already, or does not answer, took no time.
    quick = {"unchanged": 280, "unreachable": 6, "skipped": 2, "waiting": 4}
    assert left_s(operation(total=292, counts=quick), BEGIN) is None
    assert left_s(operation(total=294, counts=quick | {"applied": 2}), BEGIN) == pytest.approx(40.0)


def test_the_end_without_a_measurement_says_so() -> None:
    ended = operation(
        state="done", counts={"applied": 3}, started_at=BEGIN, ended_at=BEGIN + timedelta(seconds=190)
    )
    said = ending(words("en"), ended, Powers(None), asleep=True).replace("\u00a0", " ")
    assert said == "3 of 3 asleep after 3 min; power should fall by 8.9 kW, nothing was measured."
    said = ending(words("en"), ended, Powers(-8800.0, 3), asleep=False).replace("\u00a0", " ")
    assert said == "3 of 3 done after 3 min; power fell by 8.8 kW, 8.9 kW was expected."


def test_what_was_expected_of_all_is_not_expected_of_one_that_was_stopped() -> None:
    stopped = operation(
        state="cancelled",
        counts={"applied": 2, "cancelled": 1},
        started_at=BEGIN,
        ended_at=BEGIN + timedelta(seconds=8),
    )
    said = ending(words("en"), stopped, Powers(-6100.0, 2), asleep=True).replace("\u00a0", " ")
    assert said == "2 of 3 asleep after 8 s; power fell by 6.1 kW on 2 miners. 1 not begun."
    said = ending(words("en"), stopped, Powers(None), asleep=True).replace("\u00a0", " ")
    assert said == "2 of 3 asleep after 8 s. 1 not begun."
    woken = msgspec.structs.replace(stopped, power_before_w=120.0, power_expected_w=9000.0)
    said = ending(words("en"), woken, Powers(3000.0, 1), asleep=False).replace("\u00a0", " ")
    assert said == "2 of 3 done after 8 s; power rose by 3.0 kW on 1 miner. 1 not begun."
    said = ending(words("ru"), stopped, Powers(-6100.0, 2), asleep=True).replace("\u00a0", " ")
    assert "мощность снизилась на 6,1 кВт на 2 майнерах." in said
    stopping = msgspec.structs.replace(stopped, state="cancelling", ended_at=None)
    assert "expected" not in power_words(
        words("en"), ShownOperation(**msgspec.structs.asdict(stopping), power_now_w=5900.0)
    )
    assert power_words(words("en"), ShownOperation(**msgspec.structs.asdict(stopping))) == ""


def test_the_end_does_not_hide_what_went_the_other_way_or_was_told_by_few() -> None:
    ended = operation(
        state="done", counts={"applied": 3}, started_at=BEGIN, ended_at=BEGIN + timedelta(seconds=190)
    )
    said = ending(words("en"), ended, Powers(3000.0, 3), asleep=True).replace("\u00a0", " ")
    assert "power fell by -3.0 kW, 8.9 kW was expected." in said.replace("\u2212", "-")
    said = ending(words("en"), ended, Powers(-3000.0, 1), asleep=True).replace("\u00a0", " ")
    assert "power fell by 3.0 kW on 1 miner, 8.9 kW was expected." in said
    raised = operation(power_before_w=120.0, power_expected_w=9000.0, state="done", counts={"applied": 3})
    said = ending(words("en"), raised, Powers(8800.0, 3), asleep=False).replace("\u00a0", " ")
    assert "power rose by 8.8 kW, 8.9 kW was expected." in said
