"""What leaves the database by age, and what stays: on both databases."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.events import EventFilter
from controller.model import SCHEDULE, Event, Operation, Override, Token, User, WebSession, new_id
from controller.purging import LAPSED_TOKENS_KEPT, end_lapsed, purge
from controller.settings import Settings
from controller.storage.storage import Storage

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTINGS = Settings(targets=(Path("t"),), data=Path("d"), retention_days=30, money_retention_days=100)


def event(days: float, category: str) -> Event:
    at = NOW - timedelta(days=days)
    return Event(id=new_id("evt"), at=at, category=category, kind="x.y", actor=SCHEDULE)  # type: ignore[arg-type]


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def test_events_leave_by_their_age_and_commands_and_money_later(storage: Storage) -> None:
    kept = [event(29, "auth"), event(99, "command"), event(99, "money"), event(0, "state")]
    gone = [event(31, "auth"), event(31, "state"), event(101, "command"), event(101, "money")]
    await storage.events.add(*kept, *gone)
    assert await purge(storage, SETTINGS, NOW) == len(gone)
    found, _ = await storage.events.find(EventFilter())
    assert {one.id for one in found} == {one.id for one in kept}
    assert await purge(storage, SETTINGS, NOW) == 0


async def test_overrides_and_operations_stay_as_long_as_commands_and_those_in_force_for_ever(
    storage: Storage,
) -> None:
    def override(days_ended: float | None) -> Override:
        ended_at = None if days_ended is None else NOW - timedelta(days=days_ended)
        begun = NOW - timedelta(days=300)
        return Override(
            id=new_id("ov"),
            profile="curtail",
            ends="manual",
            reason="breaker",
            created_by=SCHEDULE,
            created_at=begun,
            starts_at=begun,
            ended_at=ended_at,
        )

    def operation(days_ended: float | None) -> Operation:
        return Operation(
            id=new_id("op"),
            cause="override",
            action="profile curtail",
            state="running" if days_ended is None else "done",
            created_by=SCHEDULE,
            created_at=NOW - timedelta(days=300),
            ended_at=None if days_ended is None else NOW - timedelta(days=days_ended),
        )

    overrides = [override(None), override(99), override(101)]
    operations = [operation(None), operation(99), operation(101)]
    for one in overrides:
        await storage.overrides.add(one)
    for other in operations:
        await storage.operations.add(other)
    await purge(storage, SETTINGS, NOW)
    assert [await storage.overrides.get(one.id) is not None for one in overrides] == [True, True, False]
    assert [await storage.operations.get(one.id) is not None for one in operations] == [True, True, False]


async def test_sessions_tokens_and_answers_that_nobody_can_use_any_more_leave(storage: Storage) -> None:
    user = User(id=new_id("usr"), username="anna", role="administrator", created_at=NOW)
    await storage.people.users.add(user, "$argon2id$planted")

    async def session(name: str, idle: timedelta, age: timedelta) -> None:
        made = WebSession(
            id=new_id("ses"),
            user_id=user.id,
            created_at=NOW - age,
            last_seen=NOW - idle,
            confirmed_at=NOW - age,
        )
        await storage.access.sessions.add(made, sha256(name))

    await session("used", timedelta(hours=11), timedelta(days=6))
    await session("idle", timedelta(hours=13), timedelta(days=1))
    await session("old", timedelta(hours=1), timedelta(days=8))

    async def token(name: str, expires_at: datetime) -> None:
        made = Token(
            id=new_id("tok"),
            user_id=user.id,
            name=name,
            scopes=("read",),
            created_at=NOW - timedelta(days=200),
            expires_at=expires_at,
        )
        await storage.access.tokens.add(made, sha256(name))

    await token("good", NOW + timedelta(days=1))
    await token("lapsed", NOW - timedelta(days=1))
    await token("long lapsed", NOW - LAPSED_TOKENS_KEPT - timedelta(days=1))
    assert (await storage.idempotency.begin(user.id, "k", "b", NOW - timedelta(days=2))).state == "new"

    await end_lapsed(storage, NOW)
    found = {name: await storage.access.sessions.by_hash(sha256(name)) for name in ("used", "idle", "old")}
    assert [name for name, one in found.items() if one is not None] == ["used"]
    assert {one.name for one in await storage.access.tokens.of_user(user.id)} == {"good", "lapsed"}
    assert await storage.idempotency.purge(NOW) == 0  # it has left already
