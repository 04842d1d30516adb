"""The routes of seeing what a client sees: an administrator takes a client's view in his session, and ends it.

While he has it, his session is of the role client and that client in every page, stream and route, and changes nothing
(`Person.viewing`); `Dispatch` lets only what ends it through. Both are in the log.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec
from aiohttp import web

from controller.api.forms import FORM, decode_form
from controller.api.problems import Problem
from controller.api.route import ADMINISTRATORS, EVERYBODY, Call, NoQuery, Route
from controller.api.signing_in_routes import record_view
from controller.model import Role
from controller.pages.frame import HTML
from controller.pages.page_paths import client_path
from controller.pages.page_route import led
from controller.wording import worded

_END: Final = "/end-view"


class NoFields(msgspec.Struct, frozen=True):
    """A form that is all button."""


async def post_view(call: Call[bytes, NoQuery]) -> web.Response:
    """Take a client's view, and lead to what he sees first."""
    decode_form(call.body, NoFields)
    client = await call.storage.people.clients.get(call.path["id"])
    if client is None:
        raise Problem("not-found", worded("there is no such client"))
    person = call.person
    if person.session is None:
        raise Problem("not-allowed", worded("a token has no view: sign in with a browser"))
    seen_as = msgspec.structs.replace(person.user, role="client", client_id=client.id)
    await record_view(call, "client.view_begun", replace(person, user=seen_as, client=client))
    await call.storage.access.sessions.view(person.session.id, client.id)
    return led("/")


async def post_end_view(call: Call[bytes, NoQuery]) -> web.Response:
    """End the view, and lead back to the client; where there is none, to the first page."""
    decode_form(call.body, NoFields)
    person = call.person
    if person.session is None or not person.viewing:
        return led("/")
    await call.storage.access.sessions.view(person.session.id, None)
    await record_view(call, "client.view_ended", person)
    return led("/clients" if person.client is None else client_path(person.client.id))


def _route(path: str, roles: tuple[Role, ...], summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        roles=roles,
        body=bytes,
        body_media=(FORM,),
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "/clients/{id}/view",
        ADMINISTRATORS,
        "See what a client sees",
        post_view,
        scopes=("people",),
        everywhere=True,
    ),
    _route(_END, EVERYBODY, "End seeing what a client sees", post_end_view, scopes=("people",), in_view=True),
)
