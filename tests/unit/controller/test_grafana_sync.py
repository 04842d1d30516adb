"""When the controller brings Grafana in line, what it wishes, and what is kept of what came of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.events import EventFilter
from controller.grafana_sync import EVERY, WHILE_AWAY, WHILE_SHUT_OUT, GrafanaSync
from controller.grafana_wish import GrafanaMemory, GrafanaOutcome, GrafanaWish, TokenDesk
from controller.model import SYSTEM, Client, Event, User, new_id
from controller.storage.storage import Storage
from tests.unit.controller.driven_clock import DrivenClock
from tests.unit.controller.exporter_site import until

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GATEWAY = "http://controller:8000/gateway"
ACME = Client(id=new_id("cli"), slug="acme", name="Acme", created_at=NOON)
GONE = Client(id=new_id("cli"), slug="gone", name="Gone", created_at=NOON, active=False)


def user(username: str, role: str, **more: object) -> User:
    return User(id=new_id("usr"), username=username, role=role, created_at=NOON, **more)  # type: ignore[arg-type]


ANNA = user("anna", "administrator", email="Anna@Example.org", name="Anna A")
CARL = user("carl", "client", client_id=ACME.id)
LEFT = user("left", "accountant", active=False)
LOST = user("lost", "client", client_id=GONE.id)


@dataclass
class Bringer:
    """Stands for Grafana: keeps the wishes, and answers what it is told to."""

    outcome: GrafanaOutcome = field(default_factory=GrafanaOutcome)
    wishes: list[GrafanaWish] = field(default_factory=list)
    make_for: str = ""

    def __call__(self, wish: GrafanaWish, desk: TokenDesk, _ended: Callable[[], bool]) -> GrafanaOutcome:
        self.wishes.append(wish)
        if self.make_for:
            made, text = desk.make(self.make_for)
            assert text.startswith("hg_")
            desk.revoke(self.make_for, made)
        return self.outcome


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await asyncio.to_thread(Storage.open, f"sqlite:///{tmp_path}/hashyard.db")
    for client in (ACME, GONE):
        await opened.people.clients.add(client)
    for one in (ANNA, CARL, LEFT, LOST):
        await opened.people.users.add(one, "hash")
    yield opened
    await asyncio.to_thread(opened.close)


def sync_of(storage: Storage, bringer: Bringer | None) -> GrafanaSync:
    sync = GrafanaSync(storage, DrivenClock(NOON.timestamp()), lambda: NOON)
    if bringer is not None:
        sync.set_up(bringer, GATEWAY)
    return sync


async def test_wished_are_those_who_may_sign_in_and_whose_client_is_one(storage: Storage) -> None:
    bringer = Bringer()
    await sync_of(storage, bringer).bring_in_line(SYSTEM)
    [wish] = bringer.wishes
    assert {one.id for one in wish.people} == {ANNA.id, CARL.id}
    assert {one.address for one in wish.people} == {
        "anna@example.org",
        f"{CARL.id}@hashyard.invalid".lower(),
    }
    assert [one.id for one in wish.clients] == [ACME.id]
    assert wish.gateway == GATEWAY


async def test_what_came_of_it_is_kept_beside_everybody(storage: Storage) -> None:
    memory = GrafanaMemory(people={ANNA.id: "u7"})
    outcome = GrafanaOutcome(
        done=["Anna: account made"],
        failed=["Carl: no"],
        people={ANNA.id: "", CARL.id: "Carl: no"},
        clients={ACME.id: ""},
        memory=memory,
    )
    bringer = Bringer(outcome)
    sync = sync_of(storage, bringer)
    await sync.bring_in_line(SYSTEM)
    await sync.bring_in_line(SYSTEM)
    assert bringer.wishes[1].memory == memory
    links = await storage.people.grafana.of([ANNA.id, CARL.id, LEFT.id, ACME.id])
    assert {id_: link.state for id_, link in links.items()} == {
        ANNA.id: "linked",
        CARL.id: "failed",
        LEFT.id: "none",
        ACME.id: "linked",
    }
    assert (sync.seen.state, sync.seen.reason) == ("failed", "Carl: no")
    events, _ = await storage.events.find(EventFilter(), limit=10)
    assert [event.kind for event in events] == ["grafana.brought_in_line"] * 2


async def test_a_grafana_that_is_away_changes_nothing_that_is_known(storage: Storage) -> None:
    bringer = Bringer(GrafanaOutcome(people={ANNA.id: ""}))
    sync = sync_of(storage, bringer)
    await sync.bring_in_line(SYSTEM)
    bringer.outcome = GrafanaOutcome(away="Grafana does not answer")
    await sync.bring_in_line(SYSTEM)
    assert sync._due_at == NOON + WHILE_AWAY
    assert (sync.seen.state, sync.seen.reason) == ("away", "Grafana does not answer")
    assert (await storage.people.grafana.of([ANNA.id]))[ANNA.id].state == "linked"


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        (GrafanaOutcome(failed=["not done"], silent=True), WHILE_AWAY),
        (GrafanaOutcome(failed=["not done"]), EVERY),
        (GrafanaOutcome(away="it does not let admin in", shut_out=True), WHILE_SHUT_OUT),
        (GrafanaOutcome(failed=["not done"], shut_out=True), WHILE_SHUT_OUT),
        (GrafanaOutcome(), EVERY),
    ],
)
async def test_what_a_moment_may_mend_is_tried_again_soon(
    storage: Storage, outcome: GrafanaOutcome, after: timedelta
) -> None:
    sync = sync_of(storage, Bringer(outcome))
    await sync.bring_in_line(SYSTEM)
    assert sync._due_at == NOON + after


async def test_tokens_are_made_and_revoked_and_stand_in_the_record(storage: Storage) -> None:
    await sync_of(storage, Bringer(make_for=ACME.id)).bring_in_line(SYSTEM)
    assert await storage.gateway_tokens.of_client(ACME.id) == []
    events, _ = await storage.events.find(EventFilter(), limit=10)
    assert [event.kind for event in events] == [
        "client.gateway_token_revoked",
        "client.gateway_token_created",
    ]


async def test_a_change_of_people_brings_it_in_line_soon_and_its_own_doing_does_not(storage: Storage) -> None:
    clock = DrivenClock(NOON.timestamp())
    bringer = Bringer()
    sync = GrafanaSync(storage, clock, lambda: datetime.fromtimestamp(clock.now(), UTC))
    sync.set_up(bringer, GATEWAY)
    await sync.bring_in_line(SYSTEM)
    assert sync._due_at == NOON + EVERY
    listening = asyncio.create_task(sync._listen())
    await asyncio.sleep(0)
    kinds = ("grafana.brought_in_line", "client.gateway_token_created", "user.created")
    for kind in kinds:
        assert sync._due_at == NOON + EVERY, kind
        event = Event(id=new_id("evt"), at=NOON, category="people", kind=kind, actor=SYSTEM)
        await storage.events.add(event)
        await asyncio.sleep(0.02)
    await until(lambda: sync._due_at != NOON + EVERY)
    assert (sync._due_at - NOON).total_seconds() == 5
    listening.cancel()


async def test_nobody_who_has_not_set_it_up_gets_anything(storage: Storage) -> None:
    sync = sync_of(storage, None)
    assert await sync.bring_in_line(SYSTEM) is None
    assert sync.seen.state == "none"
