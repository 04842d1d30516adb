"""Who is who: passwords, sessions and tokens, from what a request shows to a Person, and how each begins and ends.

Only SHA-256 sums of cookies and tokens are kept: both hold 256 random bits, so there is nothing to guess, and whoever
reads the database cannot use what he finds. Every sign-in, failure and lock-out is an event.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from controller.api.gate import network_of
from controller.api.lockout import Lockout, ShutOut
from controller.api.passwords import Passwords
from controller.api.person import Person
from controller.api.problems import Problem
from controller.api.route import Open, Route
from controller.deeds import Deeds
from controller.model import SYSTEM, Actor, Event, Scope, Token, User, WebSession, new_id
from controller.storage.access import NoLonger, Shown
from controller.storage.faults import StorageAway
from controller.storage.people import ChangedMeanwhile, folded
from controller.storage.storage import Storage
from controller.wording import worded

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
CONFIRMED_FOR = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=1)
SIGN_IN_TOKEN_FOR = timedelta(hours=12)
SIGN_IN_TOKEN = "sign-in"  # noqa: S105  # the name of such tokens, no token
"""The name of tokens that a sign-in gives; they end like sessions, and nobody can give it to another."""

TOKEN_PREFIX = "hy_"  # noqa: S105  # what every token begins with
MAX_KNOWN_ADDRESSES = 100
MAX_KNOWN_TOKENS = 10_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """From where and in which request somebody shows who he is."""

    address: str
    request_id: str | None = None
    user_agent: str | None = None


class SigningIn:
    """The one place that turns passwords, cookies and tokens into people."""

    def __init__(
        self,
        storage: Storage,
        deeds: Deeds,
        passwords: Passwords,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`sleep`: how to slow down those who guess."""
        self._storage = storage
        self._deeds = deeds
        self._sleep = sleep
        self.passwords = passwords
        self.lockout = Lockout(lambda: deeds.now)
        self._addresses: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    async def by_cookie(self, secret: str, visit: Visit) -> Person:
        """Return whose session this is. Raises Problem (session-ended)."""
        now = self._deeds.now
        sha256 = sum_of(secret)
        session = await self._storage.access.sessions.by_hash(sha256)
        if session is None:
            raise _gone(Shown(session=sha256))
        if now - session.last_seen >= IDLE or now - session.created_at >= ABSOLUTE:
            await self._storage.access.sessions.end(session.id)
            await self._event("auth.session_ended", visit, SYSTEM, params={"session": session.id})
            raise _ended(worded("this session was idle too long, or is too old: sign in again"))
        person = await self._person(session.user_id, session=session, sha256=sha256, csrf=csrf_of(secret))
        if person is None:
            raise _gone(Shown(session=sha256))
        if now - session.last_seen >= TOUCH_EVERY:
            await self._seen(person, self._storage.access.sessions.touch(session.id, now))
        return person

    async def by_token(self, text: str, visit: Visit) -> Person:
        """Return whose token this is. Raises Problem (sign-in-needed). Use from a new address is an event."""
        token = None
        sha256 = sum_of(text)
        if text.startswith(TOKEN_PREFIX):
            token = await self._storage.access.tokens.by_hash(sha256)
        now = self._deeds.now
        person = None
        if token is not None and now < token.expires_at:
            person = await self._person(token.user_id, token=token, sha256=sha256)
        if token is None or person is None:
            raise _gone(Shown(token=sha256))
        new = self._is_new_address(token, visit.address)
        if new:
            params = {"token": token.id, "name": token.name}
            await self._event("auth.token_from_new_address", visit, person.actor, params=params)
        if new or token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY:
            await self._seen(person, self._storage.access.tokens.touch(token.id, now, visit.address))
        return person

    async def by_password(self, username: str, password: str, visit: Visit) -> tuple[User, Shown]:
        """Return the user whose name and password these are, and what shows it. Raises Problem: sign-in-needed, or too-many.

        An unknown name, a wrong password and a user who may not sign in take the same time and give the same words.
        """
        found = await self._right(username, password, visit)
        if found is None:
            raise _gone(Shown(password_hash=""))
        return found

    async def password_of(self, user: User, password: str, visit: Visit) -> Shown | None:
        """Return what shows that this is the user's password; None where it is not. Raises Problem (too-many)."""
        found = await self._right(user.username, password, visit)
        return None if found is None else found[1]

    async def open_session(self, user: User, visit: Visit, shown: Shown) -> tuple[str, WebSession]:
        """Begin a session; return the cookie's value and the session. The cookie is never one that was sent to us.

        `shown`: by what it begins. Raises Problem (sign-in-needed) where that is not good any more.
        """
        now = self._deeds.now
        secret = secrets.token_urlsafe(32)
        agent = None if visit.user_agent is None else _printable(visit.user_agent)[:200]
        session = WebSession(
            id=new_id("ses"),
            user_id=user.id,
            created_at=now,
            last_seen=now,
            confirmed_at=now,
            address=visit.address,
            user_agent=agent,
        )
        try:
            await self._storage.access.sessions.add(session, sum_of(secret), shown)
        except NoLonger:
            raise _gone(shown) from None
        return secret, session

    async def issue_token(
        self,
        user: User,
        name: str,
        scopes: tuple[Scope, ...],
        expires_at: datetime,
        *,
        containers: tuple[str, ...] = (),
        miner: str | None = None,
        shown: Shown | None = None,
    ) -> tuple[str, Token]:
        """Make a token; return it in clear, for this once, and what is kept of it.

        `shown`: by what the user asks for it. Raises Problem (sign-in-needed, session-ended) where that is not good any more.
        """
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=new_id("tok"),
            user_id=user.id,
            name=name,
            scopes=scopes,
            created_at=self._deeds.now,
            expires_at=expires_at,
            containers=containers,
            miner=miner,
        )
        try:
            await self._storage.access.tokens.add(token, sum_of(text), shown)
        except NoLonger:
            raise _gone(shown) from None
        return text, token

    async def confirmed(self, person: Person, password: str, visit: Visit) -> Person | None:
        """Return the person, who has just given his password again; None where it is not his. Raises Problem (too-many)."""
        if await self.password_of(person.user, password, visit) is None:
            return None
        session, now = person.session, self._deeds.now
        if session is not None:
            await self._storage.access.sessions.confirm(session.id, now)
            session = msgspec.structs.replace(session, confirmed_at=now)
        await self._event("auth.confirmed", visit, person.actor, outcome="ok")
        return replace(person, session=session)

    async def end_all(self, user_id: str, *, tokens: bool) -> None:
        """End all sessions of a user and the tokens of his sign-ins, with `tokens` all others too."""
        await self._storage.access.sessions.end_of_user(user_id)
        if tokens:
            await self._storage.access.tokens.end_of_user(user_id)
            return
        for token in await self._storage.access.tokens.of_user(user_id):
            if token.name == SIGN_IN_TOKEN:
                await self._storage.access.tokens.end(token.id)

    def is_confirmed(self, person: Person) -> bool:
        """Return whether the person may do what asks for the password again. A token was given its scopes for it."""
        return person.session is None or self._deeds.now - person.session.confirmed_at < CONFIRMED_FOR

    async def still_allowed(self, person: Person, route: Route) -> bool:
        """Return whether the person may still use this route."""
        now, session = self._deeds.now, None
        if person.session is not None:
            session = await self._storage.access.sessions.by_hash(person.sha256)
            live = (
                session is not None and now - session.last_seen < IDLE and now - session.created_at < ABSOLUTE
            )
        else:
            token = await self._storage.access.tokens.by_hash(person.sha256)
            live = token is not None and now < token.expires_at
        user = await self._storage.people.users.get(person.user.id) if live else None
        if user is not None and person.session is not None:
            viewed = None if session is None else session.viewed_client_id
            if viewed != person.session.viewed_client_id:
                return False
            user = _in_view(user, viewed)
        return (
            user is not None
            and user.active
            and user.client_id == person.user.client_id
            and user.role == person.user.role
            and (isinstance(route.roles, Open) or user.role in route.roles)
        )

    async def check_still_allowed(self, person: Person, route: Route) -> None:
        """Raise Problem (session-ended, sign-in-needed) unless the person may still use this route."""
        if not await self.still_allowed(person, route):
            raise _gone(person.shown)

    async def _right(self, username: str, password: str, visit: Visit) -> tuple[User, Shown] | None:
        try:
            trying = self.lockout.begin(folded(username)[:128], network_of(visit.address))
        except ShutOut as shut:
            if shut.first:
                await self._event("auth.shut_out", visit, SYSTEM, outcome="refused")
            raise Problem(
                "too-many",
                worded("too many tries: try again at %(until)s UTC", until=f"{shut.until:%H:%M}"),
                headers={"Retry-After": str(shut.wait_s)},
            ) from None
        if trying.slow_s:
            await self._sleep(trying.slow_s)
        try:
            user = await self._storage.people.users.by_name(username)
            may = user is not None and user.active
            kept = (
                await self._storage.people.users.password_hash(user.id) if user is not None and may else None
            )
            right, fresh = await self.passwords.verify(kept, password)
        except Exception:
            self.lockout.undone(trying)
            raise
        if not right or user is None:
            # What was typed for a name may be a password in the wrong field, so only names that exist are recorded.
            actor = SYSTEM if user is None else Actor("user", user.username, user.id)
            await self._event("auth.failed", visit, actor, outcome="failed")
            return None
        self.lockout.succeeded(trying)
        await self._storage.people.users.seen(user.id, self._deeds.now)
        return user, await self._rehashed(user, kept or "", fresh)

    async def _rehashed(self, user: User, kept: str, fresh: str | None) -> Shown:
        """Keep a new hash of the password, where there is one; return what shows that it was right."""
        if fresh is None:
            return Shown(password_hash=kept)
        try:
            await self._storage.people.users.set_password(
                user.id, fresh, user.password_change_needed, expected=kept
            )
        except ChangedMeanwhile:  # he has another password by now, by which nothing of this begins
            return Shown(password_hash=kept)
        return Shown(password_hash=fresh)

    async def _person(self, user_id: str, session: WebSession | None = None, **shown: Any) -> Person | None:
        user = await self._storage.people.users.get(user_id)
        if user is not None and session is not None:
            user = _in_view(user, session.viewed_client_id)
        if user is None or not user.active:
            return None
        client = (
            await self._storage.people.clients.get(user.client_id) if user.client_id is not None else None
        )
        return Person(user=user, client=client, session=session, **shown)

    async def _seen(self, person: Person, touch: Awaitable[None]) -> None:
        """Note that somebody was here. Where nothing can be written, what can be read is still to be read."""
        try:
            await touch
            await self._storage.people.users.seen(person.user.id, self._deeds.now)
        except StorageAway as error:
            _log.warning("a visit is not noted", reason=str(error))

    def _is_new_address(self, token: Token, address: str) -> bool:
        """Return whether the token was not yet seen from there: not by this process, nor at its last use."""
        known = self._addresses.get(token.id)
        if known is None:
            known = self._addresses[token.id] = OrderedDict()
            if token.last_address is not None:
                known[token.last_address] = None
            if len(self._addresses) > MAX_KNOWN_TOKENS:
                self._addresses.popitem(last=False)
        new = address not in known
        known[address] = None
        if len(known) > MAX_KNOWN_ADDRESSES:
            known.popitem(last=False)
        return new

    async def _event(self, kind: str, visit: Visit, actor: Actor, **more: Any) -> None:
        await self._storage.events.add(
            Event(
                id=new_id("evt"),
                at=self._deeds.now,
                category="auth",
                kind=kind,
                actor=actor,
                request_id=visit.request_id,
                address=visit.address,
                **more,
            )
        )


def sum_of(secret: str) -> str:
    """Return what is kept of a cookie or a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def csrf_of(secret: str) -> str:
    """Return the token against cross-site requests that belongs to a session's cookie; it does not give the cookie."""
    digest = hmac.digest(secret.encode(errors="replace"), b"hashyard csrf", "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _in_view(user: User, client_id: str | None) -> User | None:
    """Return the user as a session shows him: in the role client where it has taken one's view. None: he may not have one."""
    if client_id is None:
        return user
    if user.role != "administrator":
        return None
    return msgspec.structs.replace(user, role="client", client_id=client_id)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _ended(detail: str) -> Problem:
    return Problem("session-ended", detail)


def _gone(shown: Shown | None) -> Problem:
    """Return the refusal of what was shown, which is not good, or not any more."""
    if shown is not None and shown.token is not None:
        return Problem("sign-in-needed", worded("this token is unknown, was revoked, or has lapsed"))
    if shown is not None and shown.session is not None:
        return _ended(worded("this session has ended: sign in again"))
    return Problem("sign-in-needed", worded("name or password is not right"))
