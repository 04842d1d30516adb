"""Invitations and outcomes in Grafana in the database: used once, one a person, gone with their owners."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from controller.model import SYSTEM, Client, GrafanaLink, Invitation, User
from controller.storage.faults import NotKept
from controller.storage.invitations import NotGood
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA = User(id="usr_1", username="anna", role="accountant", created_at=NOON, password_change_needed=True)
ACME = Client(id="cli_1", slug="acme", name="Acme", created_at=NOON)
FIRST, SECOND = "1" * 64, "2" * 64


def invitation(number: int = 1, user_id: str = ANNA.id) -> Invitation:
    return Invitation(
        id=f"inv_{number}",
        user_id=user_id,
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
        created_by=SYSTEM,
    )


@pytest.fixture
async def kept(storage: Storage) -> Storage:
    await storage.people.users.add(ANNA, "nobody's")
    await storage.people.clients.add(ACME)
    return storage


async def test_an_invitation_sets_the_password_and_is_used_up(kept: Storage) -> None:
    invitations = kept.people.invitations
    await invitations.put(invitation(), FIRST)
    assert await invitations.by_hash(FIRST) == invitation()
    assert await invitations.accept(FIRST, NOON, "chosen") == ANNA.id
    assert await kept.people.users.password_hash(ANNA.id) == "chosen"
    user = await kept.people.users.get(ANNA.id)
    assert user is not None
    assert not user.password_change_needed
    used = await invitations.by_hash(FIRST)
    assert used is not None
    assert used.used_at == NOON
    with pytest.raises(NotGood):
        await invitations.accept(FIRST, NOON, "another")
    assert await kept.people.users.password_hash(ANNA.id) == "chosen"
    assert not await invitations.end(ANNA.id)  # nothing is left to withdraw


async def test_of_two_at_once_one_is_too_late(kept: Storage) -> None:
    await kept.people.invitations.put(invitation(), FIRST)
    tries = (kept.people.invitations.accept(FIRST, NOON, f"choice {n}") for n in range(5))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["NotGood"] * 4 + ["str"]
    kept_hash = await kept.people.users.password_hash(ANNA.id)
    assert kept_hash == f"choice {[isinstance(one, str) for one in outcomes].index(True)}"


async def test_what_has_lapsed_sets_nothing(kept: Storage) -> None:
    await kept.people.invitations.put(invitation(), FIRST)
    with pytest.raises(NotGood):
        await kept.people.invitations.accept(FIRST, NOON + timedelta(days=7), "late")
    assert await kept.people.users.password_hash(ANNA.id) == "nobody's"


async def test_who_may_not_sign_in_accepts_nothing(kept: Storage) -> None:
    await kept.people.invitations.put(invitation(), FIRST)
    await kept.people.users.update(replace(ANNA, active=False))
    with pytest.raises(NotGood):
        await kept.people.invitations.accept(FIRST, NOON, "chosen")
    assert await kept.people.users.password_hash(ANNA.id) == "nobody's"


async def test_a_new_one_ends_the_one_before_and_a_withdrawn_one_is_gone(kept: Storage) -> None:
    invitations = kept.people.invitations
    await invitations.put(invitation(1), FIRST)
    await invitations.put(invitation(2), SECOND)
    assert await invitations.by_hash(FIRST) is None
    assert await invitations.of_users([ANNA.id, "usr_9"]) == {ANNA.id: invitation(2)}
    assert await invitations.end(ANNA.id)
    assert await invitations.by_hash(SECOND) is None
    assert not await invitations.end(ANNA.id)


async def test_an_invitation_belongs_to_a_user_and_goes_with_him(kept: Storage) -> None:
    with pytest.raises(NotKept, match="usr_9"):
        await kept.people.invitations.put(invitation(user_id="usr_9"), FIRST)
    await kept.people.invitations.put(invitation(), FIRST)
    await kept.people.users.remove(ANNA.id)
    assert await kept.people.invitations.by_hash(FIRST) is None


async def test_outcomes_in_grafana_are_kept_by_owner_and_go_with_him(kept: Storage) -> None:
    grafana = kept.people.grafana
    person = GrafanaLink(owner_id=ANNA.id, state="failed", detail="no answer", at=NOON)
    client = GrafanaLink(owner_id=ACME.id, state="linked", at=NOON)
    gone = GrafanaLink(owner_id="usr_9", state="linked", at=NOON)
    await grafana.put([person, client, gone])
    assert await grafana.of([ANNA.id, ACME.id, "usr_9"]) == {ANNA.id: person, ACME.id: client}
    later = replace(person, state="linked", detail="", at=NOON + timedelta(minutes=1))
    await grafana.put([later])
    assert await grafana.of([ANNA.id]) == {ANNA.id: later}
    await kept.people.users.remove(ANNA.id)
    assert await grafana.of([ANNA.id, ACME.id]) == {ACME.id: client}
    await grafana.put([])
