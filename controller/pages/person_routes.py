"""The routes of one person: what he is, how he gets in, what he has open, and taking him away with all that ends by it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from controller.api.conditions import check_if_match
from controller.api.forms import decode_form
from controller.api.me_access_routes import revoke_token
from controller.api.problems import Problem
from controller.api.route import Answer, Call, NoQuery, Route
from controller.api.user_changes import (
    LetIn,
    UserChange,
    change_user,
    end_session,
    end_sessions,
    etag_of_user,
    invite_user,
    known_user,
    remove_user,
    reset_password,
    revoke_tokens,
    views_of,
    withdraw_invitation,
)
from controller.model import ROLES, User
from controller.pages import shown_once
from controller.pages.devices import device_words
from controller.pages.frame import page, words_of
from controller.pages.page_paths import client_path, person_path
from controller.pages.page_route import led
from controller.pages.people_routes import MADE, PEOPLE, people_route
from controller.pages.person_form import PersonForm, every_client, form_of, mistakes_of, user_change
from controller.pages.role_words import grafana_words, role_hints, role_words
from controller.pages.zones import reading_zone
from controller.storage.faults import StorageError

_PERSON: Final = "/people/{id}"


class PersonQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: what was done just now."""

    done: str = ""


class NoFields(msgspec.Struct, frozen=True):
    """A form that is all button."""


async def get_person(call: Call[None, PersonQuery]) -> Answer:
    """Answer somebody's page; where a password or a link was made for him just now, with it, this once."""
    user, done = await known_user(call), call.query.done
    made = shown_once.fetch(call, LetIn, user.id) if done == MADE else None
    return await _person(call, user, done=done, made=made)


async def post_person(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Change somebody, or answer the form again with what is wrong."""
    form, user = decode_form(call.body, PersonForm), await known_user(call)
    try:
        check_if_match(form.etag or "-", etag_of_user(user))
        await change_user(call, user, user_change(form))
    except (Problem, StorageError) as error:
        words = words_of(call)
        status, errors = mistakes_of(error, words)
        if status == 412:
            errors = {
                "": words.gettext("Somebody changed this person meanwhile: look at it again, then save")
            }
            form = msgspec.structs.replace(form, etag=etag_of_user(user))
        return await _person(call, user, form=form, errors=errors, status=status)
    return _led(user, "saved")


async def post_disable(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Let somebody in no more; all that he has open ends."""
    return await _done(
        call, "disabled", lambda user: change_user(call, user, UserChange(active=False)), others=True
    )


async def post_enable(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Let somebody in again."""
    return await _done(call, "enabled", lambda user: change_user(call, user, UserChange(active=True)))


async def post_password(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Give somebody a new one-time password, and lead to where it is shown once."""
    return await _done(call, MADE, lambda user: reset_password(call, user), others=True)


async def post_invitation(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Give somebody a link, and lead to where it is shown once."""
    return await _done(call, MADE, lambda user: invite_user(call, user), others=True)


async def post_withdraw(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Withdraw a link that was not used yet."""
    return await _done(call, "withdrawn", lambda user: withdraw_invitation(call, user))


async def post_end_session(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """End one of somebody's sessions."""
    return await _done(call, "session", lambda user: end_session(call, user, call.path["session_id"]))


async def post_end_sessions(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """End all of somebody's sessions."""
    return await _done(call, "sessions", lambda user: end_sessions(call, user))


async def post_revoke_token(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Revoke one of somebody's tokens."""
    return await _done(call, "token", lambda user: revoke_token(call, user.id, call.path["token_id"]))


async def post_revoke_tokens(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Revoke all of somebody's tokens."""
    return await _done(call, "tokens", lambda user: revoke_tokens(call, user))


async def get_remove(call: Call[None, NoQuery]) -> Answer:
    """Ask whether somebody is to go, and say what ends by it."""
    return await _asking(call, await known_user(call))


async def post_remove(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take somebody away."""
    decode_form(call.body, NoFields)
    user = await known_user(call)
    try:
        await remove_user(call, user)
    except StorageError as error:
        status, errors = mistakes_of(error, words_of(call))
        return await _asking(call, user, list(errors.items()), status)
    return led(f"{PEOPLE}?done=removed")


async def _done(
    call: Call[Any, Any],
    done: str,
    deed: Callable[[User], Awaitable[Any]],
    *,
    others: bool = False,
) -> Answer | web.Response:
    """Do something with somebody and lead back to his page; or answer that page with what stands against it.

    `others`: to be done to others only, since whoever did it to himself would be signed out by it.
    """
    decode_form(call.body, NoFields)
    user, words = await known_user(call), words_of(call)
    if others and user.id == call.person.user.id:
        told = words.gettext(
            "This is your own account: change your password there, and let another administrator do the rest"
        )
        return await _person(call, user, errors={"": told}, status=409)
    try:
        made = await deed(user)
    except (Problem, StorageError) as error:
        status, errors = mistakes_of(error, words)
        if status == 404:
            raise
        return await _person(call, user, errors=errors, status=status)
    if isinstance(made, LetIn):
        shown_once.keep(call, made, user.id)
    return _led(user, done)


async def _person(
    call: Call[Any, Any],
    user: User,
    *,
    done: str = "",
    made: LetIn | None = None,
    form: PersonForm | None = None,
    errors: Mapping[str, str] | None = None,
    status: int | None = None,
) -> Answer:
    words, zone, access = words_of(call), reading_zone(call), call.storage.access
    [view] = await views_of(call, [user])
    named = role_words(words)
    hints = role_hints(words)
    clients = await every_client(call)
    return page(
        call,
        "person",
        status=status,
        section=PEOPLE,
        crumbs=[(PEOPLE, words.gettext("People"))],
        view=view,
        own=user.id == call.person.user.id,
        path=person_path(user.id),
        form=form or form_of(user, etag_of_user(user)),
        errors=errors or {},
        found=list((errors or {}).items()),
        done=done,
        made=made,
        role_words=named,
        roles=[(role, named[role], hints[role]) for role in reversed(ROLES)],
        client=next((client for client in clients if client.id == user.client_id), None),
        client_path=client_path,
        clients=[
            ("", words.gettext("None")),
            *((client.id, client.name) for client in clients if client.active or client.id == user.client_id),
        ],
        grafana_words=grafana_words(call),
        sessions=sorted(await access.sessions.of_user(user.id), key=lambda one: one.id, reverse=True),
        tokens=sorted(await access.tokens.of_user(user.id), key=lambda one: one.id, reverse=True),
        containers={container.id: container.name for container in call.containers()},
        device=lambda agent: device_words(agent, words),
        clock=lambda moment: words.formats.clock(moment, call.now, zone),
        zone=words.formats.zone_words(call.now, zone),
        lapsed=lambda token: token.expires_at <= call.now,
    )


async def _asking(
    call: Call[Any, Any], user: User, found: list[tuple[str, str]] | None = None, status: int | None = None
) -> Answer:
    open_ = await call.storage.access.counts([user.id])
    [view] = await views_of(call, [user])
    words = words_of(call)
    return page(
        call,
        "person_remove",
        status=status,
        section=PEOPLE,
        crumbs=[(PEOPLE, words.gettext("People")), (person_path(user.id), user.name or user.username)],
        view=view,
        own=user.id == call.person.user.id,
        path=person_path(user.id),
        sessions=open_[user.id][0],
        tokens=open_[user.id][1],
        found=found or [],
    )


def _led(user: User, done: str) -> web.Response:
    return led(f"{person_path(user.id)}?done={done}")


ROUTES: tuple[Route, ...] = (
    people_route("GET", _PERSON, "A person", get_person, query=PersonQuery),
    people_route("POST", _PERSON, "Change a person", post_person),
    people_route("POST", f"{_PERSON}/disable", "Let a person in no more", post_disable),
    people_route("POST", f"{_PERSON}/enable", "Let a person in again", post_enable),
    people_route("POST", f"{_PERSON}/password", "Give a new one-time password", post_password),
    people_route("POST", f"{_PERSON}/invitation", "Invite a person", post_invitation),
    people_route("POST", f"{_PERSON}/invitation/withdraw", "Withdraw an invitation", post_withdraw),
    people_route("POST", f"{_PERSON}/sessions/end", "End all sessions of a person", post_end_sessions),
    people_route(
        "POST", f"{_PERSON}/sessions/{{session_id}}/end", "End one session of a person", post_end_session
    ),
    people_route("POST", f"{_PERSON}/tokens/revoke", "Revoke all tokens of a person", post_revoke_tokens),
    people_route(
        "POST", f"{_PERSON}/tokens/{{token_id}}/revoke", "Revoke one token of a person", post_revoke_token
    ),
    people_route("GET", f"{_PERSON}/remove", "Ask whether a person is to go", get_remove),
    people_route("POST", f"{_PERSON}/remove", "Remove a person", post_remove),
)
