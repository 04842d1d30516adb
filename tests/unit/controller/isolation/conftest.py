"""The fleet of two clients over a real socket and database, with people of every kind who ask by session and by token."""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientResponse

from controller.api.route import Route
from controller.api.routes import ROUTES
from controller.model import Role
from controller.pages.routes import PAGES
from tests.unit.controller.api.conftest import Browser, MakeHouse, house, make_house
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.isolation.books_of_two_clients import keep_books
from tests.unit.controller.isolation.isolation_rules import Things, things
from tests.unit.controller.pages.fleet_of_two_clients import MARK, TwoClients, starting

__all__ = ["house", "make_house"]

ROUTE_OF: Final[Mapping[str, Route]] = {f"{route.method} {route.path}": route for route in (*ROUTES, *PAGES)}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_EACH_TIME: Final = re.compile(
    r"\b[a-z]+_[0-9A-HJKMNP-TV-Z]{26}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b"
    r'|"csrf_token":"[^"]*"|"token":"h[a-z]_[^"]*"'
)
"""What differs from one answer to the next, whoever asks: ids that are made anew, the session's token."""

_NAMED: Final = re.compile(
    rf"(?:{MARK}|nowhere)(?:[-+ ]|%20|%2520)?(?:Yard|yard|Attic|attic|b1|c1|nights|profile|model|firmware)?"
    r"|10\.1\.(?:66|99)\.\d+"
)
_CURSOR: Final = re.compile(r'"next":"([\w-]+)"')
_VARY: Final = frozenset(("Date", "X-Request-Id", "Content-Length", "Server", "X-CSRF-Token"))


@dataclass
class Town:
    """One controller with people."""

    fleet: FleetHouse
    made: dict[str, str] = field(default_factory=dict)

    @staticmethod
    async def of(fleet: FleetHouse) -> "Town":
        """Return the town of a fleet, whose books are kept."""
        await keep_books(fleet.house.storage, fleet.deeds.inventory)
        return Town(fleet)

    async def client(self, name: str, of: str) -> str:
        """Make a person of a client, once; return his user's id."""
        if name not in self.made:
            client = await self.fleet.house.client(of)
            user = await self.fleet.house.user(name, "client", client_id=client.id)
            self.made[name] = user.id
        return self.made[name]

    async def asks(self, name: str, of: str, by: str) -> Browser:
        """Return a person of a client with a session, or with a token of all his scopes."""
        await self.client(name, of)
        return await self._asks(name, by)

    async def office(self, name: str, role: Role, by: str, **more: Any) -> Browser:
        """Return one of the operator's people."""
        if name not in self.made:
            self.made[name] = (await self.fleet.house.user(name, role)).id
        return await self._asks(name, by, **more)

    async def _asks(self, name: str, by: str, **more: Any) -> Browser:
        house = self.fleet.house
        browser = house.browser()
        if by == "session":
            assert (await browser.sign_in(name)).status == 204
            return browser
        user = await house.storage.people.users.by_name(name)
        assert user is not None
        browser.token = await house.token(user, **more)
        return browser

    async def things(self, of: str) -> Things:
        """Return what is of a client, with the ids that the database gave; of `nowhere`, ids that nobody has."""
        if of == "nowhere":
            return things(of)
        storage = self.fleet.house.storage
        client = await self.fleet.house.client(of)
        user = await self.client(f"{of} keeper", of)
        await self.asks(f"{of} keeper", of, "session")
        await self.asks(f"{of} keeper", of, "token")
        session = (await storage.access.sessions.of_user(user))[0]
        token = (await storage.access.tokens.of_user(user))[0]
        numbers: Any = await storage.settings.get("older tools' numbers of miners") or {}
        number = numbers.get(things(of)["miner"], 999)
        return things(
            of, client_id=client.id, user=user, session=session.id, token=token.id, number=str(number)
        )


@pytest.fixture
async def two_clients(make_house: MakeHouse, tmp_path: Path) -> AsyncIterator[TwoClients]:
    async with starting(make_house, tmp_path) as begin:
        yield begin


@pytest.fixture
async def town(two_clients: TwoClients) -> Town:
    return await Town.of(await two_clients())


async def ask(browser: Browser, name: str, method: str, address: str, body: Any) -> ClientResponse:
    """Ask a route as programs do. `name`: of the route; of none where the method is one that the path does not have."""
    route = ROUTE_OF.get(name)
    headers = {"If-Match": '"x"'} if method in ("PUT", "PATCH") else {}
    more: dict[str, Any] = {}
    if body is not None and method not in ("GET", "HEAD"):
        media = "application/json" if route is None or not route.body_media else route.body_media[0]
        headers["Content-Type"] = media
        more["data"] = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return await browser.ask(method, address, headers=headers, **more)


async def whole(response: ClientResponse) -> str:
    """Return an answer as one text, without what differs each time."""
    headers = [f"{name}: {value}" for name, value in sorted(response.headers.items()) if name not in _VARY]
    text = _CURSOR.sub(_said_by_cursor, await response.text())
    return _EACH_TIME.sub("…", "\n".join([str(response.status), *headers, "", text]))


def _said_by_cursor(found: re.Match[str]) -> str:
    """Return what a cursor holds behind its sum, which goes over ids that are made anew as well."""
    raw = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    return f'"next":"{raw[6:].decode(errors="replace")}"'


def unasked(text: str, of: Things) -> str:
    """Return an answer without what names the thing that was asked for: another's, or one that there never was."""
    ids = {of[one] for one in ("client_id", "user", "session", "token", "number")}
    for value in sorted(ids, key=len, reverse=True):
        text = text.replace(value, "…")
    return _NAMED.sub("…", text)
