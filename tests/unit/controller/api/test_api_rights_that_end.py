"""Rights that end while a request is under way: by a new password, an end of all sessions, a token that is revoked.

Whoever sends a request decides how long its body takes, and a password takes a while to be checked; nothing of what he was
when he began holds after that.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from argon2 import PasswordHasher

from controller.api.passwords import Passwords
from controller.model import User
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse

USERS = "/api/v1/users"
ME = "/api/v1/me"
LOGIN = "/api/v1/auth/login"
NEW = "thistle anchor moss ferry"
FORM = "application/x-www-form-urlencoded"
MALLORY = b'{"username": "mallory", "role": "administrator"}'


@dataclass
class Held:
    """A request of which the head has arrived, and the body has not."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes

    async def answer(self) -> int:
        """Send the body, and return the status of what comes."""
        self.writer.write(self.body)
        async with asyncio.timeout(60):
            status = int((await self.reader.readline()).split()[1])
        self.writer.close()
        return status


async def hold(
    browser: Browser, method: str, path: str, body: bytes, media: str = "application/json"
) -> Held:
    """Send the head of a request and a part of its body."""
    assert browser.http._base_url is not None
    port = browser.http._base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Content-Type: {media}",
        f"Content-Length: {len(body)}",
        "If-Match: *",
    ]
    if browser.token is not None:
        lines.append(f"Authorization: Bearer {browser.token}")
    if browser.cookie is not None:
        lines += [f"Cookie: hashyard={browser.cookie}", f"X-CSRF-Token: {browser.csrf}"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body[:1])
    return Held(reader, writer, body[1:])


async def until(found: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await found():  # noqa: ASYNC110  # the database tells of nothing by itself
            await asyncio.sleep(0.005)


async def looked_at(house: House, browser: Browser, user: User, held: Callable[[], Awaitable[Held]]) -> Held:
    """Hold a request until the controller has found out who asks: it notes that somebody was there."""
    access = house.storage.access
    house.deeds.pass_time(minutes=2)

    async def noted() -> bool:
        if browser.token is not None:
            return any(one.last_used_at == house.deeds.now for one in await access.tokens.of_user(user.id))
        return any(one.last_seen == house.deeds.now for one in await access.sessions.of_user(user.id))

    assert not await noted()
    found = await held()
    await until(noted)
    return found


async def disable(house: House, user: User) -> None:
    admin = house.browser()
    assert (await admin.sign_in("root")).status == 204
    answer = await admin.ask("PATCH", f"{USERS}/{user.id}", {"active": False}, headers={"If-Match": "*"})
    assert answer.status == 200, await answer.text()


async def demote(house: House, user: User) -> None:
    admin = house.browser()
    assert (await admin.sign_in("root")).status == 204
    answer = await admin.ask("PATCH", f"{USERS}/{user.id}", {"role": "accountant"}, headers={"If-Match": "*"})
    assert answer.status == 200, await answer.text()


async def end_everything(house: House, user: User) -> None:
    admin = house.browser()
    assert (await admin.sign_in("root")).status == 204
    for what in ("sessions", "tokens"):
        assert (await admin.ask("DELETE", f"{USERS}/{user.id}/{what}")).status == 204


ENDS = {"disabled": disable, "in another role": demote, "signed out everywhere": end_everything}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("by", ["session", "token"])
async def test_a_body_that_comes_late_finds_the_rights_that_are_left(house: House, by: str, how: str) -> None:
    await house.user("root")
    user = await house.user("anna")
    browser = house.browser()
    if by == "session":
        await browser.sign_in("anna")
    else:
        browser.token = await house.token(user)
    requests = [
        lambda: hold(browser, "POST", USERS, MALLORY),
        lambda: hold(browser, "POST", f"{ME}/tokens", b'{"name": "kept", "scopes": ["control"]}'),
    ]
    if by == "session":
        form = f"csrf={browser.csrf}&username=mallory&role=administrator".encode()
        requests.append(lambda: hold(browser, "POST", "/people/new", form, FORM))
    held = [await looked_at(house, browser, user, one) for one in requests]
    await ENDS[how](house, user)
    statuses = [await one.answer() for one in held]
    assert statuses == [401, 401, 303][: len(held)]
    assert await house.storage.people.users.by_name("mallory") is None
    assert await house.storage.access.tokens.of_user(user.id) == [] or (by, how) == (
        "token",
        "in another role",
    )


async def test_a_body_that_comes_late_is_taken_from_who_still_may(house: House) -> None:
    user = await house.user("anna")
    browser = house.browser()
    await browser.sign_in("anna")
    held = await looked_at(house, browser, user, lambda: hold(browser, "POST", USERS, MALLORY))
    assert await held.answer() == 201


@dataclass
class Gated:
    """Passwords whose check takes as long as the test wants."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def passwords(self) -> Passwords:
        gate = self

        class Slow(Passwords):
            async def verify(self, kept: str | None, password: str) -> tuple[bool, str | None]:
                found = await super().verify(kept, password)
                gate.entered.set()
                await gate.open.wait()
                return found

        return Slow(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    async def during(self, request: Awaitable[Any], then: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
        """Do something while a request's password is being checked; return what came of both."""
        self.entered.clear()
        self.open.clear()
        asked = asyncio.ensure_future(request)
        async with asyncio.timeout(60):
            await self.entered.wait()
            done = await then()
            self.open.set()
            return await asked, done


async def gated(make_house: MakeHouse) -> tuple[Gated, House, Browser, User]:
    """Return a house with a gate, an administrator who is signed in, and a user."""
    gate = Gated()
    house = await make_house(app={"passwords": gate.passwords()})
    return gate, house, await house.signed_in("root"), await house.user("anna")


async def reset(admin: Browser, user: User) -> str:
    response = await admin.ask("POST", f"{USERS}/{user.id}/password")
    assert response.status == 200, await response.text()
    return str((await response.json())["password"])


@pytest.mark.parametrize("path", [LOGIN, f"{LOGIN}?as=token", "/api/auth/login"])
async def test_a_sign_in_under_way_gives_nothing_by_a_password_that_was_reset(
    make_house: MakeHouse, path: str
) -> None:
    gate, house, admin, user = await gated(make_house)
    given = {"username": "anna", "password": PASSWORD}
    response, password = await gate.during(
        house.browser().ask("POST", path, given), lambda: reset(admin, user)
    )
    assert response.status == 401
    assert "Set-Cookie" not in response.headers
    assert (await response.json())["detail"] == "name or password is not right"
    access = house.storage.access
    assert (await access.sessions.of_user(user.id), await access.tokens.of_user(user.id)) == ([], [])
    assert (await house.browser().sign_in("anna", password)).status == 204


async def test_a_sign_in_under_way_gives_nothing_to_who_is_disabled_even_when_he_is_enabled_again(
    make_house: MakeHouse,
) -> None:
    gate, house, admin, user = await gated(make_house)

    async def off() -> None:
        path, headers = f"{USERS}/{user.id}", {"If-Match": "*"}
        assert (await admin.ask("PATCH", path, {"active": False}, headers=headers)).status == 200

    given = {"username": "anna", "password": PASSWORD}
    response, _ = await gate.during(house.browser().ask("POST", LOGIN, given), off)
    assert response.status == 401
    assert await house.storage.access.sessions.of_user(user.id) == []


async def test_changing_a_password_under_way_does_not_undo_an_administrators_reset(
    make_house: MakeHouse,
) -> None:
    gate, house, admin, user = await gated(make_house)
    anna = house.browser()
    await anna.sign_in("anna")
    change = {"current": PASSWORD, "new": NEW}
    response, password = await gate.during(
        anna.ask("PUT", f"{ME}/password", change), lambda: reset(admin, user)
    )
    assert response.status == 422
    assert [one["at"] for one in (await response.json())["errors"]] == ["/current"]
    assert (await house.browser().sign_in("anna", NEW)).status == 401
    assert (await house.browser().sign_in("anna", password)).status == 204


async def test_hashing_a_password_again_does_not_undo_an_administrators_reset(make_house: MakeHouse) -> None:
    gate, house, admin, user = await gated(make_house)
    strong = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    await house.storage.people.users.set_password(user.id, await strong.hash(PASSWORD), change_needed=False)
    strong.close()
    response, password = await gate.during(
        house.browser().ask("POST", LOGIN, {"username": "anna", "password": PASSWORD}),
        lambda: reset(admin, user),
    )
    assert response.status == 401
    assert (await house.browser().sign_in("anna", PASSWORD)).status == 401
    assert (await house.browser().sign_in("anna", password)).status == 204
