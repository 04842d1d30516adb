"""The routes of the page of clients, and of adding one."""

from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from controller.api.client_changes import make_client
from controller.api.forms import decode_form
from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Problem
from controller.api.route import Answer, Call, NoQuery, Route
from controller.pages.client_form import ClientForm, client_mistakes, new_client
from controller.pages.frame import page, words_of
from controller.pages.page_paths import client_path, container_path
from controller.pages.page_route import led
from controller.pages.people_routes import PART, PEOPLE, people_route
from controller.pages.role_words import grafana_words
from controller.storage.faults import StorageError

CLIENTS: Final = "/clients"
NEW_CLIENT: Final = "/new-client"
"""Below `/clients/` it would hide the page of a client of that id."""


class ClientsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which clients. `q`: text in the name or the short name; `cursor`: where the part begins; `done`: what was done."""

    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=500)] = ""
    done: str = ""


async def get_clients(call: Call[None, ClientsQuery]) -> Answer:
    """Answer who the customers are, newest first, with what is theirs now."""
    people, q = call.storage.people, call.query.q.strip()
    found, after = await people.clients.find(
        q=q or None, after=from_cursor("clients", call.query.cursor or None), limit=PART
    )
    theirs: dict[str, list[Any]] = {}
    for container in call.deeds.inventory.containers:
        theirs.setdefault(container.client or "", []).append(container)
    return page(
        call,
        "clients",
        section=PEOPLE,
        q=q,
        done=call.query.done,
        found_clients=found,
        theirs=theirs,
        users={client.id: await people.users.count(client_id=client.id) for client in found},
        in_grafana=await people.grafana.of([client.id for client in found]),
        total=await people.clients.count(q=q or None),
        users_in_all=await people.users.count(),
        clients_in_all=await people.clients.count(),
        first=not call.query.cursor,
        after=to_cursor("clients", after),
        grafana_words=grafana_words(call),
        client_path=client_path,
        container_path=container_path,
    )


async def get_new(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new client."""
    return _new(call, ClientForm(language=call.person.user.language))


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Make a client, and lead to its page; or answer the form again with what is wrong."""
    form = decode_form(call.body, ClientForm)
    try:
        client = await make_client(call, new_client(form), "/name")
    except (Problem, StorageError) as error:
        status, errors = client_mistakes(error, words_of(call))
        return _new(call, form, errors, status)
    return led(f"{client_path(client.id)}?done=made")


def _new(call: Call[Any, Any], form: ClientForm, errors: Any = None, status: int | None = None) -> Answer:
    return page(
        call,
        "client_new",
        status=status,
        section=PEOPLE,
        crumbs=[(CLIENTS, words_of(call).gettext("Clients"))],
        form=form,
        errors=errors or {},
        found=list((errors or {}).items()),
    )


ROUTES: tuple[Route, ...] = (
    people_route("GET", CLIENTS, "Who the customers are", get_clients, query=ClientsQuery),
    people_route("GET", NEW_CLIENT, "Add a client", get_new),
    people_route("POST", NEW_CLIENT, "Add a client", post_new),
)
