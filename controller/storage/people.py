"""People who can sign in, and the clients that some of them belong to."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from controller.model import Client, Role, User
from controller.storage.assignments import Assignments
from controller.storage.books_schema import closing_reports, ledger_terms
from controller.storage.columns import storable
from controller.storage.database import Database
from controller.storage.faults import NotKept, Refusal, Taken
from controller.storage.grafana_links import GrafanaLinks
from controller.storage.invitations import Invitations
from controller.storage.rows import page, to_struct, values
from controller.storage.schema import assignments, clients, gateway_tokens, users
from controller.wording import worded

_ACTIVE_ADMINISTRATOR = (users.c.role == "administrator", users.c.active.is_(True))


def folded(name: str) -> str:
    """Return a name as it is compared: letter case and the ways of writing a character do not tell two apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(name)).casefold()).strip()


class Users:
    """The people who can sign in. Password hashes leave through `password_hash` alone."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, user: User, password_hash: str) -> None:
        """Keep a new one. Taken (`field`: username, email) where another has it; NotKept if there is no such client."""

        def work(connection: Connection) -> None:
            _check_names(connection, user)
            connection.execute(insert(users).values(_user_row(user, password_hash=password_hash)))

        await self._database.write(work)

    async def get(self, user_id: str) -> User | None:
        """Return one, None if there is none of that id."""
        return await self._one(users.c.id == user_id)

    async def by_name(self, username: str) -> User | None:
        """Return the one of that user name, whatever its letter case."""
        return await self._one(users.c.username_key == folded(username))

    async def by_email(self, email: str) -> User | None:
        """Return the one of that address, whatever its letter case."""
        return await self._one(users.c.email_key == folded(email))

    async def password_hash(self, user_id: str) -> str | None:
        """Return the hash of a user's password, None if there is no such user."""
        statement = select(users.c.password_hash).where(users.c.id == user_id)
        return await self._database.read(
            lambda connection: connection.execute(statement).scalar_one_or_none()
        )

    async def set_password(
        self, user_id: str, password_hash: str, change_needed: bool, *, expected: str | None = None
    ) -> None:
        """Change the hash. `change_needed`: the person has to choose another one. NotKept if there is no such user.

        `expected`: the hash that it takes the place of; ChangedMeanwhile where it is another by now.
        """
        change = {"password_hash": password_hash, "password_change_needed": change_needed}
        chosen = select(users.c.username, users.c.password_hash).where(users.c.id == user_id)

        def work(connection: Connection) -> None:
            kept = connection.execute(chosen).first()
            if kept is not None and expected not in (None, kept.password_hash):
                raise ChangedMeanwhile(
                    worded("%(username)s has been changed meanwhile: look again", username=kept.username)
                )
            _change(connection, user_id, change)

        await self._database.write(work)

    async def update(self, user: User, expected: User | None = None) -> None:
        """Keep a user as he is now; the password stays.

        `expected`: as the caller saw him; Refusal if he has been changed since. Taken, NotKept; LastAdministrator
        where no active administrator would remain.
        """

        def work(connection: Connection) -> None:
            before = connection.execute(select(users).where(users.c.id == user.id)).first()
            if before is None:
                raise NotKept(worded("there is no user %(user)s", user=user.id))
            if expected is not None and to_struct(User, before) != expected:
                raise ChangedMeanwhile(
                    worded("%(username)s has been changed meanwhile: look again", username=user.username)
                )
            _check_names(connection, user)
            _change(connection, user.id, _user_row(user))
            _check_administrators(connection, before)

        await self._database.write(work)

    async def seen(self, user_id: str, at: datetime) -> None:
        """Note when a user was last there; nothing where there is none."""
        chosen = update(users).where(users.c.id == user_id).values(last_seen=at)
        await self._database.write(lambda connection: connection.execute(chosen))

    async def remove(self, user_id: str) -> None:
        """Delete a user with sessions and tokens; the record keeps the name. NotKept, LastAdministrator."""

        def work(connection: Connection) -> None:
            before = connection.execute(select(users).where(users.c.id == user_id)).first()
            if before is None:
                raise NotKept(worded("there is no user %(user_id)s", user_id=user_id))
            connection.execute(delete(users).where(users.c.id == user_id))
            _check_administrators(connection, before)

        await self._database.write(work)

    async def find(
        self,
        *,
        q: str | None = None,
        roles: Sequence[Role] | None = None,
        active: bool | None = None,
        client_id: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[User], str | None]:
        """Return a page, newest first, and the position of the next. `q`: text in user name, name or e-mail."""
        conditions = _conditions(q, roles, active, client_id)
        return await self._database.read(
            lambda connection: page(connection, User, users, conditions, after=after, limit=limit)
        )

    async def count(
        self,
        *,
        q: str | None = None,
        roles: Sequence[Role] | None = None,
        active: bool | None = None,
        client_id: str | None = None,
    ) -> int:
        """Return how many `find` would find in all."""
        conditions = _conditions(q, roles, active, client_id)
        statement = select(func.count()).select_from(users).where(*conditions)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def count_active_administrators(self) -> int:
        """Return how many administrators can sign in."""
        statement = select(func.count()).select_from(users).where(*_ACTIVE_ADMINISTRATOR)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def _one(self, condition: ColumnElement[bool]) -> User | None:
        def work(connection: Connection) -> User | None:
            row = connection.execute(select(users).where(condition)).first()
            return to_struct(User, row) if row else None

        return await self._database.read(work)


class LastAdministrator(Refusal):
    """Without this one nobody could administrate any more."""


class ChangedMeanwhile(Refusal):
    """It is no more what the caller saw."""


class HasSomething(Refusal):
    """A client has or had something, and stays for it."""


class Clients:
    """The customers. One that ever had anything is never deleted, so that its slug is never given again."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, client: Client) -> None:
        """Keep a new one; Taken where another has, or once had, that slug."""

        def work(connection: Connection) -> None:
            if connection.execute(select(clients.c.id).where(clients.c.slug == client.slug)).first():
                raise Taken(
                    worded("the slug %(slug)s is another client's, for ever", slug=client.slug), "slug"
                )
            connection.execute(insert(clients).values(_client_row(client)))

        await self._database.write(work)

    async def get(self, client_id: str) -> Client | None:
        """Return one, None if there is none of that id."""
        return await self._one(clients.c.id == client_id)

    async def by_slug(self, slug: str) -> Client | None:
        """Return the one of that slug."""
        return await self._one(clients.c.slug == slug)

    async def update(self, client: Client, expected: Client | None = None) -> None:
        """Keep a client as it is now. `expected`: as the caller saw it; ChangedMeanwhile if it has been changed since.

        NotKept if there is none; Refusal for another slug, which never changes.
        """

        def work(connection: Connection) -> None:
            before = connection.execute(select(clients).where(clients.c.id == client.id)).first()
            if before is None:
                raise NotKept(worded("there is no client %(client)s", client=client.id))
            if before.slug != client.slug:
                raise Refusal(worded("the slug of a client never changes: %(slug)s stays", slug=before.slug))
            if expected is not None and to_struct(Client, before) != expected:
                raise ChangedMeanwhile(worded("the client has been changed meanwhile: look again"))
            connection.execute(update(clients).where(clients.c.id == client.id).values(_client_row(client)))

        await self._database.write(work)

    async def find(
        self, *, q: str | None = None, after: str | None = None, limit: int = 100
    ) -> tuple[list[Client], str | None]:
        """Return a page, newest first, and the position of the next. `q`: text in name or slug."""
        conditions = [] if q is None else [_has(q, clients.c.words)]
        return await self._database.read(
            lambda connection: page(connection, Client, clients, conditions, after=after, limit=limit)
        )

    async def count(self, *, q: str | None = None) -> int:
        """Return how many `find` would find in all."""
        conditions = [] if q is None else [_has(q, clients.c.words)]
        statement = select(func.count()).select_from(clients).where(*conditions)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def all(self) -> list[Client]:
        """Return all, the archived too, by slug."""

        def work(connection: Connection) -> list[Client]:
            rows = connection.execute(select(clients).order_by(clients.c.slug))
            return [to_struct(Client, row) for row in rows]

        return await self._database.read(work)

    async def remove(self, client_id: str) -> None:
        """Delete a client that never had anything. NotKept if there is none; Refusal with what it has or had."""
        await self._database.write(lambda connection: _remove_client(connection, client_id))

    async def _one(self, condition: ColumnElement[bool]) -> Client | None:
        def work(connection: Connection) -> Client | None:
            row = connection.execute(select(clients).where(condition)).first()
            return to_struct(Client, row) if row else None

        return await self._database.read(work)


def _user_row(user: User, **more: Any) -> dict[str, Any]:
    return values(
        user,
        username_key=folded(user.username),
        email_key=folded(user.email) if user.email else None,
        words=_words(user.username, user.name, user.email),
        **more,
    )


def _client_row(client: Client) -> dict[str, Any]:
    return values(client, words=_words(client.name, client.slug))


def _words(*names: str | None) -> str:
    return " ".join(folded(name) for name in names if name)


def _check_names(connection: Connection, user: User) -> None:
    """See that no other user has the name or the address, and that the client is there."""
    others = users.c.id != user.id
    wanted = {"username": user.username, "email": user.email}
    for field, value in wanted.items():
        key = users.c[f"{field}_key"]
        if value and connection.execute(select(users.c.id).where(others, key == folded(value))).first():
            raise Taken(
                worded("the %(field)s %(value)s is taken: choose another", field=field, value=value), field
            )
    if user.client_id is not None:
        known = select(clients.c.id).where(clients.c.id == user.client_id)
        if connection.execute(known).first() is None:
            raise NotKept(worded("there is no client %(client_id)s", client_id=user.client_id))


def _change(connection: Connection, user_id: str, change: dict[str, Any]) -> None:
    if not connection.execute(update(users).where(users.c.id == user_id).values(change)).rowcount:
        raise NotKept(worded("there is no user %(user_id)s", user_id=user_id))


def _check_administrators(connection: Connection, before: Row[Any]) -> None:
    """See that a change of this user leaves somebody who can administrate: a rule that two at once cannot break together."""
    if before.role != "administrator" or not before.active:
        return
    left = select(users.c.id).where(*_ACTIVE_ADMINISTRATOR).limit(1)
    if connection.execute(left).first() is None:
        raise LastAdministrator(worded("this is the last active administrator: make another one first"))


def _conditions(
    q: str | None, roles: Sequence[Role] | None, active: bool | None, client_id: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if q is not None:
        conditions.append(_has(q, users.c.words))
    if roles is not None:
        conditions.append(users.c.role.in_(roles))
    if active is not None:
        conditions.append(users.c.active.is_(active))
    if client_id is not None:
        conditions.append(users.c.client_id == client_id)
    return conditions


def _has(q: str, words: Column[str]) -> ColumnElement[bool]:
    return and_(true(), *(words.contains(word, autoescape=True) for word in folded(q).split()))


def _remove_client(connection: Connection, client_id: str) -> None:
    slug = connection.execute(select(clients.c.slug).where(clients.c.id == client_id)).scalar()
    if slug is None:
        raise NotKept(worded("there is no client %(client)s", client=client_id))
    held = {
        worded("the client has containers, or once had: archive it"): select(assignments.c.container).where(
            assignments.c.client_id == client_id
        ),
        worded("people belong to the client: take them away first, or archive it"): select(users.c.id).where(
            users.c.client_id == client_id
        ),
        worded("the client has tokens of the query gateway: revoke them first, or archive it"): select(
            gateway_tokens.c.id
        ).where(gateway_tokens.c.client_id == client_id),
        worded("the books have energy of the client: archive it"): select(ledger_terms.c.number).where(
            ledger_terms.c.client == slug
        ),
        worded("closed reports are the client's: archive it"): select(closing_reports.c.number).where(
            closing_reports.c.client == slug
        ),
    }
    for refusal, statement in held.items():
        if connection.execute(statement.limit(1)).first() is not None:
            raise HasSomething(refusal)
    connection.execute(delete(clients).where(clients.c.id == client_id))


class People:
    """Users and clients, whose containers are, the invitations of users, and what became of both in Grafana."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self.users = Users(database)
        self.clients = Clients(database)
        self.invitations = Invitations(database)
        self.grafana = GrafanaLinks(database)
        self.assignments = Assignments(database)
