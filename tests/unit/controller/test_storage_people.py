"""Users, clients, sessions, tokens, answers to repeated commands; and that no secret leaves by another door."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from controller.model import Client, Token, User, WebSession, new_id
from controller.storage.access import NoLonger, Shown
from controller.storage.assignments import Assignment
from controller.storage.faults import NotKept, Refusal, Taken
from controller.storage.idempotency import Earlier
from controller.storage.people import ChangedMeanwhile, HasSomething, LastAdministrator
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HASH = "$argon2id$v=19$planted"


def user(username: str, **changes: Any) -> User:
    values: dict[str, Any] = {"id": new_id("usr"), "role": "administrator", "created_at": NOON}
    return User(username=username, **values | changes)


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def test_a_user_comes_back_as_he_was_given_and_his_hash_by_its_own_door_only(storage: Storage) -> None:
    users = storage.people.users
    anna = user("Änna", email="Anna@Example.org", name="Anna P.", language="de", last_seen=NOON)
    await users.add(anna, HASH)
    assert await users.get(anna.id) == anna
    for written in ("änna", "ÄNNA", "A\u0308nna", " änna "):
        assert await users.by_name(written) == anna
    assert await users.by_name("anna") is None
    assert await users.get("usr_unknown") is None
    assert await users.password_hash(anna.id) == HASH
    assert await users.password_hash("usr_unknown") is None
    assert "planted" not in repr((await users.find(), anna, storage))
    await users.set_password(anna.id, "other", change_needed=True)
    assert await users.password_hash(anna.id) == "other"
    assert (await users.get(anna.id)) == user(**fields(anna) | {"password_change_needed": True})
    await users.seen(anna.id, NOON + timedelta(hours=1))
    assert (await one(storage, anna)).last_seen == NOON + timedelta(hours=1)
    with pytest.raises(NotKept):
        await users.set_password("usr_unknown", "x", change_needed=False)


def fields(kept: User) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in kept.__struct_fields__}


async def one(storage: Storage, wanted: User) -> User:
    found = await storage.people.users.get(wanted.id)
    assert found is not None
    return found


async def test_names_and_addresses_are_each_ones_own(storage: Storage) -> None:
    users = storage.people.users
    anna, bob = user("anna", email="a@example.org"), user("bob")
    await users.add(anna, HASH)
    await users.add(bob, HASH)
    with pytest.raises(Taken, match="username ANNA is taken") as taken:
        await users.add(user("ANNA"), HASH)
    assert taken.value.field == "username"
    with pytest.raises(Taken) as taken:
        await users.update(user(**fields(bob) | {"email": "A@EXAMPLE.ORG"}))
    assert taken.value.field == "email"
    with pytest.raises(Taken) as taken:
        await users.add(user(**fields(anna) | {"username": "other", "email": None}), "planted")
    assert "planted" not in str(taken.value)
    with pytest.raises(NotKept, match="cli_unknown"):
        await users.add(user("carol", role="client", client_id="cli_unknown"), HASH)
    assert await users.count() == 2


async def test_people_are_found_by_what_is_asked(storage: Storage) -> None:
    users = storage.people.users
    await storage.people.clients.add(Client(id="cli_1", slug="acme", name="Acme", created_at=NOON))
    given = [
        user("anna", name="Анна Иванова"),
        user("bob", role="accountant", email="bob@Example.org"),
        user("carol", role="client", client_id="cli_1", active=False),
    ]
    for person in given:
        await users.add(person, HASH)
        await asyncio.sleep(0.002)
    newest = given[::-1]
    questions: list[tuple[dict[str, Any], list[User]]] = [
        ({}, newest),
        ({"q": "ИВАН анна"}, [given[0]]),
        ({"q": "example.org"}, [given[1]]),
        ({"q": "%"}, []),
        ({"roles": ("client", "accountant")}, newest[:2]),
        ({"active": False}, [given[2]]),
        ({"active": True, "roles": ("client",)}, []),
        ({"client_id": "cli_1"}, [given[2]]),
    ]
    for asked, expected in questions:
        assert (await users.find(**asked))[0] == expected, asked
        assert await users.count(**asked) == len(expected), asked
    assert await users.find(limit=1, after=given[2].id) == ([given[1]], given[1].id)


async def test_the_last_active_administrator_stays(storage: Storage) -> None:
    users = storage.people.users
    anna, bob = user("anna"), user("bob")
    clerk = user("clerk", role="accountant")
    for person in (anna, bob, clerk):
        await users.add(person, HASH)
    outcomes = await asyncio.gather(
        users.update(user(**fields(anna) | {"active": False})), users.remove(bob.id), return_exceptions=True
    )
    assert outcomes[0] is None
    assert isinstance(outcomes[1], LastAdministrator)
    with pytest.raises(LastAdministrator):
        await users.update(user(**fields(bob) | {"role": "accountant"}))
    assert await users.get(bob.id) == bob
    assert await users.count_active_administrators() == 1
    await users.remove(clerk.id)
    await users.remove(anna.id)
    with pytest.raises(NotKept):
        await users.remove(anna.id)
    with pytest.raises(NotKept):
        await users.update(anna)


async def test_a_change_of_what_has_changed_meanwhile_is_refused(storage: Storage) -> None:
    users = storage.people.users
    seen = user("anna")
    await users.add(seen, HASH)
    await users.update(user(**fields(seen) | {"name": "A"}), expected=seen)
    with pytest.raises(ChangedMeanwhile):
        await users.update(user(**fields(seen) | {"name": "B"}), expected=seen)
    assert (await one(storage, seen)).name == "A"


async def test_a_slug_is_given_once(storage: Storage) -> None:
    clients = storage.people.clients
    acme = Client(id="cli_1", slug="acme", name="Ärger & Co", currency="EUR", created_at=NOON)
    await clients.add(acme)
    with pytest.raises(Taken) as taken:
        await clients.add(Client(id="cli_2", slug="acme", name="Other", created_at=NOON))
    assert taken.value.field == "slug"
    with pytest.raises(Refusal, match="never changes"):
        await clients.update(Client(id="cli_1", slug="other", name="Other", created_at=NOON))
    renamed = Client(id="cli_1", slug="acme", name="Neu", created_at=NOON)
    await clients.update(renamed, expected=acme)
    with pytest.raises(ChangedMeanwhile):
        await clients.update(Client(id="cli_1", slug="acme", name="Alt", created_at=NOON), expected=acme)
    assert await clients.get("cli_1") == await clients.by_slug("acme") == renamed
    with pytest.raises(NotKept):
        await clients.update(Client(id="cli_9", slug="x", name="x", created_at=NOON))
    assert await clients.find(q="NEU") == ([renamed], None)
    assert await clients.count(q="ärger") == 0


async def test_only_a_client_that_never_had_anything_is_deleted(storage: Storage) -> None:
    clients, assignments = storage.people.clients, storage.people.assignments
    for number in (1, 2, 3):
        await clients.add(Client(id=f"cli_{number}", slug=f"c{number}", name="x", created_at=NOON))
    assert [one.slug for one in await clients.all()] == ["c1", "c2", "c3"]
    await assignments.replace("cli_1", [Assignment(client_id="cli_1", container="k-1", begins=NOON)])
    await assignments.replace("cli_1", [])
    with pytest.raises(HasSomething, match="has containers, or once had"):
        await clients.remove("cli_1")
    await storage.people.users.add(user("carl", role="client", client_id="cli_2"), HASH)
    with pytest.raises(HasSomething, match="people"):
        await clients.remove("cli_2")
    await clients.remove("cli_3")
    with pytest.raises(NotKept):
        await clients.remove("cli_3")
    assert [one.slug for one in await clients.all()] == ["c1", "c2"]


async def test_sessions_are_known_by_the_hash_and_end(storage: Storage) -> None:
    sessions = storage.access.sessions
    anna = user("anna")
    await storage.people.users.add(anna, HASH)

    def session(number: int) -> WebSession:
        values: dict[str, Any] = {"created_at": NOON, "last_seen": NOON, "confirmed_at": NOON}
        return WebSession(id=f"ses_{number}", user_id=anna.id, user_agent="x\0", **values)

    for number in range(4):
        await sessions.add(session(number), sha256(str(number)))
    found = await sessions.by_hash(sha256("2"))
    assert found is not None
    assert (found.id, found.user_agent) == ("ses_2", "x\ufffd")
    assert await sessions.by_hash(sha256("unknown")) is None
    with pytest.raises(ValueError, match="SHA-256"):
        await sessions.add(session(9), "the-cookie-itself")
    with pytest.raises(Taken):
        await sessions.add(session(9), sha256("2"))
    later = NOON + timedelta(hours=13)
    await sessions.touch("ses_1", later)
    await sessions.confirm("ses_1", later)
    changed = await sessions.by_hash(sha256("1"))
    assert changed is not None
    assert (changed.last_seen, changed.confirmed_at) == (later, later)
    assert [one.id for one in await sessions.of_user(anna.id)] == ["ses_3", "ses_2", "ses_1", "ses_0"]
    assert await sessions.end("ses_3")
    assert not await sessions.end("ses_3")
    assert await sessions.purge(later, NOON) == 2
    await sessions.add(session(5), sha256("5"))
    assert await sessions.end_of_user(anna.id, except_id="ses_5") == 1
    assert await sessions.end_of_user(anna.id) == 1


async def test_tokens_are_known_by_the_hash_and_go_with_their_owner(storage: Storage) -> None:
    tokens = storage.access.tokens
    anna, bob = user("anna"), user("bob")
    for person in (anna, bob):
        await storage.people.users.add(person, HASH)

    def token(number: int, owner: User = anna, **more: Any) -> Token:
        expires = NOON + timedelta(days=number)
        values: dict[str, Any] = {"created_at": NOON, "expires_at": expires, "scopes": ("read", "control")}
        return Token(id=f"tok_{number}", user_id=owner.id, name="x", **values | more)

    full = token(1, containers=("k-1",), miner="k-1.a1", last_used_at=NOON, last_address="::1")
    await tokens.add(full, sha256("1"))
    await tokens.add(token(2), sha256("2"))
    await tokens.add(token(3, bob), sha256("3"))
    assert await tokens.by_hash(sha256("1")) == await tokens.get("tok_1") == full
    assert await tokens.by_hash(sha256("x")) is None
    await tokens.touch("tok_2", NOON, "192.0.2.1")
    assert (await tokens.of_user(anna.id))[0] == token(2, last_used_at=NOON, last_address="192.0.2.1")
    with pytest.raises(ValueError, match="SHA-256"):
        await tokens.add(token(9), "hy_secret")
    with pytest.raises(Taken):
        await tokens.add(token(9, user("nobody")), sha256("9"))
    assert await tokens.end_of_user(anna.id, miner="k-1.a1") == 1
    await tokens.add(full, sha256("1"))
    assert await tokens.purge(NOON + timedelta(days=1, seconds=1)) == 1
    assert await tokens.end("tok_2")
    assert not await tokens.end("tok_2")
    await storage.people.users.remove(bob.id)
    assert await tokens.by_hash(sha256("3")) is None
    assert await tokens.end_of_user(anna.id) == 0


async def test_nothing_begins_by_what_is_good_no_more(storage: Storage) -> None:
    """By a password, a cookie, a token, one's own and still in force; and by none of them for who may not sign in."""
    users, access, anna, bob = storage.people.users, storage.access, user("anna"), user("bob")
    for person in (anna, bob):
        await users.add(person, HASH)
    times: dict[str, Any] = {"created_at": NOON, "last_seen": NOON, "confirmed_at": NOON}
    await access.sessions.add(WebSession(id="ses_1", user_id=anna.id, **times), sha256("cookie"))
    lasting: dict[str, Any] = {"name": "x", "scopes": ("read",), "created_at": NOON, "expires_at": NOON}
    await access.tokens.add(Token(id="tok_1", user_id=anna.id, **lasting), sha256("token"))
    shown = (
        Shown(password_hash=HASH),
        Shown(session=sha256("cookie")),
        Shown(token=sha256("token")),
    )
    made = 1

    async def begun(owner: User, by: Shown) -> bool:
        nonlocal made
        made += 1
        session = WebSession(id=f"ses_{made}", user_id=owner.id, **times)
        token = Token(id=f"tok_{made}", user_id=owner.id, **lasting)
        tries = (
            access.sessions.add(session, sha256(session.id), by),
            access.tokens.add(token, sha256(token.id), by),
        )
        found = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(one) for one in found} in ({type(None)}, {NoLonger})
        return list(found) == [None, None]

    assert [await begun(anna, by) for by in shown] == [True] * 3
    assert [await begun(bob, by) for by in shown] == [True, False, False]
    await users.set_password(anna.id, "another", change_needed=False, expected=HASH)
    with pytest.raises(ChangedMeanwhile):
        await users.set_password(anna.id, "a third", change_needed=False, expected=HASH)
    assert await users.password_hash(anna.id) == "another"
    assert [await begun(anna, by) for by in shown] == [False, True, True]
    await users.update(user(**fields(anna) | {"active": False}))
    assert [await begun(anna, by) for by in (*shown, Shown(password_hash="another"))] == [False] * 4
    await users.update(anna)
    await access.sessions.end("ses_1")
    await access.tokens.end("tok_1")
    assert [await begun(anna, by) for by in shown] == [False] * 3


async def test_a_repeated_command_gets_its_first_answer(storage: Storage, database_url: str) -> None:
    keys = storage.idempotency
    states = await asyncio.gather(*(keys.begin("usr_1", "key", "hash", NOON) for _ in range(5)))
    assert sorted(state.state for state in states) == ["new"] + ["running"] * 4
    assert (await keys.begin("usr_2", "key", "hash", NOON)).state == "new"
    assert (await keys.begin("usr_1", "key", "other", NOON)).state == "other_body"
    await keys.finish("usr_1", "key", 202, {"Location": "/x"}, '{"id": 1}')
    day = timedelta(hours=24)
    done = Earlier("done", 202, {"Location": "/x"}, '{"id": 1}')
    assert await keys.begin("usr_1", "key", "hash", NOON + day - timedelta(seconds=1)) == done
    assert (await keys.begin("usr_1", "key", "hash", NOON + day)).state == "new"
    await keys.forget("usr_1", "key")
    assert (await keys.begin("usr_1", "key", "fresh", NOON + day)).state == "new"
    restarted = Storage.open(database_url)
    try:
        assert (await restarted.idempotency.begin("usr_1", "key", "fresh", NOON + day)).state == "interrupted"
        assert await restarted.idempotency.purge(NOON + day) == 1
    finally:
        restarted.close()


async def test_no_secret_is_kept_in_the_open(storage: Storage) -> None:
    anna = user("anna")
    await storage.people.users.add(anna, HASH)
    moment: dict[str, Any] = {"created_at": NOON, "last_seen": NOON, "confirmed_at": NOON}
    await storage.access.sessions.add(WebSession(id="ses_1", user_id=anna.id, **moment), sha256("planted"))
    rows = await storage.database.read(
        lambda connection: [
            repr(connection.execute(text(f"SELECT * FROM {table}")).all()) for table in ("sessions", "tokens")
        ]
    )
    assert sha256("planted") in rows[0]
    assert not any("planted" in row for row in rows)
