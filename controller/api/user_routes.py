"""The routes of people: who can sign in, in which role, for which client, and what of theirs is open."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from controller.api.me_access_routes import SessionView, revoke_token, session_page, token_page
from controller.api.paging import from_cursor, to_cursor
from controller.api.route import ADMINISTRATORS, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.user_changes import (
    NewUser,
    UserChange,
    UserView,
    change_user,
    end_session,
    end_sessions,
    etag_of_user,
    invite_user,
    known_user,
    make_user,
    remove_user,
    reset_password,
    revoke_tokens,
    views_of,
    withdraw_invitation,
)
from controller.model import Role, Scope, Token, User


class UserQuery(ListQuery, frozen=True, kw_only=True):
    """Which users. `q`: text in the user name, the name or the e-mail address."""

    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    role: tuple[Role, ...] = ()
    active: bool | None = None


class MadeUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user who was made, and what he signs in with, shown this once: a one-time password, or the link of an invitation.

    The password has to be changed at first use. By the link, good until `link_expires_at`, he chooses his own.
    """

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
    password: str | None
    link: str | None
    link_expires_at: datetime | None


class OneTimePassword(msgspec.Struct, frozen=True):
    """A password that is shown this once, to be changed at first use."""

    password: str


class InvitationLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that is shown this once, and good once, until `expires_at`."""

    link: str
    expires_at: datetime


async def get_users(call: Call[None, UserQuery]) -> Page[UserView]:
    """Return the users, newest first."""
    query = call.query
    which: dict[str, Any] = {"q": query.q, "roles": query.role or None, "active": query.active}
    users, after = await call.storage.people.users.find(
        **which, after=from_cursor("users", query.cursor), limit=query.limit
    )
    total = await call.storage.people.users.count(**which)
    return Page(items=await views_of(call, users), next=to_cursor("users", after), total=total)


async def post_user(call: Call[NewUser, NoQuery]) -> Answer:
    """Make a user with a one-time password, or with the link of an invitation."""
    user, let_in = await make_user(call, call.body)
    made = MadeUser(
        id=user.id,
        username=user.username,
        role=user.role,
        email=user.email,
        name=user.name,
        client_id=user.client_id,
        language=user.language,
        active=user.active,
        password_change_needed=user.password_change_needed,
        created_at=user.created_at,
        password=let_in.password,
        link=let_in.link,
        link_expires_at=let_in.link_expires_at,
    )
    return Answer(body=made, headers={"Location": f"/api/v1/users/{user.id}"}, etag=etag_of_user(user))


async def get_user(call: Call[None, NoQuery]) -> Answer:
    """Return one user."""
    return await _shown(call, await known_user(call))


async def patch_user(call: Call[UserChange, NoQuery]) -> Answer:
    """Change a user."""
    user = await known_user(call)
    call.require_match(etag_of_user(user))
    return await _shown(call, await change_user(call, user, call.body))


async def delete_user(call: Call[None, NoQuery]) -> Answer:
    """Take somebody's rights; the record keeps the name."""
    await remove_user(call, await known_user(call))
    return Answer(status=204)


async def post_password(call: Call[None, NoQuery]) -> OneTimePassword:
    """Give somebody a new one-time password; his sessions end."""
    let_in = await reset_password(call, await known_user(call))
    return OneTimePassword(let_in.password or "")


async def post_invitation(call: Call[None, NoQuery]) -> InvitationLink:
    """Give somebody a link with which he chooses his password; his sessions end."""
    let_in = await invite_user(call, await known_user(call))
    return InvitationLink(link=let_in.link or "", expires_at=let_in.link_expires_at or call.now)


async def delete_invitation(call: Call[None, NoQuery]) -> Answer:
    """Withdraw a link that was not used yet."""
    await withdraw_invitation(call, await known_user(call))
    return Answer(status=204)


async def get_sessions(call: Call[None, ListQuery]) -> Page[SessionView]:
    """Return somebody's open sessions."""
    user = await known_user(call)
    own = call.person.session
    sessions = await call.storage.access.sessions.of_user(user.id)
    return session_page(sessions, call.query, None if own is None else own.id)


async def delete_sessions(call: Call[None, NoQuery]) -> Answer:
    """End all of somebody's sessions, and the tokens of his sign-ins."""
    await end_sessions(call, await known_user(call))
    return Answer(status=204)


async def delete_session(call: Call[None, NoQuery]) -> Answer:
    """End one of somebody's sessions."""
    await end_session(call, await known_user(call), call.path["session_id"])
    return Answer(status=204)


async def get_tokens(call: Call[None, ListQuery]) -> Page[Token]:
    """Return somebody's tokens, without the tokens themselves."""
    user = await known_user(call)
    return token_page(await call.storage.access.tokens.of_user(user.id), call.query)


async def delete_tokens(call: Call[None, NoQuery]) -> Answer:
    """Revoke all of somebody's tokens."""
    await revoke_tokens(call, await known_user(call))
    return Answer(status=204)


async def delete_token(call: Call[None, NoQuery]) -> Answer:
    """Revoke one of somebody's tokens."""
    user = await known_user(call)
    await revoke_token(call, user.id, call.path["token_id"])
    return Answer(status=204)


async def _shown(call: Call[Any, Any], user: User) -> Answer:
    [view] = await views_of(call, [user])
    return Answer(body=view, etag=etag_of_user(user))


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
    _route("GET", "", "Users", get_users, query=UserQuery, reply=Page[UserView]),
    _route(
        "POST",
        "",
        "Make a user",
        post_user,
        body=NewUser,
        reply=MadeUser,
        status=201,
        problems=("exists", "too-many"),
        description=(
            "The answer holds a one-time password, which has to be changed at first use; with `invite` a link in its place, by "
            "which the person chooses the password within seven days. Both are shown this once."
        ),
        body_example={"username": "olga", "role": "accountant", "email": "olga@example.org"},
    ),
    _route("GET", "/{id}", "A user", get_user, reply=UserView),
    _route(
        "PATCH",
        "/{id}",
        "Change a user",
        patch_user,
        body=UserChange,
        reply=UserView,
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
        description="Shown this once. All sessions of the user end, and an invitation that was not used.",
    ),
    _route(
        "POST",
        "/{id}/invitation",
        "Invite a user",
        post_invitation,
        reply=InvitationLink,
        problems=("invalid", "too-many"),
        description=(
            "A link, shown this once, by which the user chooses his password within seven days. The password so far and an "
            "earlier link are not good any more, and all sessions of the user end."
        ),
    ),
    _route(
        "DELETE",
        "/{id}/invitation",
        "Withdraw an invitation",
        delete_invitation,
        status=204,
        description="The link is not good any more. 404 where there is none that was not used.",
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
    _route("DELETE", "/{id}/sessions/{session_id}", "End one session of a user", delete_session, status=204),
    _route("GET", "/{id}/tokens", "A user's tokens", get_tokens, query=ListQuery, reply=Page[Token]),
    _route("DELETE", "/{id}/tokens", "Revoke all tokens of a user", delete_tokens, status=204),
    _route("DELETE", "/{id}/tokens/{token_id}", "Revoke one token of a user", delete_token, status=204),
)
