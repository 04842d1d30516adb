"""The routes of one client: its containers from one day to another, its people, how it stands in Grafana, who it is."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from aiohttp import web

from controller.api.client_changes import change_client, etag_of_client, known_client, remove_client
from controller.api.client_containers import (
    AssignmentView,
    Held,
    assign,
    containers_of,
    etag_of_containers,
    held_by,
)
from controller.api.conditions import check_if_match
from controller.api.forms import decode_form
from controller.api.problems import Problem
from controller.api.route import Answer, Call, NoQuery, Route
from controller.api.user_changes import views_of
from controller.model import Client
from controller.pages.client_form import (
    AssignForm,
    ClientForm,
    EndForm,
    client_change,
    client_mistakes,
    form_of,
    with_assigned,
    with_ended,
)
from controller.pages.clients_routes import CLIENTS
from controller.pages.frame import page, words_of
from controller.pages.page_paths import client_path, container_path, person_path
from controller.pages.page_route import led
from controller.pages.people_routes import PEOPLE, people_route
from controller.pages.role_words import grafana_words
from controller.pages.zones import reading_zone
from controller.storage.faults import StorageError
from miners.inventory.fleet import Container
from miners.tariffs import price_of, tariff_name

_CLIENT: Final = "/clients/{id}"
_MOST_PEOPLE: Final = 100


class ClientQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: what was done just now."""

    done: str = ""


class NoFields(msgspec.Struct, frozen=True):
    """A form that is all button."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the containers: from the first day to the last, and what it costs now. `there`: it is in the inventory."""

    container: str
    name: str
    there: bool
    from_: date
    to: date | None
    tariff: str | None = None
    price: str = ""


async def get_client(call: Call[None, ClientQuery]) -> Answer:
    """Answer a client's page."""
    return await _client(call, await known_client(call), done=call.query.done)


async def post_client(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Change a client, or answer the form again with what is wrong."""
    form, client = decode_form(call.body, ClientForm), await known_client(call)
    words = words_of(call)
    try:
        check_if_match(form.etag or "-", etag_of_client(client))
        await change_client(call, client, client_change(form))
    except (Problem, StorageError) as error:
        status, errors = client_mistakes(error, words)
        if status == 412:
            errors = {
                "": words.gettext("Somebody changed this client meanwhile: look at it again, then save")
            }
            form = msgspec.structs.replace(form, etag=etag_of_client(client))
        return await _client(call, client, form=form, errors=errors, status=status)
    return _led(client, "saved")


async def post_assign(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Assign a container to a client from one day to another, or answer the form again with what stands against it."""
    form, client = decode_form(call.body, AssignForm), await known_client(call)
    wanted, errors = with_assigned(await held_by(call, client), form, words_of(call))
    return await _assigned(call, client, wanted, errors, form.seen, "assigned", assign_form=form)


async def post_end(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Set the last day of an assignment, or take it back, or answer the form again with what stands against it."""
    form, client = decode_form(call.body, EndForm), await known_client(call)
    wanted, errors = with_ended(await held_by(call, client), form, words_of(call))
    done = "taken" if form.do == "take" else "ended"
    return await _assigned(call, client, wanted, errors, form.seen, done, end_form=form)


async def post_remove(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take away a client that never had anything, or answer the page with what it has or had."""
    decode_form(call.body, NoFields)
    client = await known_client(call)
    try:
        await remove_client(call, client)
    except (Problem, StorageError) as error:
        status, errors = client_mistakes(error, words_of(call))
        return await _client(call, client, errors={"": "; ".join(errors.values())}, status=status)
    return led(f"{CLIENTS}?done=removed")


async def _assigned(
    call: Call[Any, Any],
    client: Client,
    wanted: Sequence[Held],
    errors: Mapping[str, str],
    seen: str,
    done: str,
    *,
    assign_form: AssignForm | None = None,
    end_form: EndForm | None = None,
) -> Answer | web.Response:
    """Make the list what it is to be and lead back; or answer the page again with what stands against it."""
    words, status = words_of(call), 422
    if not errors:
        try:
            check_if_match(seen or "-", etag_of_containers(await containers_of(call, client)))
            await assign(call, client, wanted)
        except (Problem, StorageError) as error:
            status, told = client_mistakes(error, words)
            field = "container" if assign_form is not None else f"end_{end_form.row}" if end_form else ""
            errors = {field: "; ".join(dict.fromkeys(told.values()))}
            if status == 412:
                errors = {"": words.gettext("Somebody changed the list meanwhile: look at it again")}
    if errors:
        return await _client(
            call, client, errors=errors, status=status, assign_form=assign_form, end_form=end_form
        )
    return _led(client, done)


async def _client(
    call: Call[Any, Any],
    client: Client,
    *,
    done: str = "",
    form: ClientForm | None = None,
    errors: Mapping[str, str] | None = None,
    status: int | None = None,
    assign_form: AssignForm | None = None,
    end_form: EndForm | None = None,
) -> Answer:
    words, zone, people = words_of(call), reading_zone(call), call.storage.people
    held = await containers_of(call, client)
    users, _ = await people.users.find(client_id=client.id, limit=_MOST_PEOPLE)
    containers = sorted(call.deeds.inventory.containers, key=lambda one: one.name.casefold())
    links = await people.grafana.of([client.id])
    row = end_form.row if end_form is not None else ""
    return page(
        call,
        "client",
        status=status,
        section=PEOPLE,
        crumbs=[(CLIENTS, words.gettext("Clients"))],
        client=client,
        path=client_path(client.id),
        form=form or form_of(client, etag_of_client(client)),
        assign=assign_form or AssignForm(),
        ended={int(row): end_form.to} if end_form is not None and row.isdecimal() else {},
        seen=etag_of_containers(held),
        errors=errors or {},
        found=list((errors or {}).items()),
        done=done,
        rows=[_row(call, one, containers) for one in held],
        choices=[("", words.gettext("Choose one")), *((one.id, one.name) for one in containers)],
        people=await views_of(call, users),
        link=links.get(client.id),
        tokens=await call.storage.gateway_tokens.of_client(client.id),
        grafana_words=grafana_words(call),
        container_path=container_path,
        person_path=person_path,
        day=words.formats.day,
        clock=lambda moment: words.formats.clock(moment, call.now, zone),
        zone=words.formats.zone_words(call.now, zone),
    )


def _row(call: Call[Any, Any], held: AssignmentView, containers: Sequence[Container]) -> Row:
    container = next((one for one in containers if one.id == held.container), None)
    if container is None:
        return Row(container=held.container, name=held.name, there=False, from_=held.from_, to=held.to)
    priced = price_of(container, call.deeds.inventory, call.now)
    return Row(
        container=container.id,
        name=container.name,
        there=True,
        from_=held.from_,
        to=held.to,
        tariff=tariff_name(container, call.now),
        price="" if priced is None else f"{priced[1]} {priced[0].currency}",
    )


def _led(client: Client, done: str) -> web.Response:
    return led(f"{client_path(client.id)}?done={done}")


ROUTES: tuple[Route, ...] = (
    people_route("GET", _CLIENT, "A client", get_client, query=ClientQuery),
    people_route("POST", _CLIENT, "Change a client", post_client),
    people_route("POST", f"{_CLIENT}/containers", "Assign a container to a client", post_assign),
    people_route("POST", f"{_CLIENT}/remove", "Take away a client that never had anything", post_remove),
    people_route("POST", f"{_CLIENT}/containers/end", "Set the last day of an assignment", post_end),
)
