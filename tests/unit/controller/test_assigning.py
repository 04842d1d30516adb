"""The inventory's clients in the table, also across pauses of the controller: what people write by hand holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.assigning import Assigning, quietly
from controller.events import EventFilter
from controller.managed import Managed, say_of_container
from controller.model import Client
from controller.storage.assignments import Assignment, Known
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage
from miners.inventory.store import InventoryStore

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Yard:
    """A container of a hand-written file, and a controller that may pause."""

    def __init__(self, storage: Storage, folder: Path, hand: str) -> None:
        self.storage, self.now = storage, NOON
        self.file, self.path = folder / "targets.yml", folder / "managed.yml"
        self.write(hand)
        self.begin()

    def write(self, entry: str) -> None:
        self.file.write_text(f"containers: [{{name: Yard{entry}}}]\n", encoding="utf-8")

    def begin(self) -> None:
        self.store = InventoryStore([self.file], managed=self.path)
        self.managed = Managed(self.path, [self.file], self.store)
        self.assigning = Assigning(
            self.storage, self.managed, str(self.path), lambda: self.store.inventory, lambda: self.now
        )

    async def pass_time(self, days: int = 1) -> None:
        self.now += days * DAY
        await self.store.reload()

    @property
    def label(self) -> str | None:
        return self.store.inventory.containers[0].client

    async def owners(self) -> list[tuple[str, int, int | None]]:
        known = await self.storage.people.assignments.of_container("yard")
        slugs = {one.id: one.slug for one in await self.storage.people.clients.all()}
        return [
            (
                slugs[one.client_id],
                (one.begins - NOON).days,
                None if one.ends is None else (one.ends - NOON).days,
            )
            for one in known.assignments
        ]


async def made(storage: Storage, *slugs: str) -> None:
    for slug in slugs:
        await storage.people.clients.add(Client(id=f"cli_{slug}", slug=slug, name=slug, created_at=NOON))


async def test_a_client_that_a_file_names_is_made_and_follows_the_file(
    storage: Storage, tmp_path: Path
) -> None:
    yard = Yard(storage, tmp_path, ", client: a")
    await yard.assigning.keep()
    await yard.pass_time()
    yard.write(", client: b")
    await yard.store.reload()
    await yard.assigning.keep()
    await yard.pass_time()
    yard.write("")
    await yard.store.reload()
    await yard.assigning.keep()
    await yard.assigning.keep()
    assert await yard.owners() == [("a", 0, 1), ("b", 1, 2)]
    events, _ = await storage.events.find(EventFilter(), after=None, limit=20)
    assert [(event.kind, event.client) for event in reversed(events)] == [
        ("client.created", "a"),
        ("container.client_begun", "a"),
        ("client.created", "b"),
        ("container.client_ended", "a"),
        ("container.client_begun", "b"),
        ("container.client_ended", "b"),
    ]


async def test_an_edit_during_a_pause_is_an_edit_and_what_was_due_in_it_is_due(
    storage: Storage, tmp_path: Path
) -> None:
    yard = Yard(storage, tmp_path, "")
    await made(storage, "a", "b")
    given = [Assignment(client_id="cli_a", container="yard", begins=NOON + DAY, ends=NOON + 3 * DAY)]
    await storage.people.assignments.replace("cli_a", given)
    await yard.assigning.keep()
    assert yard.label is None
    yard.now += DAY
    yard.begin()
    await yard.assigning.keep()
    assert yard.label == "a"
    yard.now += DAY
    await yard.managed.edit(lambda document: say_of_container(document, "Yard", {"client": "b"}))
    yard.begin()
    await yard.assigning.keep()
    assert yard.label == "b"
    assert await yard.owners() == [("a", 1, 2), ("b", 2, None)]


async def test_a_file_written_by_hand_holds_against_what_was_agreed(storage: Storage, tmp_path: Path) -> None:
    yard = Yard(storage, tmp_path, "")
    await made(storage, "a")
    await storage.people.assignments.replace(
        "cli_a", [Assignment(client_id="cli_a", container="yard", begins=NOON + DAY)]
    )
    yard.write(", client: b")
    await yard.store.reload()
    await yard.assigning.keep()
    await yard.pass_time(2)
    await yard.assigning.keep()
    assert yard.label == "b"
    assert await yard.owners() == [("b", 0, 1), ("a", 1, 2), ("b", 2, None)]


async def test_a_database_that_is_away_is_tried_again(storage: Storage, tmp_path: Path) -> None:
    yard = Yard(storage, tmp_path, ", client: a")
    calls: list[str] = []

    def failing(work: Callable[[], object]) -> Callable[[], object]:
        async def once() -> object:
            calls.append("x")
            if len(calls) == 1:
                raise StorageAway("away", "away")
            return await work()  # type: ignore[misc]

        return once

    follow = failing(yard.assigning.follow)
    await quietly(follow, "following")
    assert await storage.people.assignments.of_container("yard") == Known()
    await quietly(follow, "following")
    assert await yard.owners() == [("a", 0, None)]
