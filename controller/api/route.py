"""One route of the HTTP API as an object, and the call that its handler gets.

The table of all routes (`controller/api/routes.py`) is made of these, and everything else comes from it: the
dispatch, the checks of who may, the decoding, the OpenAPI document, and the test that walks all routes. A Route cannot
be made without saying who may use it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from controller.api.conditions import check_if_match
from controller.api.person import Person
from controller.api.preferences import Preferences
from controller.api.problems import Kind, Problem
from controller.deeds import Deeds, MinerView
from controller.model import Actor, Category, Event, Role, Scope, new_id
from controller.settings import Settings
from controller.wording import worded
from miners.inventory.fleet import Container

if TYPE_CHECKING:
    from controller.api.signing_in import SigningIn
    from controller.storage.storage import Storage


class Open(Enum):
    """The mark of a route that needs nobody signed in."""

    ANYBODY = "anybody"


ANYBODY = Open.ANYBODY
ADMINISTRATORS: tuple[Role, ...] = ("administrator",)
OFFICE: tuple[Role, ...] = ("administrator", "accountant")
EVERYBODY: tuple[Role, ...] = ("administrator", "accountant", "client")

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler: TypeAlias = Callable[["Call[Any, Any]"], Awaitable[Any]]

B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")

MAX_LIMIT = 500
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many items at most")]
Cursor = Annotated[
    str,
    msgspec.Meta(
        max_length=500, description="`next` of the answer before; opaque, to be given back as it is"
    ),
]
Moment = Annotated[
    datetime, msgspec.Meta(tz=True, description="A time with its zone, such as 2026-03-01T18:00:00Z")
]
Sort = Annotated[
    str,
    msgspec.Meta(max_length=200, description="Fields by which to sort, with commas; `-` before one turns it"),
]


class NoQuery(msgspec.Struct, frozen=True):
    """The query of a route that takes none."""


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What every list takes. A list with filters has a query that inherits from this one.

    A field that is a tuple may be given several times, which means or; different fields mean and.
    """

    limit: Limit = 100
    cursor: Cursor | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list. `next`: the cursor of the part that follows, None at the end. `total`: of all parts."""

    items: Sequence[T]
    next: str | None
    total: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply that is more than its body. `etag`: as `etag_of` made it. `status` None: the route's own."""

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method on one path: who may, what goes in, what comes out, and what does it.

    `roles`: the roles that may, or ANYBODY for a route without signing in. `scopes`: what a token must carry besides,
    all of them; () is any token. `body`, `query`, `reply`: msgspec types; a body of `bytes` is handed over as it came,
    and then `body_media` lists the types it may have. A reply that is no JSON names its `reply_media`;
    `reply_also`: types in which the same reply comes as text to whoever asks for it so.
    `also`: further statuses of success and when they come. `problems`: kinds it may answer beside those that every route
    of its form may. `step_up`: a session must have given its password within 15 minutes. `conditional`: needs If-Match.
    `idempotent`: takes an Idempotency-Key. `sorts`: fields that `sort` may name. `everywhere`: it concerns all containers,
    so a token that is for some of them does not do. `page`: it answers people: mistakes as pages, nobody signed in leads to
    signing in, the session's token comes in the form's field `csrf`, and parameters that it does not know are not looked at.
    `in_view`: it changes something, and may be used by an administrator who has taken a client's view all the same.
    """

    method: Method
    path: str
    roles: tuple[Role, ...] | Open
    scopes: tuple[Scope, ...]
    summary: str
    handler: Handler
    description: str = ""
    tags: tuple[str, ...] = ()
    body: Any = None
    body_media: tuple[str, ...] = ("application/json",)
    query: type[msgspec.Struct] = NoQuery
    reply: Any = None
    reply_media: str = "application/json"
    reply_also: tuple[str, ...] = ()
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[Kind, ...] = ()
    body_example: Any = None
    reply_example: Any = None
    step_up: bool = False
    conditional: bool = False
    idempotent: bool = False
    sorts: tuple[str, ...] = ()
    everywhere: bool = False
    page: bool = False
    in_view: bool = False

    def __post_init__(self) -> None:
        """Refuse a route that says of nobody that he may, or that contradicts itself."""
        where = f"{self.method} {self.path}"
        if self.roles != ANYBODY and not self.roles:
            raise ValueError(f"{where}: a route says who may use it: roles, or ANYBODY")
        if self.roles == ANYBODY and (self.scopes or self.step_up):
            raise ValueError(f"{where}: what anybody may use can ask for no scope and no password")
        if self.roles == ANYBODY and self.everywhere:
            raise ValueError(f"{where}: what anybody may use says itself what a token may")
        if self.body is not None and self.method in ("GET", "DELETE"):
            raise ValueError(f"{where}: {self.method} has no body")
        if self.method == "GET" and (self.step_up or self.conditional or self.idempotent):
            raise ValueError(f"{where}: GET changes nothing")
        if self.idempotent and self.method != "POST":
            raise ValueError(f"{where}: an Idempotency-Key is for POST")

    @property
    def open(self) -> bool:
        """Return whether anybody may use it."""
        return isinstance(self.roles, Open)


@dataclass(kw_only=True)
class Call(Generic[B, Q]):
    """One request, checked and decoded: what a handler gets.

    `path`: the values in the path. `sort`: (field, descending) as asked for, () if nothing was. `address`: of the
    caller, through trusted proxies. `preferences`: of who asks, for pages. `person` may be asked for wherever the route is
    not open; `asker` is None when nobody is signed in.
    """

    route: Route
    request: web.Request
    path: Mapping[str, str]
    body: B
    query: Q
    sort: tuple[tuple[str, bool], ...]
    asker: Person | None
    request_id: str
    address: str
    secure: bool
    deeds: Deeds
    storage: Storage
    settings: Settings
    signing_in: SigningIn
    preferences: Preferences = field(default_factory=Preferences)
    services: Mapping[type[Any], Any] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Return who asks. Raises Problem when nobody is signed in."""
        if self.asker is None:
            raise Problem("sign-in-needed", worded("sign in first"))
        return self.asker

    @property
    def actor(self) -> Actor:
        """Return who asks, for the record."""
        return self.person.actor

    @property
    def now(self) -> datetime:
        """Return the time on the controller's clock, UTC."""
        return self.deeds.now

    def service(self, kind: type[T]) -> T:
        """Return the part of the controller of this type that the application was made with."""
        found: T = self.services[kind]
        return found

    def containers(self) -> list[Container]:
        """Return the containers that the person may see, in the order of the inventory."""
        return [container for container in self.deeds.inventory.containers if self.person.may_see(container)]

    def container(self, container_id: str) -> Container:
        """Return one that the person may see. Raises Problem: 404, also for somebody else's."""
        for container in self.deeds.inventory.containers:
            if container.id == container_id and self.person.may_see(container):
                return container
        raise Problem("not-found", worded("there is no such container"))

    def miner(self, miner_id: str) -> MinerView:
        """Return a miner that the person may see. Raises Problem: 404, also for somebody else's."""
        view = self.deeds.view(miner_id)
        if view is None or not self.person.may_see(view.container):
            raise Problem("not-found", worded("there is no such miner"))
        return view

    def require_match(self, etag: str) -> None:
        """Compare If-Match with the ETag of what is there now. Raises Problem: 412."""
        check_if_match(self.request.headers.get("If-Match"), etag)

    def event(self, category: Category, kind: str, **more: Any) -> Event:
        """Return an event of this request, with who and from where; `more`: further fields of Event."""
        more.setdefault("actor", self.asker.actor if self.asker is not None else Actor("system", "nobody"))
        return Event(
            id=new_id("evt"),
            at=self.now,
            category=category,
            kind=kind,
            request_id=self.request_id,
            address=self.address,
            **more,
        )

    async def record(self, category: Category, kind: str, **more: Any) -> None:
        """Write an event of this request; durable when this returns."""
        await self.storage.events.add(self.event(category, kind, **more))

    async def still_allowed(self) -> bool:
        """Return whether the person may still use this route: for answers that last, to be asked every 15 s."""
        return await self.signing_in.still_allowed(self.person, self.route)
