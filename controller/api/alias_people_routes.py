"""The paths by which older tools sign in and make users: a password is given, and has to be changed at first use."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from controller.api.alias_control_routes import alias_route, canonical
from controller.api.passwords import NewPassword, check_new
from controller.api.problems import Mistake, invalid
from controller.api.route import ADMINISTRATORS, ANYBODY, Answer, Call, NoQuery, Route
from controller.api.signing_in_routes import SignIn, SignInQuery, sign_in
from controller.api.user_changes import ClientId, Email, NewUser, Username, make_user


class OlderToken(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token for 12 hours."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # OAuth's word, no token
    expires_at: datetime


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to sign in. `role`: CLIENT or ACCOUNTANT, in any letters; a client of his name is made if need be."""

    username: Username
    password: NewPassword
    email: Email | None = None
    role: Annotated[str, msgspec.Meta(max_length=20)] = "client"
    client_id: ClientId | None = None


class NewAdministrator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to administrate."""

    username: Username
    password: NewPassword
    email: Email | None = None


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Who was made."""

    id: str
    username: str
    email: str | None
    role: str
    client_id: str | None
    created_at: datetime


async def log_in(call: Call[SignIn, Any]) -> Answer:
    """Sign in for a token of 12 hours."""
    answer = await sign_in(replace(call, query=SignInQuery(as_="token")))
    body = OlderToken(access_token=answer.body.access_token, expires_at=answer.body.expires_at)
    return Answer(body=body, headers=canonical("/api/v1/auth/login"))


async def register(call: Call[Registration, NoQuery]) -> Answer:
    """Make a client or an accountant."""
    order, role = call.body, call.body.role.lower()
    if role not in ("client", "accountant"):
        raise invalid(
            Mistake("/role", "choice", "it is CLIENT or ACCOUNTANT; /api/auth/admin/create makes others")
        )
    wish = NewUser(
        username=order.username,
        role="client" if role == "client" else "accountant",
        email=order.email,
        client_id=order.client_id,
    )
    return await _registered(call, wish, order.password)


async def create_administrator(call: Call[NewAdministrator, NoQuery]) -> Answer:
    """Make an administrator."""
    order = call.body
    wish = NewUser(username=order.username, role="administrator", email=order.email)
    return await _registered(call, wish, order.password)


async def _registered(call: Call[Any, Any], wish: NewUser, password: str) -> Answer:
    """Make a user with a password that an administrator knows: so it has to be changed at first use."""
    check_new(password, wish.username, "/password")
    kept = await call.signing_in.passwords.hash(password)
    made, _ = await make_user(call, wish)
    await call.storage.people.users.set_password(made.id, kept, change_needed=True)
    body = Registered(
        id=made.id,
        username=made.username,
        email=made.email,
        role=made.role,
        client_id=made.client_id,
        created_at=made.created_at,
    )
    return Answer(body=body, headers=canonical("/api/v1/users"))


_PEOPLE: Final[dict[str, Any]] = {
    "roles": ADMINISTRATORS,
    "scopes": ("people",),
    "step_up": True,
    "everywhere": True,
}

ROUTES: tuple[Route, ...] = (
    alias_route(
        "POST",
        "/api/auth/login",
        log_in,
        "Sign in for a token of 12 hours",
        roles=ANYBODY,
        scopes=(),
        body=SignIn,
        reply=OlderToken,
        problems=("sign-in-needed", "too-many"),
        body_example={"username": "admin", "password": "four words that differ"},
    ),
    alias_route(
        "POST",
        "/api/auth/register",
        register,
        "Make a client or an accountant",
        body=Registration,
        reply=Registered,
        status=201,
        problems=("exists", "too-many"),
        body_example={"username": "olga", "password": "four words that differ", "role": "ACCOUNTANT"},
        **_PEOPLE,
    ),
    alias_route(
        "POST",
        "/api/auth/admin/create",
        create_administrator,
        "Make an administrator",
        body=NewAdministrator,
        reply=Registered,
        status=201,
        problems=("exists", "too-many"),
        body_example={"username": "olga", "password": "four words that differ"},
        **_PEOPLE,
    ),
)
