"""The routes of the page of people, and of adding one: first the role, then what only that role needs."""

from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from controller.api.forms import FORM, decode_form
from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Problem
from controller.api.route import ADMINISTRATORS, Answer, Call, Method, NoQuery, Route
from controller.api.user_changes import make_user, views_of
from controller.model import ROLES
from controller.pages import shown_once
from controller.pages.frame import HTML, page, words_of
from controller.pages.page_paths import person_path
from controller.pages.page_route import led
from controller.pages.person_form import (
    NEW_CLIENT,
    PersonForm,
    every_client,
    mistakes_of,
    new_user,
    role_of,
)
from controller.pages.role_words import grafana_words, role_hints, role_words
from controller.pages.zones import reading_zone
from controller.storage.faults import StorageError

PEOPLE: Final = "/people"
NEW: Final = "/people/new"
PART: Final = 100
MADE: Final = "made"
"""What was done when a password or a link was made."""


class PeopleQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which people. `q`: text in the names or the address; `cursor`: where the part begins; `done`: what was done just now."""

    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=500)] = ""
    done: str = ""


class NewQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to add. `role` empty or none that there is: that is asked first. `client`: an id to begin with."""

    role: str = ""
    client: str = ""


async def get_people(call: Call[None, PeopleQuery]) -> Answer:
    """Answer who can sign in, newest first, found by text."""
    words, zone, people = words_of(call), reading_zone(call), call.storage.people
    q = call.query.q.strip()
    users, after = await people.users.find(
        q=q or None, after=from_cursor("users", call.query.cursor or None), limit=PART
    )
    total = await people.users.count(q=q or None)
    return page(
        call,
        "people",
        section=PEOPLE,
        q=q,
        done=call.query.done,
        people=await views_of(call, users),
        open=await call.storage.access.counts([user.id for user in users]),
        clients={client.id: client.name for client in await every_client(call)},
        total=total,
        users_in_all=await people.users.count(),
        clients_in_all=await people.clients.count(),
        first=not call.query.cursor,
        after=to_cursor("users", after),
        role_words=role_words(words),
        grafana_words=grafana_words(call),
        clock=lambda moment: words.formats.clock(moment, call.now, zone),
        person_path=person_path,
    )


async def get_new(call: Call[None, NewQuery]) -> Answer:
    """Ask for the role, or answer the form for it."""
    role = role_of(call.query.role)
    form = PersonForm(role=role or "", client=call.query.client, language=call.person.user.language)
    return await _new(call, form) if role is not None else _asking(call, form)


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Make somebody, and lead to where his password or link is shown once; or answer the form again."""
    form = decode_form(call.body, PersonForm)
    if role_of(form.role) is None:
        told = words_of(call).gettext("Choose what this person is to be")
        return _asking(call, form, [("role", told)])
    try:
        user, let_in = await make_user(call, new_user(form))
    except (Problem, StorageError) as error:
        status, errors = mistakes_of(error, words_of(call))
        return await _new(call, form, errors, status)
    shown_once.keep(call, let_in, user.id)
    return led(f"{person_path(user.id)}?done={MADE}")


def _asking(call: Call[Any, Any], form: PersonForm, found: Any = ()) -> Answer:
    words = words_of(call)
    hints, named = role_hints(words), role_words(words)
    return page(
        call,
        "person_role",
        status=422 if found else 200,
        section=PEOPLE,
        crumbs=[(PEOPLE, words.gettext("People"))],
        form=form,
        found=list(found),
        roles=[(role, named[role], hints[role]) for role in reversed(ROLES)],
    )


async def _new(
    call: Call[Any, Any], form: PersonForm, errors: Any = None, status: int | None = None
) -> Answer:
    words = words_of(call)
    clients = [client for client in await every_client(call) if client.active]
    return page(
        call,
        "person_new",
        status=status,
        section=PEOPLE,
        crumbs=[(PEOPLE, words.gettext("People"))],
        form=form,
        errors=errors or {},
        found=list((errors or {}).items()),
        role_words=role_words(words),
        clients=[
            ("", words.gettext("Choose one")),
            *((client.id, client.name) for client in clients),
            (NEW_CLIENT, words.gettext("A new client, named as the person")),
        ],
    )


def people_route(method: Method, path: str, summary: str, handler: Any, **more: Any) -> Route:
    """Return the route of a page about people; what it posts asks for the password again after a while."""
    if method == "POST":
        more = {"body": bytes, "body_media": (FORM,), "step_up": True, **more}
    return Route(
        method=method,
        path=path,
        roles=ADMINISTRATORS,
        scopes=("people",),
        everywhere=True,
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    people_route("GET", PEOPLE, "Who can sign in", get_people, query=PeopleQuery),
    people_route("GET", NEW, "Add a person", get_new, query=NewQuery),
    people_route("POST", NEW, "Add a person", post_new),
)
