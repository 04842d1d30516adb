"""An operation that concerns two clients: each is told of his part, and what is stored agrees with what is shown."""

from datetime import timedelta
from typing import get_args

import pytest

from controller.model import RESULT_STATES, Actor, Operation, OperationState, Result
from controller.storage.operations import state_among
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import House
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.isolation.conftest import Town

STATES: tuple[OperationState, ...] = get_args(OperationState)


def operation(name: str, state: OperationState, results: list[Result]) -> Operation:
    return Operation(
        id=name,
        cause="override",
        action="profile curtail",
        state=state,
        created_by=Actor("user", "anna", "usr_anna"),
        created_at=BEGIN - timedelta(hours=1),
        started_at=BEGIN - timedelta(hours=1),
        ended_at=BEGIN,
        total=len(results),
    )


async def test_the_database_finds_by_the_state_that_is_shown(house: House) -> None:
    """For every state of an operation and every outcome of one's own, whatever came of the other's."""
    storage: Storage = house.storage
    expected: dict[str, set[str]] = {state: set() for state in STATES}
    for state in STATES:
        for own in RESULT_STATES:
            for other in ("applied", "refused", "waiting", "cancelled"):
                name = f"op_{state}_{own}_{other}"
                results = [Result(miner="mine.a1", state=own), Result(miner="his.b1", state=other)]  # type: ignore[arg-type]
                await storage.operations.add(operation(name, state, results), results)
                expected[state_among(state, {own})].add(name)
    for state, names in expected.items():
        chosen = {"states": (state,), "containers": ["mine"], "apart": True}
        found, _ = await storage.operations.find(**chosen, limit=1000)  # type: ignore[arg-type]
        assert {one.id for one in found} == names
        assert await storage.operations.count(**chosen) == len(names)  # type: ignore[arg-type]


@pytest.mark.parametrize("other", RESULT_STATES)
@pytest.mark.parametrize("state", STATES)
async def test_a_state_does_not_move_with_what_came_of_anothers(state: OperationState, other: str) -> None:
    assert state_among(state, {"applied"}) == "done"
    assert state_among(state, {"refused", "applied"}) == "done_with_failures"
    assert state_among(state, {"waiting", "applied"}) == state


async def test_the_end_is_that_of_ones_own_miners(town: Town) -> None:
    own = town.fleet.deeds.views("container-1")[0].id
    other = next(view.id for view in town.fleet.deeds.views() if view.container.client != "acme")
    told = BEGIN - timedelta(minutes=40)
    results = [
        Result(miner=own, state="applied", started_at=told, duration_s=12.0),
        Result(miner=other, state="refused", started_at=BEGIN - timedelta(minutes=2), duration_s=100.0),
    ]
    ended = operation("op_of_both", "done_with_failures", results)
    await town.fleet.house.storage.operations.add(ended, results)
    browser = await town.asks("clara", "acme", "session")
    shown = await (await browser.get("/api/v1/operations/op_of_both")).json()
    assert (shown["state"], shown["total"], shown["counts"]) == ("done", 1, {"applied": 1})
    assert shown["ended_at"] == (told + timedelta(seconds=12)).isoformat().replace("+00:00", "Z")
    office = await town.office("anna", "administrator", "session")
    whole = await (await office.get("/api/v1/operations/op_of_both")).json()
    assert (whole["state"], whole["total"]) == ("done_with_failures", 2)
