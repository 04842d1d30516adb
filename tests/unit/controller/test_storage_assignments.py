"""Whose a container is, from when to when: never two clients' at once, and what was taken away is known to be nobody's."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert

from controller.model import Client
from controller.storage.assignments import Assignment, AssignmentsChanged, Known, Overlap
from controller.storage.books_schema import closings
from controller.storage.faults import NotKept, Refusal
from controller.storage.ledger_rows import ClosedMonth
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=30)
MUCH_LATER = NOON + timedelta(days=60)


def assigned(container: str, begins: datetime, ends: datetime | None, client: int = 1) -> Assignment:
    return Assignment(client_id=f"cli_{client}", container=container, begins=begins, ends=ends)


async def with_clients(storage: Storage) -> None:
    for number in (1, 2):
        await storage.people.clients.add(
            Client(id=f"cli_{number}", slug=f"c{number}", name="x", created_at=NOON)
        )


async def test_a_container_belongs_to_one_client_at_a_time(storage: Storage) -> None:
    await with_clients(storage)
    assignments = storage.people.assignments
    first = [assigned("k-1", NOON, LATER), assigned("k-2", NOON, None)]
    await assignments.replace("cli_1", first)
    assert await assignments.of_client("cli_1") == first
    with pytest.raises(Overlap) as caught:
        await assignments.replace("cli_2", [assigned("k-1", LATER - timedelta(seconds=1), None, 2)])
    assert (caught.value.wanted.begins, caught.value.kept) == (LATER - timedelta(seconds=1), first[0])
    with pytest.raises(Overlap) as caught:
        await assignments.replace("cli_2", [assigned("k-2", NOON - timedelta(days=1), None, 2)])
    assert (caught.value.wanted.client_id, caught.value.kept) == ("cli_2", first[1])
    with pytest.raises(Overlap):
        await assignments.replace("cli_2", [assigned("k-3", NOON, None, 2), assigned("k-3", NOON, LATER, 2)])
    with pytest.raises(Refusal, match="not after the beginning"):
        await assignments.replace("cli_2", [assigned("k-3", NOON, NOON, 2)])
    with pytest.raises(NotKept):
        await assignments.replace("cli_9", [])
    assert await assignments.of_client("cli_2") == []
    await assignments.replace("cli_2", [assigned("k-1", LATER, None, 9)])
    whole = await assignments.of_container("k-1")
    assert whole.assignments == (first[0], assigned("k-1", LATER, None, 2))
    assert whole.at(NOON) == first[0]
    assert whole.at(NOON - timedelta(seconds=1)) is None
    assert await assignments.all() == {
        "k-1": whole,
        "k-2": Known((first[1],), NOON),
    }


async def test_who_saw_another_list_replaces_nothing(storage: Storage) -> None:
    await with_clients(storage)
    assignments = storage.people.assignments
    first = [assigned("k-1", NOON, None)]
    await assignments.replace("cli_1", first, expected=[])
    with pytest.raises(AssignmentsChanged):
        await assignments.replace("cli_1", [], expected=[])
    assert await assignments.of_client("cli_1") == first
    await assignments.replace("cli_1", [], expected=first)
    assert await assignments.of_client("cli_1") == []


async def test_what_was_taken_away_is_nobodys_and_gives_way_to_another(storage: Storage) -> None:
    await with_clients(storage)
    assignments = storage.people.assignments
    await assignments.replace("cli_1", [assigned("k-1", NOON, None)])
    await assignments.replace("cli_1", [assigned("k-1", LATER, None)])
    assert await assignments.of_container("k-1") == Known((assigned("k-1", LATER, None),), NOON)
    await assignments.replace("cli_1", [])
    await assignments.replace("cli_1", [assigned("k-1", MUCH_LATER, None)])
    assert (await assignments.of_container("k-1")).since == NOON
    await assignments.replace("cli_2", [assigned("k-1", NOON, LATER, 2)])
    assert await assignments.of_container("k-1") == Known(
        (assigned("k-1", NOON, LATER, 2), assigned("k-1", MUCH_LATER, None)), NOON
    )


async def test_a_container_is_handed_over_until_what_was_agreed_for_later(storage: Storage) -> None:
    await with_clients(storage)
    assignments = storage.people.assignments
    assert await assignments.hand_over("k-1", None, NOON) == (None, None)
    begun = assigned("k-1", NOON, None)
    assert await assignments.hand_over("k-1", "cli_1", NOON) == (None, begun)
    assert await assignments.hand_over("k-1", "cli_1", LATER) == (None, None)
    assert await assignments.hand_over("k-1", "cli_2", LATER) == (begun, assigned("k-1", LATER, None, 2))
    assert await assignments.of_container("k-1") == Known(
        (assigned("k-1", NOON, LATER), assigned("k-1", LATER, None, 2)), NOON
    )
    await assignments.hand_over("k-1", None, LATER)
    assert await assignments.of_container("k-1") == Known((assigned("k-1", NOON, LATER),), NOON)
    await assignments.replace("cli_2", [assigned("k-1", MUCH_LATER, None, 2)])
    assert await assignments.hand_over("k-1", "cli_1", LATER) == (None, assigned("k-1", LATER, MUCH_LATER))


async def test_nothing_changes_of_a_closed_month(storage: Storage) -> None:
    await with_clients(storage)
    row = {
        "number": 1,
        "month": 202606,
        "basis": "readings",
        "closed_at": LATER,
        "closed_by": "f",
        "incomplete": False,
    }
    await storage.database.write(lambda connection: connection.execute(insert(closings), row))
    assignments = storage.people.assignments
    with pytest.raises(ClosedMonth, match="2026-06"):
        await assignments.replace(
            "cli_1", [assigned("k-1", NOON, None)], days=[date(2026, 6, 30), date(2026, 7, 1)]
        )
    assert await assignments.of_client("cli_1") == []
    await assignments.replace("cli_1", [assigned("k-1", LATER, None)], days=[date(2026, 7, 1)])
    assert await assignments.of_client("cli_1") == [assigned("k-1", LATER, None)]


async def test_a_client_that_was_archived_meanwhile_is_given_nothing_more(storage: Storage) -> None:
    await with_clients(storage)
    assignments = storage.people.assignments
    first = [assigned("k-1", NOON, LATER)]
    await assignments.replace("cli_1", first, expected=[])
    await storage.people.clients.update(
        Client(id="cli_1", slug="c1", name="x", active=False, created_at=NOON)
    )
    with pytest.raises(AssignmentsChanged):
        await assignments.replace("cli_1", [*first, assigned("k-2", NOON, None)], expected=first)
    sooner = [assigned("k-1", NOON, LATER - timedelta(days=1))]
    await assignments.replace("cli_1", sooner, expected=first)
    assert await assignments.of_client("cli_1") == sooner
