"""What can be done with a person's account: made with a one-time password or a link, changed, let in anew, taken away.

The API and the pages call these; each writes its event. A password or a link is handed back once, and kept nowhere as it is.
"""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.client_changes import NewClient, make_client
from controller.api.conditions import etag_of
from controller.api.first_administrator import forget_first_password
from controller.api.me_routes import Language, PersonName
from controller.api.passwords import check_new, one_time_password
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.api.signing_in import sum_of
from controller.model import Actor, GrafanaLink, GrafanaState, Invitation, Role, User, new_id
from controller.storage.invitations import NotGood
from controller.wording import worded

INVITED_FOR: Final = timedelta(days=7)

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


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to sign in. A client without `client_id` gets a client of his name.

    `invite`: he chooses his password himself, by a link that is good once; else a one-time password is made.
    """

    username: Username
    role: Role
    email: Email | None = None
    name: PersonName | None = None
    client_id: ClientId | None = None
    language: Language = "en"
    invite: bool = False


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a user; what is not given stays. Another role ends all that he has open."""

    username: Username | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    name: PersonName | UnsetType | None = UNSET
    client_id: ClientId | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user as he is shown. `grafana`: what became of him there, with `grafana_detail` in words where it failed.

    `invited_until`: he has a link with which he has not chosen his password yet, and that is good until then.
    """

    id: str
    username: str
    role: Role
    created_at: datetime
    email: str | None
    name: str | None
    client_id: str | None
    language: str
    active: bool
    password_change_needed: bool
    last_seen: datetime | None
    grafana: GrafanaState = "none"
    grafana_detail: str = ""
    invited_until: datetime | None = None


class LetIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a person gets to sign in with, shown this once: a one-time password, or a link to choose the own one."""

    password: str | None = None
    link: str | None = None
    link_expires_at: datetime | None = None


async def views_of(call: Call[Any, Any], users: list[User]) -> list[UserView]:
    """Return users as they are shown."""
    ids = [user.id for user in users]
    links = await call.storage.people.grafana.of(ids)
    invitations = await call.storage.people.invitations.of_users(ids)
    return [_view(user, links.get(user.id), invitations.get(user.id), call.now) for user in users]


async def known_user(call: Call[Any, Any]) -> User:
    """Return the user of the path. Raises Problem (not-found)."""
    user = await call.storage.people.users.get(call.path["id"])
    if user is None:
        raise Problem("not-found", worded("there is no such user"))
    return user


async def make_user(call: Call[Any, Any], wish: NewUser) -> tuple[User, LetIn]:
    """Make a user, with what he gets to sign in with. Raises Problem: invalid, exists, too-many."""
    await _check_client(call, wish.role, wish.client_id, may_be_made=True)
    await _check_free(call, wish)
    password = one_time_password()
    kept = await call.signing_in.passwords.hash(_nobodys() if wish.invite else password)
    client_id = wish.client_id
    if wish.role == "client" and client_id is None:
        order = NewClient(name=wish.name or wish.username, language=wish.language)
        client_id = (await make_client(call, order, "/client_id")).id
    user = User(
        id=new_id("usr"),
        username=wish.username,
        role=wish.role,
        created_at=call.now,
        email=wish.email,
        name=wish.name,
        client_id=client_id,
        language=wish.language,
        password_change_needed=not wish.invite,
    )
    await call.storage.people.users.add(user, kept)
    await _record(call, "user.created", user, after=_told(user))
    return user, await _invited(call, user) if wish.invite else LetIn(password=password)


async def change_user(call: Call[Any, Any], user: User, change: UserChange) -> User:
    """Change a user from what the caller saw of him; return him as he is then. Raises Problem, and what the storage refuses."""
    given = {
        field.name: getattr(change, field.name)
        for field in msgspec.structs.fields(UserChange)
        if getattr(change, field.name) is not UNSET
    }
    if given.get("role", user.role) != "client" and "client_id" not in given:
        given["client_id"] = None
    changed = msgspec.structs.replace(user, **given)
    await _check_client(call, changed.role, changed.client_id, may_be_made=False)
    if changed == user:
        return user
    await call.storage.people.users.update(changed, expected=user)
    if (changed.role, changed.client_id, changed.active) != (user.role, user.client_id, user.active):
        await call.signing_in.end_all(user.id, tokens=not changed.active)
    if not changed.active:
        await call.storage.people.invitations.end(user.id)
    await _record(call, "user.changed", changed, before=_told(user), after=_told(changed))
    return changed


async def remove_user(call: Call[Any, Any], user: User) -> None:
    """Take somebody's rights; the record keeps the name."""
    await call.storage.people.users.remove(user.id)
    await _record(call, "user.removed", user, before=_told(user))
    await forget_first_password(call.settings.data, user.username)


async def reset_password(call: Call[Any, Any], user: User) -> LetIn:
    """Give somebody a new one-time password; his sessions end, and so does an invitation that he has not used."""
    password = one_time_password()
    kept = await call.signing_in.passwords.hash(password)
    # First, so that nobody who has the link chooses a password over the new one.
    await call.storage.people.invitations.end(user.id)
    await call.storage.people.users.set_password(user.id, kept, change_needed=True)
    await call.signing_in.end_all(user.id, tokens=False)
    await _record(call, "user.password_reset", user)
    await forget_first_password(call.settings.data, user.username)
    return LetIn(password=password)


async def invite_user(call: Call[Any, Any], user: User) -> LetIn:
    """Give somebody a link with which he chooses his password; the one so far is not good any more, and his sessions end.

    Raises Problem (invalid) for who may not sign in, and for oneself: nobody could use the link who lost it on the way.
    """
    if not user.active:
        detail = worded("this user is disabled: enable him first, then invite him")
        raise Problem("invalid", detail, [Mistake("", "not-allowed", detail)])
    if user.id == call.person.user.id:
        detail = worded("you are signed in already: change your own password in your account")
        raise Problem("invalid", detail, [Mistake("", "not-allowed", detail)])
    kept = await call.signing_in.passwords.hash(_nobodys())
    await call.storage.people.invitations.end(user.id)
    await call.storage.people.users.set_password(user.id, kept, change_needed=False)
    await call.signing_in.end_all(user.id, tokens=False)
    await forget_first_password(call.settings.data, user.username)
    return await _invited(call, user)


async def withdraw_invitation(call: Call[Any, Any], user: User) -> None:
    """End the link of somebody who has not used it. Raises Problem (not-found) where there is none."""
    if not await call.storage.people.invitations.end(user.id):
        raise Problem("not-found", worded("this user has no invitation that could be withdrawn"))
    await _record(call, "user.invitation_withdrawn", user)


async def end_session(call: Call[Any, Any], user: User, session_id: str) -> None:
    """End one session of somebody. Raises Problem (not-found) where he has none of this id."""
    sessions = await call.storage.access.sessions.of_user(user.id)
    if session_id not in {session.id for session in sessions}:
        raise Problem("not-found", worded("this user has no such session"))
    await call.storage.access.sessions.end(session_id)
    await _record(call, "user.session_ended", user, session=session_id)


async def end_sessions(call: Call[Any, Any], user: User) -> None:
    """End all of somebody's sessions, and the tokens of his sign-ins."""
    await call.signing_in.end_all(user.id, tokens=False)
    await _record(call, "user.sessions_ended", user)


async def revoke_tokens(call: Call[Any, Any], user: User) -> None:
    """Revoke all of somebody's tokens."""
    await call.storage.access.tokens.end_of_user(user.id)
    await _record(call, "user.tokens_revoked", user)


async def invited_by(call: Call[Any, Any], token: str) -> tuple[Invitation, User] | None:
    """Return the invitation of a link, used or lapsed or not, and whose it is; None where there is none (any more)."""
    invitation = await call.storage.people.invitations.by_hash(sum_of(token))
    user = None if invitation is None else await call.storage.people.users.get(invitation.user_id)
    return None if invitation is None or user is None else (invitation, user)


async def accept_invitation(call: Call[Any, Any], token: str, user: User, password: str) -> None:
    """Set the password that somebody has chosen by his link, which ends by it. Raises Problem (invalid, too-many, not-found)."""
    check_new(password, user.username, "/new")
    kept = await call.signing_in.passwords.hash(password)
    try:
        await call.storage.people.invitations.accept(sum_of(token), call.now, kept)
    except NotGood:
        raise Problem("not-found", worded("this invitation is not good any more")) from None
    await call.signing_in.end_all(user.id, tokens=False)
    actor = Actor("user", user.username, user.id)
    await _record(call, "user.invitation_accepted", user, actor=actor)


def etag_of_user(user: User) -> str:
    """Return the ETag of what can be changed of a user."""
    return etag_of((user.id, _told(user)))


async def _invited(call: Call[Any, Any], user: User) -> LetIn:
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=new_id("inv"),
        user_id=user.id,
        created_at=call.now,
        expires_at=call.now + INVITED_FOR,
        created_by=call.actor,
    )
    await call.storage.people.invitations.put(invitation, sum_of(token))
    await _record(call, "user.invited", user, until=invitation.expires_at)
    return LetIn(link=_link(call, token), link_expires_at=invitation.expires_at)


def _link(call: Call[Any, Any], token: str) -> str:
    """Return the link; where nobody has said how people reach the pages, as the one who invites has reached them."""
    begin = call.settings.public_url or f"{'https' if call.secure else 'http'}://{call.request.host}"
    return f"{begin.rstrip('/')}/invitation/{token}"


def _nobodys() -> str:
    """Return a password that nobody knows."""
    return secrets.token_urlsafe(32)


def _view(user: User, link: GrafanaLink | None, invitation: Invitation | None, now: datetime) -> UserView:
    open_ = invitation is not None and invitation.used_at is None and now < invitation.expires_at
    return UserView(
        **{name: getattr(user, name) for name in user.__struct_fields__},
        grafana="none" if link is None else link.state,
        grafana_detail="" if link is None else link.detail,
        invited_until=invitation.expires_at if invitation is not None and open_ else None,
    )


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


async def _check_free(call: Call[Any, Any], wish: NewUser) -> None:
    """See that name and address are free before a client is made for them. Raises Problem (exists)."""
    if await call.storage.people.users.by_name(wish.username) is not None:
        detail = worded("the username %(username)s is taken: choose another", username=wish.username)
        raise Problem("exists", detail, [Mistake("/username", "exists", detail)])
    if wish.email is not None and await call.storage.people.users.by_email(wish.email) is not None:
        detail = worded("the address %(email)s is another user's: give another, or none", email=wish.email)
        raise Problem("exists", detail, [Mistake("/email", "exists", detail)])


async def _record(
    call: Call[Any, Any],
    kind: str,
    user: User,
    *,
    actor: Actor | None = None,
    before: Any = None,
    after: Any = None,
    **params: Any,
) -> None:
    more: dict[str, Any] = {} if actor is None else {"actor": actor}
    await call.record(
        "people",
        kind,
        params={"user": user.id, "username": user.username, **params},
        outcome="ok",
        before=before,
        after=after,
        **more,
    )


def _told(user: User) -> dict[str, Any]:
    """Return what the record says of a user."""
    names = ("username", "role", "email", "name", "client_id", "language", "active")
    return {name: getattr(user, name) for name in names}
