"""What is wished of Grafana, as plain data: who is to have access, which clients are to have an organisation.

The function that does it is handed in (`Bring`): the controller knows nothing of Grafana's API. People who are not active, or
whose client is no customer any more, are left out, and lose what they have there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from controller.model import Client, Role, User
from controller.sign_on.claims import vouched_email
from controller.storage.storage import Storage

_PAGE = 500


class WishedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to have access. `address`: what the controller vouches for when he signs on."""

    id: str
    name: str
    address: str
    part: Role
    client: str | None = None


class WishedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the query gateway that is good now, without the token."""

    id: str
    created_at: datetime


class WishedClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client who is to have an organisation."""

    id: str
    slug: str
    name: str
    tokens: Sequence[WishedToken] = ()


class GrafanaMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What was made in Grafana earlier: its uid of each person's account, and each client's tokens that were made for it."""

    people: Mapping[str, str] = {}
    tokens: Mapping[str, Sequence[str]] = {}


class GrafanaWish(msgspec.Struct, frozen=True, kw_only=True):
    """All that is wished. `gateway`: where Grafana's server reaches the query gateway; `pages`: where people reach the pages."""

    now: datetime
    gateway: str
    pages: str | None = None
    people: Sequence[WishedPerson] = ()
    clients: Sequence[WishedClient] = ()
    memory: GrafanaMemory = GrafanaMemory()


class GrafanaOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: lines for people. `away`: why Grafana could not be read, "" where it could.

    `silent`: it fell silent on the way; `shut_out`: it does not let the account in.
    `people`, `clients`: by id, "" for in line, else why not. `notes`: what was left alone and somebody should know.
    """

    away: str = ""
    silent: bool = False
    shut_out: bool = False
    done: Sequence[str] = ()
    failed: Sequence[str] = ()
    notes: Sequence[str] = ()
    people: Mapping[str, str] = {}
    clients: Mapping[str, str] = {}
    memory: GrafanaMemory = GrafanaMemory()


class TokenDesk(Protocol):
    """Makes and revokes tokens of the query gateway, asked from a thread. Raises RuntimeError with words."""

    def make(self, client_id: str) -> tuple[str, str]:
        """Make a token for a client; return its id and the token itself."""

    def revoke(self, client_id: str, token_id: str) -> None:
        """Revoke a token; one that is gone is revoked."""


Bring: TypeAlias = Callable[[GrafanaWish, TokenDesk, Callable[[], bool]], GrafanaOutcome]
"""Brings Grafana in line, in a thread; gives up between two questions once the last argument says so. Raises nothing of its own."""


async def read_wish(
    storage: Storage, gateway: str, pages: str | None, memory: GrafanaMemory, now: datetime
) -> GrafanaWish:
    """Return what is wished now."""
    clients = [client for client in await _all_clients(storage) if client.active]
    known = {client.id for client in clients}
    wished = [
        WishedClient(
            id=client.id,
            slug=client.slug,
            name=client.name,
            tokens=[
                WishedToken(id=token.id, created_at=token.created_at)
                for token in await storage.gateway_tokens.of_client(client.id)
            ],
        )
        for client in clients
    ]
    people = [
        wished_person(user)
        for user in await all_users(storage)
        if user.active and (user.role != "client" or user.client_id in known)
    ]
    return GrafanaWish(now=now, gateway=gateway, pages=pages, people=people, clients=wished, memory=memory)


def wished_person(user: User) -> WishedPerson:
    """Return a user as Grafana is to know him. Grafana keeps addresses in small letters."""
    return WishedPerson(
        id=user.id,
        name=user.name or user.username,
        address=vouched_email(user).lower(),
        part=user.role,
        client=user.client_id if user.role == "client" else None,
    )


async def all_users(storage: Storage) -> list[User]:
    """Return everybody, also those who are not active."""
    users, after = await storage.people.users.find(limit=_PAGE)
    while after is not None:
        more, after = await storage.people.users.find(after=after, limit=_PAGE)
        users += more
    return users


async def _all_clients(storage: Storage) -> list[Client]:
    clients, after = await storage.people.clients.find(limit=_PAGE)
    while after is not None:
        more, after = await storage.people.clients.find(after=after, limit=_PAGE)
        clients += more
    return clients
