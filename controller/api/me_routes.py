"""The routes of one's own account: rights and preferences, password, sessions, tokens."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.conditions import etag_of
from controller.api.first_administrator import forget_first_password
from controller.api.paging import page_of
from controller.api.passwords import GivenPassword, NewPassword, check_new
from controller.api.person import Person
from controller.api.preferences import Density, Preferences, keep_preferences, preferences_of
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import EVERYBODY, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.signing_in import SIGN_IN_TOKEN
from controller.api.signing_in_routes import session_headers, visit_of
from controller.model import SCOPES, Role, Scope, Token, User, WebSession

Language: TypeAlias = Literal["en", "ru"]
PersonName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
TokenName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, what he may, and how he likes it.

    `scopes`: what this session or token can do. `containers`: ids of those that he may see. `csrf_token`: for the header
    X-CSRF-Token of this session's unsafe requests; None with a token. `password_confirmed_at`: when it was last given.
    """

    id: str
    username: str
    email: str | None
    name: str | None
    role: Role
    client_id: str | None
    language: str
    password_change_needed: bool
    last_seen: datetime | None
    scopes: tuple[Scope, ...]
    containers: tuple[str, ...]
    preferences: Preferences
    csrf_token: str | None
    session_id: str | None
    token_id: str | None
    password_confirmed_at: datetime | None


class MeChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one may change of one's own; what is not given stays."""

    name: PersonName | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | UnsetType | None = UNSET
    density: Density | UnsetType = UNSET
    shortcuts: bool | UnsetType = UNSET


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password as it is, and as it is to be."""

    current: GivenPassword
    new: NewPassword


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """An open session. `current`: the one that asks."""

    id: str
    created_at: datetime
    last_seen: datetime
    address: str | None
    user_agent: str | None
    current: bool


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be made. `containers` empty: all that its owner may see."""

    name: TokenName
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=10)]
    containers: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 90


class MadeToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made. `token`: shown this once, and nowhere again."""

    token: str
    id: str
    name: str
    scopes: tuple[Scope, ...]
    containers: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


async def get_me(call: Call[None, NoQuery]) -> Answer:
    """Return who is signed in."""
    return await _me(call, call.person)


async def patch_me(call: Call[MeChange, NoQuery]) -> Answer:
    """Change the name, the language or preferences."""
    person, change = call.person, call.body
    now = await call.storage.people.users.get(person.user.id)
    if now is None:
        raise Problem("session-ended", "this account was removed")
    old = await preferences_of(call.storage, now.id)
    call.require_match(_etag(now, old))
    if isinstance(change.time_zone, str) and not await asyncio.to_thread(_is_zone, change.time_zone):
        raise invalid(Mistake("/time_zone", "choice", "it is no IANA time zone such as Europe/Riga"))
    preferences = msgspec.structs.replace(old, **_given(change, ("time_zone", "density", "shortcuts")))
    user = msgspec.structs.replace(now, **_given(change, ("name", "language")))
    if user != now:
        await call.storage.people.users.update(user, expected=now)
        await call.record(
            "people",
            "user.changed",
            params={"user": user.id, "username": user.username},
            before={"name": now.name, "language": now.language},
            after={"name": user.name, "language": user.language},
            outcome="ok",
        )
    if preferences != old:
        await keep_preferences(call.storage, user.id, preferences)
    return await _me(
        call,
        Person(user=user, session=person.session, token=person.token, client=person.client, csrf=person.csrf),
    )


async def put_password(call: Call[PasswordChange, NoQuery]) -> Answer:
    """Change one's own password: all other sessions end, and this one gets another cookie."""
    user, visit = call.person.user, visit_of(call)
    if not await call.signing_in.is_password_of(user, call.body.current, visit):
        raise invalid(Mistake("/current", "wrong", "this is not your password"))
    check_new(call.body.new, user.username, "/new")
    if call.body.new == call.body.current:
        raise invalid(Mistake("/new", "same", "this is the password that you have: choose another"))
    kept = await call.signing_in.passwords.hash(call.body.new)
    await call.storage.people.users.set_password(user.id, kept, change_needed=False)
    await call.signing_in.end_all(user.id, tokens=False)
    await call.record(
        "people",
        "user.password_changed",
        params={"user": user.id, "username": user.username},
        outcome="ok",
    )
    await forget_first_password(call.settings.data, user.username)
    if call.person.session is None:
        return Answer(status=204)
    secret, _session = await call.signing_in.open_session(user, visit)
    return Answer(status=204, headers=session_headers(secret, secure=call.secure))


async def get_sessions(call: Call[None, ListQuery]) -> Page[SessionView]:
    """Return one's own open sessions."""
    own = call.person.session
    sessions = await call.storage.access.sessions.of_user(call.person.user.id)
    return session_page(sessions, call.query, None if own is None else own.id)


async def delete_session(call: Call[None, NoQuery]) -> Answer:
    """End one of one's own sessions."""
    sessions = await call.storage.access.sessions.of_user(call.person.user.id)
    if call.path["id"] not in {session.id for session in sessions}:
        raise Problem("not-found", "there is no such session of yours")
    await call.storage.access.sessions.end(call.path["id"])
    await call.record("auth", "auth.session_revoked", params={"session": call.path["id"]}, outcome="ok")
    return Answer(status=204)


async def get_tokens(call: Call[None, ListQuery]) -> Page[Token]:
    """Return one's own tokens, without the tokens themselves."""
    return token_page(await call.storage.access.tokens.of_user(call.person.user.id), call.query)


async def post_token(call: Call[NewToken, NoQuery]) -> MadeToken:
    """Make a token."""
    user, wish = call.person.user, call.body
    if user.password_change_needed:
        raise Problem(
            "not-allowed", "change your first password before you make a token: PUT /api/v1/me/password"
        )
    mistakes = list(_too_much(call))
    if mistakes:
        raise invalid(*mistakes)
    expires_at = call.now + timedelta(days=wish.expires_in_days)
    if call.person.token is not None:
        expires_at = min(expires_at, call.person.token.expires_at)
    scopes = tuple(scope for scope in SCOPES if scope in wish.scopes)
    text, token = await call.signing_in.issue_token(
        user, wish.name, scopes, expires_at, containers=tuple(dict.fromkeys(wish.containers))
    )
    await call.record("people", "token.created", params=_told(token), outcome="ok")
    return MadeToken(
        token=text,
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        containers=token.containers,
        created_at=token.created_at,
        expires_at=token.expires_at,
    )


async def delete_token(call: Call[None, NoQuery]) -> Answer:
    """Revoke one of one's own tokens."""
    await revoke_token(call, call.person.user.id, call.path["id"])
    return Answer(status=204)


async def revoke_token(call: Call[Any, Any], user_id: str, token_id: str) -> None:
    """Revoke a token of a user. Raises Problem: 404 if he has none of this id."""
    for token in await call.storage.access.tokens.of_user(user_id):
        if token.id == token_id:
            await call.storage.access.tokens.end(token_id)
            await call.record("people", "token.revoked", params=_told(token), outcome="ok")
            return
    raise Problem("not-found", "there is no such token")


def session_page(sessions: list[WebSession], query: ListQuery, current: str | None) -> Page[SessionView]:
    """Return a page of sessions as they are shown."""
    views = [
        SessionView(
            id=session.id,
            created_at=session.created_at,
            last_seen=session.last_seen,
            address=session.address,
            user_agent=session.user_agent,
            current=session.id == current,
        )
        for session in sorted(sessions, key=lambda session: session.id, reverse=True)
    ]
    return page_of(views, query, "sessions", lambda view: view.id)


def token_page(tokens: list[Token], query: ListQuery) -> Page[Token]:
    """Return a page of tokens."""
    newest_first = sorted(tokens, key=lambda token: token.id, reverse=True)
    return page_of(newest_first, query, "tokens", lambda token: token.id)


def _too_much(call: Call[NewToken, NoQuery]) -> list[Mistake]:
    """Return where a token would be more than its owner, or the token that makes it, is allowed."""
    person, wish = call.person, call.body
    mistakes = [
        Mistake(f"/scopes/{at}", "not-allowed", f"the scope {scope} is not yours to give")
        for at, scope in enumerate(wish.scopes)
        if scope not in person.scopes
    ]
    seen = {container.id for container in call.containers()}
    mistakes += [
        Mistake(f"/containers/{at}", "not-found", "there is no such container")
        for at, container in enumerate(wish.containers)
        if container not in seen
    ]
    if person.narrow and not wish.containers:
        detail = "the token that makes it is for some containers only: name which of them"
        mistakes.append(Mistake("/containers", "not-allowed", detail))
    if wish.name.strip() == SIGN_IN_TOKEN:
        mistakes.append(Mistake("/name", "exists", "this name is for the tokens that a sign-in gives"))
    return mistakes


async def _me(call: Call[Any, Any], person: Person) -> Answer:
    user = person.user
    preferences = await preferences_of(call.storage, user.id)
    me = Me(
        id=user.id,
        username=user.username,
        email=user.email,
        name=user.name,
        role=user.role,
        client_id=user.client_id,
        language=user.language,
        password_change_needed=user.password_change_needed,
        last_seen=user.last_seen,
        scopes=tuple(scope for scope in SCOPES if scope in person.scopes),
        containers=tuple(container.id for container in call.containers()),
        preferences=preferences,
        csrf_token=person.csrf,
        session_id=None if person.session is None else person.session.id,
        token_id=None if person.token is None else person.token.id,
        password_confirmed_at=None if person.session is None else person.session.confirmed_at,
    )
    return Answer(body=me, etag=_etag(user, preferences))


def _etag(user: User, preferences: Preferences) -> str:
    return etag_of((user.id, user.name, user.language, preferences))


def _given(change: msgspec.Struct, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(change, name) for name in names if getattr(change, name) is not UNSET}


def _is_zone(name: str) -> bool:
    return name in available_timezones()


def _told(token: Token) -> dict[str, Any]:
    """Return what the record says of a token."""
    return {
        "token": token.id,
        "name": token.name,
        "user": token.user_id,
        "scopes": token.scopes,
        "containers": token.containers,
        "expires_at": token.expires_at,
    }


_TAGS = ("account",)

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/me",
        roles=EVERYBODY,
        scopes=(),
        reply=Me,
        summary="Who am I",
        description="The account, what it may, its preferences, and the session's token against cross-site requests.",
        tags=_TAGS,
        handler=get_me,
    ),
    Route(
        method="PATCH",
        path="/api/v1/me",
        roles=EVERYBODY,
        scopes=("people",),
        body=MeChange,
        reply=Me,
        conditional=True,
        summary="Change my name, language or preferences",
        tags=_TAGS,
        body_example={"language": "ru", "density": "compact"},
        handler=patch_me,
    ),
    Route(
        method="PUT",
        path="/api/v1/me/password",
        roles=EVERYBODY,
        scopes=("people",),
        body=PasswordChange,
        status=204,
        problems=("too-many",),
        summary="Change my password",
        description="All other sessions, and the tokens of sign-ins, end.",
        tags=_TAGS,
        body_example={"current": "four words that differ", "new": "four others that differ"},
        handler=put_password,
    ),
    Route(
        method="GET",
        path="/api/v1/me/sessions",
        roles=EVERYBODY,
        scopes=("people",),
        query=ListQuery,
        reply=Page[SessionView],
        summary="My open sessions",
        tags=_TAGS,
        handler=get_sessions,
    ),
    Route(
        method="DELETE",
        path="/api/v1/me/sessions/{id}",
        roles=EVERYBODY,
        scopes=("people",),
        status=204,
        summary="End one of my sessions",
        tags=_TAGS,
        handler=delete_session,
    ),
    Route(
        method="GET",
        path="/api/v1/me/tokens",
        roles=EVERYBODY,
        scopes=("people",),
        query=ListQuery,
        reply=Page[Token],
        summary="My tokens",
        tags=_TAGS,
        handler=get_tokens,
    ),
    Route(
        method="POST",
        path="/api/v1/me/tokens",
        roles=EVERYBODY,
        scopes=("people",),
        body=NewToken,
        reply=MadeToken,
        status=201,
        step_up=True,
        summary="Make a token",
        description="The token is shown in this answer and nowhere again. It can never do more than its owner, and one "
        "that was made with a token no more than that.",
        tags=_TAGS,
        body_example={"name": "grafana", "scopes": ["read"], "expires_in_days": 90},
        handler=post_token,
    ),
    Route(
        method="DELETE",
        path="/api/v1/me/tokens/{id}",
        roles=EVERYBODY,
        scopes=("people",),
        status=204,
        summary="Revoke one of my tokens",
        tags=_TAGS,
        handler=delete_token,
    ),
)
