"""The routes of signing in and out, and of giving the password again."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from controller.api.gate import CSRF_HEADER, session_cookie, set_cookie
from controller.api.passwords import GivenPassword
from controller.api.person import ROLE_SCOPES, Person
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import ANYBODY, EVERYBODY, Answer, Call, NoQuery, Route
from controller.api.signing_in import (
    ABSOLUTE,
    SIGN_IN_TOKEN,
    SIGN_IN_TOKEN_FOR,
    Visit,
    csrf_of,
    sum_of,
)
from controller.model import SCOPES, Actor, User
from controller.wording import worded

GivenName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and the password that belongs to it."""

    username: GivenName
    password: GivenPassword


class SignInQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`as=token`: give a bearer token for 12 hours in place of a cookie."""

    as_: Literal["token"] | None = msgspec.field(default=None, name="as")


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token that a sign-in gave, and whose it is."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # OAuth's word, no token
    expires_at: datetime
    user: User


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password, once more."""

    password: GivenPassword


async def sign_in(call: Call[SignIn, SignInQuery]) -> Answer:
    """Begin a session, or make a token for 12 hours."""
    if call.query.as_ == "token":
        user, shown = await call.signing_in.by_password(
            call.body.username, call.body.password, visit_of(call)
        )
        actor = Actor("user", user.username, user.id)
        scopes = tuple(scope for scope in SCOPES if scope in ROLE_SCOPES[user.role])
        text, token = await call.signing_in.issue_token(
            user, SIGN_IN_TOKEN, scopes, call.now + SIGN_IN_TOKEN_FOR, shown=shown
        )
        await call.record("auth", "auth.signed_in", actor=actor, outcome="ok", params={"token": token.id})
        return Answer(body=SignedIn(access_token=text, expires_at=token.expires_at, user=user))
    secret, _ = await begin_session(call, call.body.username, call.body.password)
    return Answer(status=204, headers=session_headers(secret, secure=call.secure))


async def begin_session(call: Call[Any, Any], username: str, password: str) -> tuple[str, User]:
    """Begin a session for whoever gives name and password; return its cookie's value and the user. Raises Problem.

    The session is a new one whatever cookie came with the request.
    """
    visit = visit_of(call)
    user, shown = await call.signing_in.by_password(username, password, visit)
    await _end_cookie(call)
    secret, session = await call.signing_in.open_session(user, visit, shown)
    actor = Actor("user", user.username, user.id)
    await call.record("auth", "auth.signed_in", actor=actor, outcome="ok", params={"session": session.id})
    return secret, user


async def sign_out(call: Call[Any, NoQuery]) -> Answer:
    """End the session, or the token of a sign-in."""
    person = call.person
    if person.session is not None:
        await call.storage.access.sessions.end(person.session.id)
        if person.viewing:
            await record_view(call, "client.view_ended", person)
    elif person.token is not None:
        if person.token.name != SIGN_IN_TOKEN:
            raise Problem(
                "not-allowed",
                worded(
                    "a token that was made by hand is not signed out: DELETE /api/v1/me/tokens/%(token)s",
                    token=person.token.id,
                ),
            )
        await call.storage.access.tokens.end(person.token.id)
    await call.record("auth", "auth.signed_out", outcome="ok")
    return Answer(status=204, headers={"Set-Cookie": set_cookie("", secure=call.secure, max_age_s=0)})


async def record_view(call: Call[Any, Any], kind: str, person: Person) -> None:
    """Record that an administrator has begun or ended to see what a client sees. `person`: in that view."""
    slug = "" if person.client is None else person.client.slug
    params = {"client": person.user.client_id, "slug": slug}
    await call.record("people", kind, params=params, client=slug or None, outcome="ok")


async def confirm(call: Call[Confirmation, NoQuery]) -> Answer:
    """Give the password again."""
    if await call.signing_in.confirmed(call.person, call.body.password, visit_of(call)) is None:
        raise invalid(Mistake("/password", "wrong", worded("this is not your password")))
    return Answer(status=204)


def session_headers(secret: str, *, secure: bool) -> dict[str, str]:
    """Return the headers that hand out a session: its cookie, and its token against cross-site requests."""
    cookie = set_cookie(secret, secure=secure, max_age_s=ABSOLUTE.total_seconds())
    return {"Set-Cookie": cookie, CSRF_HEADER: csrf_of(secret)}


def visit_of(call: Call[Any, Any]) -> Visit:
    """Return from where a call comes."""
    return Visit(
        address=call.address,
        request_id=call.request_id,
        user_agent=call.request.headers.get("User-Agent"),
    )


async def _end_cookie(call: Call[Any, Any]) -> None:
    """End the session whose cookie came along: its browser forgets it now, and nobody else is to find it open."""
    old = call.request.cookies.get(session_cookie(secure=call.secure))
    session = await call.storage.access.sessions.by_hash(sum_of(old)) if old else None
    if session is not None:
        await call.storage.access.sessions.end(session.id)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/auth/login",
        roles=ANYBODY,
        scopes=(),
        body=SignIn,
        query=SignInQuery,
        reply=SignedIn,
        also={204: "Signed in: the cookie is set, and X-CSRF-Token holds the session's token"},
        problems=("sign-in-needed", "cross-site", "too-many"),
        summary="Sign in",
        description="Sets the session's cookie; with `as=token` answers a bearer token for 12 hours in place of it. "
        "After 5 failures for a name from an address answers slow down, after 10 it is shut for 15 minutes.",
        tags=("signing in",),
        body_example={"username": "admin", "password": "four words that differ"},
        handler=sign_in,
    ),
    Route(
        method="POST",
        path="/api/v1/auth/logout",
        roles=EVERYBODY,
        scopes=(),
        status=204,
        summary="Sign out",
        description="Ends the session, or the token that a sign-in gave.",
        in_view=True,
        tags=("signing in",),
        handler=sign_out,
    ),
    Route(
        method="POST",
        path="/api/v1/auth/confirm",
        roles=EVERYBODY,
        scopes=(),
        body=Confirmation,
        status=204,
        problems=("too-many",),
        summary="Give the password again",
        description="Changes to people, tokens and settings ask for it when it was last given over 15 minutes ago.",
        tags=("signing in",),
        body_example={"password": "four words that differ"},
        handler=confirm,
    ),
)
