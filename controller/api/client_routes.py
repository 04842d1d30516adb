"""The routes of clients: who they are, which containers are theirs, and the tokens with which their programs ask the query gateway."""

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec

from controller.api.client_changes import (
    ClientChange,
    NewClient,
    change_client,
    etag_of_client,
    known_client,
    make_client,
    record_client,
    remove_client,
)
from controller.api.client_containers import (
    AssignmentView,
    Held,
    assign,
    containers_of,
    etag_of_containers,
)
from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Problem
from controller.api.route import ADMINISTRATORS, EVERYBODY, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.signing_in import sum_of
from controller.gateway.proxy import TOKEN_PREFIX
from controller.model import Client, GatewayToken, Role, Scope, new_id
from controller.wording import worded


class ClientQuery(ListQuery, frozen=True, kw_only=True):
    """Which clients. `q`: text in the name or the slug."""

    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class MadeGatewayToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the query gateway that was made. `token`: shown this once, and nowhere again."""

    token: str
    id: str
    client_id: str
    created_at: datetime


async def get_clients(call: Call[None, ClientQuery]) -> Page[Client]:
    """Return the clients, newest first; a client sees the one he belongs to."""
    query, person = call.query, call.person
    if person.role == "client":
        own = [] if person.client is None else [person.client]
        return Page(items=own, next=None, total=len(own))
    clients, after = await call.storage.people.clients.find(
        q=query.q, after=from_cursor("clients", query.cursor), limit=query.limit
    )
    total = await call.storage.people.clients.count(q=query.q)
    return Page(items=clients, next=to_cursor("clients", after), total=total)


async def post_client(call: Call[NewClient, NoQuery]) -> Answer:
    """Make a client."""
    client = await make_client(call, call.body)
    return _shown(client, Location=f"/api/v1/clients/{client.id}")


async def get_client(call: Call[None, NoQuery]) -> Answer:
    """Return one client."""
    return _shown(await known_client(call))


async def patch_client(call: Call[ClientChange, NoQuery]) -> Answer:
    """Change a client."""
    client = await known_client(call)
    call.require_match(etag_of_client(client))
    return _shown(await change_client(call, client, call.body))


async def delete_client(call: Call[None, NoQuery]) -> Answer:
    """Take away a client that never had anything."""
    await remove_client(call, await known_client(call))
    return Answer(status=204)


async def get_containers(call: Call[None, NoQuery]) -> Answer:
    """Return the containers of a client with the days from which to which they are his."""
    views = await containers_of(call, await known_client(call))
    return Answer(body=views, etag=etag_of_containers(views))


async def put_containers(call: Call[list[Held], NoQuery]) -> Answer:
    """Give the whole list of a client's containers anew."""
    client = await known_client(call)
    call.require_match(etag_of_containers(await containers_of(call, client)))
    views = await assign(call, client, call.body)
    return Answer(body=views, etag=etag_of_containers(views))


async def get_gateway_tokens(call: Call[None, NoQuery]) -> list[GatewayToken]:
    """Return a client's tokens for the query gateway, without the tokens themselves."""
    client = await known_client(call)
    return await call.storage.gateway_tokens.of_client(client.id)


async def post_gateway_token(call: Call[None, NoQuery]) -> MadeGatewayToken:
    """Make a token for the query gateway."""
    client = await known_client(call)
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = GatewayToken(id=new_id("gwt"), client_id=client.id, created_at=call.now)
    await call.storage.gateway_tokens.add(token, sum_of(text))
    await record_client(call, "client.gateway_token_created", client, token=token.id)
    return MadeGatewayToken(token=text, id=token.id, client_id=client.id, created_at=token.created_at)


async def delete_gateway_token(call: Call[None, NoQuery]) -> Answer:
    """Revoke a token of the query gateway."""
    client = await known_client(call)
    token_id = call.path["token_id"]
    if not await call.storage.gateway_tokens.end(client.id, token_id):
        raise Problem("not-found", worded("the client has no such token"))
    await record_client(call, "client.gateway_token_revoked", client, token=token_id)
    return Answer(status=204)


def _shown(client: Client, **headers: str) -> Answer:
    return Answer(body=client, headers=headers, etag=etag_of_client(client))


_TAGS = ("people",)
_SCOPES: tuple[Scope, ...] = ("people",)


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    roles: tuple[Role, ...] = more.pop("roles", ADMINISTRATORS)
    return Route(
        method=method,
        path=f"/api/v1/clients{path}",
        roles=roles,
        scopes=_SCOPES,
        summary=summary,
        handler=handler,
        tags=_TAGS,
        step_up=method != "GET",
        everywhere=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", "Clients", get_clients, query=ClientQuery, reply=Page[Client], roles=EVERYBODY),
    _route(
        "POST",
        "",
        "Make a client",
        post_client,
        body=NewClient,
        reply=Client,
        status=201,
        problems=("exists",),
        description="Containers name the client by its slug, in the inventory. A slug is never given again.",
        body_example={"name": "Borealis"},
    ),
    _route("GET", "/{id}", "A client", get_client, reply=Client, roles=EVERYBODY),
    _route(
        "PATCH",
        "/{id}",
        "Change a client",
        patch_client,
        body=ClientChange,
        reply=Client,
        conditional=True,
        problems=("in-use",),
        description="The slug stays. `active` false archives a client that has no containers any more. `shows_cost`: its people see prices and costs.",
        body_example={"currency": "EUR"},
    ),
    _route(
        "DELETE",
        "/{id}",
        "Take a client away",
        delete_client,
        status=204,
        problems=("in-use",),
        description="Only one that never had anything: containers, people, tokens, energy in the books. Its slug is not given again.",
    ),
    _route(
        "GET",
        "/{id}/containers",
        "A client's containers",
        get_containers,
        reply=list[AssignmentView],
        roles=EVERYBODY,
        description="Past ones and those to come too. `from` and `to` are days of the container's clock, `to` the last one.",
    ),
    _route(
        "PUT",
        "/{id}/containers",
        "Give a client's containers anew",
        put_containers,
        body=list[Held],
        reply=list[AssignmentView],
        conditional=True,
        problems=("overlap", "read-only", "closed"),
        description=(
            "The whole list. What begins today or later is brought into the inventory when its time has come. What lies in the "
            "past changes the books alone, by further revisions, and nothing of a closed month."
        ),
        body_example=[{"container": "container-7", "from": "2026-12-01", "to": None}],
    ),
    _route(
        "GET",
        "/{id}/gateway-tokens",
        "A client's tokens for the query gateway",
        get_gateway_tokens,
        reply=list[GatewayToken],
        description="Two at most, newest first.",
    ),
    _route(
        "POST",
        "/{id}/gateway-tokens",
        "Make a token for the query gateway",
        post_gateway_token,
        reply=MadeGatewayToken,
        status=201,
        problems=("in-use",),
        description=(
            "For the data source of the client's Grafana; good for /gateway and for nothing else. Shown this once. A client "
            "has two at most: the one in use, and the one that takes its place."
        ),
    ),
    _route(
        "DELETE",
        "/{id}/gateway-tokens/{token_id}",
        "Revoke a token of the query gateway",
        delete_gateway_token,
        status=204,
    ),
)
