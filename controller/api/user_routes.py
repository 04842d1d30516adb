"""The routes of people: who can sign in, in which role, for which client, and what of theirs is open."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.client_routes import make_client
from controller.api.conditions import etag_of
from controller.api.first_administrator import forget_first_password
from controller.api.me_access_routes import SessionView, revoke_token, session_page, token_page
from controller.api.me_routes import Language, PersonName
from controller.api.paging import from_cursor, to_cursor
from controller.api.passwords import one_time_password
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import ADMINISTRATORS, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.model import Role, Scope, Token, User, new_id
from controller.wording import worded

Username = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$",
        description="Any letters, no space around; letter case does not tell two names apart",
    ),
]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$",
        description="One address, such as olga@example.org",
    ),
]
ClientId = Annotated[str, msgspec.Meta(max_length=64, description="`cli_…`")]


class UserQuery(ListQuery, frozen=True, kw_only=True):
    """Which users. `q`: text in the user name, the name or the e-mail address."""

    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    role: tuple[Role, ...] = ()
    active: bool | None = None


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to sign in. A client without `client_id` gets a client of his name."""

    username: Username
    role: Role
    email: Email | None = None
    name: PersonName | None = None
    client_id: ClientId | None = None
    language: Language = "en"


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a user; what is not given stays. Another role ends all that he has open."""

    username: Username | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    name: PersonName | UnsetType | None = UNSET
    client_id: ClientId | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class MadeUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user who was made, and his one-time password: shown this once, to be changed at first use."""

    id: str
    username: str
    role: Role
    email: str | None
    name: str | None
    client_id: str | None
    language: str
    active: bool
    password_change_needed: bool
    created_at: datetime
    password: str


class OneTimePassword(msgspec.Struct, frozen=True):
    """A password that is shown this once, to be changed at first use."""

    password: str


async def get_users(call: Call[None, UserQuery]) -> Page[User]:
    """Return the users, newest first."""
    query = call.query
    which: dict[str, Any] = {"q": query.q, "roles": query.role or None, "active": query.active}
    users, after = await call.storage.people.users.find(
        **which, after=from_cursor("users", query.cursor), limit=query.limit
    )
    total = await call.storage.people.users.count(**which)
    return Page(items=users, next=to_cursor("users", after), total=total)


async def post_user(call: Call[NewUser, NoQuery]) -> Answer:
    """Make a user with a one-time password."""
    wish = call.body
    await _check_client(call, wish.role, wish.client_id, may_be_made=True)
    await _check_free(call, wish.username)
    client_id = wish.client_id
    if wish.role == "client" and client_id is None:
        client_id = (await make_client(call, wish.name or wish.username, wish.language, "/client_id")).id
    password = one_time_password()
    user = User(
        id=new_id("usr"),
        username=wish.username,
        role=wish.role,
        created_at=call.now,
        email=wish.email,
        name=wish.name,
        client_id=client_id,
        language=wish.language,
        password_change_needed=True,
    )
    await call.storage.people.users.add(user, await call.signing_in.passwords.hash(password))
    await _record(call, "user.created", user, after=_told(user))
    made = MadeUser(
        id=user.id,
        username=user.username,
        role=user.role,
        email=user.email,
        name=user.name,
        client_id=user.client_id,
        language=user.language,
        active=user.active,
        password_change_needed=True,
        created_at=user.created_at,
        password=password,
    )
    return Answer(body=made, headers={"Location": f"/api/v1/users/{user.id}"}, etag=_etag(user))


async def get_user(call: Call[None, NoQuery]) -> Answer:
    """Return one user."""
    user = await _user(call)
    return Answer(body=user, etag=_etag(user))


async def patch_user(call: Call[UserChange, NoQuery]) -> Answer:
    """Change a user."""
    user = await _user(call)
    call.require_match(_etag(user))
    given = {
        field.name: getattr(call.body, field.name)
        for field in msgspec.structs.fields(UserChange)
        if getattr(call.body, field.name) is not UNSET
    }
    if given.get("role", user.role) != "client" and "client_id" not in given:
        given["client_id"] = None
    changed = msgspec.structs.replace(user, **given)
    await _check_client(call, changed.role, changed.client_id, may_be_made=False)
    if changed == user:
        return Answer(body=user, etag=_etag(user))
    await call.storage.people.users.update(changed, expected=user)
    if (changed.role, changed.client_id, changed.active) != (user.role, user.client_id, user.active):
        await call.signing_in.end_all(user.id, tokens=not changed.active)
    await _record(call, "user.changed", changed, before=_told(user), after=_told(changed))
    return Answer(body=changed, etag=_etag(changed))


async def delete_user(call: Call[None, NoQuery]) -> Answer:
    """Take somebody's rights; the record keeps the name."""
    user = await _user(call)
    await call.storage.people.users.remove(user.id)
    await _record(call, "user.removed", user, before=_told(user))
    await forget_first_password(call.settings.data, user.username)
    return Answer(status=204)


async def post_password(call: Call[None, NoQuery]) -> OneTimePassword:
    """Give somebody a new one-time password; his sessions end."""
    user = await _user(call)
    password = one_time_password()
    kept = await call.signing_in.passwords.hash(password)
    await call.storage.people.users.set_password(user.id, kept, change_needed=True)
    await call.signing_in.end_all(user.id, tokens=False)
    await _record(call, "user.password_reset", user)
    await forget_first_password(call.settings.data, user.username)
    return OneTimePassword(password)


async def get_sessions(call: Call[None, ListQuery]) -> Page[SessionView]:
    """Return somebody's open sessions."""
    user = await _user(call)
    own = call.person.session
    sessions = await call.storage.access.sessions.of_user(user.id)
    return session_page(sessions, call.query, None if own is None else own.id)


async def delete_sessions(call: Call[None, NoQuery]) -> Answer:
    """End all of somebody's sessions, and the tokens of his sign-ins."""
    user = await _user(call)
    await call.signing_in.end_all(user.id, tokens=False)
    await _record(call, "user.sessions_ended", user)
    return Answer(status=204)


async def get_tokens(call: Call[None, ListQuery]) -> Page[Token]:
    """Return somebody's tokens, without the tokens themselves."""
    user = await _user(call)
    return token_page(await call.storage.access.tokens.of_user(user.id), call.query)


async def delete_tokens(call: Call[None, NoQuery]) -> Answer:
    """Revoke all of somebody's tokens."""
    user = await _user(call)
    await call.storage.access.tokens.end_of_user(user.id)
    await _record(call, "user.tokens_revoked", user)
    return Answer(status=204)


async def delete_token(call: Call[None, NoQuery]) -> Answer:
    """Revoke one of somebody's tokens."""
    user = await _user(call)
    await revoke_token(call, user.id, call.path["token_id"])
    return Answer(status=204)


async def _user(call: Call[Any, Any]) -> User:
    user = await call.storage.people.users.get(call.path["id"])
    if user is None:
        raise Problem("not-found", worded("there is no such user"))
    return user


async def _check_client(
    call: Call[Any, Any], role: Role, client_id: str | None, *, may_be_made: bool
) -> None:
    """See that the role client, and no other, has a client, one that there is. Raises Problem (invalid)."""
    if role != "client" and client_id is not None:
        raise invalid(
            Mistake("/client_id", "not-allowed", worded("only the role client belongs to a client"))
        )
    if role == "client" and client_id is None and not may_be_made:
        raise invalid(
            Mistake("/client_id", "missing", worded("the role client belongs to a client: name it"))
        )
    if client_id is not None and await call.storage.people.clients.get(client_id) is None:
        raise invalid(Mistake("/client_id", "not-found", worded("there is no such client")))


async def _check_free(call: Call[Any, Any], username: str) -> None:
    """See that a name is free before a client is made for it. Raises Problem (exists)."""
    if await call.storage.people.users.by_name(username) is not None:
        detail = worded("the username %(username)s is taken: choose another", username=username)
        raise Problem("exists", detail, [Mistake("/username", "exists", detail)])


async def _record(call: Call[Any, Any], kind: str, user: User, **more: Any) -> None:
    await call.record(
        "people", kind, params={"user": user.id, "username": user.username}, outcome="ok", **more
    )


def _told(user: User) -> dict[str, Any]:
    """Return what the record says of a user."""
    names = ("username", "role", "email", "name", "client_id", "language", "active")
    return {name: getattr(user, name) for name in names}


def _etag(user: User) -> str:
    return etag_of((user.id, _told(user)))


_TAGS = ("people",)
_SCOPES: tuple[Scope, ...] = ("people",)


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1/users{path}",
        roles=ADMINISTRATORS,
        scopes=_SCOPES,
        summary=summary,
        handler=handler,
        tags=_TAGS,
        step_up=method != "GET",
        everywhere=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", "Users", get_users, query=UserQuery, reply=Page[User]),
    _route(
        "POST",
        "",
        "Make a user",
        post_user,
        body=NewUser,
        reply=MadeUser,
        status=201,
        problems=("exists", "too-many"),
        description="The answer holds a one-time password, shown this once. It has to be changed at first use.",
        body_example={"username": "olga", "role": "accountant", "email": "olga@example.org"},
    ),
    _route("GET", "/{id}", "A user", get_user, reply=User),
    _route(
        "PATCH",
        "/{id}",
        "Change a user",
        patch_user,
        body=UserChange,
        reply=User,
        conditional=True,
        problems=("exists", "last-administrator"),
        description="Another role or client, or making inactive, ends all sessions.",
        body_example={"role": "administrator"},
    ),
    _route(
        "DELETE",
        "/{id}",
        "Remove a user",
        delete_user,
        status=204,
        problems=("last-administrator",),
        description="Takes the rights, sessions and tokens. The record keeps the name.",
    ),
    _route(
        "POST",
        "/{id}/password",
        "Give a new one-time password",
        post_password,
        reply=OneTimePassword,
        problems=("too-many",),
        description="Shown this once. All sessions of the user end.",
    ),
    _route(
        "GET",
        "/{id}/sessions",
        "A user's open sessions",
        get_sessions,
        query=ListQuery,
        reply=Page[SessionView],
    ),
    _route("DELETE", "/{id}/sessions", "End all sessions of a user", delete_sessions, status=204),
    _route("GET", "/{id}/tokens", "A user's tokens", get_tokens, query=ListQuery, reply=Page[Token]),
    _route("DELETE", "/{id}/tokens", "Revoke all tokens of a user", delete_tokens, status=204),
    _route("DELETE", "/{id}/tokens/{token_id}", "Revoke one token of a user", delete_token, status=204),
)
