"""The API over a real socket and a real database, with a clock that the test drives and cheap password hashing."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher

from controller.api.app import application
from controller.api.passwords import Passwords
from controller.api.routes import ROUTES
from controller.api.signing_in import SigningIn
from controller.events import EventFilter
from controller.model import SCOPES, Client, Event, Role, Scope, User, new_id
from controller.settings import DATABASE_FILE, Settings
from controller.storage.storage import Storage
from tests.unit.controller.api.quiet_deeds import QuietDeeds, QuietProcess

PASSWORD = "heron lantern quarry wick"


def cheap_passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Browser:
    """Asks as a browser or a program: with a session's cookie, or a token, or nothing."""

    http: ClientSession
    cookie: str | None = None
    csrf: str | None = None
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> ClientResponse:
        sent = dict(self.headers)
        if self.cookie is not None:
            sent["Cookie"] = f"hashyard={self.cookie}"
        if self.csrf is not None and method != "GET":
            sent["X-CSRF-Token"] = self.csrf
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        sent |= headers or {}
        if body is not None:
            more["json"] = body
        response = await self.http.request(method, path, headers=sent, allow_redirects=False, **more)
        await response.read()
        return response

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.ask("GET", path, **more)

    async def sign_in(self, username: str, password: str = PASSWORD, **more: Any) -> ClientResponse:
        response = await self.ask(
            "POST", "/api/v1/auth/login", {"username": username, "password": password}, **more
        )
        if response.status == 204:
            self.cookie = response.cookies["hashyard"].value
            self.csrf = response.headers["X-CSRF-Token"]
        return response


class House:
    """A running API, its database, and people who can sign in."""

    def __init__(self, settings: Settings, deeds: QuietDeeds, storage: Storage, http: ClientSession) -> None:
        self.settings, self.deeds, self.storage, self.http = settings, deeds, storage, http
        self.passwords = cheap_passwords()
        self.signing_in = SigningIn(storage, deeds, self.passwords)
        self.slept: list[float] = []

    def browser(self, **more: Any) -> Browser:
        return Browser(self.http, **more)

    async def client(self, slug: str) -> Client:
        found = await self.storage.people.clients.by_slug(slug)
        if found is None:
            found = Client(id=new_id("cli"), slug=slug, name=slug.title(), created_at=self.deeds.now)
            await self.storage.people.clients.add(found)
        return found

    async def user(self, username: str, role: Role = "administrator", **more: Any) -> User:
        if role == "client" and "client_id" not in more:
            more["client_id"] = (await self.client("acme")).id
        user = User(id=new_id("usr"), username=username, role=role, created_at=self.deeds.now, **more)
        await self.storage.people.users.add(user, await self.passwords.hash(PASSWORD))
        return user

    async def token(self, user: User, *scopes: Scope, **more: Any) -> str:
        text, _ = await self.signing_in.issue_token(
            user, "test", scopes or SCOPES, self.deeds.now + timedelta(days=90), **more
        )
        return text

    async def signed_in(self, username: str = "anna", role: Role = "administrator", **more: Any) -> Browser:
        await self.user(username, role, **more)
        browser = self.browser()
        response = await browser.sign_in(username)
        assert response.status == 204, await response.text()
        return browser

    async def events(self, *kinds: str) -> list[Event]:
        found, _ = await self.storage.events.find(EventFilter(), after=None, limit=1000)
        return [event for event in found if not kinds or event.kind in kinds]


MakeHouse = Callable[..., Awaitable[House]]


@cache
def _empty_database() -> tuple[Path, TemporaryDirectory[str]]:
    """Return a database that holds nothing: to make one takes longer than most tests, so each is given a copy."""
    folder = TemporaryDirectory(prefix="hashyard-empty-")
    file = Path(folder.name, DATABASE_FILE)
    Storage.open(f"sqlite:///{file}").close()
    return file, folder


@pytest.fixture
async def make_house(tmp_path: Path) -> AsyncIterator[MakeHouse]:
    """Return what starts a house; `**more` goes to the settings, `routes`, `ready` … to the application."""
    ends: list[Callable[[], Awaitable[None]]] = []

    async def make(
        *, app: Mapping[str, Any] | None = None, deeds: QuietDeeds | None = None, **more: Any
    ) -> House:
        data = tmp_path / f"data{len(ends)}"
        data.mkdir()
        settings = Settings(targets=(tmp_path / "targets.yml",), data=data, **more)
        shutil.copy(_empty_database()[0], data / DATABASE_FILE)
        storage = Storage.open(settings.database)
        deeds = deeds or QuietDeeds()
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        options = {
            "process": QuietProcess(),
            "passwords": cheap_passwords(),
            "sleep": sleep,
            "routes": ROUTES,
            **(app or {}),
        }
        if callable(made := options.get("services")):  # parts that need the database
            options["services"] = made(storage)
        server = TestServer(application(settings, deeds, storage, **options))
        await server.start_server()
        http = ClientSession(server.make_url("/"), cookie_jar=DummyCookieJar())
        house = House(settings, deeds, storage, http)
        house.slept = slept

        async def end() -> None:
            await http.close()
            await server.close()
            house.passwords.close()
            storage.close()

        ends.append(end)
        return house

    yield make
    for end in reversed(ends):
        await end()


@pytest.fixture
async def house(make_house: MakeHouse) -> House:
    return await make_house()
