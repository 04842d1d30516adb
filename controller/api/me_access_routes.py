"""The routes of what one has open: sessions of browsers, and tokens of programs."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from controller.api.paging import page_of
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import EVERYBODY, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.signing_in import SIGN_IN_TOKEN
from controller.model import SCOPES, Scope, Token, WebSession
from controller.wording import worded

TokenName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


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


async def get_sessions(call: Call[None, ListQuery]) -> Page[SessionView]:
    """Return one's own open sessions."""
    return page_of(await own_sessions(call), call.query, "sessions", lambda view: view.id)


async def own_sessions(call: Call[Any, Any]) -> list[SessionView]:
    """Return all of one's own open sessions, the newest first."""
    own = call.person.session
    sessions = await call.storage.access.sessions.of_user(call.person.user.id)
    return _session_views(sessions, None if own is None else own.id)


async def delete_session(call: Call[None, NoQuery]) -> Answer:
    """End one of one's own sessions."""
    await end_own_session(call, call.path["id"])
    return Answer(status=204)


async def end_own_session(call: Call[Any, Any], session_id: str) -> None:
    """End one of one's own sessions. Raises Problem: 404 for one that is not."""
    sessions = await call.storage.access.sessions.of_user(call.person.user.id)
    if session_id not in {session.id for session in sessions}:
        raise Problem("not-found", worded("there is no such session of yours"))
    await call.storage.access.sessions.end(session_id)
    await call.record("auth", "auth.session_revoked", params={"session": session_id}, outcome="ok")


async def end_other_sessions(call: Call[Any, Any]) -> int:
    """End all of one's own sessions but the one that asks; return how many."""
    own = call.person.session
    ended = await call.storage.access.sessions.end_of_user(
        call.person.user.id, except_id=None if own is None else own.id
    )
    await call.record("auth", "auth.sessions_revoked", params={"sessions": ended}, outcome="ok")
    return ended


async def get_tokens(call: Call[None, ListQuery]) -> Page[Token]:
    """Return one's own tokens, without the tokens themselves."""
    return page_of(await own_tokens(call), call.query, "tokens", lambda token: token.id)


async def own_tokens(call: Call[Any, Any]) -> list[Token]:
    """Return all of one's own tokens, the newest first."""
    return _newest_first(await call.storage.access.tokens.of_user(call.person.user.id))


async def post_token(call: Call[NewToken, NoQuery]) -> MadeToken:
    """Make a token."""
    return await make_token(call, call.body)


async def make_token(call: Call[Any, Any], wish: NewToken) -> MadeToken:
    """Make a token of one's own. Raises Problem with all that is wrong with the wish."""
    user = call.person.user
    if user.password_change_needed:
        raise Problem(
            "not-allowed",
            worded("change your first password before you make a token: PUT /api/v1/me/password"),
        )
    mistakes = list(_too_much(call, wish))
    if mistakes:
        raise invalid(*mistakes)
    expires_at = call.now + timedelta(days=wish.expires_in_days)
    if call.person.token is not None:
        expires_at = min(expires_at, call.person.token.expires_at)
    scopes = tuple(scope for scope in SCOPES if scope in wish.scopes)
    text, token = await call.signing_in.issue_token(
        user,
        wish.name,
        scopes,
        expires_at,
        containers=tuple(dict.fromkeys(wish.containers)),
        shown=call.person.shown,
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
    raise Problem("not-found", worded("there is no such token"))


def session_page(sessions: list[WebSession], query: ListQuery, current: str | None) -> Page[SessionView]:
    """Return a page of sessions as they are shown."""
    return page_of(_session_views(sessions, current), query, "sessions", lambda view: view.id)


def _session_views(sessions: list[WebSession], current: str | None) -> list[SessionView]:
    return [
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


def token_page(tokens: list[Token], query: ListQuery) -> Page[Token]:
    """Return a page of tokens."""
    return page_of(_newest_first(tokens), query, "tokens", lambda token: token.id)


def _newest_first(tokens: list[Token]) -> list[Token]:
    return sorted(tokens, key=lambda token: token.id, reverse=True)


def _too_much(call: Call[Any, Any], wish: NewToken) -> list[Mistake]:
    """Return where a token would be more than its owner, or the token that makes it, is allowed."""
    person = call.person
    mistakes = [
        Mistake(
            f"/scopes/{at}", "not-allowed", worded("the scope %(scope)s is not yours to give", scope=scope)
        )
        for at, scope in enumerate(wish.scopes)
        if scope not in person.scopes
    ]
    seen = {container.id for container in call.containers()}
    mistakes += [
        Mistake(f"/containers/{at}", "not-found", worded("there is no such container"))
        for at, container in enumerate(wish.containers)
        if container not in seen
    ]
    if person.narrow and not wish.containers:
        detail = worded("the token that makes it is for some containers only: name which of them")
        mistakes.append(Mistake("/containers", "not-allowed", detail))
    if wish.name.strip() == SIGN_IN_TOKEN:
        mistakes.append(
            Mistake("/name", "exists", worded("this name is for the tokens that a sign-in gives"))
        )
    return mistakes


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
