"""The routes of one's own account: rights and preferences, and the password."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.conditions import etag_of
from controller.api.first_administrator import forget_first_password
from controller.api.passwords import GivenPassword, NewPassword, check_new
from controller.api.person import Person
from controller.api.preferences import Density, Preferences, keep_preferences, preferences_of
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import EVERYBODY, Answer, Call, NoQuery, Route
from controller.api.signing_in_routes import session_headers, visit_of
from controller.model import SCOPES, Role, Scope, User
from controller.storage.access import Shown
from controller.storage.people import ChangedMeanwhile
from controller.wording import worded

Language: TypeAlias = Literal["en", "ru"]
PersonName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


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


async def get_me(call: Call[None, NoQuery]) -> Answer:
    """Return who is signed in."""
    return await _me(call, call.person)


async def patch_me(call: Call[MeChange, NoQuery]) -> Answer:
    """Change the name, the language or preferences."""
    return await change_me(call, call.body, call.require_match)


async def change_me(
    call: Call[Any, Any], change: MeChange, require_match: Callable[[str], None] | None = None
) -> Answer:
    """Change the name, the language or preferences. `require_match`: is handed the ETag of what is there. Raises Problem."""
    person = call.person
    now = await call.storage.people.users.get(person.user.id)
    if now is None:
        raise Problem("session-ended", worded("this account was removed"))
    old = await preferences_of(call.storage, now.id)
    if require_match is not None:
        require_match(_etag(now, old))
    if isinstance(change.time_zone, str) and not await asyncio.to_thread(_is_zone, change.time_zone):
        raise invalid(Mistake("/time_zone", "choice", worded("it is no IANA time zone such as Europe/Riga")))
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
    return await change_password(call, call.body.current, call.body.new)


async def change_password(call: Call[Any, Any], current: str, new: str) -> Answer:
    """Change one's own password, of the length that one has. Raises Problem with what is wrong at /current and /new."""
    user, visit = call.person.user, visit_of(call)
    shown = await call.signing_in.password_of(user, current, visit)
    if shown is None:
        raise _not_yours()
    check_new(new, user.username, "/new")
    if new == current:
        raise invalid(Mistake("/new", "same", worded("this is the password that you have: choose another")))
    kept = await call.signing_in.passwords.hash(new)
    try:
        await call.storage.people.users.set_password(
            user.id, kept, change_needed=False, expected=shown.password_hash
        )
    except ChangedMeanwhile:  # by an administrator, whose change it must not undo
        raise _not_yours() from None
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
    secret, _session = await call.signing_in.open_session(user, visit, Shown(password_hash=kept))
    return Answer(status=204, headers=session_headers(secret, secure=call.secure))


def _not_yours() -> Problem:
    return invalid(Mistake("/current", "wrong", worded("this is not your password")))


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
)
